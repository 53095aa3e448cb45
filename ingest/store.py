"""Where histories and results are kept: one DuckDB file for history, plain files for results."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import platformdirs

from ingest import coverage_json, results
from ingest.content import content_id_of, events_digest
from ingest.database import WAIT_S, reading, writing
from ingest.errors import ChangedError, InputError, StoreError
from ingest.event_table import COLUMNS, from_events
from ingest.export import ExportFormat, export_history
from ingest.flow_store import FlowStore
from ingest.history_rows import LOAD_QUERY, assembled, delete, fetch, insert
from ingest.naming import check_name, require_free

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from ingest.ingested import Ingested, Told
    from ingest.naming import Kind
    from ingest.records import History, Source

Written = Literal["stored", "already stored", "replaced"]

STORE_VARIABLE = "PACTSMITH_STORE"
DATABASE = "history.duckdb"
RESULTS = "results"
SUMMARY_BIGNUMS = ("chain_id", "fee_pips", "first_block", "last_block", "created_ts")


def default_root() -> Path:
    """The store's folder: where PACTSMITH_STORE says, else the user's data folder."""
    return Path(os.environ.get(STORE_VARIABLE) or platformdirs.user_data_path("pactsmith"))


@dataclass(frozen=True, slots=True)
class HistorySummary:
    """What ``history list`` shows of a history, without its events."""

    name: str
    content_id: str
    source: Source
    pool_kind: str
    chain_id: int
    pool_address: str
    token0_symbol: str
    token1_symbol: str
    fee_pips: int
    events: int
    swaps: int
    first_block: int | None
    last_block: int | None
    created_ts: int


class Store:
    """A store in a folder. It keeps no connection: every call opens one, and waits for the lock at most ``wait_s``."""

    def __init__(self, root: Path, wait_s: float = WAIT_S) -> None:
        self.root = root
        self.wait_s = wait_s

    @property
    def database(self) -> Path:
        """The DuckDB file of histories and ledger."""
        return self.root / DATABASE

    @property
    def flows(self) -> FlowStore:
        """The order flows, which lie in the same file and share the histories' names."""
        return FlowStore(self.database, self.wait_s)

    def write_history(self, history: History, *, replace: bool = False, instead_of: History | None = None) -> Written:
        """Stores a history in one transaction.

        The same content under the same name changes nothing. Other content under a name that is taken is refused,
        unless ``replace`` says that the new one takes the old one's place, or ``instead_of`` is that old one.

        Raises:
            InputError: The name is taken by other content, or cannot be a name.
            ChangedError: What is stored is no longer what ``instead_of`` was made from.
            StoreError: The history's ``content_id`` is not that of its content, or it cannot be written.
        """
        if any(event.seq != place for place, event in enumerate(history.events)):
            raise StoreError(f"history {history.name!r}: its events are not numbered by their place")
        try:
            events = from_events(history.events).to_batches()
        except ValueError as error:
            raise StoreError(f"history {history.name!r}: {error}") from error
        content = content_id_of(
            history.initial_state, events_digest(events), history.labels, history.known_limits, history.prices
        )
        if history.content_id != content:
            raise StoreError(f"history {history.name!r}: its content_id does not fit its content; make it anew")
        return self._write(history, history, events, replace, instead_of)

    def write_ingested(
        self, ingested: Ingested, *, replace: bool = False, instead_of: History | None = None
    ) -> Written:
        """Stores what was ingested, without ever holding all of it; else as ``write_history``.

        Raises:
            InputError: The name is taken by other content, or cannot be a name.
            ChangedError: What is stored is no longer what ``instead_of`` was made from.
            StoreError: It cannot be written.
        """
        events = ingested.ordered.spool.batches(COLUMNS)
        return self._write(ingested, ingested.told, events, replace, instead_of)

    def _write(
        self,
        history: History | Ingested,
        told: History | Told,
        events: Iterable[pa.RecordBatch],
        replace: bool,
        instead_of: History | None,
    ) -> Written:
        check_name(history.name)
        with writing(self.database, self.wait_s) as connection:
            require_free(connection, history.name, "flow")
            query = "SELECT history_id, content_id, coverage FROM history WHERE name = ?"
            stored = connection.execute(query, [history.name]).fetchall()
            if instead_of is not None:
                _require_same(stored, instead_of)
            if stored and stored[0][1] == history.content_id:
                if told.coverage is not None:  # more blocks without an event
                    said = [json.dumps(told.caveats), coverage_json.to_text(told.coverage), stored[0][0]]
                    connection.execute("UPDATE history SET caveats = ?, coverage = ? WHERE history_id = ?", said)
                return "already stored"
            if stored and not replace and instead_of is None:
                raise InputError(
                    f"the store already has another history {history.name!r}; give this one another name, "
                    "or say that it replaces the stored one",
                    field="name",
                )
            for history_id, *_ in stored:
                delete(connection, history_id)
            insert(connection, history, told, events)
        return "replaced" if stored else "stored"

    def load_history(self, name: str) -> History:
        """A stored history, exactly as it was written.

        Raises:
            InputError: There is none of that name; the message lists those there are, or says that it is an order
                flow.
            StoreBusyError: A writer held the lock for the whole wait.
        """
        if self.database.exists():
            with reading(self.database, self.wait_s) as connection:
                rows = connection.execute(LOAD_QUERY, [name]).fetchall()
                tables = fetch(connection, rows[0][0]) if rows else {}
            if rows:
                return assembled(rows[0], tables)  # the lock is free again
        if (flow := self.flows.find(name)) is not None:
            raise InputError(f"{name!r} is an order flow and cannot be replayed: {flow.flow.lacks}", field="history")
        names = ", ".join(summary.name for summary in self.list_histories()) or "none yet"
        flows = ", ".join(summary.flow.name for summary in self.flows.summaries())
        beside = f"; order flows: {flows}" if flows else ""
        raise InputError(f"the store at {self.root} has no history {name!r}; it has: {names}{beside}", field="history")

    def find_history(self, name: str) -> History | None:
        """The history of that name, if there is one."""
        return self.load_history(name) if any(one.name == name for one in self.list_histories()) else None

    def require_free(self, name: str, kind: Kind) -> None:
        """Refuses a name for a history or a flow before there is one: what cannot be a name, or is the other kind's.

        Raises:
            InputError: It cannot be used.
        """
        check_name(name)
        if self.database.exists():
            with reading(self.database, self.wait_s) as connection:
                require_free(connection, name, "flow" if kind == "history" else "history")

    def list_histories(self) -> tuple[HistorySummary, ...]:
        """What is stored, by name."""
        if not self.database.exists():
            return ()
        names = [field.name for field in fields(HistorySummary)]
        query = f"SELECT {', '.join(names)} FROM history ORDER BY name"
        with reading(self.database, self.wait_s) as connection:
            rows = connection.execute(query).fetchall()
        found = [dict(zip(names, row, strict=True)) for row in rows]
        for row in found:
            row |= {name: int(row[name]) for name in SUMMARY_BIGNUMS if row[name] is not None}
        return tuple(HistorySummary(**row) for row in found)

    def export_history(self, name: str, folder: Path, file_format: ExportFormat) -> tuple[Path, ...]:
        """Writes a stored history as plain files; see ``ingest.export``."""
        return export_history(self.load_history(name), folder, file_format)

    def put_result(self, key: str, tables: Mapping[str, pa.Table], document: Mapping[str, Any]) -> None:
        """Stores an evaluation's result under its key; see ``ingest.results.put_result``."""
        results.put_result(self.root / RESULTS, key, tables, document)

    def get_result(self, key: str) -> results.StoredResult | None:
        """The sound result stored under a key, or None."""
        return results.get_result(self.root / RESULTS, key)

    def results(self) -> Iterator[results.StoredResult]:
        """All sound results, by key."""
        return results.results(self.root / RESULTS)


def _require_same(stored: Sequence[tuple[int, str, str | None]], read: History) -> None:
    """What is stored is what was read.

    Raises:
        ChangedError: It is not.
    """
    now = [(content_id, coverage_json.from_text(coverage)) for _, content_id, coverage in stored]
    if now != [(read.content_id, read.coverage)]:
        raise ChangedError(f"history {read.name!r} was changed by another process meanwhile; run again")
