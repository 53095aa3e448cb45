"""Other pools of the pair beside the history's own: where they stand, what rules get from them, the best route."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from rules import bundled, written
from test_replay import plan_of, replayed_plan

from ingest.errors import InputError
from ingest.records import Position, Swap
from verify.anchors import Anchors
from verify.audit import audit
from verify.baselines import Cut, compute
from verify.beside import audit_beside, world_of
from verify.cards import best_pool
from verify.evaluate import HEADLINE_NAME, Replayed
from verify.market import load_config
from verify.plan import batches, place_of, start_of
from verify.reference import Reference
from verify.run import Options, verify

EMBEDDED = Path(__file__).resolve().parents[2] / "data" / "embedded.toml"
BEST_POOL = written(
    "BestPool",
    """
    for (uint256 i; i < orders.length; ++i) {
        Order calldata order = orders[i];
        uint256 best;
        uint256 most;
        for (uint256 v; v < IKernel(msg.sender).venueCount(); ++v) {
            try IKernel(msg.sender).quote(v, order.sellToken, order.sellAmount) returns (
                uint256 spent, uint256 received, uint160
            ) {
                if (spent == order.sellAmount && received > most) (best, most) = (v, received);
            } catch {}
        }
        if (most < order.minBuyAmount || most == 0) continue;
        try IKernel(msg.sender).trade(best, order.sellToken, order.sellAmount, order.minBuyAmount) returns (
            uint256, uint256 received, uint160
        ) {
            fills[i] = Fill(order.sellAmount, received);
        } catch {}
    }
    """,
)
"""Sends each order to whichever pool gives it most."""


@pytest.fixture(scope="module")
def pools(simulated):
    """A v3 pool and a v2 pair of the same two tokens over the same blocks."""
    config = load_config(EMBEDDED)["demo-v3"]
    pair = {"base": config.base, "quote": config.quote, "chain_id": config.chain_id, "price": config.price}
    times = {"first_block": config.first_block, "first_timestamp": config.first_timestamp}
    return simulated("demo-v3", blocks=80, seed=5), simulated("demo-v2", blocks=80, seed=6, **pair, **times)


@pytest.fixture(scope="module")
def plan(pools):
    own, other = pools
    return replace(plan_of(own), beside=audit_beside(own, [other])[1])


@pytest.mark.parametrize("first", [0, 1], ids=["v2 beside v3", "v3 beside v2"])
def test_each_pool_stands_where_its_own_history_had_it(pools, first):
    own, other = pools[first], pools[1 - first]
    ((_,), others), trace = audit_beside(own, [other]), audit(own)[1]
    anchors = Anchors(world_of(own, other), trace, others)
    alone = Anchors(world_of(other), others[0].trace)
    for event in own.events[::7]:
        place = place_of(event)
        anchors.move(event.seq, place, block=event.block_number, timestamp=event.block_ts)
        seen = sum(place_of(each) < place for each in other.events)
        alone.move(seen, place, block=event.block_number, timestamp=event.block_ts)
        for zero_for_one, amount in product((True, False), (10**9, 10**15)):
            assert anchors.world.quote(zero_for_one, amount, 1) == alone.world.quote(zero_for_one, amount)


def test_a_pool_beside_changes_nothing_for_rules_that_do_not_use_it(pools, plan):
    alone = replayed_plan(plan_of(pools[0]), bundled("Sequential"), (1, 3))
    beside = replayed_plan(plan, bundled("Sequential"), (1, 3))
    for window in (1, 3):
        before, after = (found["Sequential", window][HEADLINE_NAME].orders for found in (alone, beside))
        assert [(order.bought, order.amm_out, order.standalone_out) for order in before] == [
            (order.bought, order.amm_out, order.standalone_out) for order in after
        ]


def test_the_best_route_is_what_a_rule_gets_that_may_choose_the_pool(plan):
    outcomes = replayed_plan(plan, [BEST_POOL])["BestPool", 1][HEADLINE_NAME]
    single = {batch.window for batch in outcomes.batches if batch.order_count == 1}
    alone = [order for order in outcomes.orders if order.window in single and order.filled]
    assert len(alone) > 20
    assert all(order.bought == order.best_out == order.ebbo_most == order.ebbo_least for order in alone)
    assert 5 < sum(order.best_out > order.standalone_out for order in alone) < len(alone)


def test_what_does_not_cross_goes_to_the_best_pool_where_the_rule_is_told_to(plan):
    (crossing,) = bundled("MidpointCrossing")
    rules = [
        replace(crossing, name=f"{venue}", parameters={"lightFeePips": 0, "donationPips": 0, "bestVenue": venue})
        for venue in (0, 1)
    ]
    found = replayed_plan(plan, rules)
    for venue, most in ((0, "standalone_out"), (1, "best_out")):
        outcomes = found[f"{venue}", 1][HEADLINE_NAME]
        single = {batch.window for batch in outcomes.batches if batch.order_count == 1}
        alone = [order for order in outcomes.orders if order.window in single and order.filled]
        assert len(alone) > 20
        assert all(order.bought == getattr(order, most) for order in alone)


def test_all_pools_liquidity_providers_are_one_party_and_nothing_is_lost(plan):
    outcomes = replayed_plan(plan, [BEST_POOL])["BestPool", 1][HEADLINE_NAME]
    assert outcomes.batches
    for batch in outcomes.batches:
        assert sum(flow.token0 for flow in batch.candidate.values()) == 0
        assert sum(flow.token1 for flow in batch.candidate.values()) == 0
    single = {batch.window: batch for batch in outcomes.batches if batch.order_count == 1}
    fees = set()
    for order in outcomes.orders:
        if order.window in single and order.filled:
            batch = single[order.window]
            fee_pips = 3000 if order.bought == order.ebbo_most > order.standalone_out else 500
            fee = -(-order.sell_amount * fee_pips // 10**6)
            assert batch.lp_fees["candidate"] == ((fee, 0) if order.sells_token0 else (0, fee))
            fees.add(fee_pips)
    assert fees == {500, 3000}


def test_over_a_window_the_best_route_is_looked_for_in_every_block(pools, plan):
    """Beside a search by hand: every block's own batch, every order that waits, every pool."""
    own, _ = pools
    window = 3
    reading, reference = plan.readings["rules"], Reference(own)
    anchors = Anchors(world_of(*plan.histories), plan.trace, plan.beside)
    cut = Cut("settlement", window, routes=True)
    baseline = compute(own, reading, reference, anchors, slack_bps=50, cuts=[cut])
    by_block = {batch.settle_block: batch for batch in batches(own, reading, 1, "settlement")}
    single = compute(own, reading, reference, anchors, slack_bps=50, cuts=[Cut("settlement", 1)])
    news = {prepared.batch.settle_block: prepared.news for prepared in single.batches["settlement", 1]}
    blocks = [event.block_number for event in own.events]
    checked = 0
    for prepared in baseline.batches["settlement", window][:15]:
        for intent, route in zip(prepared.intents, prepared.routes, strict=True):
            outs = []
            for block in range(intent.block_number, prepared.batch.settle_block + 1):
                there = by_block.get(block)
                seq = there.start_seq if there else sum(number < block for number in blocks)
                place = there.place if there else start_of(block)
                anchors.move(seq, place, block=block, timestamp=reference.time(block))
                anchors.overlay(news.get(block, {}))
                outs.append(
                    max(anchors.world.quote(intent.sells_token0, intent.sell_amount, v).received for v in (0, 1))
                )
            assert route == (max(outs), min(outs))
            checked += len(set(outs)) > 1
    assert checked > 3


