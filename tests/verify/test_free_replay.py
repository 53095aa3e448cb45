"""The free-running world: what it keeps from history, what it makes by itself, and what must hold whatever the rule."""

from __future__ import annotations

import functools
import math
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from decimal import Decimal, localcontext
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path

import pytest
from free_worlds import Bench, nothing_happens, pair, pool_v3, pool_v4, price_points
from hypothesis import given
from hypothesis import strategies as st
from rules import GREEDY, LAZY, bundled, written

from ingest.errors import InputError
from ingest.records import History, LiquidityEvent
from verify.findings import CandidateRejectedError
from verify.free.arbitrage import BestResponse, v2_optimum
from verify.free.live import LiveWorld
from verify.free.loss import arbitrage_loss
from verify.free.market import willing
from verify.free.replay import with_mechanism, without_mechanism
from verify.free.settle import LiveStage, changed_by_trades
from verify.market import load_config
from verify.outcomes import Flow
from verify.slots import v3_tick_slots
from verify.world import World

DATA = Path(__file__).resolve().parents[2] / "data"
SEQUENTIAL, AUCTION = bundled("Sequential")[0], bundled("CallAuction")[0]


def flows_of(run, party):
    found = [block.flows[party] for block in run.blocks if party in block.flows]
    return Flow(sum(flow.token0 for flow in found), sum(flow.token1 for flow in found))


@pytest.fixture(scope="module")
def v3(simulated):
    return Bench(simulated("demo-v3", blocks=150, seed=3), windows=(1, 4))


@pytest.fixture(scope="module")
def v2(simulated):
    return Bench(simulated("demo-v2", blocks=400, seed=3), windows=(1, 4))


@pytest.fixture(params=["demo-v2", "demo-v3"])
def either(request, v2, v3):
    return v2 if request.param == "demo-v2" else v3


# ---------------------------------------------------------------------- the control


@pytest.mark.parametrize("elasticity", [0, 1])
def test_sequential_in_its_own_block_makes_the_world_without_a_mechanism(either, elasticity):
    plain, run = either.plain(), either.run(SEQUENTIAL, elasticity=elasticity)
    assert [order.bought for order in run.orders] == [order.bought for order in plain.orders]
    assert [order.outside_out for order in run.orders] == [order.bought for order in plain.orders]
    assert run.arbitrages == plain.arbitrages
    assert len(plain.arbitrages) > 5
    assert {order.way for order in plain.orders} == {"amm"}
    assert not any(order.way == "amm" for order in run.orders)
    assert plain.unapplied == run.unapplied == ()


@pytest.mark.parametrize("rule", [*bundled(), LAZY], ids=lambda rule: rule.name)
@pytest.mark.parametrize("elasticity", [0, 1])
def test_in_every_block_what_one_party_gets_another_gives(either, rule, elasticity):
    """The pools' side is what their balances say, the others' what the fills say."""
    run = either.run(rule, window=4, elasticity=elasticity)
    assert len(run.blocks) > 30
    for block in run.blocks:
        assert sum(flow.token0 for flow in block.flows.values()) == 0
        assert sum(flow.token1 for flow in block.flows.values()) == 0
    assert sorted(order.seq for order in run.orders) == sorted(either.baseline.reading.orders)


# ---------------------------------------------------------------------- arbitrage and the liquidity providers' loss


@dataclass
class Watched(BestResponse):
    """The arbitrageur, with a note of what it met."""

    met: list = field(default_factory=list)

    def respond(self, world, moment, gas_price_wei):
        reserves = world.venue.reserves()
        found = super().respond(world, moment, gas_price_wei)
        self.met += [(reserves, moment, response.trade) for response in found]
        return found


def loss_before_fees(reserves, price, fee_pips=3000):
    """What a trade to the edge of the fee band takes from x·y = k at an outside price, without its fee, in token1.

    In closed form: the reserve of what is paid goes from x to √(γ·w·x·y), the other so that the product stays.
    """
    with localcontext() as context:
        context.prec = 60
        p = Decimal(price.numerator) / Decimal(price.denominator)
        kept = 1 - Decimal(fee_pips) / 10**6
        x, y = map(Decimal, reserves)
        after = (kept * x * y / p).sqrt()  # token0 is paid in up to here
        if after <= x:
            after = (x * y / (kept * p)).sqrt()  # token0 is taken out down to here
        return (x - after) * p + y - x * y / after


