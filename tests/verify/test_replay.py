"""The replay's identities, on histories that the genuine bytecode made."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from plans import candidates_of, plan_of
from rules import GREEDY, LAZY, LOOPING, bundled, written

from ingest.labels import jit_events, label_swaps
from ingest.records import Label, LiquidityEvent
from verify.admission import admit
from verify.anchors import Anchors
from verify.audit import audit
from verify.baselines import Cut, compute
from verify.compile import constructor_data
from verify.evaluate import HEADLINE_NAME, Evaluator, Replayed, Resources
from verify.plan import read
from verify.reference import Reference
from verify.replay import Stage
from verify.score.ratios import net_mechanism
from verify.slots import V2_RESERVES, v2_reserves
from verify.world import World


def replayed(history, rules, windows=(1,), workers=1):
    """Outcomes by (rule's name, window)."""
    return replayed_plan(plan_of(history), rules, windows, workers)


def replayed_plan(plan, rules, windows=(1,), workers=1):
    """The same of a plan, without the free-running replay."""
    candidates = candidates_of(rules)
    tasks = [(i, window) for i in range(len(rules)) for window in windows]
    with Evaluator(plan, windows, Resources(workers, 4 * 1024**3), lambda *_: None) as evaluator:
        return {
            (rules[i].name, window): verdict.outcomes if isinstance(verdict, Replayed) else verdict
            for (i, window), verdict in evaluator.run(candidates, tasks, elasticity=None)
        }


@pytest.mark.parametrize("market", ["demo-v3", "demo-v2"])
def test_sequential_in_its_own_block_is_the_amm_order_by_order(simulated, market):
    found = replayed(simulated(market, blocks=120, seed=3), bundled("Sequential"))
    for name, outcomes in found["Sequential", 1].items():
        assert outcomes.orders, name
        for order in outcomes.orders:
            assert order.bought == order.amm_out
            assert net_mechanism(0)(order)[0] == 0


@pytest.mark.parametrize("rule", bundled(), ids=lambda rule: rule.name)
def test_bots_removed_and_mechanism_add_up_to_the_improvement_exactly(simulated, rule):
    found = replayed(simulated("demo-v3", blocks=120, seed=4), [rule], windows=(1, 4))
    for window in (1, 4):
        orders = found[rule.name, window][HEADLINE_NAME].orders
        parts = [
            (
                Fraction(order.bought - order.history_out, order.history_out),
                Fraction(order.amm_out - order.history_out, order.history_out),
                Fraction(order.bought - order.amm_out, order.history_out),
                order.value,
            )
            for order in orders
        ]
        assert all(whole == bots + mechanism for whole, bots, mechanism, _ in parts)
        means = [sum(part[i] * part[3] for part in parts) for i in range(3)]
        assert means[0] == means[1] + means[2]


def test_a_rule_that_fills_nothing_gains_nobody_anything(simulated):
    found = replayed(simulated("demo-v3", blocks=120, seed=5), [LAZY], windows=(1, 5))
    for by_variant in found.values():
        for outcomes in by_variant.values():
            for order in outcomes.orders:
                assert not order.filled
                assert order.bought == min(order.fallback_out, order.amm_out)
                assert order.gas >= order.gas_amm
                assert all(net_mechanism(scale)(order)[0] <= 0 for scale in (0, 1, 2))


def test_in_every_world_what_one_party_gets_another_gives(simulated):
    found = replayed(simulated("demo-v3", blocks=120, seed=6), bundled("FunctionMaximizing"), windows=(3,))
    donated = 0
    for batch in found["FunctionMaximizing", 3][HEADLINE_NAME].batches:
        for world in (batch.history, batch.amm, batch.candidate):
            assert sum(flow.token0 for flow in world.values()) == 0
            assert sum(flow.token1 for flow in world.values()) == 0
        donated += batch.lp_fees["candidate"].token0 + batch.lp_fees["candidate"].token1
    assert donated > 0


@pytest.mark.parametrize(
    ("rule", "code"), [(GREEDY, "below-limit"), (LOOPING, "rule-failed")], ids=["greedy", "looping"]
)
def test_a_rule_that_breaks_a_promise_is_turned_down_with_the_kernels_own_error(simulated, rule, code):
    (finding,) = replayed(simulated("demo-v3", blocks=40, seed=7), [rule])[rule.name, 1]
    assert finding.stage == "run"
    assert finding.code == code
    assert "settles in block" in finding.message


def test_the_first_reason_counts_however_the_work_was_split(simulated, monkeypatch):
    history = simulated("demo-v3", blocks=80, seed=8)
    first = replayed(history, [GREEDY], workers=1)
    monkeypatch.setattr("verify.evaluate.BATCHES_PER_UNIT", 3)
    assert replayed(history, [GREEDY], workers=2) == first


COUNTING = written(
    "Counting",
    """
        IKernel kernel = IKernel(msg.sender);
        uint256 seen = kernel.load(0);
        kernel.store(0, seen + orders.length);
        if (seen % 3 == 0) {
            for (uint256 i; i < orders.length; ++i) {
                (uint256 spent, uint256 received,) = kernel.quote(0, orders[i].sellToken, orders[i].sellAmount);
                if (spent != orders[i].sellAmount || received < orders[i].minBuyAmount) continue;
                kernel.trade(0, orders[i].sellToken, orders[i].sellAmount, received);
                fills[i] = Fill(orders[i].sellAmount, received);
            }
        }
    """,
)
"""Serves a batch only where the number of orders that it has seen in its life is divisible by three."""


def test_a_rule_with_state_gives_the_same_under_any_split_of_the_work(simulated, monkeypatch):
    history = simulated("demo-v3", blocks=120, seed=9)
    rules = [COUNTING, *bundled("VolatilityDonation")]
    whole = replayed(history, rules, windows=(1, 3), workers=1)
    monkeypatch.setattr("verify.evaluate.BATCHES_PER_UNIT", 2)
    assert replayed(history, rules, windows=(1, 3), workers=2) == whole

    seen, served = 0, []
    for batch in whole["Counting", 1][HEADLINE_NAME].batches:
        served.append(seen % 3 == 0)
        seen += batch.order_count
    by_window = {batch.window: i for i, batch in enumerate(whole["Counting", 1][HEADLINE_NAME].batches)}
    assert any(served)
    assert not all(served)
    for order in whole["Counting", 1][HEADLINE_NAME].orders:
        assert order.filled == served[by_window[order.window]] or order.fallback_out < order.limit


def test_a_variant_of_a_rule_with_state_starts_where_its_training_ended(simulated):
    whole = replayed(simulated("demo-v3", blocks=120, seed=9), [COUNTING])["Counting", 1]
    heldout = {order.seq for order in whole["limits: 300 bps"].orders}
    assert heldout < {order.seq for order in whole[HEADLINE_NAME].orders}
    headline = {order.seq: order.filled for order in whole[HEADLINE_NAME].orders if order.seq in heldout}
    assert {order.seq: order.filled for order in whole["limits: 300 bps"].orders} == headline


def test_every_settlement_meets_cold_storage_whatever_ran_before_it(simulated):
    """Each batch in a world that has run nothing else costs the same gas as in the world that ran all of them."""
    history = simulated("demo-v3", blocks=40, seed=2)
    (rule,) = bundled("CallAuction")
    code = constructor_data(admit(rule.source, file=rule.file), rule.parameters)
    plan = plan_of(history)

    def anchors():
        return Anchors(World.build(history.initial_state), plan.trace)

    baseline = compute(
        history,
        plan.readings["rules"],
        Reference(history),
        anchors(),
        slack_bps=50,
        cuts=[Cut("settlement", 2)],
    )
    prepared = baseline.batches["settlement", 2]
    most = max(len(batch.batch.orders) for batch in prepared)
    together = Stage(history, anchors(), code, most, {})
    in_turn = [together.run(batch) for batch in prepared]
    backwards = [together.run(batch) for batch in reversed(prepared)]
    alone = [Stage(history, anchors(), code, most, {}).run(batch) for batch in prepared]
    assert len(prepared) > 10
    assert in_turn == backwards[::-1] == alone


def outcomes_of(history, windows=(1,)):
    return {key[1]: found[HEADLINE_NAME] for key, found in replayed(history, bundled("Sequential"), windows).items()}


def test_orders_that_bought_next_to_nothing_are_none_and_hold_nobody_up(simulated):
    history = simulated("demo-v2", blocks=80, seed=12)
    small = [swap.seq for swap in history.swaps[5::9]]
    events = tuple(
        replace(event, **{"amount1" if event.amount0 > 0 else "amount0": -3}) if event.seq in small else event
        for event in history.events
    )
    dusty = replace(history, events=events)
    found = replayed(dusty, bundled("CallAuction"), windows=(1, 4))
    for window in (1, 4):
        outcomes = found["CallAuction", window][HEADLINE_NAME]
        assert not {order.seq for order in outcomes.orders} & set(small)
        assert not any(batch.unscored for batch in outcomes.batches if batch.settle_block <= outcomes.last_block)


def test_an_anchors_news_do_what_they_do_there_not_what_history_recorded(simulated):
    """On v2 every mint after a skipped order differs from its record; the anchor must not jump back to history."""
    history = simulated("demo-v2", blocks=400, seed=17)
    plan = plan_of(history)
    anchors = Anchors(World.build(history.initial_state), plan.trace)
    cut = Cut("arbitrage-only", 5)
    reference = Reference(history)
    baseline = compute(history, plan.readings["rules"], reference, anchors, slack_bps=50, cuts=[cut])
    world = World.build(history.initial_state)
    differ = 0
    for prepared in baseline.batches["arbitrage-only", 5]:
        events = [history.events[seq] for seq in prepared.batch.news]
        if not any(isinstance(event, LiquidityEvent) for event in events):
            continue
        world.load(plan.trace.at(prepared.batch.start_seq))
        with world.anchor():
            for event in events:
                if isinstance(event, LiquidityEvent):
                    world.apply(event)
                else:
                    world.swap(event.zero_for_one, event.amount_in)
            expected = world.venue.reserves()
        assert v2_reserves(prepared.news[world.pool, V2_RESERVES]) == expected
        differ += expected != (events[-1].reserve0, events[-1].reserve1)
    assert differ > 0


def test_a_settlement_in_vain_is_paid_by_those_who_waited_for_it(simulated):
    found = replayed(simulated("demo-v3", blocks=60, seed=13), [LAZY])["Lazy", 1][HEADLINE_NAME]
    gas = {batch.window: batch.settle_gas for batch in found.batches}
    sizes = {batch.window: batch.order_count for batch in found.batches}
    for order in found.orders:
        assert order.gas == order.gas_amm - (-gas[order.window] // sizes[order.window])


def test_a_window_that_history_does_not_cover_is_unscored(simulated):
    history = simulated("demo-v3", blocks=50, seed=14)
    last = history.events[-1].block_number
    batches = outcomes_of(history, windows=(7,))[7].batches
    assert [bool(batch.unscored) for batch in batches] == [batch.settle_block > last for batch in batches]
    assert batches[-1].unscored


def test_a_window_of_too_many_orders_is_unscored_and_no_fault_of_the_rule(simulated, monkeypatch):
    monkeypatch.setattr("verify.baselines.MOST_ORDERS", 3)
    history = simulated("demo-v3", blocks=60, seed=15)
    _, trace = audit(history)
    reading = read(history, label_swaps(history, "rules"), jit_events(history))
    anchors = Anchors(World.build(history.initial_state), trace)
    cut = Cut("settlement", 5)
    baseline = compute(history, reading, Reference(history), anchors, slack_bps=50, cuts=[cut])
    prepared = baseline.batches["settlement", 5]
    assert any(batch.unscored for batch in prepared)
    code = admit(GREEDY.source, file=GREEDY.file).creation_code
    stage = Stage(history, Anchors(World.build(history.initial_state), trace), code, 20, {})
    for batch in prepared:
        if batch.unscored:
            assert stage.run(batch).fills == ((0, 0),) * len(batch.batch.orders)


def test_a_pool_created_in_the_history_can_be_replayed_from_its_first_block(simulated):
    """The pool's first price, liquidity and order stand in one block."""
    history = simulated("demo-v3", blocks=40, seed=16)
    state = history.initial_state
    opening = [
        LiquidityEvent(0, "initialize", 0, 0, "0x0", 0, 0, sqrt_price_x96=state.sqrt_price_x96, tick=state.tick),
        LiquidityEvent(1, "mint", 0, 0, "0x1", 0, 1, tick_lower=-887270, tick_upper=887270, liquidity=state.liquidity),
    ]
    first = history.swaps[0]
    events = [
        replace(event, seq=seq, block_number=first.block_number, block_ts=first.block_ts)
        for seq, event in enumerate([*opening, first])
    ]
    born = replace(
        history,
        initial_state=replace(state, sqrt_price_x96=0, tick=0, liquidity=0, ticks=(), after=None),
        events=tuple(events),
        labels={2: Label("user", "test")},
        known_limits={},
        prices=(),
    )
    (order,) = outcomes_of(born)[1].orders
    assert order.filled
    assert order.bought == order.amm_out == order.standalone_out > 0
