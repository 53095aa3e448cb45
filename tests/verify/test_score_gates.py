"""Each gate passes sound replays, and each is shown failing."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

sys.path.insert(0, str(Path(__file__).resolve().parent))

from outcome_strategies import UNIT, consistent, order, outcomes

from verify.findings import Finding
from verify.outcomes import Flow
from verify.score.gates import first_failure, gates, gates_of_findings


def check(replay):
    return gates(replay.orders, replay.batches)


def failed(replay):
    return {name: gate.detail for name, gate in check(replay).items() if not gate.passed}


def with_batch(replay, index, **changes):
    batches = list(replay.batches)
    batches[index] = replace(batches[index], **changes)
    return replace(replay, batches=tuple(batches))


def kept(replay, index, flow):
    """Takes a flow from the liquidity providers and leaves it with the kernel."""
    candidate = dict(replay.batches[index].candidate)
    providers = candidate["liquidity_providers"]
    candidate["liquidity_providers"] = Flow(providers.token0 - flow.token0, providers.token1 - flow.token1)
    candidate["residue"] = flow
    return with_batch(replay, index, candidate=candidate)


@pytest.fixture
def replay():
    rows = [order(seq, limit=1, sells_token0=seq % 2 == 0) for seq in range(6)]
    return outcomes([*rows, order(6, filled=False, flow_class="unknown", limit=10**30)])


@given(consistent())
def test_consistent_outcomes_pass_every_gate(outcomes):
    assert not failed(outcomes)
    assert first_failure(check(outcomes)) == ""


def test_a_fill_below_its_limit(replay):
    orders = tuple(replace(row, limit=row.bought + 1) if row.seq in {2, 3} else row for row in replay.orders)
    detail = failed(replace(replay, orders=orders))
    assert list(detail) == ["individual_rationality"]
    assert detail["individual_rationality"].startswith("2 of 6 fills below their limit")


def test_a_fill_at_its_limit_passes(replay):
    assert not failed(replace(replay, orders=tuple(replace(row, limit=row.bought) for row in replay.orders)))


def test_an_unfilled_order_that_did_not_get_everything_back(replay):
    candidate = dict(replay.batches[6].candidate)
    for party, sign in (("unknown", -1), ("liquidity_providers", 1)):
        candidate[party] = Flow(candidate[party].token0, candidate[party].token1 + sign)
    detail = failed(with_batch(replay, 6, candidate=candidate))
    assert list(detail) == ["individual_rationality"]
    assert "window 6" in detail["individual_rationality"]


def test_a_batch_out_of_balance(replay):
    candidate = replay.batches[1].candidate | {"residue": Flow(0, 1)}
    detail = failed(with_batch(replay, 1, candidate=candidate))
    assert list(detail) == ["budget_balance"]
    assert "window 1" in detail["budget_balance"]


def test_a_subsidy_out_of_earlier_custody(replay):
    detail = failed(kept(replay, 1, Flow(0, -1)))
    assert list(detail) == ["no_subsidy"]
    assert "window 1" in detail["no_subsidy"]


def test_funds_that_stay_with_the_contract(replay):
    assert not failed(kept(replay, 1, Flow(0, 2)))  # rounding
    detail = failed(kept(replay, 1, Flow(0, UNIT)))  # a dollar of 7,000
    assert list(detail) == ["no_trapped_funds"]
    assert "window 1" in detail["no_trapped_funds"]


def test_a_fallback_credited_above_the_amm(replay):
    orders = tuple(row if row.filled else replace(row, fallback_out=row.amm_out + 5) for row in replay.orders)
    assert not failed(replace(replay, orders=orders))  # credited the AMM's, 5 are capped
    orders = tuple(row if row.filled else replace(row, bought=row.amm_out + 5) for row in orders)
    assert "fill_or_fallback" in failed(replace(replay, orders=orders))
    short = tuple(row if row.filled else replace(row, bought=row.amm_out - 5) for row in replay.orders)
    assert "fill_or_fallback" in failed(replace(replay, orders=short))


def test_an_order_that_vanished(replay):
    detail = failed(replace(replay, orders=replay.orders[1:]))
    assert "fill_or_fallback" in detail
    assert "window 0 took 1 orders but 0 are accounted for" in detail["fill_or_fallback"]


@pytest.mark.parametrize("stage", ["admission", "compile", "bytecode", "deploy"])
def test_a_candidate_that_was_not_admitted(stage):
    found = gates_of_findings([Finding(stage, "opcode-forbidden", "uses delegatecall", "Rule.sol", 3, 5)])
    assert found["admission"].passed is False
    assert {gate.passed for name, gate in found.items() if name != "admission"} == {None}
    assert first_failure(found) == "admission: Rule.sol:3:5: uses delegatecall [opcode-forbidden]"


def test_a_candidate_that_did_not_run_to_its_end():
    found = gates_of_findings([Finding("run", "gas-cap", "ran out of gas in window 7")])
    assert (found["admission"].passed, found["execution"].passed) == (True, False)
    assert found["budget_balance"].passed is None
    assert first_failure(found) == "execution: ran out of gas in window 7 [gas-cap]"


def test_nobody_is_turned_down_without_a_reason():
    with pytest.raises(ValueError, match="without a finding"):
        gates_of_findings([])
