"""Where events of a pool are missing: the stretch of blocks to fetch again, and why one knows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from ingest.records import Position

if TYPE_CHECKING:
    from ingest.records import Event, PoolState

MOST_GAPS = 10_000
"""So many are kept apart; what comes after them makes the last one longer."""


class Mark(NamedTuple):
    """A place in a history: how many events lie before it, and where on the chain the last of them is."""

    number: int
    block_number: int
    log_index: int | None = None

    def next(self, event: Event) -> Mark:
        """The place after one more event."""
        return Mark(self.number + 1, event.block_number, event.log_index)


def start_of(state: PoolState) -> Mark:
    """Where a state is; block 0 for one at the pool's creation."""
    return Mark(0, 0) if state.after is None else Mark(0, state.after.block_number, state.after.log_index)


def position_of(event: Event) -> Position:
    """Where an event is."""
    return Position(event.block_number, event.tx_hash, event.log_index)


@dataclass(frozen=True, slots=True)
class Gap:
    """Events are missing, or may be, in the blocks from ``after_block`` to ``before_block``, both included.

    ``after_log_index`` is the last event known to come before the gap, where its source numbers them; ``tx`` is the
    transaction of the event that shows it. ``after_block`` is 0 where all since the pool's creation is in question.
    """

    after_block: int
    before_block: int
    why: str
    after_log_index: int | None = None
    tx: str | None = None


class Findings:
    """A list of gaps that does not grow without end."""

    def __init__(self) -> None:
        self._found: list[Gap] = []

    def add(self, after: Mark, event: Event, why: str) -> None:
        """Notes that events are missing between a place and the event that shows it."""
        gap = Gap(after.block_number, event.block_number, why, after.log_index, event.tx_hash)
        if len(self._found) < MOST_GAPS:
            self._found.append(gap)
            return
        last = self._found[-1]
        first = min(last, gap, key=lambda one: one.after_block)
        self._found[-1] = replace(
            first, before_block=max(last.before_block, gap.before_block), why="many gaps, taken as one from here on"
        )

    def as_tuple(self) -> tuple[Gap, ...]:
        """All, in the order in which they were noticed."""
        return tuple(self._found)
