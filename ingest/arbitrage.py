"""Tells arbitrageurs from traders by what their swaps do: where they stand in the block, and what came after.

Statistics over doubles: a class is a judgement, no amount depends on it but through who counts as an order.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from statistics import fmean, median, stdev
from typing import TYPE_CHECKING

from ingest.prices import pool_price
from ingest.routers import ROUTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.records import History, Swap

MARKOUT_S = 300
MARKOUT_MIN_SWAPS = 30
MARKOUT_MIN_T = 2.0
POSITION_MIN_SWAPS = 10
POSITION_MIN_SHARE = 0.5  # "mostly"
TOP_TX_INDEX = 10
DIRECTION_MIN_Z = 2.0  # against a fair coin
RESPONSE_QUANTILE = 0.9  # "large": a value in the history's upper tenth …
RESPONSE_MIN_RATIO = 0.5  # … and at least half of the swap that it answers
MANY_RECIPIENTS = 5
FINE_RESOLUTION_S = 60  # a coarser price series says nothing about the next 300 s


@dataclass(frozen=True, slots=True)
class PricePath:
    """The logarithm of the price (whole token1 per whole token0) over a history's swaps, and later on.

    ``before`` and ``paid`` are by the swap's place: the pool's price before it, and the price that it got.
    """

    times: tuple[int, ...]
    logs: tuple[float, ...]
    before: tuple[float, ...]
    paid: tuple[float | None, ...]
    source: str

    def at(self, ts: int) -> float | None:
        """The last price at or before a time."""
        place = bisect_right(self.times, ts) - 1
        return self.logs[place] if place >= 0 else None


def price_path(history: History) -> PricePath:
    """The reference price where it is fine enough for a 300-s markout, else the pool's own price."""
    swaps, pool = history.swaps, history.pool
    logs = [_log(pool_price(pool, swap)) for swap in swaps]
    start = history.initial_state
    first = _log(pool_price(pool, start)) if start.sqrt_price_x96 or start.reserve0 else (logs[0] if logs else 0.0)
    unit = 10.0 ** (pool.token1.decimals - pool.token0.decimals)
    paid = tuple(
        math.log(-swap.amount1 / swap.amount0 / unit) if swap.amount0 * swap.amount1 < 0 else None for swap in swaps
    )
    before = (first, *logs[:-1])
    points = history.prices
    if len(points) > 1 and median(b.ts - a.ts for a, b in pairwise(points)) <= FINE_RESOLUTION_S:
        reference = tuple(_log(Fraction(point.price)) for point in points)
        return PricePath(tuple(point.ts for point in points), reference, before, paid, "the reference price")
    own = tuple(swap.block_ts for swap in swaps)
    return PricePath(own, tuple(logs), before, paid, "the pool's own later price")


def arbitrage_senders(swaps: Sequence[Swap], path: PricePath) -> dict[str, str]:
    """Senders that arbitrage, each with the rule that tells. Public routers are never among them."""
    leads = _first_in_block(swaps)
    by_sender: dict[str, list[int]] = defaultdict(list)
    for place, swap in enumerate(swaps):
        if swap.sender is not None and swap.sender not in ROUTERS:
            by_sender[swap.sender].append(place)
    found: dict[str, str] = {}
    for sender, places in by_sender.items():
        rule = _position_rule(swaps, places, leads, path) or _markout_rule(swaps, places, path)
        if rule:
            found[sender] = rule
    return found


def _position_rule(swaps: Sequence[Swap], places: Sequence[int], leads: set[int], path: PricePath) -> str | None:
    if len(places) < POSITION_MIN_SWAPS or len({swaps[place].recipient for place in places}) > 1:
        return None
    top = sum(place in leads and swaps[place].tx_index <= TOP_TX_INDEX for place in places) / len(places)
    moves = [_drift(swaps[place], path.before[place], path) for place in places]
    signs = [move > 0 for move in moves if move]
    if top <= POSITION_MIN_SHARE or not signs:
        return None
    z = (2 * sum(signs) - len(signs)) / math.sqrt(len(signs))
    if z < DIRECTION_MIN_Z:
        return None
    return (
        f"arbitrage: one recipient, {top:.0%} of {len(places)} swaps at the top of the block, "
        f"{fmean(signs):.0%} in the direction of the next move ({path.source})"
    )


def _markout_rule(swaps: Sequence[Swap], places: Sequence[int], path: PricePath) -> str | None:
    markouts = [_drift(swaps[place], paid, path) for place in places if (paid := path.paid[place]) is not None]
    if len(markouts) < MARKOUT_MIN_SWAPS or not (spread := stdev(markouts)):
        return None
    t = fmean(markouts) / (spread / math.sqrt(len(markouts)))
    if t <= MARKOUT_MIN_T:
        return None
    return (
        f"arbitrage: {MARKOUT_S}-s markout of {1e4 * fmean(markouts):.1f} bps over {len(markouts)} swaps, "
        f"t = {t:.1f} ({path.source})"
    )


def _drift(swap: Swap, start: float, path: PricePath) -> float:
    """How far the price went on in the swap's direction within 300 s, as a logarithm."""
    later = path.at(swap.block_ts + MARKOUT_S)
    return 0.0 if later is None else (start - later if swap.zero_for_one else later - start)


def responses(swaps: Sequence[Swap], recipients: dict[str, int]) -> set[int]:
    """The ``seq`` of swaps that answer another: large, opposite, right behind it in the same block.

    Senders that serve many recipients are left out: what passes through them is their users' trade.
    """
    if not swaps:
        return set()
    sizes = sorted(abs(swap.amount1) for swap in swaps)
    large = sizes[int(RESPONSE_QUANTILE * (len(sizes) - 1))]
    return {
        swap.seq
        for earlier, swap in pairwise(swaps)
        if swap.block_number == earlier.block_number
        and swap.tx_hash != earlier.tx_hash
        and swap.zero_for_one != earlier.zero_for_one
        and abs(swap.amount1) >= max(large, RESPONSE_MIN_RATIO * abs(earlier.amount1))
        and swap.sender is not None
        and swap.sender not in ROUTERS
        and swap.sender != earlier.sender
        and recipients.get(swap.sender, 0) < MANY_RECIPIENTS
    }


def _first_in_block(swaps: Sequence[Swap]) -> set[int]:
    return {
        place for place, swap in enumerate(swaps) if place == 0 or swaps[place - 1].block_number != swap.block_number
    }


def _log(price: Fraction) -> float:
    return math.log(price.numerator) - math.log(price.denominator)