@pytest.fixture(scope="module")
def embedded_v2(simulated):
    """The whole embedded history of the pair."""
    config = load_config(DATA / "embedded.toml")["demo-v2"]
    return Bench(simulated("demo-v2", blocks=config.blocks, seed=config.seed))


@pytest.fixture(scope="module")
def watched(embedded_v2):
    arbitrageur = Watched()
    run = embedded_v2.run(SEQUENTIAL, arbitrageur=arbitrageur)
    return run, arbitrageur.met


def test_each_arbitrage_on_v2_is_the_closed_form_optimum_within_rounding(watched):
    run, met = watched
    assert [trade for _, _, trade in met] == list(run.arbitrages)
    assert len(met) > 10
    for reserves, moment, trade in met:
        assert v2_optimum(*reserves, moment.price, 3000) == (trade.zero_for_one, trade.spent)


def test_what_the_liquidity_providers_lose_before_fees_is_the_sum_of_the_arbitrages(watched, embedded_v2):
    """Their loss by the pair's balances against the closed form of every arbitrage."""
    run, met = watched
    lost = arbitrage_loss(run, embedded_v2.reference)
    predicted = sum(Fraction(loss_before_fees(reserves, moment.price)) * moment.value1 for reserves, moment, _ in met)
    assert lost.before_fees > 0
    assert abs(lost.before_fees / predicted - 1) < Fraction(1, 100)
    assert abs(lost.before_fees / predicted - 1) < Fraction(1, 10**6)  # what rounding to whole units leaves
    trades = {trade.block_number: trade for trade in run.arbitrages}
    alone = [block for block in run.blocks if block.flows.keys() == {"arbitrageurs", "liquidity_providers"}]
    assert alone
    for block in alone:
        trade = trades[block.number]
        sold, bought, fee = (trade.spent, -trade.received, trade.fee)
        assert block.flows["liquidity_providers"] == (Flow(sold, bought) if trade.zero_for_one else Flow(bought, sold))
        assert block.lp_fees == (Flow(fee, 0) if trade.zero_for_one else Flow(0, fee))


def test_without_liquidity_events_the_pairs_books_are_its_reserves(simulated):
    configs = load_config(DATA / "embedded.toml")
    calm = replace(configs["demo-v2"].liquidity, moves_per_block=0.0)
    bench = Bench(simulated("demo-v2", blocks=150, seed=5, liquidity=calm))
    stage = bench.stage(AUCTION)
    world = stage.world
    before = world.venue.reserves()
    run = with_mechanism(bench.market(), stage, 1, 0.0)
    grown = tuple(after - held for after, held in zip(world.venue.reserves(), before, strict=True))
    assert flows_of(run, "liquidity_providers") == grown != (0, 0)


# ---------------------------------------------------------------------- σ²/8


def driftless(steps, block_seconds, seed, day_volatility):
    """A martingale in lognormal steps, as decimal text."""
    import numpy as np

    random = np.random.default_rng(seed)
    step = day_volatility * math.sqrt(block_seconds / 86_400)
    logs = np.cumsum(step * random.standard_normal(steps) - step**2 / 2)
    return [f"{13_200 / 30_000_000 * math.exp(log):.18f}" for log in logs]


def alone(prices, block_seconds):
    """A pair that nobody trades with but arbitrage, under a price that changes in every block; gas is free."""
    state = pair()
    tokens = [replace(token, symbol=f"T{i}") for i, token in enumerate((state.pool.token0, state.pool.token1))]
    state = replace(state, pool=replace(state.pool, token0=tokens[0], token1=tokens[1]))
    points = [replace(point, ts=point.ts + (block_seconds - 12) * i) for i, point in enumerate(price_points(prices))]
    ends = [nothing_happens(0, 0), nothing_happens(1, len(prices) - 1)]
    events = tuple(replace(event, block_ts=points[event.block_number].ts) for event in ends)
    return History("alone", "0" * 64, "simulated", state, events, prices=tuple(points), price_source="test")


