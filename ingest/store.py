"""Where histories and results are kept: one DuckDB file for history, plain files for results."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import platformdirs
import pyarrow as pa

from ingest import coverage_json, results
from ingest.content import content_id_of, events_digest
from ingest.database import WAIT_S, reading, writing
from ingest.errors import ChangedError, InputError, StoreError
from ingest.event_table import COLUMNS, SCHEMA, SWAP, from_events, to_events
from ingest.export import ExportFormat, export_history
from ingest.flow_store import FlowStore
from ingest.naming import check_name, require_free
from ingest.pool_state import parse_pool_state, pool_state_document
from ingest.records import History, Label, PricePoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import duckdb

    from ingest.ingested import Ingested, Told
    from ingest.naming import Kind
    from ingest.records import Source

Written = Literal["stored", "already stored", "replaced"]

STORE_VARIABLE = "PACTSMITH_STORE"
DATABASE = "history.duckdb"
RESULTS = "results"
CONTENT_TABLES = ("event", "label", "known_limit", "price")
LOAD_QUERY = (
    "SELECT history_id, name, content_id, source, state, price_source, caveats, coverage FROM history WHERE name = ?"
)
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
                for table in (*CONTENT_TABLES, "history"):
                    connection.execute(f"DELETE FROM {table} WHERE history_id = ?", [history_id])
            _insert(connection, history, told, events)
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
                tables = _fetch(connection, rows[0][0]) if rows else {}
            if rows:
                return _assemble(rows[0], tables)  # the lock is free again
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


def _insert(
    connection: duckdb.DuckDBPyConnection,
    history: History | Ingested,
    told: History | Told,
    events: Iterable[pa.RecordBatch],
) -> None:
    history_id = connection.execute("SELECT coalesce(max(history_id), 0) + 1 FROM history").fetchall()[0][0]
    for_all = _insert_events(connection, history_id, events)
    pool = history.initial_state.pool
    values = {
        "history_id": history_id,
        "name": history.name,
        "content_id": history.content_id,
        "source": history.source,
        "pool_kind": pool.kind,
        "chain_id": str(pool.chain_id),
        "pool_address": pool.address,
        "token0_symbol": pool.token0.symbol,
        "token1_symbol": pool.token1.symbol,
        "fee_pips": str(pool.fee_pips),
        "state": json.dumps(pool_state_document(history.initial_state)),
        "price_source": told.price_source,
        "caveats": json.dumps(told.caveats),
        "coverage": coverage_json.to_text(told.coverage),
        "created_ts": str(int(time.time())),
        **for_all,
    }
    _append(connection, "history", pa.Table.from_pylist([values]), ())
    labels = [{"seq": seq, "flow_class": label.flow_class, "rule": label.rule} for seq, label in told.labels.items()]
    _append(connection, "label", pa.Table.from_pylist(labels), (), history_id)
    limits = [{"seq": seq, "min_buy_amount": str(limit)} for seq, limit in told.known_limits.items()]
    _append(connection, "known_limit", pa.Table.from_pylist(limits), ("min_buy_amount",), history_id)
    prices = [{"place": place, "ts": str(point.ts), "price": point.price} for place, point in enumerate(told.prices)]
    _append(connection, "price", pa.Table.from_pylist(prices), ("ts",), history_id)


def _insert_events(
    connection: duckdb.DuckDBPyConnection, history_id: int, batches: Iterable[pa.RecordBatch]
) -> dict[str, Any]:
    """Writes a history's events, numbered in the order in which they come; returns what its row says of them."""
    schema = pa.schema([pa.field("seq", pa.int64()), *SCHEMA])

    def numbered() -> Iterator[pa.RecordBatch]:
        start = 0
        for batch in batches:
            seqs = pa.array(np.arange(start, start + batch.num_rows))
            yield pa.RecordBatch.from_arrays([seqs, *batch.columns], schema=schema)
            start += batch.num_rows

    connection.register("incoming", pa.RecordBatchReader.from_batches(schema, numbered()))
    names = ", ".join(schema.names)
    connection.execute(f"INSERT INTO event (history_id, {names}) SELECT ?, {names} FROM incoming", [history_id])
    connection.unregister("incoming")
    query = (
        f"SELECT count(*) AS events, count(*) FILTER (kind = '{SWAP}') AS swaps, min(block_number) AS first_block, "
        "max(block_number) AS last_block FROM event WHERE history_id = ?"
    )
    row: dict[str, Any] = connection.sql(query, params=[history_id]).to_arrow_table().to_pylist()[0]
    return row | {name: None if row[name] is None else str(row[name]) for name in ("first_block", "last_block")}


def _append(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    rows: pa.Table,
    integers: Sequence[str],
    history_id: int | None = None,
) -> None:
    """Inserts rows by column name; ``integers`` are decimal text that becomes BIGNUM."""
    if not rows.num_rows:
        return
    if history_id is not None:
        rows = rows.append_column("history_id", pa.array([history_id] * rows.num_rows, pa.int64()))
    names = rows.column_names
    chosen = ", ".join(f"CAST({name} AS BIGNUM)" if name in integers else name for name in names)
    connection.register("incoming", rows)
    connection.execute(f"INSERT INTO {table} ({', '.join(names)}) SELECT {chosen} FROM incoming")
    connection.unregister("incoming")


def _fetch(connection: duckdb.DuckDBPyConnection, history_id: int) -> dict[str, pa.Table]:
    """The rows of a history in every table, integers as decimal text."""

    def rows(table: str, columns: Sequence[str], integers: Sequence[str], order: str) -> pa.Table:
        chosen = ", ".join(f"CAST({name} AS VARCHAR) AS {name}" if name in integers else name for name in columns)
        query = f"SELECT {chosen} FROM {table} WHERE history_id = ? ORDER BY {order}"
        return connection.sql(query, params=[history_id]).to_arrow_table()

    return {
        "event": rows("event", COLUMNS, (), "seq"),
        "label": rows("label", ("seq", "flow_class", "rule"), (), "seq"),
        "known_limit": rows("known_limit", ("seq", "min_buy_amount"), ("min_buy_amount",), "seq"),
        "price": rows("price", ("ts", "price"), ("ts",), "place"),
    }


def _assemble(row: Sequence[Any], tables: Mapping[str, pa.Table]) -> History:
    _, name, content_id, source, state, price_source, caveats, coverage = row
    labels, limits, prices = (tables[table].to_pydict() for table in ("label", "known_limit", "price"))
    return History(
        name=name,
        content_id=content_id,
        source=source,
        initial_state=parse_pool_state(json.loads(state)),
        events=to_events(tables["event"]),
        labels=dict(zip(labels["seq"], map(Label, labels["flow_class"], labels["rule"]), strict=True)),
        known_limits=dict(zip(limits["seq"], map(int, limits["min_buy_amount"]), strict=True)),
        prices=tuple(map(PricePoint, map(int, prices["ts"]), prices["price"])),
        price_source=price_source,
        caveats=tuple(json.loads(caveats)),
        coverage=coverage_json.from_text(coverage),
    )
