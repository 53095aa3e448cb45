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
    """A place in a history, right after the event numbered from 1; 0 is where the history begins."""

    number: int
    block_number: int
    log_index: int | None = None
    tx_hash: str | None = None

    def next(self, event: Event) -> Mark:
        """The place after one more event."""
        return Mark(self.number + 1, event.block_number, event.log_index, event.tx_hash)

    def position(self) -> Position:
        """The same place on the chain alone."""
        return Position(self.block_number, self.tx_hash, self.log_index)


def start_of(state: PoolState) -> Mark:
    """Where a history from a state begins: in block 0 where that is the pool's creation."""
    after = state.after
    return Mark(0, 0) if after is None else Mark(0, after.block_number, after.log_index, after.tx_hash)


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
    """A list of gaps that does not grow without end.

    Args:
        joined: Whether a gap that begins inside the one before only makes that longer: the same hole, seen again.
    """

    def __init__(self, *, joined: bool = False) -> None:
        self._joined = joined
        self._found: list[Gap] = []
        self._after = self._until = 0

    def add(self, after: Mark, until: Mark, why: str) -> None:
        """Notes that events are missing, or may be, between two places."""
        if self._joined and self._found and self._after <= after.number < self._until:
            self._found[-1] = replace(self._found[-1], before_block=until.block_number)
        elif len(self._found) == MOST_GAPS:
            last = self._found[-1]
            after_block = min(last.after_block, after.block_number)
            why = "many gaps, taken as one from here on"
            self._found[-1] = Gap(after_block, until.block_number, why, tx=last.tx)
        else:
            self._found.append(Gap(after.block_number, until.block_number, why, after.log_index, until.tx_hash))
            self._after = after.number
        self._until = until.number

    def as_tuple(self) -> tuple[Gap, ...]:
        """All, in the order in which they were noticed."""
        return tuple(self._found)
