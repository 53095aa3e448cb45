"""The free-running replay as outcomes: the ledger over whole worlds, credits, divergence, the blocks looked at."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import pytest
from free_worlds import Bench
from hypothesis import given
from hypothesis import strategies as st
from rules import LAZY, bundled

from ingest.errors import InputError
from ingest.records import LiquidityEvent
from verify.flows import price_spread_bps
from verify.free.blocks import schedule
from verify.free.divergence import divergence, summary
from verify.free.outcomes import OtherWorlds, ledger, outcomes
from verify.free.report import free_json
from verify.reference import Reference
from verify.score import welfare
from verify.score.evidence import MEASURES, joint_gains
from verify.score.frame import OutcomesError, frame, rows_by_part

SEQUENTIAL, AUCTION = bundled("Sequential")[0], bundled("CallAuction")[0]
GAS = {"gas", "gas_of_arbitrage"}


@pytest.fixture(scope="module")
def bench(simulated):
    return Bench(simulated("demo-v3", blocks=250, seed=2), windows=(1, 5))


@pytest.fixture(scope="module")
def plain(bench):
    return bench.plain()


@pytest.fixture(scope="module")
def auction(bench, plain):
    """(anchored, free-running replay, its outcomes) of the call auction over windows of five blocks."""
    anchored, run = bench.anchored(AUCTION, 5), bench.run(AUCTION, 5)
    return anchored, run, outcomes(OtherWorlds(bench.market(), plain), run, anchored)


# ---------------------------------------------------------------------- ledger


def test_every_column_of_the_ledger_sums_to_zero_without_gas(bench, plain, auction):
    _, run, scored = auction
    table = ledger(scored, run, plain, bench.reference)
    assert {"users", "unknown", "arbitrageurs", "sandwichers", "liquidity_providers", "gas"} <= table.keys()
    for column in ("vs_history", "vs_amm"):
        assert sum(Fraction(row[column]) for party, row in table.items() if party not in GAS) == 0
    assert Fraction(table["arbitrageurs"]["vs_amm"]) != 0
    assert Fraction(table["gas_of_arbitrage"]["vs_amm"]) != 0


def test_the_ledger_has_all_that_traded_in_history(bench, plain, auction):
    """Token by token: every swap of the history is in one window's flows, with its fee apart."""
    scored = auction[2]
    for i in (0, 1):
        amounts = [swap.amount0 if i == 0 else swap.amount1 for swap in bench.history.swaps]
        assert sum(batch.history.get("liquidity_providers", (0, 0))[i] for batch in scored.batches) == sum(amounts)
        paid = [-(-amount * bench.history.pool.fee_pips // 10**6) for amount in amounts if amount > 0]
        assert sum(batch.lp_fees["history"][i] for batch in scored.batches) == sum(paid)
        for run, world in ((plain, "amm"), (auction[1], "candidate")):
            wanted = sum(block.flows["arbitrageurs"][i] for block in run.blocks if "arbitrageurs" in block.flows)
            assert sum(getattr(batch, world).get("arbitrageurs", (0, 0))[i] for batch in scored.batches) == wanted


def test_a_window_whose_tokens_do_not_add_up_is_an_error(bench, plain, auction):
    _, run, scored = auction
    first = next(batch for batch in scored.batches if batch.candidate)
    flows = dict(first.candidate)
    flows["liquidity_providers"] = flows["liquidity_providers"]._replace(token1=flows["liquidity_providers"].token1 + 1)
    wrong = replace(scored, batches=tuple(replace(b, candidate=flows) if b is first else b for b in scored.batches))
    with pytest.raises(OutcomesError, match=f"window {first.window}"):
        ledger(wrong, run, plain, bench.reference)


def test_the_ledger_of_the_control_in_its_own_block_is_empty_but_for_gas(bench, plain):
    run = bench.run(SEQUENTIAL)
    scored = outcomes(OtherWorlds(bench.market(), plain), run, bench.anchored(SEQUENTIAL))
    table = ledger(scored, run, plain, bench.reference)
    gains = {party: Fraction(row["vs_amm"]) for party, row in table.items()}
    assert gains.pop("gas") < 0
    # The fee is rounded up once for each order there, once for each settlement here.
    inventory, fees = gains.pop("liquidity_providers"), gains.pop("liquidity_provider_fees")
    assert inventory == -fees
    assert abs(fees) < Fraction(1, 10**5)
    assert set(gains.values()) == {0}
    assert all(order.bought == order.amm_out for order in scored.orders)


def test_what_users_save_by_netting_the_liquidity_providers_fees_lose(bench, plain):
    run = bench.run(AUCTION)
    table = ledger(
        outcomes(OtherWorlds(bench.market(), plain), run, bench.anchored(AUCTION)), run, plain, bench.reference
    )
    gains = {party: Fraction(row["vs_amm"]) for party, row in table.items() if party not in GAS}
    traders = gains["users"] + gains["unknown"]
    assert traders > 0 > gains["liquidity_provider_fees"]
    assert traders + gains["liquidity_provider_fees"] + gains["liquidity_providers"] == -sum(
        gain for party, gain in gains.items() if party in {"arbitrageurs", "residue", "capped", "sandwichers"}
    )


# ---------------------------------------------------------------------- orders


@pytest.mark.parametrize("elasticity", [0, 0.5, 1])
def test_a_rule_that_fills_nothing_is_never_credited_more_than_the_amm(bench, plain, elasticity):
    run = bench.run(LAZY, 5, elasticity)
    scored = outcomes(OtherWorlds(bench.market(), plain), run, bench.anchored(LAZY, 5))
    assert any(order.fallback_out > order.amm_out for order in scored.orders)
    for order in scored.orders:
        assert not order.filled
        assert order.bought == min(order.fallback_out, order.amm_out)
    capped = sum(Fraction(*welfare.prices(b)) * 0 + b.candidate.get("capped", (0, 0))[1] for b in scored.batches)
    assert capped == sum(o.fallback_out - o.bought for o in scored.orders if o.sells_token0)


def test_gas_and_outcomes_are_those_of_the_free_worlds(bench, plain, auction):
    anchored, run, scored = auction
    amm = {order.seq: order for order in plain.orders}
    free = {order.seq: order for order in run.orders}
    for row, before in zip(scored.orders, anchored.orders, strict=True):
        assert (row.amm_out, row.gas_amm) == (amm[row.seq].bought, amm[row.seq].gas)
        assert row.gas == free[row.seq].gas
        assert (row.history_out, row.limit, row.value) == (before.history_out, before.limit, before.value)
        assert row.bought == free[row.seq].bought or not row.filled


def test_windows_without_an_order_are_batches_too_and_count_in_joint_gains(bench, plain):
    scored = outcomes(OtherWorlds(bench.market(), plain), bench.run(AUCTION), bench.anchored(AUCTION))
    assert any(not batch.order_count and batch.candidate != batch.amm for batch in scored.batches)
    rows = rows_by_part(scored)["heldout"]
    joint = joint_gains(frame(rows, scored.unit, MEASURES), "user", scored.unit)
    assert len(joint.everyone) == len(rows.batches) > sum(bool(batch.order_count) for batch in rows.batches)
    others = [
        sum(welfare.gains_over_amm(batch, ("arbitrageurs", "residue", "capped"))) / welfare.ONE
        for batch in rows.batches
    ]
    assert joint.everyone + others == pytest.approx(0, abs=1e-3)


def test_replays_of_other_windows_or_orders_are_refused(bench, plain, auction):
    anchored, run, _ = auction
    with pytest.raises(InputError, match="windows of 5 blocks, the other of 1"):
        outcomes(OtherWorlds(bench.market(), plain), run, bench.anchored(AUCTION))
    with pytest.raises(InputError, match="anchored replay alone"):
        outcomes(OtherWorlds(bench.market(), plain), replace(run, orders=run.orders[1:]), anchored)


# ---------------------------------------------------------------------- divergence


def test_divergence_is_told_order_by_order(auction):
    anchored, _, scored = auction
    rows = divergence(anchored, scored)
    for row, before, after in zip(rows, anchored.orders, scored.orders, strict=True):
        assert row.seq == before.seq
        assert before.bought * (1 + row.outcome_bps / 10_000) == after.bought
        assert before.amm_out * (1 + row.amm_bps / 10_000) == after.amm_out
    told = summary(rows)
    assert told["orders"] == len(anchored.orders)
    worst = max(rows, key=lambda row: abs(row.outcome_bps))
    assert told["outcome_bps"]["farthest"] == {"seq": worst.seq, "bps": float(worst.outcome_bps)}
    assert told["outcome_bps"]["p5"] <= told["outcome_bps"]["median"] <= told["outcome_bps"]["p95"]


def test_a_replay_does_not_diverge_from_itself_and_what_has_no_outcome_has_no_ratio(auction):
    anchored = auction[0]
    assert summary(divergence(anchored, anchored))["outcome_bps"]["farthest"]["bps"] == 0
    nothing = replace(anchored, orders=tuple(replace(order, bought=0) for order in anchored.orders))
    told = summary(divergence(nothing, anchored))
    assert told["outcome_bps"] == {"orders": 0}
    assert told["amm_bps"]["orders"] == len(anchored.orders)


# ---------------------------------------------------------------------- which blocks are looked at


def test_no_block_is_passed_over_in_which_anything_changes(bench):
    """A series finer than blocks, one coarser, and none: wherever the price is another, the block is there."""
    history = bench.history
    fine = [replace(history.prices[0], ts=history.prices[0].ts + 5 * i, price=str(2000 + i)) for i in range(400)]
    for prices in (history.prices, tuple(fine), history.prices[::7], ()):
        other = replace(history, prices=tuple(prices))
        reference = Reference(other)
        looked = {b.number: b for b in schedule(other, bench.baseline.reading, reference, [])}
        first, last = history.events[0].block_number, history.events[-1].block_number
        assert min(looked) == first
        assert max(looked) == last
        for block in range(first + 1, last + 1):
            if reference.price(block) != reference.price(block - 1):
                assert block in looked
        for event in history.events:
            assert {event.block_number, min(event.block_number + 1, last)} <= looked.keys()


def test_a_blocks_orders_stand_between_the_liquidity_that_came_before_and_after_them(mainnet_hour):
    bench = Bench(mainnet_hour)
    blocks = schedule(mainnet_hour, bench.baseline.reading, bench.reference, [])
    seen = set()
    for block in blocks:
        assert all(event.seq < min(block.orders, default=1 << 60) for _, event in block.before)
        assert all(event.seq > block.orders[0] for _, event in block.after)
        seen |= {event.seq for _, event in (*block.before, *block.after)} | set(block.orders)
    assert seen == bench.baseline.reading.orders.keys() | {
        seq for seq in bench.baseline.reading.news if isinstance(mainnet_hour.events[seq], LiquidityEvent)
    }


def test_on_the_real_day_the_control_is_the_world_without_a_mechanism(mainnet_hour):
    bench = Bench(mainnet_hour)
    plain, run = bench.plain(), bench.run(SEQUENTIAL, elasticity=1)
    assert [order.bought for order in run.orders] == [order.bought for order in plain.orders]
    assert run.arbitrages == plain.arbitrages
    assert len(plain.arbitrages) > 10
    assert plain.unapplied == ()


# ---------------------------------------------------------------------- flows


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 10**30), st.integers(1, 10**30)), max_size=6))
def test_the_spread_is_the_widest_of_both_directions(trades):
    wanted = Fraction(1)
    for one in trades:
        for other in trades:
            if one[0] == other[0]:
                wanted = max(wanted, Fraction(one[2], one[1]) / Fraction(other[2], other[1]))
    assert price_spread_bps(trades) == float(10_000 * (wanted - 1))


# ---------------------------------------------------------------------- report


def test_a_report_is_plain_json_whose_numbers_add_up(bench, plain, auction):
    anchored, run, scored = auction
    told = free_json(scored, run, plain, anchored, bench.reference)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert sum(told["served_by"].values()) == len(anchored.orders)
    assert told["got_less_than_outside"] == sum(order.bought < order.outside_out for order in run.orders) > 0
    assert sum(told["rounds"].values()) == len(run.settlements)
    for world, replay in (("mechanism", run), ("amm", plain)):
        row = told["arbitrage"][world]
        assert row["trades"] == len(replay.arbitrages) > 0
        assert Fraction(row["lost_before_fees"]) > Fraction(row["fees"]) > 0
        assert row["closed_form"] is None  # a v3 pool's liquidity is no single curve
    assert told["unapplied"] == len(told["unapplied_events"]) == 0
