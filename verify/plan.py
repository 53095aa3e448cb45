"""From labelled history to batches: which orders settle where, on which state, after which news. Pure, no EVM."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.intents import NEWS_CLASSES, orders
from ingest.records import Event, FlowClass, History, Intent, Label, LiquidityEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Set

    from verify.conventions import Anchor


Place = tuple[int, int, int]
"""Where in the chain something happens: block, transaction in it, log in it."""

MOVES_POOL = frozenset({"initialize", "mint", "burn", "sync"})
"""Events without an order behind them that change what a swap would get."""


def place_of(event: Event) -> Place:
    """Where an event stands."""
    return event.block_number, event.tx_index, event.log_index


def start_of(block_number: int) -> Place:
    """The place before everything in a block."""
    return block_number, 0, 0


@dataclass(frozen=True, slots=True)
class Batch:
    """The orders of one window and the state that they settle on.

    ``orders`` are seqs in historical order. The anchor is the true state right before event ``start_seq``, plus the
    events ``news``, executed in order; other pools stand there as they did right before ``place``. ``sandwich_legs``
    are the seqs of the window's swaps that front- or back-ran.
    """

    window: int
    settle_block: int
    orders: tuple[int, ...]
    start_seq: int
    news: tuple[int, ...]
    place: Place
    sandwich_legs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A history as one labelling reads it.

    ``classes`` gives every swap's flow class and ``orders`` the intents that are settled, by seq; ``news`` are the seqs
    of the events that are news arriving (arbitrage, liquidity that is not just-in-time).
    """

    classes: Mapping[int, FlowClass]
    orders: Mapping[int, Intent]
    news: Set[int]
    sandwich_legs: tuple[int, ...]


def read(history: History, labels: Mapping[int, Label], jit_events: Set[int]) -> Reading:
    """Sorts a history's events into orders, news, and what is neither (sandwich legs, just-in-time liquidity)."""
    news, legs = set(), []
    for event in history.events:
        if isinstance(event, LiquidityEvent):
            if event.kind in MOVES_POOL and event.seq not in jit_events:
                news.add(event.seq)
        elif labels[event.seq].flow_class == "sandwich":
            legs.append(event.seq)
        elif labels[event.seq].flow_class in NEWS_CLASSES:
            news.add(event.seq)
    classes = {swap.seq: labels[swap.seq].flow_class for swap in history.swaps}
    return Reading(classes, {intent.seq: intent for intent in orders(history, labels)}, frozenset(news), tuple(legs))


def batches(history: History, reading: Reading, window_blocks: int, anchor: Anchor) -> tuple[Batch, ...]:
    """Cuts the orders into batches: windows are aligned to ⌊block / w⌋ and settle in their last block.

    A window without orders makes no batch.
    """
    events = history.events
    blocks = [event.block_number for event in events]
    orders_by_window = _by_window(events, reading.orders, window_blocks)
    legs_by_window = _by_window(events, reading.sandwich_legs, window_blocks)
    cut = []
    for window, members in orders_by_window.items():
        settle_block = (window + 1) * window_blocks - 1
        settle_start = bisect_left(blocks, settle_block)
        first_order = next((seq for seq in members if seq >= settle_start), None)
        news_end = settle_start if first_order is None else first_order
        start = settle_start if anchor == "settlement" else bisect_left(blocks, window * window_blocks)
        news = () if anchor == "window-start" else tuple(seq for seq in range(start, news_end) if seq in reading.news)
        place = start_of(settle_block) if first_order is None else place_of(events[first_order])
        if anchor == "window-start":
            place = start_of(window * window_blocks)
        cut.append(Batch(window, settle_block, members, start, news, place, legs_by_window.get(window, ())))
    return tuple(cut)


def _by_window(events: tuple[Event, ...], seqs: Iterable[int], window_blocks: int) -> dict[int, tuple[int, ...]]:
    grouped: dict[int, list[int]] = {}
    for seq in seqs:
        grouped.setdefault(events[seq].block_number // window_blocks, []).append(seq)
    return {window: tuple(members) for window, members in sorted(grouped.items())}