@pytest.mark.parametrize(
    ("block_seconds", "tolerance"),
    [(7200, 0.25), (600, 0.10), (60, 0.05)],
)
def test_the_loss_before_fees_of_liquidity_that_only_arbitrage_trades_with_goes_to_an_eighth_of_the_variance(
    block_seconds, tolerance
):
    """10 days in 2 paths at 10 % a day; the tolerance is some three standard errors of so many steps."""
    days, volatility = 10, 0.10
    ratios, kept, realised = [], [], []
    for seed in range(2):
        steps = days * 86_400 // block_seconds
        prices = driftless(steps, block_seconds, seed, volatility)
        bench = Bench(alone(prices, block_seconds))
        run = bench.plain()
        lost = arbitrage_loss(run, bench.reference)
        value = sum(float(pool_value(bench, row)) for row in run.reserves) / len(run.reserves)
        expected = volatility**2 / 8 * days * value
        ratios.append(float(lost.before_fees) / expected)
        realised.append(lost.closed_form / expected)
        fair = 13_200 / 30_000_000
        on_this_path = banded([float(price) / fair for price in prices]) * 2 * 13_200 * 10**18
        assert float(lost.before_fees) == pytest.approx(on_this_path, rel=0.005)  # fees make the pool grow by little
        kept.append(float(lost.before_fees - lost.fees) / expected)
    assert abs(sum(ratios) / len(ratios) - 1) < tolerance
    assert abs(sum(realised) / len(realised) - 1) < tolerance
    # With a fee the arbitrageur keeps less, the shorter the blocks: the rest is the liquidity providers' fee.
    most = {7200: 0.95, 600: 0.75, 60: 0.4}[block_seconds]
    assert 0 < sum(kept) / len(kept) < most


def banded(prices, fee_pips=3000):
    """The same loss for a pair worth 1 at P = 1, in doubles: the pool follows the price at the distance of its fee.

    On x·y = k of value V, going from ln(P/p) = D to the distance f takes V·(cosh(D/2) − cosh(f/2)) before fees.
    """
    edge = -math.log(1 - fee_pips / 10**6)
    pool, lost = 0.0, 0.0
    for price in prices:
        log = math.log(price)
        if abs(log - pool) > edge:
            lost += math.sqrt(price) * (math.cosh((log - pool) / 2) - math.cosh(edge / 2))
            pool = log - math.copysign(edge, log - pool)
    return lost


def pool_value(bench, row):
    block, reserve0, reserve1 = row
    value0, value1 = bench.reference.values(block)
    return reserve0 * value0 + reserve1 * value1


# ---------------------------------------------------------------------- users' outside option


@given(seq=st.integers(0, 10**9), low=st.floats(0, 1), high=st.floats(0, 1))
def test_who_is_willing_to_leave_is_so_at_any_higher_elasticity(seq, low, high):
    low, high = sorted((low, high))
    assert willing(seq, low) <= willing(seq, high)
    assert not willing(seq, 0)
    assert willing(seq, 1)


def test_the_elasticity_is_the_share_of_those_who_are_willing():
    shares = [sum(willing(seq, e) for seq in range(4000)) / 4000 for e in (0.1, 0.5, 0.9)]
    assert shares == pytest.approx([0.1, 0.5, 0.9], abs=0.03)


def test_nobody_stays_to_get_less_than_the_amm_would_give_but_who_does_not_look(v3):
    rule = bundled("FunctionMaximizing")[0]
    stay, some, all_look = (v3.run(rule, window=4, elasticity=e) for e in (0, 0.5, 1))
    worse = [
        [order.seq for order in run.orders if order.way != "amm" and order.bought < order.outside_out]
        for run in (stay, some, all_look)
    ]
    assert worse[0]
    assert worse[2] == []
    assert not any(willing(seq, 0.5) for seq in worse[1])
    left = [sum(order.way == "amm" for order in run.orders) for run in (stay, some, all_look)]
    assert left[0] == 0
    assert 0 < left[1] < left[2] < len(stay.orders)
    assert max(settlement.rounds for settlement in all_look.settlements) > 1


