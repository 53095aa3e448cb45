"""Order flows in the history store's DuckDB file: written in one transaction, read whole or in batches."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ingest import coverage_json
from ingest.database import WAIT_S, reading, writing
from ingest.errors import InputError
from ingest.flow import OrderFlow
from ingest.flow_table import SCHEMAS, to_intents, to_labels, to_trades
from ingest.naming import check_name, require_free

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import duckdb

    from ingest.flow_ingested import IngestedFlow
    from ingest.store import Written

TABLES = {"trade": "flow_trade", "intent": "flow_intent", "label": "flow_label"}
BATCH_ROWS = 1 << 16
FACTS = (
    "name", "content_id", "source", "formats", "unit", "amount_places", "exact", "lacks", "caveats", "counts",
    "coverage",
)  # fmt: skip
EXTENT = """
SELECT (SELECT count(*) FROM flow_trade WHERE flow_id = $1), (SELECT count(*) FROM flow_intent WHERE flow_id = $1),
    (SELECT count(*) FROM flow_trade WHERE flow_id = $1 AND aggregate),
    min(block_number), max(block_number), min(block_ts), max(block_ts)
FROM (SELECT block_number, block_ts FROM flow_trade WHERE flow_id = $1
    UNION ALL SELECT block_number, block_ts FROM flow_intent WHERE flow_id = $1)"""


@dataclass(frozen=True, slots=True)
class FlowSummary:
    """A stored flow without its rows. ``trades`` counts all, ``aggregates`` those of them that consist of others."""

    flow: OrderFlow
    trades: int
    aggregates: int
    intents: int
    first_block: int | None
    last_block: int | None
    first_ts: int | None
    last_ts: int | None
    created_ts: int


@dataclass(frozen=True, slots=True)
class StoredFlow:
    """A stored flow while a connection is open: its summary, and its rows in batches."""

    summary: FlowSummary
    flow_id: int
    connection: duckdb.DuckDBPyConnection

    def batches(self, table: str) -> Iterator[pa.RecordBatch]:
        """The rows of a table of ``flow_table.SCHEMAS``, in order; several may be read at a time."""
        query = f"SELECT {', '.join(SCHEMAS[table].names)} FROM {TABLES[table]} WHERE flow_id = ? ORDER BY seq"
        yield from self.connection.cursor().sql(query, params=[self.flow_id]).to_arrow_reader(BATCH_ROWS)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query gives, in which ``$flow`` is the flow's number."""
        return self.connection.execute(query, {"flow": self.flow_id}).fetchall()


class FlowStore:
    """The order flows of one DuckDB file. It keeps no connection; every call waits for the lock at most ``wait_s``."""

    def __init__(self, database: Path, wait_s: float = WAIT_S) -> None:
        self.database = database
        self.wait_s = wait_s

    def write(self, ingested: IngestedFlow, *, replace: bool = False) -> Written:
        """Stores a flow in one transaction, without ever holding all of it.

        The same content under the same name changes nothing. Other content under a name that is taken is refused,
        unless ``replace`` says that the new flow takes the old one's place.

        Raises:
            InputError: The name is taken by other content or by a history, or cannot be a name.
            StoreError: It cannot be written.
        """
        name = ingested.about.name
        check_name(name)
        with writing(self.database, self.wait_s) as connection:
            require_free(connection, name, "history")
            stored = connection.execute("SELECT flow_id, content_id FROM flow WHERE name = ?", [name]).fetchall()
            if stored and stored[0][1] == ingested.about.content_id:
                about = ingested.about  # the same rows may have been looked at more closely
                told = coverage_json.to_text(about.coverage)
                said = [json.dumps(about.caveats), json.dumps(about.counts), told, stored[0][0]]
                connection.execute("UPDATE flow SET caveats = ?, counts = ?, coverage = ? WHERE flow_id = ?", said)
                return "already stored"
            if stored and not replace:
                raise InputError(
                    f"the store already has another order flow {name!r}; give this one another name, "
                    "or say that it replaces the stored one",
                    field="name",
                )
            for flow_id, _ in stored:
                _delete(connection, flow_id)
            _insert(connection, ingested)
        return "replaced" if stored else "stored"

    def drop(self, name: str) -> None:
        """Removes a flow, if there is one of that name."""
        if self.find(name) is None:
            return
        with writing(self.database, self.wait_s) as connection:
            for (flow_id,) in connection.execute("SELECT flow_id FROM flow WHERE name = ?", [name]).fetchall():
                _delete(connection, flow_id)

    def load(self, name: str) -> OrderFlow:
        """A stored flow with all its rows.

        Raises:
            InputError: There is none of that name; the message lists those there are.
        """
        with self.open(name) as stored:
            batches = {table: list(stored.batches(table)) for table in SCHEMAS}
            about = stored.summary.flow
        facts = {field.name: getattr(about, field.name) for field in fields(OrderFlow)}
        labels = [pair for batch in batches["label"] for pair in to_labels(batch).items()]
        rows = {
            "trades": tuple(trade for batch in batches["trade"] for trade in to_trades(batch)),
            "intents": tuple(intent for batch in batches["intent"] for intent in to_intents(batch)),
            "labels": dict(labels),
        }
        return OrderFlow(**(facts | rows))

    @contextmanager
    def open(self, name: str) -> Iterator[StoredFlow]:
        """A stored flow for reading in batches; while it is open nobody can write.

        Raises:
            InputError: There is none of that name; the message lists those there are.
        """
        if self.database.exists():
            with reading(self.database, self.wait_s) as connection:
                found = _summaries(connection, "WHERE name = ?", [name])
                if found:
                    yield StoredFlow(found[0][1], found[0][0], connection)
                    return
        names = ", ".join(summary.flow.name for summary in self.summaries()) or "none yet"
        raise InputError(f"the store has no order flow {name!r}; it has: {names}", field="history")

    def find(self, name: str) -> FlowSummary | None:
        """The flow of that name, if there is one."""
        return next((summary for summary in self.summaries() if summary.flow.name == name), None)

    def summaries(self) -> tuple[FlowSummary, ...]:
        """What is stored, by name."""
        if not self.database.exists():
            return ()
        with reading(self.database, self.wait_s) as connection:
            return tuple(summary for _, summary in _summaries(connection, "", []))


