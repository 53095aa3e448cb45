"""A history's rows in the store's tables: written, read back and removed, inside whoever's transaction."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ingest import coverage_json
from ingest.event_table import COLUMNS, SCHEMA, SWAP, to_events
from ingest.pool_state import parse_pool_state, pool_state_document
from ingest.records import History, Label, PricePoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import duckdb

    from ingest.ingested import Ingested, Told

CONTENT_TABLES = ("event", "label", "known_limit", "price")
LOAD_QUERY = (
    "SELECT history_id, name, content_id, source, state, price_source, caveats, coverage FROM history WHERE name = ?"
)


def insert(
    connection: duckdb.DuckDBPyConnection,
    history: History | Ingested,
    told: History | Told,
    events: Iterable[pa.RecordBatch],
) -> None:
    """Writes a new history with all of its rows."""
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


def delete(connection: duckdb.DuckDBPyConnection, history_id: int) -> None:
    """Removes a history with all of its rows."""
    for table in (*CONTENT_TABLES, "history"):
        connection.execute(f"DELETE FROM {table} WHERE history_id = ?", [history_id])


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


def fetch(connection: duckdb.DuckDBPyConnection, history_id: int) -> dict[str, pa.Table]:
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


def assembled(row: Sequence[Any], tables: Mapping[str, pa.Table]) -> History:
    """The history of what `LOAD_QUERY` and `fetch` gave."""
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
