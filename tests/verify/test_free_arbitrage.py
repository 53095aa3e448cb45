"""The arbitrageur's best response, against closed forms, a walk of the ticks in plain arithmetic, and searches."""

from __future__ import annotations

import functools
from dataclasses import replace
from fractions import Fraction

import pytest
from free_worlds import pair, pool_v3, pool_v4
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import swap_math
from verify.free.arbitrage import BestResponse, profit, quiet_range, to_price, v2_optimum
from verify.free.between import BetweenPools
from verify.reference import Moment
from verify.venues.v2 import amount_out
from verify.world import Opening, World

PIPS = 10**6
FAIR = Fraction(13_200 * 10**18, 30_000_000 * 10**6)
"""Smallest units of ether for one of dollars, where the pair of `free_worlds` stands."""


def moment(price, wei_per_token1=1):
    """Prices with ether as numeraire; gas costs as many wei as it takes unless it is free."""
    gas = Fraction(wei_per_token1)
    return Moment(price=price, value0=price, value1=Fraction(1), token0_per_wei=gas / price, token1_per_wei=gas)


def gain(sells_token0, amount_in, reserves, price):
    """What a trade on a pair is worth in token1 at the outside price, exactly."""
    held, other = reserves if sells_token0 else reserves[::-1]
    received = amount_out(amount_in, held, other)
    return received - amount_in * price if sells_token0 else received * price - amount_in


# ---------------------------------------------------------------------- v2

RESERVES = st.integers(10**4, 10**30)
PRICES = st.fractions(Fraction(1, 10**12), Fraction(10**12), max_denominator=10**12)


@given(reserve0=RESERVES, reserve1=RESERVES, price=PRICES, fee_pips=st.sampled_from([0, 100, 3000, 10_000]))
def test_the_v2_optimum_is_the_closed_form_rounded_down_once(reserve0, reserve1, price, fee_pips):
    sells_token0, amount_in = v2_optimum(reserve0, reserve1, price, fee_pips)
    kept = PIPS - fee_pips
    held, other, worth = (reserve0, reserve1, 1 / price) if sells_token0 else (reserve1, reserve0, price)
    square = kept * PIPS * held * other * worth  # of (x + γ·in), times PIPS
    if amount_in:
        assert (PIPS * held + kept * amount_in) ** 2 <= square < (PIPS * held + kept * (amount_in + 1)) ** 2
    else:
        for one, two, value in ((reserve0, reserve1, 1 / price), (reserve1, reserve0, price)):
            assert kept * PIPS * one * two * value < (PIPS * one + kept) ** 2


@given(reserve0=RESERVES, reserve1=RESERVES, price=PRICES, share=st.fractions(0, 3))
def test_no_other_size_gains_more_on_a_pair_than_rounding_explains(reserve0, reserve1, price, share):
    sells_token0, amount_in = v2_optimum(reserve0, reserve1, price, 3000)
    reserves = reserve0, reserve1
    best = gain(sells_token0, amount_in, reserves, price)
    unit_in, unit_out = (price, 1) if sells_token0 else (1, price)
    for other in {int(amount_in * share), amount_in + 1, max(amount_in - 1, 0)}:
        assert gain(sells_token0, other, reserves, price) <= best + unit_in + unit_out


