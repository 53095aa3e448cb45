"""Small arithmetic of tokens that change hands."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from verify.outcomes import Flow

if TYPE_CHECKING:
    from collections.abc import Iterable

PIPS = 10**6


def total(flows: Iterable[Flow]) -> Flow:
    """The sum of flows, token by token."""
    token0 = token1 = 0
    for change0, change1 in flows:
        token0 += change0
        token1 += change1
    return Flow(token0, token1)


def taken(sells_token0: bool, sold: int, bought: int) -> Flow:
    """What a trade is to its trader."""
    return Flow(-sold, bought) if sells_token0 else Flow(bought, -sold)


def fee_of(sells_token0: bool, amount_in: int, fee_pips: int) -> Flow:
    """A trade's fee, rounded up, in the token that was paid in."""
    fee = -(-amount_in * fee_pips // PIPS)
    return Flow(fee, 0) if sells_token0 else Flow(0, fee)


def price_spread_bps(trades: Iterable[tuple[bool, int, int]]) -> float:
    """10⁴·(max price / min price − 1) of trades (sells token0, sold, bought) in one direction; the larger of both."""
    prices: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
    for sells_token0, sold, bought in trades:
        if sold and bought:
            prices[sells_token0].append((bought, sold))
    spreads = [_spread(found) for found in prices.values() if len(found) > 1]
    return float(10_000 * (max(spreads) - 1)) if spreads else 0.0


def _spread(prices: Iterable[tuple[int, int]]) -> Fraction:
    ordered = sorted(Fraction(bought, sold) for bought, sold in prices)
    return ordered[-1] / ordered[0]
