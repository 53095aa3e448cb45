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
    for flow in flows:
        token0 += flow.token0
        token1 += flow.token1
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
    prices: dict[bool, list[Fraction]] = {True: [], False: []}
    for sells_token0, sold, bought in trades:
        if sold and bought:
            prices[sells_token0].append(Fraction(bought, sold))
    widest = max((max(found) / min(found) for found in prices.values() if found), default=Fraction(1))
    return float(10_000 * (widest - 1))
