"""A history on its way to the store: its events put in order, checked and identified, whatever brought them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from ingest.content import content_id_of
from ingest.errors import InputError
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
    """A pool's events in the spool, in order of execution from right after the initial state.

    ``blocks`` and ``times`` (Unix seconds) are the first and the last event's.
    """

    spool: Spool
    initial_state: PoolState
    counts: Counts
    blocks: tuple[int, int]
    times: tuple[int, int]


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
    if not spool.num_rows:
        raise InputError("holds no event that changes the pool", file=spool.files[0])
    kinds: Counter[str] = Counter()
    blocks: list[int] = []
    times: list[int] = []
    for batch in spool.batches(("kind", "block_number", "block_ts")):
        kinds.update({each["values"]: each["counts"] for each in pc.value_counts(batch["kind"]).to_pylist()})
        blocks += batch["block_number"][0].as_py(), batch["block_number"][-1].as_py()
        times += batch["block_ts"][0].as_py(), batch["block_ts"][-1].as_py()
    counts = Counts(rows, dict(kinds), duplicates, out_of_order, dropped, ignored)
    return Ordered(spool, state, counts, (blocks[0], blocks[-1]), (times[0], times[-1]))


def ingested(ordered: Ordered, told: Told, *, name: str, source: Source, formats: tuple[str, ...]) -> Ingested:
    """Gives ordered events their identity and name."""
    content = content_id_of(ordered.initial_state, ordered.spool.digest(), told.labels, told.known_limits, told.prices)
    return Ingested(name, content, source, formats, ordered, told)
