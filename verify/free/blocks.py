"""The blocks that a free-running replay has to look at, and what history puts into each. Pure, no EVM.

In a block where neither price, gas price, pool nor orders are others than in the one before, nothing can happen.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.labels import jit_events
from ingest.records import History, LiquidityEvent
from verify.audit import fees_in_force
from verify.plan import MOVES_POOL

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from verify.plan import Reading
    from verify.reference import Reference

Change = tuple[int, LiquidityEvent]
"""A liquidity event with its pool's place among the world's venues."""


@dataclass(frozen=True, slots=True)
class Block:
    """One block's outside events: liquidity before its first order and after it, and the seqs of its orders.

    ``fees_pips`` are the pools' fees in it.
    """

    number: int
    timestamp: int
    fees_pips: tuple[int, ...]
    before: tuple[Change, ...]
    orders: tuple[int, ...]
    after: tuple[Change, ...]


def schedule(
    history: History,
    reading: Reading,
    reference: Reference,
    settle_blocks: Iterable[int],
    beside: Sequence[History] = (),
    first_block: int = 0,
) -> tuple[Block, ...]:
    """Every block in which anything can happen, in order.

    Args:
        history: The replayed pool's.
        reading: Which of its swaps are orders; just-in-time liquidity is not replayed, as it answered one of them.
        reference: Prices and times.
        settle_blocks: Where windows settle.
        beside: Histories of the further pools of the world, in their order: their liquidity comes before the block's
            orders.
        first_block: Blocks before it are left out.
    """
    before: dict[int, list[Change]] = {}
    after: dict[int, list[Change]] = {}
    orders: dict[int, list[int]] = {}
    for place, other in enumerate(beside, start=1):
        jit = jit_events(other)
        for event in other.events:
            if isinstance(event, LiquidityEvent) and event.kind in MOVES_POOL and event.seq not in jit:
                before.setdefault(event.block_number, []).append((place, event))
    for event in history.events:
        if event.seq in reading.orders:
            orders.setdefault(event.block_number, []).append(event.seq)
        elif isinstance(event, LiquidityEvent) and event.seq in reading.news:
            (after if event.block_number in orders else before).setdefault(event.block_number, []).append((0, event))
    fees = [_fees_by_block(each) for each in (history, *beside)]
    event_blocks = [event.block_number for event in history.events]
    settle_blocks = tuple(settle_blocks)
    touched = {*event_blocks, *settle_blocks, *before}
    numbers = touched | {number + 1 for number in touched} | set(_price_blocks(history))
    last = max((event_blocks[-1], *settle_blocks))
    return tuple(
        Block(
            number,
            reference.time(number),
            tuple(each[bisect_left(blocks, number)] for blocks, each in fees),
            tuple(before.get(number, ())),
            tuple(orders.get(number, ())),
            tuple(after.get(number, ())),
        )
        for number in sorted(numbers)
        if max(first_block, event_blocks[0]) <= number <= last
    )


def _fees_by_block(history: History) -> tuple[list[int], list[int]]:
    """The blocks of a history's events, and the fee that is in force before each of them and at the end."""
    return [event.block_number for event in history.events], fees_in_force(history.events, history.pool.fee_pips)


def _price_blocks(history: History) -> Iterable[int]:
    """The blocks that a new point of the price series first holds in, by the times that `Reference.time` gives them."""
    blocks: list[int] = []
    times: list[int] = []
    for event in history.events:
        if not blocks or event.block_number != blocks[-1]:
            blocks.append(event.block_number)
            times.append(event.block_ts)
    for point in history.prices:
        right = bisect_left(times, point.ts)
        if 0 < right < len(times):
            # time(b) = t + ⌊(b − b₀)·seconds/span⌋ reaches the point's first at b₀ + ⌈(ts − t)·span/seconds⌉.
            span, seconds = blocks[right] - blocks[right - 1], times[right] - times[right - 1]
            yield blocks[right - 1] - (times[right - 1] - point.ts) * span // seconds
        elif right == 0:
            yield blocks[0]
