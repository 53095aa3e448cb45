"""The pool before the first block, and what prices and amounts of a configuration are in the pool's own units."""

from __future__ import annotations

import math
from collections import defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING

from ingest.records import Pool, PoolState, Position, TickLiquidity, Token
from verify import slots as at

if TYPE_CHECKING:
    from verify.market.config import MarketConfig

Q192 = 1 << 192
TICK_BASE = 1.0001
_ROUNDED_DIGITS = 6


def rounded(value: float) -> int:
    """A drawn amount as a whole number of six significant digits: free of the last bits of floating point."""
    digits = math.floor(math.log10(value)) if value >= 1 else 0
    step: int = 10 ** max(0, digits + 1 - _ROUNDED_DIGITS)
    return round(value / step) * step


def start_price(config: MarketConfig) -> Fraction:
    """The first price: smallest units of token1 for one smallest unit of token0."""
    return pool_price(config, Fraction(repr(config.price.start)))


def pool_price(config: MarketConfig, quote_per_base: Fraction) -> Fraction:
    """An exogenous price in whole tokens as a pool's: token1 for token0 in smallest units."""
    raw = quote_per_base * Fraction(10**config.quote.decimals, 10**config.base.decimals)
    return raw if base_is_token0(config) else 1 / raw


def base_is_token0(config: MarketConfig) -> bool:
    """Which of the two tokens has the lower address."""
    return int(config.base.address, 16) < int(config.quote.address, 16)


def initial_state(config: MarketConfig, address: str) -> PoolState:
    """The state before the first block, with the pool at this address."""
    tokens = [Token(token.address, token.symbol, token.decimals) for token in (config.base, config.quote)]
    token0, token1 = tokens if base_is_token0(config) else tokens[::-1]
    pool = Pool(
        config.pool.kind, config.chain_id, address, token0, token1, config.pool.fee_pips, config.pool.tick_spacing
    )
    after = Position(config.first_block - 1)
    depth = rounded(config.pool.depth * 10**config.quote.decimals)
    price = start_price(config)
    if config.pool.kind == "v2":
        other = round(depth / price if base_is_token0(config) else depth * price)
        reserve0, reserve1 = (other, depth) if base_is_token0(config) else (depth, other)
        return PoolState(pool, after, reserve0=reserve0, reserve1=reserve1)
    sqrt_price = math.isqrt(price.numerator * Q192 // price.denominator)
    tick = math.floor((math.log(price.numerator) - math.log(price.denominator)) / math.log(TICK_BASE))
    net: dict[int, int] = defaultdict(int)
    liquidity = 0
    for half_width, share in config.pool.bands:
        lower, upper = range_around(tick, round(half_width), config.pool.tick_spacing)
        part = liquidity_of(depth * share, sqrt_price, quote_is_token1=base_is_token0(config))
        net[lower] += part
        net[upper] -= part
        liquidity += part
    ticks = tuple(TickLiquidity(place, change) for place, change in sorted(net.items()) if change)
    return PoolState(pool, after, sqrt_price_x96=sqrt_price, tick=tick, liquidity=liquidity, ticks=ticks)


def range_around(tick: int, half_width: int, spacing: int) -> tuple[int, int]:
    """Usable ticks at least that far below and above; a half width of 0 is the full range."""
    if not half_width:
        last = at.MAX_TICK // spacing * spacing
        return -last, last
    return (tick - half_width) // spacing * spacing, -(-(tick + 1 + half_width) // spacing) * spacing


def liquidity_of(virtual_quote: float, sqrt_price_x96: int, *, quote_is_token1: bool) -> int:
    """The liquidity whose virtual reserve of the quote token is this much: y = L·√p, x = L/√p (Uniswap v3, 6.2)."""
    root = sqrt_price_x96 / 2**96
    return rounded(virtual_quote / root if quote_is_token1 else virtual_quote * root)
