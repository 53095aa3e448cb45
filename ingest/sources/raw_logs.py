"""Raw event logs of one pool as CSV: one line a log, topics as a list in text, data in hex.

Two dialects of the same thing: one has ``topics`` and ``data`` (also with the gas columns that a simulated market
adds), the other ``pool_topics`` and ``pool_data`` beside ``proxy_*`` columns, which repeat the position manager's log
of the same transaction and are not needed. Neither names the pool: that stands in the pool state file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.bignum import WORD_BYTES
from ingest.event_table import INTEGER_COLUMNS, SWAP
from ingest.sources.base import ParsedRows, Source
from ingest.sources.logs import MAX_TOPICS, Decoded, Logs, Part, decode
from ingest.sources.text import (
    Bools,
    Bytes,
    Int64s,
    TextTable,
    amounts,
    counters,
    from_hex,
    hashes,
    hex_bytes,
    missing_columns,
    read_tables,
    text_bytes,
    timestamps,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.records import Pool

TOPIC_CHARS = 69  # quote, 0x, 64 digits, quote, comma
MAX_TX_INDEX = 1 << 24
MAX_LOG_INDEX = 1 << 32
MAX_UINT256 = (1 << 256) - 1
GAS_USED, GAS_PRICE = GAS_COLUMNS = "gas_used", "effective_gas_price"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one dialect names what this reader needs."""

    tx_index: str
    log_index: str
    topics: str
    data: str

    @property
    def required(self) -> tuple[str, ...]:
        """The columns without which nothing can be read."""
        return (
            "block_number",
            "block_timestamp",
            "transaction_hash",
            self.tx_index,
            self.log_index,
            self.topics,
            self.data,
        )

    @property
    def fields(self) -> dict[str, str]:
        """Which field of the file a column of the events is read from."""
        in_topics = ("kind", "sender", "recipient", "owner", "tick_lower", "tick_upper")
        places = {
            "block_number": "block_number",
            "block_ts": "block_timestamp",
            "tx_hash": "transaction_hash",
            "tx_index": self.tx_index,
            "log_index": self.log_index,
        }
        return dict.fromkeys(INTEGER_COLUMNS, self.data) | dict.fromkeys(in_topics, self.topics) | places


PLAIN = Dialect("transaction_index", "log_index", "topics", "data")
PROXY = Dialect("pool_tx_index", "pool_log_index", "pool_topics", "pool_data")


def read(path: Path, pool: Pool, dialect: Dialect) -> Iterator[ParsedRows]:
    """Decodes one file of raw logs.

    Raises:
        InputError: Anything in the file is not exactly what it must be; names file, line and field.
    """
    for table in read_tables(path, dialect.required, GAS_COLUMNS):
        yield _decoded(table, pool, dialect)


def _decoded(table: TextTable, pool: Pool, dialect: Dialect) -> ParsedRows:
    topics, counts = _topics(table, dialect.topics)
    logs = Logs(
        {
            "block_number": counters(table, "block_number"),
            "block_ts": timestamps(table, "block_timestamp"),
            "tx_index": counters(table, dialect.tx_index, MAX_TX_INDEX),
            "log_index": counters(table, dialect.log_index, MAX_LOG_INDEX),
        },
        hashes(table, "transaction_hash"),
        topics,
        counts,
        hex_bytes(table, dialect.data),
    )
    fields = {"topics": dialect.topics, "data": dialect.data}

    def require(ok: Bools, part: Part, message: str, rows: Int64s | None = None) -> None:
        table.require(ok, fields[part], message, rows)

    found = decode(logs, pool, require)
    return ParsedRows(_with_gas(found, table), table.lines[found.rows], table.rows, ignored=found.ignored)


def _with_gas(found: Decoded, table: TextTable) -> pa.Table:
    """The events with what each swap's transaction paid, where the file tells."""
    events = found.events
    if GAS_USED in table.columns:
        events = _set(events, "gas_used", pa.array(counters(table, GAS_USED)[found.rows]))
    if GAS_PRICE in table.columns:
        prices = amounts(table, GAS_PRICE, 0, MAX_UINT256).take(pa.array(found.rows))
        events = _set(events, "gas_price_wei", prices)
    return events


def _set(events: pa.Table, name: str, values: pa.Array) -> pa.Table:
    """Puts a column into the rows that are swaps."""
    swaps = pc.equal(events["kind"], SWAP).combine_chunks()
    only = values.take(pc.if_else(swaps, pa.array(range(len(values))), None))
    return events.set_column(events.column_names.index(name), name, only)


def _topics(table: TextTable, field: str) -> tuple[Bytes, Int64s]:
    """Every log's topics (rows, 4, 32), zero where it has fewer, and how many it has."""
    tight = pc.replace_substring(pc.replace_substring(table.columns[field], "'", '"'), ", ", ",")
    lengths = pc.utf8_length(tight).to_numpy()
    counts = (lengths - 1) // TOPIC_CHARS
    message = "must be a list of 1 to 4 topics, each 0x and 64 hex digits in quotes"
    table.require(((lengths - 1) % TOPIC_CHARS == 0) & (counts >= 1) & (counts <= MAX_TOPICS), field, message)
    topics = np.zeros((table.rows, MAX_TOPICS, WORD_BYTES), dtype=np.uint8)
    for count in np.unique(counts).tolist():
        rows = np.flatnonzero(counts == count)
        characters = text_bytes(tight.take(pa.array(rows)), 1 + TOPIC_CHARS * count)
        frame = np.frombuffer(b"[" + b",".join([b'"0x' + b"#" * 64 + b'"'] * count) + b"]", np.uint8)
        fixed = frame != ord("#")
        values, hexadecimal = from_hex(characters[:, ~fixed])
        table.require((characters[:, fixed] == frame[fixed]).all(axis=1) & hexadecimal, field, message, rows)
        topics[rows, :count] = values.reshape(len(rows), count, WORD_BYTES)
    return topics, counts.astype(np.int64)


def _source(name: str, what: str, dialect: Dialect) -> Source:
    return Source(
        name,
        what,
        missing=lambda head: missing_columns(head, dialect.required),
        read=lambda path, pool: read(path, pool, dialect),
        fields=dialect.fields,
    )


SOURCE = _source("raw-logs", "raw logs of one pool as CSV (topics, data)", PLAIN)
PROXY_SOURCE = _source("raw-logs-proxy", "raw logs of one pool as CSV (pool_topics, pool_data, proxy_*)", PROXY)
