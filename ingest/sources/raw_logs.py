"""Raw event logs of one pool as CSV: one line a log, topics as a list in text, data in hex.

Two dialects of the same thing: one has ``topics`` and ``data`` (also with the gas columns that a simulated market
adds), the other ``pool_topics`` and ``pool_data`` beside ``proxy_*`` columns, which repeat the position manager's log
of the same transaction and are not needed. Neither names the pool: that stands in the pool state file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.event_table import INTEGER_COLUMNS, event_table
from ingest.sources.abi_events import BY_TOPIC0, WORD_BYTES, EventSpec, decoded, well_formed
from ingest.sources.base import ParsedFile, Source
from ingest.sources.text import (
    Bytes,
    Int64s,
    TextTable,
    amounts,
    counters,
    from_hex,
    hashes,
    missing_columns,
    read_table,
    text_bytes,
    timestamps,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.records import Pool

TOPIC_CHARS = 69  # quote, 0x, 64 digits, quote, comma
MAX_TOPICS = 4
MAX_TX_INDEX = 1 << 24
MAX_LOG_INDEX = 1 << 32
MAX_UINT256 = (1 << 256) - 1
GAS_COLUMNS = {"gas_used": "gas_used", "effective_gas_price": "gas_price_wei"}


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


def read(path: Path, content: bytes, pool: Pool, dialect: Dialect) -> ParsedFile:
    """Decodes one file of raw logs.

    Raises:
        InputError: Anything in the file is not exactly what it must be; names file, line and field.
    """
    table = read_table(path, content, dialect.required, tuple(GAS_COLUMNS))
    blocks = counters(table, "block_number")
    places = {
        "block_number": blocks,
        "block_ts": timestamps(table, "block_timestamp"),
        "tx_index": counters(table, dialect.tx_index, MAX_TX_INDEX),
        "log_index": counters(table, dialect.log_index, MAX_LOG_INDEX),
    }
    tx_hashes = hashes(table, "transaction_hash")
    gas = {to: amounts(table, name, 0, MAX_UINT256) for name, to in GAS_COLUMNS.items() if name in table.columns}
    topics, counts = _topics(table, dialect.topics)
    nothing = np.zeros(0, dtype=np.int64)
    parts = [event_table({name: values[nothing] for name, values in places.items()}, 0)]
    rows_of_parts = [nothing]
    ignored: dict[str, int] = {}
    for spec, rows in _by_event(table, dialect.topics, topics, counts, pool):
        words = _words(table, dialect, spec, rows, topics)
        if not spec.kind:
            ignored[spec.name] = len(rows)
            continue
        columns = _columns(table, dialect, spec, rows, words)
        columns |= {name: values[rows] for name, values in places.items()}
        columns |= {"kind": pa.array([spec.kind] * len(rows), pa.string()), "tx_hash": tx_hashes.take(pa.array(rows))}
        if spec.kind == "swap":
            columns["fee_pips"] = pa.array([str(pool.fee_pips)] * len(rows), pa.string())
            columns |= {name: values.take(pa.array(rows)) for name, values in gas.items()}
        parts.append(event_table(columns, len(rows)))
        rows_of_parts.append(rows)
    rows_by_kind = np.concatenate(rows_of_parts)
    back = np.argsort(rows_by_kind)
    kept = rows_by_kind[back]
    events = pa.concat_tables(parts).take(pa.array(back))
    order = np.stack([blocks[kept], places["log_index"][kept]], axis=1)
    return ParsedFile(events, kept + 2, order, table.rows, ignored=ignored, fields=dialect.fields)


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


def _by_event(
    table: TextTable, field: str, topics: Bytes, counts: Int64s, pool: Pool
) -> list[tuple[EventSpec, Int64s]]:
    """The rows of each known event; every row must be one, of the pool's own kind, with its number of topics."""
    found: list[tuple[EventSpec, Int64s]] = []
    known = np.zeros(table.rows, dtype=np.bool_)
    for topic0, spec in BY_TOPIC0.items():
        is_it = (topics[:, 0] == np.frombuffer(topic0, np.uint8)).all(axis=1)
        known |= is_it
        rows = np.flatnonzero(is_it)
        if not len(rows):
            continue
        if spec.venue != pool.kind:
            message = f"this is a {spec.venue} {spec.name} log, but the pool state file describes a {pool.kind} pool"
            table.fail(int(rows[0]), field, message)
        expected = len(spec.indexed) + 1
        table.require(counts[rows] == expected, field, f"a {spec.name} log has {expected} topics", rows)
        found.append((spec, rows))
    table.require(known, field, "this is no event of a Uniswap v2 pair or v3 pool; keep only the pool's own logs")
    return found


def _words(table: TextTable, dialect: Dialect, spec: EventSpec, rows: Int64s, topics: Bytes) -> Bytes:
    """The arguments of one event's logs, indexed ones first: (rows, arguments, 32), each well formed."""
    field = dialect.data
    width = 2 + 2 * WORD_BYTES * len(spec.data)
    texts = table.columns[field].take(pa.array(rows))
    message = f"the data of a {spec.name} log must be 0x and {width - 2} hex digits"
    table.require(pc.equal(pc.utf8_length(texts), width), field, message, rows)
    characters = text_bytes(texts, width)
    values, hexadecimal = from_hex(characters[:, 2:])
    prefixed = (characters[:, :2] == np.frombuffer(b"0x", np.uint8)).all(axis=1)
    table.require(hexadecimal & prefixed, field, message, rows)
    data = values.reshape(len(rows), len(spec.data), WORD_BYTES)
    words = np.concatenate([topics[rows, 1 : 1 + len(spec.indexed)], data], axis=1)
    for at, argument in enumerate((*spec.indexed, *spec.data)):
        place = dialect.topics if at < len(spec.indexed) else field
        message = f"argument {at + 1} of this {spec.name} log is no {argument.abi_type}"
        table.require(well_formed(words[:, at], argument.abi_type), place, message, rows)
    return words


def _columns(table: TextTable, dialect: Dialect, spec: EventSpec, rows: Int64s, words: Bytes) -> dict[str, Any]:
    """What one event's logs contribute to the event columns."""
    arguments = (*spec.indexed, *spec.data)
    found: dict[str, Any] = {
        argument.column: decoded(words[:, at], argument.abi_type)
        for at, argument in enumerate(arguments)
        if argument.column
    }
    if spec.venue == "v2" and spec.kind == "swap":
        for token in "01":
            paid_in, paid_out = (map(int, found.pop(f"{side}{token}").to_pylist()) for side in ("in", "out"))
            net = [a - b for a, b in zip(paid_in, paid_out, strict=True)]  # from the pair's side, as v3 has it
            fits = np.array([abs(amount) < 1 << 255 for amount in net], np.bool_)
            table.require(fits, dialect.data, "an amount of this Swap log is absurdly large", rows)
            found[f"amount{token}"] = pa.array(map(str, net), pa.string(), size=len(rows))
    return found


def _source(name: str, what: str, dialect: Dialect) -> Source:
    return Source(
        name,
        what,
        missing=lambda content: missing_columns(content, dialect.required),
        read=lambda path, content, pool: read(path, content, pool, dialect),
    )


SOURCE = _source("raw-logs", "raw logs of one pool as CSV (topics, data)", PLAIN)
PROXY_SOURCE = _source("raw-logs-proxy", "raw logs of one pool as CSV (pool_topics, pool_data, proxy_*)", PROXY)