def test_in_longer_windows_who_stays_is_chosen_with_hindsight(v3):
    """The control does nothing for anybody; yet those who would stay with it, knowing the outcome, all did well."""
    gains = []
    for elasticity in (0, 1):
        stayed = [order for order in v3.run(SEQUENTIAL, 4, elasticity).orders if order.way == "mechanism"]
        gains.append(sum(order.bought / order.outside_out - 1 for order in stayed) / len(stayed))
    assert gains[1] > max(gains[0], 0)


@pytest.mark.parametrize("gone", [True, False], ids=["market orders", "what is asked"])
def test_on_the_amm_an_order_whose_limit_breaks_waits_until_the_others_have_run(v3, gone):
    by_block = {}
    for order in v3.plain().orders:
        by_block.setdefault((order.block_number, order.sells_token0), []).append(order)
    first, second = next(orders for orders in by_block.values() if len(orders) == 2)
    limits = v3.baseline.orders | {first.seq: replace(v3.baseline.orders[first.seq], limit=1 << 120)}
    market = replace(v3.market(), baseline=replace(v3.baseline, orders=limits))
    if gone:
        found = {order.seq: order.bought for order in without_mechanism(market, v3.world()).orders}
    else:
        run = with_mechanism(market, v3.stage(LAZY), 1, 0.0)
        found = {order.seq: order.outside_out for order in run.orders}
    assert found[second.seq] > second.bought
    assert 0 < found[first.seq] < first.bought


@pytest.mark.parametrize("elasticity", [-0.1, 1.5, math.nan])
def test_an_elasticity_that_is_no_share_is_refused(v3, elasticity):
    stage = v3.stage(LAZY)
    with pytest.raises(InputError, match="elasticity"):
        with_mechanism(v3.market(), stage, 1, elasticity)


# ---------------------------------------------------------------------- rules


COUNTING = written(
    "Counting",
    """
        IKernel kernel = IKernel(msg.sender);
        uint256 seen = kernel.load(0);
        kernel.store(0, seen + orders.length);
        if (seen % 2 == 0) {
            for (uint256 i; i < orders.length; ++i) {
                (uint256 spent, uint256 received,) = kernel.quote(0, orders[i].sellToken, orders[i].sellAmount);
                if (spent != orders[i].sellAmount || received < orders[i].minBuyAmount) continue;
                kernel.trade(0, orders[i].sellToken, orders[i].sellAmount, received);
                fills[i] = Fill(orders[i].sellAmount, received);
            }
        }
    """,
)
"""Serves a batch only where the number of orders that it has seen in its life is even."""


