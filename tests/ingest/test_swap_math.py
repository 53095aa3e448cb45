"""The arithmetic of v3's swaps, beside the protocol's published constants and rounding."""

from __future__ import annotations

from fractions import Fraction

import pytest
from concentrated_model import ConcentratedModel, amount0, amount1, div_up
from hypothesis import given
from hypothesis import strategies as st

from ingest import swap_math as math

PRICES = st.integers(math.MIN_SQRT_PRICE_X96, math.MAX_SQRT_PRICE_X96 - 1)
LIQUIDITY = st.integers(1, (1 << 128) - 1) | st.integers(1, 1000)


def test_the_prices_of_ticks_are_tickmaths():
    # MIN_SQRT_RATIO and MAX_SQRT_RATIO of TickMath; the factors of its first, a middle and the last bit.
    assert math.sqrt_price_at_tick(-887272) == 4295128739
    assert math.sqrt_price_at_tick(887272) == 1461446703485210103287273052203988822378723970342
    assert math.sqrt_price_at_tick(0) == 1 << 96
    assert math._FACTORS[0] == 0xFFFCB933BD6FAD37AA2D162D1A594001
    assert math._FACTORS[10] == 0xF3392B0822B70005940C7A398E4B70F3
    assert math._FACTORS[19] == 0x48A170391F7DC42444E8FA2
    for tick in (-887273, 887273):
        with pytest.raises(ValueError, match="outside"):
            math.sqrt_price_at_tick(tick)


@given(st.integers(-887272, 887272))
def test_a_ticks_price_is_its_power_to_the_precision_of_q96(tick):
    price = math.sqrt_price_at_tick(tick)
    error = abs(Fraction(price, 1 << 96) ** 2 / Fraction("1.0001") ** tick - 1) if abs(tick) < 2000 else 0
    assert error < Fraction(1, 10**24)
    if tick > -887272:
        assert math.sqrt_price_at_tick(tick - 1) < price


@given(PRICES, PRICES, LIQUIDITY)
def test_amounts_are_rounded_as_in_two_divisions(one, other, liquidity):
    low, high = sorted((one, other))
    for name, by_hand in (("amount0", amount0), ("amount1", amount1)):
        for way in ("up", "down"):
            assert getattr(math, f"{name}_{way}")(low, high, liquidity) == by_hand(low, high, liquidity, way == "up")


@given(PRICES, LIQUIDITY, st.integers(0, 1 << 200), st.booleans())
def test_prices_after_an_input_are_the_pools(price, liquidity, amount, down):
    pool = ConcentratedModel(1, 3000, 1 << 96)
    pool.price, pool.liquidity = price, liquidity
    assert math.price_after_input(price, liquidity, amount, down=down) == pool.moved_by_input(amount, down)


@given(PRICES, LIQUIDITY, st.integers(0, 1 << 100), st.booleans())
def test_prices_after_an_output_are_the_pools_or_the_end(price, liquidity, amount, down):
    pool = ConcentratedModel(1, 3000, 1 << 96)
    pool.price, pool.liquidity = price, liquidity
    after = math.price_after_output(price, liquidity, amount, down=down)
    if down:
        assert after == max(pool.moved_by_output(amount, True), math.MIN_SQRT_PRICE_X96)
    elif amount * price < liquidity << 96:
        assert after == pool.moved_by_output(amount, False)
    else:
        assert after == math.MAX_SQRT_PRICE_X96


@given(st.integers(0, 1 << 130), st.integers(0, 999_999))
def test_a_fee_on_top_is_its_share_of_the_whole_rounded_up(amount, fee_pips):
    assert math.fee_up(amount, fee_pips) == div_up(amount * fee_pips, 10**6 - fee_pips)
    assert math.fee_up(amount, 10**6) == amount


def test_a_range_is_worth_token0_below_both_inside_and_token1_above():
    low, high = math.sqrt_price_at_tick(-60), math.sqrt_price_at_tick(60)
    below = math.range_amounts(low - 1, -61, -60, 60, 10**18, up=True)
    inside = math.range_amounts(1 << 96, 0, -60, 60, 10**18, up=True)
    above = math.range_amounts(high, 60, -60, 60, 10**18, up=False)
    assert below == (amount0(low, high, 10**18, True), 0)
    assert inside == (amount0(1 << 96, high, 10**18, True), amount1(low, 1 << 96, 10**18, True))
    assert above == (0, amount1(low, high, 10**18, False))
