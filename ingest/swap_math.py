"""What a swap costs and where it ends, to the wei: Uniswap v3's TickMath, SqrtPriceMath and SwapMath, v4's too.

Prices are square roots of token1 per token0 in smallest units, times 2**96; ``low`` and ``high`` are two of them with
low < high. A name that ends in ``up`` or ``down`` says how a result is rounded to a whole unit. ``down`` as an
argument says that token0 is paid in, so that the price falls.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from functools import lru_cache

MIN_TICK, MAX_TICK = -887272, 887272
PIPS = 10**6
_TICK_BITS = 20
_DIGITS = 100
_MAX_UINT256 = (1 << 256) - 1
_CACHED_TICKS = 1 << 16


def _factors() -> tuple[int, ...]:
    """1.0001 ** (−2**i / 2) as fractions of 2**128, rounded to the nearest: the constants of TickMath."""
    with localcontext() as context:
        context.prec = _DIGITS
        factors, power = [], 1 / Decimal("1.0001").sqrt()
        for _ in range(_TICK_BITS):
            factors.append(int((power * (1 << 128)).to_integral_value()))
            power *= power
        return tuple(factors)


_FACTORS = _factors()


@lru_cache(maxsize=_CACHED_TICKS)
def sqrt_price_at_tick(tick: int) -> int:
    """The price at which a tick begins (TickMath.getSqrtRatioAtTick).

    Raises:
        ValueError: The tick lies outside those of Uniswap v3.
    """
    if not MIN_TICK <= tick <= MAX_TICK:
        raise ValueError(f"tick {tick} lies outside {MIN_TICK} to {MAX_TICK}")
    ratio = 1 << 128
    for bit, factor in enumerate(_FACTORS):
        if abs(tick) >> bit & 1:
            ratio = ratio * factor >> 128
    if tick > 0:
        ratio = _MAX_UINT256 // ratio
    return -(-ratio >> 32)


MIN_SQRT_PRICE_X96, MAX_SQRT_PRICE_X96 = sqrt_price_at_tick(MIN_TICK), sqrt_price_at_tick(MAX_TICK)


def amount0_up(low: int, high: int, liquidity: int) -> int:
    """Token0 between two prices: liquidity · 2**96 · (high − low) / (high · low)."""
    return -(-((liquidity << 96) * (high - low)) // (high * low))


def amount0_down(low: int, high: int, liquidity: int) -> int:
    """As ``amount0_up``, rounded down."""
    return (liquidity << 96) * (high - low) // (high * low)


def amount1_up(low: int, high: int, liquidity: int) -> int:
    """Token1 between two prices: liquidity · (high − low) / 2**96."""
    return -(-liquidity * (high - low) >> 96)


def amount1_down(low: int, high: int, liquidity: int) -> int:
    """As ``amount1_up``, rounded down."""
    return liquidity * (high - low) >> 96


def fee_up(amount_in: int, fee_pips: int) -> int:
    """The fee on top of an input that moves the price as far as it may go (a share of the input with its fee)."""
    return -(-amount_in * fee_pips // (PIPS - fee_pips)) if fee_pips < PIPS else amount_in


def price_after_input(price: int, liquidity: int, amount: int, *, down: bool) -> int:
    """Where an input without its fee moves the price, rounded so that the pool does not lose."""
    if not down:
        return price + (amount << 96) // liquidity
    whole = liquidity << 96
    if amount * price > _MAX_UINT256 or whole + amount * price > _MAX_UINT256:
        return -(-whole // (whole // price + amount))
    return -(-whole * price // (whole + amount * price))


def price_after_output(price: int, liquidity: int, amount: int, *, down: bool) -> int:
    """Where an output moves the price, rounded so that the pool does not lose; the end if it has not that much."""
    if down:
        return max(price + (-(amount << 96) // liquidity), MIN_SQRT_PRICE_X96)
    whole = liquidity << 96
    left = whole - amount * price
    return -(-whole * price // left) if left > 0 else MAX_SQRT_PRICE_X96


def range_amounts(
    sqrt_price_x96: int, tick: int, tick_lower: int, tick_upper: int, liquidity: int, *, up: bool
) -> tuple[int, int]:
    """The tokens that a position of this range and liquidity consists of, at a pool's price and tick.

    Uniswap v3's ``_modifyPosition``: rounded up for a mint, down for a burn.
    """
    low, high = sqrt_price_at_tick(tick_lower), sqrt_price_at_tick(tick_upper)
    amount0, amount1 = (amount0_up, amount1_up) if up else (amount0_down, amount1_down)
    if tick < tick_lower:
        return amount0(low, high, liquidity), 0
    if tick >= tick_upper:
        return 0, amount1(low, high, liquidity)
    return amount0(sqrt_price_x96, high, liquidity), amount1(low, sqrt_price_x96, liquidity)