@pytest.mark.parametrize("elasticity", [0, 1])
def test_a_rule_keeps_its_state_from_settlement_to_settlement_and_forgets_what_was_taken_back(v3, elasticity):
    stage = v3.stage(COUNTING, window=4)
    run = with_mechanism(v3.market(), stage, 4, elasticity)
    seen = 0
    for settlement in run.settlements:
        here = [order for order in run.orders if order.block_number // 4 == settlement.window and order.way != "amm"]
        assert len(here) == settlement.order_count
        if seen % 2:
            assert settlement.filled == 0
        seen += settlement.order_count
    assert stage.state() == {0: seen}
    assert 0 < sum(settlement.filled == 0 for settlement in run.settlements) < len(run.settlements)


def test_a_rule_that_breaks_a_promise_is_turned_down(v3):
    with pytest.raises(CandidateRejectedError) as caught:
        v3.run(GREEDY)
    assert caught.value.findings[0].code == "below-limit"


def test_gas_of_a_settlement_that_filled_nobody_is_borne_by_those_who_waited(v3):
    run = v3.run(LAZY, window=4)
    amm = {order.seq: order for order in v3.plain().orders}
    for settlement in run.settlements:
        here = [order for order in run.orders if order.block_number // 4 == settlement.window]
        assert all(order.gas >= -(-settlement.gas // len(here)) + 60_000 for order in here)
    assert Counter(order.way for order in run.orders) == {"fallback": len(amm)}


# ---------------------------------------------------------------------- what lasts


def test_what_a_settlement_changed_is_all_that_it_changed(either):
    """Many swaps in both directions, over ticks and back, and donations: every slot, by comparison."""
    checked = []

    class Checking(LiveStage):
        def clear(self, prepared):
            world = self._world
            cleared = super().clear(prepared)
            address = self._kernels[world.fees]
            with world.anchor():
                self._settle(prepared, address, self._calldata(prepared, address))
                after = world.capture()
            assert world.capture() | cleared.changed == after
            checked.append(len(prepared.intents))
            return cleared

    for rule in (SEQUENTIAL, *bundled("FunctionMaximizing", "VolatilityDonation")):
        stage = either.stage(rule, window=4, kind=Checking)
        with_mechanism(either.market(), stage, 4, 0.0)
    assert max(checked) > 5


@pytest.mark.parametrize("state", [pool_v3(), pool_v4()], ids=["v3", "v4"])
@pytest.mark.parametrize("first", [True, False])
def test_ticks_that_were_crossed_and_crossed_back_are_among_what_changed(state, first):
    world = World.build(state)
    world.evm.set_block(5, 5)
    mark, logs = world.venue.mark(), []
    amounts = {True: 2_000_000 * 10**6, False: 800 * 10**18}  # some ten ticks
    with world.anchor():
        ticks = [world.tick()]
        for zero_for_one in (first, not first):
            world.swap(zero_for_one, amounts[zero_for_one])
            logs += world.evm.logs
            ticks.append(world.tick())
        changed, after = changed_by_trades(world.venue, mark, logs), world.capture()
    assert abs(ticks[1] - ticks[0]) > 20 > abs(ticks[2] - ticks[0])
    assert world.capture() | changed == after


def test_taking_back_leaves_no_trace(v3):
    world = v3.world()
    live = LiveWorld(world)
    before = world.capture()
    live.mark()
    for intent in list(v3.baseline.reading.orders.values())[:12]:
        _, _, changed = live.market_order(intent, 0)
        live.keep(changed)
    assert world.capture() != before
    live.rewind()
    assert world.capture() == before


def test_gas_is_that_of_cold_storage_whatever_happened_before(v3):
    """Every order of a run, sent alone in a fresh world at the state that it met, uses the same gas."""
    plain = v3.plain()
    world, fresh = v3.world(), v3.world()
    live = LiveWorld(world)
    LiveWorld(fresh)
    intents = v3.baseline.reading.orders
    first = plain.orders[:8]
    for order in first:
        world.evm.set_block(order.block_number, v3.reference.time(order.block_number))
        fresh.load({key: value for key, value in world.capture().items() if key[1] >= 0})
        fresh.evm.set_block(world.evm.block_number, world.evm.timestamp)
        received, gas, changed = live.market_order(intents[order.seq], 0)
        assert LiveWorld(fresh).market_order(intents[order.seq], 0)[:2] == (received, gas)
        live.keep(changed)


# ---------------------------------------------------------------------- liquidity


def test_liquidity_events_are_as_they_were_on_v3(simulated):
    """Behind the last event every tick has the liquidity that it has in history."""
    config = load_config(DATA / "embedded.toml")["demo-v3"]
    busy = replace(config.liquidity, moves_per_block=0.3, jit_share=0.0)
    bench = Bench(simulated("demo-v3", blocks=100, seed=8, liquidity=busy))
    world = bench.world()
    run = without_mechanism(bench.market(), world)
    assert run.unapplied == ()
    free, true = world.capture(), bench.trace.base | bench.trace.at(len(bench.trace))
    events = [event for event in bench.history.events if isinstance(event, LiquidityEvent)]
    assert Counter(event.kind for event in events).keys() == {"mint", "burn"}
    for event in events:
        for tick in (event.tick_lower, event.tick_upper):
            key = world.pool, v3_tick_slots(tick)[0]
            assert free[key] == true[key]


def test_a_burn_of_liquidity_that_is_not_there_is_named(v3):
    last = v3.history.events[-1]
    ghost = LiquidityEvent(
        last.seq + 1, "burn", last.block_number, last.block_ts, "0xfeed", 99, 99,
        tick_lower=-887_270, tick_upper=887_270, liquidity=1 << 100, amount0=1, amount1=1,
    )  # fmt: skip
    reading = replace(v3.baseline.reading, news=v3.baseline.reading.news | {ghost.seq})
    market = replace(
        v3.market(),
        history=replace(v3.history, events=(*v3.history.events, ghost)),
        baseline=replace(v3.baseline, reading=reading),
    )
    run = without_mechanism(market, v3.world())
    (missing,) = run.unapplied
    assert (missing.seq, missing.tx_hash, missing.place) == (ghost.seq, "0xfeed", 0)
    assert "reverted" in missing.why
    assert run.orders == v3.plain().orders


@given(
    amount0=st.integers(10**6, 10**13),
    off=st.fractions(Fraction(8, 10), Fraction(12, 10), max_denominator=1000),
)
def test_a_v2_mint_and_burn_move_the_same_share_of_the_pair(amount0, off):
    """In history the pair held its first reserves; here it holds others."""
    state = pair()
    world = _pair_world()
    live = LiveWorld(world)
    world.evm.set_block(7, 7)
    live.mark()
    moved = int(state.reserve0 * (off - 1))
    if moved:
        zero_for_one, amount = (True, moved) if moved > 0 else (False, -moved * state.reserve1 // state.reserve0)
        world.swap(zero_for_one, amount)
    held = world.venue.reserves()
    amount1 = amount0 * state.reserve1 // state.reserve0
    after = state.reserve0 + amount0, state.reserve1 + amount1
    event = LiquidityEvent(
        0, "mint", 7, 7, "0x", 0, 0, amount0=amount0, amount1=amount1, reserve0=after[0], reserve1=after[1]
    )  # fmt: skip
    try:
        assert live.apply(0, event) == ""
        for got, kept, amount, before in zip(
            world.venue.reserves(), held, (amount0, amount1), (state.reserve0, state.reserve1), strict=True
        ):
            assert got - kept == -(-amount * kept // before)
        burn = replace(event, kind="burn", reserve0=state.reserve0, reserve1=state.reserve1)
        assert live.apply(0, burn) == ""
        for got, kept in zip(world.venue.reserves(), held, strict=True):
            assert 0 <= got - kept <= 1 + kept // 10**12
    finally:
        world.load({})


@functools.cache
def _pair_world():
    return World.build(pair())


# ---------------------------------------------------------------------- determinism and several pools


def test_a_run_does_not_depend_on_what_its_process_did_before_or_which_it_is(v3):
    here = v3.run(AUCTION, window=4, elasticity=0.5)
    v3.run(LAZY)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        there = pool.submit(_elsewhere, v3.history).result()
    assert v3.run(AUCTION, window=4, elasticity=0.5) == here == there


def _elsewhere(history):
    return Bench(history, windows=(1, 4)).run(AUCTION, window=4, elasticity=0.5)


def test_arbitrage_brings_every_pool_of_the_pair_to_the_price(simulated):
    configs = load_config(DATA / "embedded.toml")
    tokens = {"base": configs["demo-v3"].base, "quote": configs["demo-v3"].quote}
    wild = replace(configs["demo-v3"].price, volatility_bps=20.0)
    bench = Bench(
        simulated("demo-v3", blocks=100, seed=3, price=wild),
        windows=(4,),
        others=(simulated("demo-v2", blocks=120, seed=4, first_block=17_999_990, **tokens),),
    )
    for run in (bench.plain(), bench.run(AUCTION, window=4)):
        assert Counter(trade.place for trade in run.arbitrages).keys() == {0, 1}
        for block in run.blocks:
            assert sum(flow.token0 for flow in block.flows.values()) == 0
            assert sum(flow.token1 for flow in block.flows.values()) == 0
        assert run.unapplied == ()
