"""Other pools of the pair: their own histories go on beside the one that is replayed, exactly as they did."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.errors import InputError
from verify.audit import AuditReport, audit
from verify.plan import Place, place_of
from verify.venues.ranges import positions_needed
from verify.world import Opening, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.records import History
    from verify.fork.base import ForkBase
    from verify.trace import StateTrace


@dataclass(frozen=True, slots=True)
class Beside:
    """A pool beside the replayed history's own: its history, and what the audit kept of it."""

    history: History
    trace: StateTrace
    places: tuple[Place, ...] = field(repr=False)

    @property
    def blocks(self) -> tuple[int, int]:
        """The first and the last block at whose start the pool's state is known."""
        after, coverage = self.history.initial_state.after, self.history.coverage
        first = self.places[0][0] if after is None else after.block_number
        return first + 1, self.places[-1][0] if coverage is None else coverage.last_block

    def moment(self, place: Place) -> int:
        """How many of its events lie before a place of the chain."""
        return bisect_left(self.places, place)


def audit_beside(
    history: History, others: Sequence[History], base: ForkBase | None = None
) -> tuple[tuple[AuditReport, ...], tuple[Beside, ...]]:
    """Audits the histories of other pools, each in a world of its own; ``base`` is as in `verify.audit.audit`.

    Raises:
        InputError: One is of another pair or chain, or of other blocks than ``history``; else as `verify.audit.audit`.
    """
    world_of(history, *others, base=base)  # says what does not fit before much is done
    reports, found = [], []
    first, last = history.events[0].block_number, history.events[-1].block_number
    for other in others:
        report, trace = audit(other, base)
        reports.append(report)
        found.append(Beside(other, trace, tuple(map(place_of, other.events))))
        begins, ends = found[-1].blocks
        if begins > last or ends < first:
            raise InputError(
                f"its state is known from block {begins} to {ends}; {history.name} is of blocks {first} to {last}",
                field=other.name,
            )
    return tuple(reports), tuple(found)


def world_of(*histories: History, base: ForkBase | None = None) -> World:
    """A world of some histories' pools, each as its own history begins; on a fork, if there is one."""
    own, *beside = map(_opening, histories)
    return World.build(own.state, separate_positions=own.separate_positions, beside=beside, base=base)


def _opening(history: History) -> Opening:
    return Opening(history.initial_state, positions_needed(history.initial_state, history.events))
