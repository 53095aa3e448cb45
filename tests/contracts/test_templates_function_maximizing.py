"""FunctionMaximizing against its definition: the pool's own price after the net trade, and where the surplus goes."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.contracts.templates_world import (
    PIPS,
    Ask,
    Market,
    Sides,
    fills_at,
    largest,
    market,
    named_batches,
    weigh,
)
from verify import slots as at

RULE = "FunctionMaximizing"
Q192 = 1 << 192


def worth_at(here: Market, sides: Sides, root: int) -> int:
    """What the heavier side is worth at the pool's price for one more unit, fee included, in whole units."""
    square = root * root
    amount = sides.heavy * square // Q192 if sides.heavy0 else sides.heavy * Q192 // square
    return amount * (PIPS - here.fee_pips) // PIPS


def after_selling(here: Market, sides: Sides, n: int) -> tuple[int, int]:
    """(what the pool pays for n, its root price then)."""
    with here.world.anchor():
        received = here.world.swap(sides.heavy0, n).received if n else 0
        return received, here.sqrt_price


def tolerance(sides: Sides, worth: int) -> int:
    """How far the balance (H - n) * m(n) = Y may be missed, in units of the heavier token."""
    return 4 + 4 * (sides.heavy // max(worth, 1) + 1) + (sides.heavy >> 24)


def test_a_net_amount_worked_out_by_hand():
    """Reserves of a million each; 40,000 token0 against 10,000 token1.

    After n the pair holds 10**6 + n and 10**12 / (10**6 + 0.997 n) and buys at m(n) = 0.997 * their quotient. The
    balance (40,000 - n) * m(n) = 10,000 is met by n = 29,365 (m = 0.9403): 10,635 * 0.9403 = 10,000. The pool pays
    28,444 for it, at p they are 27,612, and the difference of some 832 is the pool's.
    """
    here = market("v2 small")

    def marginal(n: int) -> float:
        return 0.997 * (10**12 / (10**6 + 0.997 * n)) / (10**6 + n)

    by_hand = max(range(40_000), key=lambda n: -abs((40_000 - n) * marginal(n) - 10_000))
    result = here.settle(RULE, [Ask(True, 30_000), Ask(True, 10_000), Ask(False, 10_000)])
    assert abs(result.trail.traded_in[0][0] - by_hand) <= 12
    price = marginal(by_hand)
    for (sold, bought), expected in zip(result.fills, (30_000 * price, 10_000 * price, 10_000 / price), strict=True):
        assert sold
        assert abs(bought - expected) <= 8
    paid = sum(bought for _, bought in result.fills[:2]) + result.residue[1]
    assert result.trail.donated == (0, 10_000 + result.received[1] - paid)
    assert 800 < result.trail.donated[1] < 860


@settings(max_examples=120, deadline=None)
@given(named_batches(limits=False))
@example(("v3 steps", [Ask(True, 10**19), Ask(False, 10**16), Ask(False, 3 * 10**17)]))
@example(("v3 cheap", [Ask(False, 10**19), Ask(True, 10**8)]))
def test_everybody_trades_at_the_price_after_the_net_trade(drawn):
    name, asks = drawn
    here = market(name)
    result = here.settle(RULE, asks)
    inside = [i for i, (sold, _) in enumerate(result.fills) if sold]
    if not inside:
        return
    batch = [asks[i] for i in inside]
    sides = weigh(here, batch)
    heavy, light = (0, 1) if sides.heavy0 else (1, 0)
    n, r = result.trail.traded_in[0][heavy], result.received[light]
    assert result.trail.traded_in[0][light] == 0
    received, root = after_selling(here, sides, n)
    assert r == received
    worth = worth_at(here, sides, root) if n else sides.light
    paid = -(-sides.light * sides.heavy // (sides.heavy - n)) if sides.light else min(worth, r)
    assert [result.fills[i] for i in inside] == fills_at(batch, sides.heavy0, paid, sides.heavy)
    # All of the surplus is the pool's; what is left over is the rounding of the fills.
    assert result.trail.donated[light] == sides.light + r - paid
    assert result.trail.donated[heavy] == 0
    on_heavy_side = sum(1 for ask in batch if ask.sells0 == sides.heavy0)
    assert result.residue[light] < on_heavy_side
    assert result.residue[heavy] <= len(batch) - on_heavy_side + sides.heavy // max(paid, 1) + 1
    if not n:
        return
    marginal = Fraction(root**2, Q192) ** (1 if sides.heavy0 else -1) * here.kept
    price = Fraction(paid, sides.heavy)
    if not sides.light:
        assert n == sides.heavy
        assert 0 <= marginal - price <= Fraction(2, sides.heavy) or paid == r
        return

    def excess_at(k: int) -> Fraction:
        """H - k - Y / m(k), negative also where the price could not be paid."""
        out, root_after = after_selling(here, sides, k)
        balance = -(-sides.light * sides.heavy // (sides.heavy - k))
        if balance > sides.light + out:
            return Fraction(-1)
        return sides.heavy - k - Fraction(sides.light * sides.heavy, max(1, worth_at(here, sides, root_after)))

    # p is the marginal price there, but for what the tolerance, or else one more unit, makes of it.
    assert excess_at(n) >= 0
    near = excess_at(n) <= tolerance(sides, worth) + 1
    assert near or excess_at(n + 1) < 1
    if near:
        assert -Fraction(2, sides.heavy) <= marginal - price
        off = Fraction(tolerance(sides, worth) + 2, sides.heavy - n)
        assert marginal - price <= marginal * off + Fraction(2, sides.heavy)
    # And n is the largest that is feasible.
    best = largest(lambda k: excess_at(k) >= 0, sides.bound)
    assert abs(best - n) <= 2 * tolerance(sides, worth) + 2


@settings(max_examples=60, deadline=None)
@given(named_batches(), st.randoms(use_true_random=False))
def test_limits_hold_and_the_order_of_the_batch_does_not_matter(drawn, rng):
    name, asks = drawn
    order = list(range(len(asks)))
    rng.shuffle(order)
    one, other = market(name).settle(RULE, asks), market(name).settle(RULE, asks, order)
    assert one.fills == other.fills
    assert (one.residue, one.trail.donated) == (other.residue, other.trail.donated)
    for ask, (sold, bought) in zip(asks, one.fills, strict=True):
        assert (sold, bought) == (0, 0) or (sold == ask.amount and bought >= max(ask.limit, 1))


def test_whose_limit_breaks_is_left_out_and_the_price_found_anew():
    here = market("v3 wide")
    unit = here.depth(of0=True) // 1000
    alone = here.settle(RULE, [Ask(True, unit)]).fills[0][1]
    assert alone < here.quote(True, unit).received  # the marginal price is worse than the average
    assert here.settle(RULE, [Ask(True, unit, alone)]).fills == ((unit, alone),)
    assert here.settle(RULE, [Ask(True, unit, alone + 1)]).fills == ((0, 0),)
    assert here.settle(RULE, [Ask(True, unit), Ask(True, unit, alone)]).fills == ((unit, alone), (0, 0))


@pytest.mark.parametrize("sells0", [True, False])
def test_the_surplus_reaches_the_liquidity_providers_of_a_v3_pool(sells0):
    here = market("v3 wide")
    kernel = here.kernel(RULE)
    growth = at.V3_FEE_GROWTH1 if sells0 else at.V3_FEE_GROWTH0  # of the token that the pool pays out: no swap fee
    with here.world.anchor():
        before = here.world.evm.storage(here.world.pool, growth)
        result = here.settle_on(kernel, [Ask(sells0, here.depth(of0=sells0) // 500)])
        after = here.world.evm.storage(here.world.pool, growth)
    donated = result.trail.donated[1 if sells0 else 0]
    assert donated > 0
    assert after - before == (donated << 128) // here.world.liquidity()


def test_the_surplus_reaches_the_liquidity_providers_of_a_v2_pair():
    here = market("v2 even")
    kernel, asks = here.kernel(RULE), [Ask(True, 10**18)]
    with here.world.anchor():
        here.world.swap(True, 10**18)
        root_k = here.world.liquidity()
    with here.world.anchor():
        result = here.settle_on(kernel, asks)
        with_donation = here.world.liquidity()
    assert result.trail.donated[1] > 0
    # Exactly the reserves after the swap, and the donation on top.
    reserve0, reserve1 = 10**21 + 10**18, 3 * 10**21 - here.quote(True, 10**18).received
    assert root_k == math.isqrt(reserve0 * reserve1)
    assert with_donation == math.isqrt(reserve0 * (reserve1 + result.trail.donated[1]))