def _summaries(connection: duckdb.DuckDBPyConnection, where: str, values: list[Any]) -> list[tuple[int, FlowSummary]]:
    extent = [field.name for field in fields(FlowSummary) if field.name != "flow"]
    query = f"SELECT flow_id, {', '.join((*FACTS, *extent))} FROM flow {where} ORDER BY name"
    found = []
    for flow_id, *row in connection.execute(query, values).fetchall():
        facts: dict[str, Any] = dict(zip(FACTS, row[: len(FACTS)], strict=True))
        facts |= {"formats": tuple(json.loads(facts["formats"])), "caveats": tuple(json.loads(facts["caveats"]))}
        facts |= {"counts": json.loads(facts["counts"]), "coverage": coverage_json.from_text(facts["coverage"])}
        found.append((flow_id, FlowSummary(OrderFlow(**facts), *row[len(FACTS) :])))
    return found


def _delete(connection: duckdb.DuckDBPyConnection, flow_id: int) -> None:
    for table in (*TABLES.values(), "flow"):
        connection.execute(f"DELETE FROM {table} WHERE flow_id = ?", [flow_id])


def _insert(connection: duckdb.DuckDBPyConnection, ingested: IngestedFlow) -> None:
    flow_id = connection.execute("SELECT coalesce(max(flow_id), 0) + 1 FROM flow").fetchall()[0][0]
    for table, name in TABLES.items():
        _insert_rows(connection, flow_id, ingested, table, name)
    about = ingested.about
    trades, intents, aggregates, *extent = connection.execute(EXTENT, [flow_id]).fetchall()[0]
    facts = [getattr(about, name) for name in FACTS if name != "coverage"]
    facts.append(coverage_json.to_text(about.coverage))
    values = [json.dumps(fact) if isinstance(fact, (tuple, dict)) else fact for fact in facts]
    names = ("flow_id", *FACTS, "trades", "intents", "aggregates", "first_block", "last_block", "first_ts", "last_ts")
    values = [flow_id, *values, trades, intents, aggregates, *extent, int(time.time())]
    marks = ", ".join("?" for _ in values)
    connection.execute(f"INSERT INTO flow ({', '.join(names)}, created_ts) VALUES ({marks})", values)


def _insert_rows(
    connection: duckdb.DuckDBPyConnection, flow_id: int, ingested: IngestedFlow, table: str, name: str
) -> None:
    """Writes a table's rows, numbered in the order in which they come."""
    schema = pa.schema([pa.field("seq", pa.int64()), *SCHEMAS[table]])

    def numbered() -> Iterator[pa.RecordBatch]:
        start = 0
        for batch in ingested.batches(table):
            seqs = pa.array(range(start, start + batch.num_rows), pa.int64())
            yield pa.RecordBatch.from_arrays([seqs, *batch.columns], schema=schema)
            start += batch.num_rows

    connection.register("incoming", pa.RecordBatchReader.from_batches(schema, numbered()))
    columns = ", ".join(schema.names)
    connection.execute(f"INSERT INTO {name} (flow_id, {columns}) SELECT ?, {columns} FROM incoming", [flow_id])
    connection.unregister("incoming")
