"""The whole of `verify`: from a history and rules to a stored document."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import isolate_jobs
import pytest
from rules import GREEDY, LAZY, bundled, written

from ingest.errors import InputError
from ingest.records import Swap
from ingest.store import Store
from verify.run import Options, Rule, verify

TIMES = ("seconds", "from_store")


def without_times(document):
    return {key: value for key, value in document.items() if key not in TIMES}


def card(document, name, window=1):
    (found,) = [c for c in document["candidates"] if (c["name"], c["window_blocks"]) == (name, window)]
    return found


@pytest.fixture(scope="module")
def history(simulated):
    return simulated("demo-v3", blocks=300, seed=11)


@pytest.fixture(scope="module")
def scored(history, tmp_path_factory):
    """One run with the control, an auction and bad rules, and its store."""
    store = Store(tmp_path_factory.mktemp("scored"))
    broken = Rule("Broken", "pragma solidity 0.8.30;\ncontract Broken {", {}, "Broken.sol")
    rules = [*bundled("Sequential", "CallAuction"), LAZY, GREEDY, broken]
    return store, rules, verify(history, rules, store, Options(windows=(1, 2)))


def test_a_document_has_a_scorecard_for_every_rule_and_window_and_is_plain_json(scored):
    _, rules, document = scored
    assert [(c["name"], c["window_blocks"]) for c in document["candidates"]] == [
        (rule.name, window) for rule in rules for window in (1, 2)
    ]
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["source"] == "simulated"
    assert any("simulated" in sentence for sentence in document["caveats"])
    assert document["audit"]["mismatched"] == 0


def test_the_worst_order_is_named_with_its_transaction(scored, history):
    worst = card(scored[2], "CallAuction")["worst_order"]
    assert history.events[worst["seq"]].tx_hash == worst["tx_hash"]


def test_the_control_without_gas_changes_nothing_and_is_no_improvement(scored):
    free = card(scored[2], "Sequential")["sensitivity"]["gas price: 0"]
    assert (free["mean"], free["lower95"], free["upper95"]) == (0, 0, 0)
    assert free["verdict"] == "no improvement"


def test_a_rule_that_fills_nothing_never_scores_above_zero(scored):
    for window in (1, 2):
        lazy = card(scored[2], "Lazy", window)
        assert lazy["metrics"]["heldout"]["net_mechanism_bps"]["mean"] <= 0
        assert lazy["metrics"]["train"]["net_mechanism_bps"]["mean"] <= 0
        assert lazy["verdict"] not in {"improvement", "transfer", "protects"}
        assert lazy["fills"]["heldout"]["filled"] == 0


def test_means_of_bots_and_mechanism_add_up_to_the_improvement(scored):
    for found in scored[2]["candidates"]:
        if found["status"] == "scored":
            for part in ("train", "heldout"):
                metrics = found["metrics"][part]
                means = [metrics[name]["mean"] for name in ("bots_removed_bps", "mechanism_bps", "improvement_bps")]
                assert means[0] + means[1] == pytest.approx(means[2], abs=1e-9)


def test_what_is_turned_down_is_a_row_with_its_reason(scored):
    greedy, broken = card(scored[2], "Greedy"), card(scored[2], "Broken")
    assert greedy["status"] == greedy["verdict"] == "rejected"
    assert (greedy["findings"][0]["stage"], greedy["findings"][0]["code"]) == ("properties", "limits")
    assert greedy["gates"]["properties"]["passed"] is False
    assert greedy["gates"]["metamorphic"]["passed"] is None
    assert greedy["properties"]["properties.limits"]["batch"]
    assert broken["status"] == "rejected"
    assert broken["findings"][0]["line"] == 2
    assert "mean" not in broken["metrics"]["heldout"]["net_mechanism_bps"]


def test_baselines_stand_beside_the_candidates_in_the_same_measures(scored):
    by_name = {found["name"]: found["metrics"]["heldout"] for found in scored[2]["baselines"]}
    assert list(by_name) == ["history", "amm", "standalone"]
    assert by_name["history"]["improvement_bps"]["mean"] == 0
    assert by_name["amm"]["net_mechanism_bps"]["mean"] == 0
    assert by_name["amm"]["improvement_bps"]["mean"] == by_name["amm"]["bots_removed_bps"]["mean"]


def test_a_second_run_answers_from_the_store_with_the_same_numbers(scored, history, monkeypatch):
    store, rules, document = scored

    def never(*_):
        raise AssertionError("replayed again")

    monkeypatch.setattr("verify.isolate.Pool.map", never)
    again = verify(history, rules, store, Options(windows=(1, 2)))
    assert again["from_store"] == 6
    assert without_times(again) == without_times(document)


def test_what_was_done_before_an_interruption_is_not_done_again(scored, history, store):
    _, _, document = scored
    rules = bundled("Sequential", "CallAuction")

    def interrupt(step):
        if step.stage == "replay" and step.done == step.total - 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verify(history, rules, store, Options(windows=(1,), workers=1), interrupt)
    again = verify(history, rules, store, Options(windows=(1,)))
    assert again["from_store"] == 1
    for found in again["candidates"]:
        assert found["metrics"]["train"] == card(document, found["name"])["metrics"]["train"]


def test_what_the_machine_may_be_to_blame_for_is_no_lasting_result(history, store, monkeypatch):
    rules = bundled("Sequential")
    anchored = Options(windows=(1,), workers=1, elasticity=None)
    monkeypatch.setattr("verify.jobs.work", isolate_jobs.vanish)  # the worker's process ends by itself
    ended = verify(history, rules, store, anchored)
    monkeypatch.undo()
    calm = verify(history, rules, store, anchored)
    assert ended["candidates"][0]["findings"][0]["code"] in {"crashed", "memory"}
    assert calm["from_store"] == 0
    assert calm["candidates"][0]["status"] == "scored"
    assert ended["run_id"] != calm["run_id"]
    assert store.get_result(f"run-{calm['run_id']}").document["candidates"] == calm["candidates"]


def test_longer_windows_are_judged_on_the_world_that_the_mechanism_makes_too(scored):
    for name in ("Sequential", "CallAuction", "Lazy"):
        short, longer = card(scored[2], name, 1), card(scored[2], name, 2)
        for found in (short, longer):
            assert not found["provisional"]
            assert found["free_running"]["elasticity"] == 0
            assert found["free_running"]["divergence"]["orders"] > 0
            assert "mean" in found["sensitivity"]["free-running"]
            columns = [row for party, row in found["free_running"]["ledger"].items() if not party.startswith("gas")]
            assert sum(Decimal(row["vs_amm"]) for row in columns) == 0
        assert "With the pool moving as it would have under the mechanism" in longer["verdict_why"]
        assert "With the pool moving" not in short["verdict_why"]


def test_the_control_makes_the_same_world_as_no_mechanism_at_all(scored):
    control = card(scored[2], "Sequential")
    assert control["free_running"]["arbitrage"]["mechanism"] == control["free_running"]["arbitrage"]["amm"]
    assert all(
        Decimal(row["vs_amm"]) == 0
        for party, row in control["free_running"]["ledger"].items()
        if not party.startswith("gas")
    )


def test_without_the_free_running_replay_longer_windows_are_provisional(history, store):
    document = verify(history, bundled("Sequential"), store, Options(windows=(1, 2), elasticity=None))
    assert [found["provisional"] for found in document["candidates"]] == [False, True]
    assert document["candidates"][1]["free_running"]["status"] == "unscored"
    again = verify(history, bundled("Sequential"), store, Options(windows=(1, 2)))
    assert again["from_store"] == 0
    assert [found["provisional"] for found in again["candidates"]] == [False, False]


def test_whoever_leaves_with_hindsight_settles_nothing(history, store):
    document = verify(history, bundled("Sequential"), store, Options(windows=(2,), elasticity=1.0))
    (found,) = document["candidates"]
    assert found["provisional"]
    assert "chose with hindsight" in found["verdict_why"]
    assert found["free_running"]["served_by"]["amm"] > 0
    with pytest.raises(InputError, match="share from 0 to 1"):
        verify(history, bundled("Sequential"), store, Options(elasticity=1.5))


def test_results_are_not_reused_on_another_kernel(history, store, monkeypatch):
    rules = bundled("Sequential")
    verify(history, rules, store, Options(windows=(1,)))
    monkeypatch.setattr("verify.run.machinery", lambda _: "another")
    assert verify(history, rules, store, Options(windows=(1,)))["from_store"] == 0


def test_two_runs_from_scratch_give_the_same_document_but_for_times(scored, history, tmp_path, monkeypatch):
    _, rules, document = scored
    monkeypatch.setattr("verify.evaluate.BATCHES_PER_UNIT", 17)
    other = verify(history, rules, Store(tmp_path), Options(windows=(1, 2), workers=1))
    assert without_times(other) == without_times(document)


def test_candidates_share_work_and_no_result(history, store, monkeypatch):
    """Together, in the other order and each alone they are what they are."""
    rules = bundled("CallAuction", "Sequential", "FunctionMaximizing")
    together = verify(history, rules, store, Options(windows=(1,)))["candidates"]
    monkeypatch.setattr("verify.run.load_verdict", lambda *_: None)  # all anew, with the ledger as it is
    backwards = verify(history, rules[::-1], store, Options(windows=(1,), workers=1))["candidates"]
    alone = [verify(history, [rule], store, Options(windows=(1,)))["candidates"][0] for rule in rules]
    assert backwards[::-1] == together
    assert alone == together


def test_the_ledger_remembers_every_evaluation_and_verdicts_pay_for_it(history, store):
    (auction,) = bundled("CallAuction")
    first = verify(history, [auction], store, Options(windows=(1,)))
    second = verify(history, bundled("Sequential"), store, Options(windows=(1, 2)))
    again = verify(history, [auction], store, Options(windows=(1,)))
    assert [d["heldout"]["ledger_rows"] for d in (first, second, again)] == [1, 3, 3]
    assert again["from_store"] == 1
    assert card(again, "CallAuction")["verdict_bounds"]["tests"] == 3


def test_a_history_that_does_not_audit_has_no_figures_to_stand_on(history, store):
    """Most of its swaps got, so it says, one part in a thousand more than the pool gives."""
    events = tuple(
        replace(event, **{"amount1" if event.amount0 > 0 else "amount0": -(event.amount_out * 1001 // 1000)})
        if isinstance(event, Swap) and event.seq % 2
        else event
        for event in history.events
    )
    (found,) = verify(replace(history, events=events), bundled("Sequential"), store, Options(windows=(1,)))[
        "candidates"
    ]
    assert found["status"] == found["verdict"] == "unscored"
    assert "replay exactly on the real pool" in found["verdict_why"]


def test_a_single_swap_that_does_not_audit_is_said_in_the_verdict(history, store):
    heldout = [swap for swap in history.swaps if swap.block_number > history.events[-1].block_number - 60]
    wrong = min(heldout, key=lambda swap: abs(swap.amount1))
    events = tuple(replace(event, tick=event.tick + 1) if event is wrong else event for event in history.events)
    (found,) = verify(replace(history, events=events), bundled("Sequential"), store, Options(windows=(1,)))[
        "candidates"
    ]
    assert found["status"] == "scored"
    assert "the others are listed under audit" in found["verdict_why"]


def test_other_parameters_are_another_candidate(history, store):
    (rule,) = bundled("VolatilityDonation")
    name = next(iter(rule.parameters))
    other = replace(rule, parameters=rule.parameters | {name: rule.parameters[name] + 1})
    document = verify(history, [rule, other], store, Options(windows=(1,)))
    first, second = document["candidates"]
    assert first["candidate_id"] != second["candidate_id"]
    assert document["heldout"]["ledger_rows"] == 2


def test_a_rule_whose_constructor_fails_is_turned_down(history, store):
    members = "constructor(uint256 a) { require(a == 1, 'only one'); }"
    rule = replace(written("Picky", "", members), parameters={"a": 2})
    (found,) = verify(history, [rule], store, Options(windows=(1,)))["candidates"]
    assert found["verdict"] == "rejected"
    assert "only one" in found["verdict_why"]


def test_gas_that_cannot_be_priced_leaves_m_unscored_and_says_so(history, store):
    pool = history.pool
    tokens = [replace(token, symbol=f"T{i}") for i, token in enumerate((pool.token0, pool.token1))]
    state = replace(history.initial_state, pool=replace(pool, token0=tokens[0], token1=tokens[1]))
    unpriced = replace(history, initial_state=state)
    document = verify(unpriced, bundled("Sequential"), store, Options(windows=(1,)))
    (found,) = document["candidates"]
    assert found["metrics"]["heldout"]["net_mechanism_bps"]["status"] == "unscored"
    assert found["verdict"] == "unscored"
    assert any("--native-price" in sentence for sentence in document["caveats"])


@pytest.mark.parametrize(
    ("options", "field"),
    [(Options(windows=()), "window"), (Options(windows=(0,)), "window"), (Options(workers=0), "workers")],
)
def test_bad_options_are_named(history, store, options, field):
    with pytest.raises(InputError, match=field):
        verify(history, bundled("Sequential"), store, options)