def test_a_fee_that_changes_beside_is_the_one_that_the_kernel_charges(simulated, pools):
    own, _ = pools
    other = simulated("demo-v3", blocks=80, seed=7)
    moved = replace(other.initial_state, pool=replace(other.pool, address="0x" + "ab" * 20, fee_pips=3000))
    half = own.events[len(own.events) // 2].block_number
    events = tuple(
        replace(event, fee_pips=3000 if event.block_number < half else 100) if isinstance(event, Swap) else event
        for event in other.events
    )
    beside = audit_beside(own, [replace(other, name="moved", initial_state=moved, events=events)])[1]
    outcomes = replayed_plan(replace(plan_of(own), beside=beside), [BEST_POOL])["BestPool", 1][HEADLINE_NAME]
    elsewhere = {order.block_number < half for order in outcomes.orders if order.best_out > order.standalone_out}
    assert False in elsewhere
    single = {batch.window for batch in outcomes.batches if batch.order_count == 1}
    filled = [order for order in outcomes.orders if order.window in single and order.filled]
    assert all(order.bought == order.best_out for order in filled)


def test_where_the_other_pools_state_is_not_known_a_batch_is_unscored(pools):
    own, other = pools
    part = replace(other, events=other.events[: len(other.events) // 2])
    others = audit_beside(own, [part])[1]
    first, last = others[0].blocks
    found = replayed_plan(replace(plan_of(own), beside=others), bundled("Sequential"), (1, 3))
    for window in (1, 3):
        outcomes = found["Sequential", window][HEADLINE_NAME]
        began = {order.window: order.block_number for order in reversed(outcomes.orders)}
        for batch in outcomes.batches:
            known = first <= began[batch.window] <= batch.settle_block <= last
            ended = "history ends" in batch.unscored
            assert known == (not batch.unscored) or ended
            assert known or ended or f"is known from block {first} to {last} only" in batch.unscored


def test_what_is_no_other_pool_of_the_pair_is_refused_by_name(pools):
    own, other = pools
    with pytest.raises(InputError, match=f"the pool {own.pool.address} is given twice"):
        audit_beside(own, [own])
    elsewhere = replace(other.initial_state, pool=replace(other.pool, chain_id=1))
    with pytest.raises(InputError, match=r"is no pool of .* on chain 31337"):
        audit_beside(own, [replace(other, initial_state=elsewhere)])
    late = tuple(replace(event, block_number=event.block_number + 10_000) for event in other.events)
    after = replace(other.initial_state, after=Position(late[0].block_number - 1))
    with pytest.raises(InputError, match="its state is known from block"):
        audit_beside(own, [replace(other, initial_state=after, events=late)])


def test_the_document_says_what_the_other_pool_was_good_for(pools, store):
    own, other = pools
    document = verify(own, [BEST_POOL], store, Options(windows=(1,), workers=1), beside=[other])
    assert [found["history"] for found in document["market"]["pools_beside"]] == [other.name]
    assert [found["exact"] for found in document["audit_beside"]] == [document["audit_beside"][0]["swaps"]]
    best = document["best_pool"]
    assert 0 < best["better_elsewhere"] < best["orders"]
    assert 0 < best["mean_gain_bps"] < best["largest_gain_bps"]
    alone = verify(own, [BEST_POOL], store, Options(windows=(1,), workers=1))
    assert alone["best_pool"]["better_elsewhere"] == 0
    assert alone["run_id"] != document["run_id"]
    assert alone["from_store"] == 0


def test_where_no_order_has_a_value_the_best_pool_is_not_said(plan):
    outcomes = replayed_plan(plan, [BEST_POOL])["BestPool", 1][HEADLINE_NAME]
    worthless = replace(outcomes, orders=tuple(replace(order, value=0) for order in outcomes.orders))
    found = best_pool({(0, 1): Replayed({HEADLINE_NAME: worthless}, None)})
    assert found == {"status": "unscored", "reason": "no order has a value to compare by"}


def test_on_the_mainnet_day_the_dearer_pool_was_the_better_one_for_some(mainnet_day, mainnet_day_dearer, store):
    document = verify(
        mainnet_day, bundled("Sequential"), store, Options(windows=(1,), workers=2), beside=[mainnet_day_dearer]
    )
    assert document["audit_beside"][0]["exact"] == 266
    best = document["best_pool"]
    assert (best["orders"], best["better_elsewhere"]) == (4854, 65)
    assert best["mean_gain_bps"] == pytest.approx(0.163, abs=0.001)
