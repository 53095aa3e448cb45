"""A history on its way to the store: its events put in order, checked and identified, whatever brought them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.content import content_id_of, events_digest
from ingest.errors import InputError
from ingest.event_table import COLUMNS
from ingest.initial_state import start_after
from ingest.records import History
from ingest.sequence import put_in_order
from ingest.v2_reserves import attach_reserves

if TYPE_CHECKING:
    from ingest.records import Coverage, Label, PoolState, PricePoint, Source
    from ingest.spool import Spool


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the rows that a history was read from."""

    rows: int
    events: dict[str, int]
    duplicates: int
    out_of_order: int
    dropped_before_state: int
    ignored: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """What is told beside the events, or found out about them: see ``History``."""

    labels: dict[int, Label] = field(default_factory=dict)
    known_limits: dict[int, int] = field(default_factory=dict)
    unmatched_labels: int = 0
    prices: tuple[PricePoint, ...] = ()
    price_source: str = ""
    caveats: tuple[str, ...] = ()
    coverage: Coverage | None = None


@dataclass(frozen=True, slots=True)
class Ordered:
    """A pool's events in the spool, in order of execution from right after the initial state."""

    spool: Spool
    initial_state: PoolState
    counts: Counts
    first_block: int
    last_block: int


@dataclass(frozen=True, slots=True)
class Ingested:
    """A history whose events are still in the spool, all else at hand. ``formats`` are the kinds of its sources."""

    name: str
    content_id: str
    source: Source
    formats: tuple[str, ...]
    ordered: Ordered
    told: Told

    @property
    def initial_state(self) -> PoolState:
        """The state from which the events go on."""
        return self.ordered.initial_state

    @property
    def counts(self) -> Counts:
        """How it was read."""
        return self.ordered.counts

    @property
    def history(self) -> History:
        """The whole history as records, made anew at every call."""
        told = self.told
        return History(
            name=self.name,
            content_id=self.content_id,
            source=self.source,
            initial_state=self.initial_state,
            events=self.ordered.spool.events(),
            labels=told.labels,
            known_limits=told.known_limits,
            prices=told.prices,
            price_source=told.price_source,
            caveats=told.caveats,
            coverage=told.coverage,
        )


def in_order(
    spool: Spool, state: PoolState, *, numbered: bool = False, rows: int, ignored: dict[str, int] | None = None
) -> Ordered:
    """Puts a spool's events in order, from right after a state.

    Args:
        spool: With all events.
        state: Where the history starts.
        numbered: Whether their source numbers them, see ``ingest.sources.base``.
        rows: How many rows they were read from.
        ignored: Which of those became no event, by name.

    Raises:
        InputError: The events are not one chain that goes on from the state.
    """
    duplicates, out_of_order = put_in_order(spool, numbered=numbered)
    dropped = start_after(spool, state, numbered=numbered)
    ignored = dict(ignored or {})
    if state.pool.kind == "v2" and (idle := attach_reserves(spool, (state.reserve0, state.reserve1))):
        ignored["Sync without change"] = idle
    kinds = dict(spool.rows("SELECT kind, count(*) FROM ordered GROUP BY kind ORDER BY min(rowid)"))
    if not kinds:
        raise InputError("holds no event that changes the pool", file=spool.files[0])
    ((first, last),) = spool.rows("SELECT min(block_number), max(block_number) FROM ordered")
    return Ordered(spool, state, Counts(rows, kinds, duplicates, out_of_order, dropped, ignored), first, last)


def ingested(ordered: Ordered, told: Told, *, name: str, source: Source, formats: tuple[str, ...]) -> Ingested:
    """Gives ordered events their identity and name."""
    given = ordered.spool.digest
    digest = events_digest(ordered.spool.batches(COLUMNS)) if given is None else given.hexdigest()
    content = content_id_of(ordered.initial_state, digest, told.labels, told.known_limits, told.prices)
    return Ingested(name, content, source, formats, ordered, told)