@pytest.mark.parametrize("off", [Fraction(9, 10), Fraction(99, 100), Fraction(11, 10)])
def test_the_genuine_pair_pays_the_closed_form_and_then_nothing_is_left(off):
    world = World.build(pair())
    world.evm.set_block(5, 5)
    reserves = world.venue.reserves()
    price = FAIR * off
    response = to_price(world, 0, price, 1)
    sells_token0, amount_in = v2_optimum(*reserves, price, 3000)
    trade = response.trade
    assert (trade.zero_for_one, trade.spent) == (sells_token0, amount_in)
    assert trade.received == amount_out(amount_in, *(reserves if sells_token0 else reserves[::-1]))
    assert trade.fee == -(-amount_in * 3000 // PIPS)
    assert world.venue.reserves() == reserves
    world.update(response.changed)
    after = to_price(world, 0, price, 1)
    assert after is None or profit(moment(price, 0), [after.trade]) <= 0


@pytest.mark.parametrize("off", [Fraction(9971, 10_000), Fraction(1), Fraction(10_029, 10_000)])
def test_within_the_fee_nobody_trades(off):
    world = World.build(pair())
    assert to_price(world, 0, FAIR * off, 1) is None
    assert BestResponse().respond(world, moment(FAIR * off, 0), 0) == []


def test_a_trade_happens_exactly_where_it_pays_after_its_gas():
    world = World.build(pair())
    price = FAIR * Fraction(995, 1000)
    response = to_price(world, 0, price, 1)
    most = int(profit(moment(price, 0), [response.trade]) / response.trade.gas)  # wei a unit of gas
    assert [r.trade.gas_price_wei for r in BestResponse().respond(world, moment(price), most)] == [most]
    assert BestResponse().respond(world, moment(price), most + 1) == []
    assert 60_000 < response.trade.gas < 150_000  # a transaction of its own on cold storage


def test_gas_without_a_price_costs_nothing():
    world = World.build(pair())
    price = FAIR * Fraction(996, 1000)
    free = replace(moment(price), token0_per_wei=None, token1_per_wei=None)
    assert len(BestResponse().respond(world, free, 10**18)) == 1


# ---------------------------------------------------------------------- v3 and v4


def walked(state, target, *, down):
    """(paid in with its fee, paid out) of going to a price tick by tick, in plain arithmetic.

    SwapMath.computeSwapStep: where a step ends at a tick or at the target its input is rounded up, so is the fee on top
    of it, and its output is rounded down.
    """
    price, liquidity, paid, got = state.sqrt_price_x96, state.liquidity, 0, 0
    ticks = {entry.tick: entry.liquidity_net for entry in state.ticks}
    ahead = sorted((t for t in ticks if (t <= state.tick) == down), reverse=down)
    for tick in [*ahead, None]:
        at = target if tick is None else swap_math.sqrt_price_at_tick(tick)
        stop = max(at, target) if down else min(at, target)
        low, high = min(price, stop), max(price, stop)
        if low < high and liquidity:
            one, two = (
                (swap_math.amount0_up, swap_math.amount1_down)
                if down
                else (swap_math.amount1_up, swap_math.amount0_down)
            )
            amount = one(low, high, liquidity)
            paid += amount + swap_math.fee_up(amount, state.pool.fee_pips)
            got += two(low, high, liquidity)
        price = stop
        if price == target and at != target:
            break
        if tick is not None:
            liquidity += -ticks[tick] if down else ticks[tick]
    return paid, got


@settings(deadline=None, max_examples=60)
@given(kind=st.sampled_from(["v3", "v4"]), bps=st.integers(-250, 250).filter(lambda bps: abs(bps) > 6))
def test_on_v3_and_v4_the_pool_walks_its_ticks_to_where_the_next_unit_costs_the_price(kind, bps):
    world = _world_with_ticks(kind)
    state = world.state
    price = Fraction(state.sqrt_price_x96**2, 1 << 192) * (10_000 + bps) / 10_000
    lowest, highest = quiet_range(price, 500)
    response = to_price(world, 0, price, 1)
    trade = response.trade
    down = bps < 0
    assert trade.zero_for_one is down
    assert (trade.spent, trade.received) == walked(state, highest if down else lowest, down=down)
    world.update(response.changed)
    try:
        assert world.price() == (highest if down else lowest)
        assert to_price(world, 0, price, 1) is None
        after = world.quote(down, 10**15 if not down else 10**7)
        worth = after.received - after.spent * price if down else after.received * price - after.spent
        assert worth <= 0
    finally:
        world.load({})


@functools.cache
def _world_with_ticks(kind):
    return World.build(pool_v3() if kind == "v3" else pool_v4())


@given(price=PRICES, fee_pips=st.sampled_from([100, 500, 3000, 10_000]))
def test_the_quiet_range_is_exactly_where_no_unit_gains(price, fee_pips):
    kept = Fraction(PIPS - fee_pips, PIPS)
    lowest, highest = quiet_range(price, fee_pips)
    assert lowest**2 >= price * kept * 2**192 > (lowest - 1) ** 2
    assert highest**2 <= price / kept * 2**192 < (highest + 1) ** 2


# ---------------------------------------------------------------------- several pools


def test_with_a_price_from_outside_each_pool_is_brought_there_by_itself():
    """Together they gain what each gains alone, and no change of any one of the trades gains more."""
    states = [pool_v3(), pair(), pool_v3("b5", 3000)]
    together = World.build(states[0], beside=[Opening(state) for state in states[1:]])
    price = FAIR * Fraction(96, 100)
    trades = [response.trade for response in BestResponse().respond(together, moment(price, 0), 1)]
    assert [trade.place for trade in trades] == [0, 1, 2]
    for trade, state in zip(trades, states, strict=True):
        alone = to_price(World.build(state), 0, price, 1).trade
        assert (trade.spent, trade.received) == (alone.spent, alone.received)
        best = profit(moment(price, 0), [trade])
        for amount in (trade.spent * 999 // 1000, trade.spent * 1001 // 1000):
            other = together.quote(trade.zero_for_one, amount, trade.place)
            worth = other.received - other.spent * price if trade.zero_for_one else other.received * price - other.spent
            assert worth <= best


def cycle_gain(first, second, bought0):
    """Token1 gained by buying exactly so much token0 from one pair and selling it to the other."""
    paid = -(-bought0 * first[1] * 1000 // ((first[0] - bought0) * 997))
    return amount_out(bought0, *second) - paid


def test_between_two_pairs_the_cycle_is_the_largest_that_pays():
    dear, cheap = pair(), pair(30_500_000 * 10**6, 12_800 * 10**18, "b4")
    world = World.build(dear, beside=[Opening(cheap)])
    found = BetweenPools().respond(world, moment(FAIR), 10**9)
    trades = [response.trade for response in found]
    left0 = sum(-t.spent if t.zero_for_one else t.received for t in trades)
    left1 = sum(t.received if t.zero_for_one else -t.spent for t in trades)
    assert len(trades) == 2
    assert 0 <= left0 <= 10  # of trades of some 10**11
    buy = next(t for t in trades if not t.zero_for_one)
    first, second = ((s.reserve0, s.reserve1) for s in ((dear, cheap) if buy.place == 0 else (cheap, dear)))
    low, high = 1, first[0] // 10
    while high - low > 2:  # a concave function
        left, right = low + (high - low) // 3, high - (high - low) // 3
        if cycle_gain(first, second, left) < cycle_gain(first, second, right):
            low = left
        else:
            high = right
    assert trades[0].gas - trades[1].gas == pytest.approx(21_000, abs=5_000)  # one transaction
    best = cycle_gain(first, second, low)
    slack = 12 * FAIR  # units of token0 that rounding may cost
    assert best - slack <= left1 <= best + slack


@pytest.mark.parametrize("second", [pair(address="b4"), pair(30_050_000 * 10**6, address="b4")])
def test_between_pools_within_their_fees_nothing_happens(second):
    world = World.build(pair(), beside=[Opening(second)])
    assert BetweenPools().respond(world, moment(FAIR, 0), 0) == []


def test_a_cycle_must_pay_for_its_gas_and_one_pool_has_none():
    dear, cheap = pair(), pair(30_500_000 * 10**6, 12_800 * 10**18, "b4")
    world = World.build(dear, beside=[Opening(cheap)])
    trades = [response.trade for response in BetweenPools().respond(world, moment(FAIR, 0), 1)]
    most = int(profit(moment(FAIR, 0), trades) / sum(trade.gas for trade in trades))
    assert BetweenPools().respond(world, moment(FAIR), most)
    assert BetweenPools().respond(world, moment(FAIR), most + 1) == []
    assert BetweenPools().respond(World.build(dear), moment(FAIR, 0), 0) == []
