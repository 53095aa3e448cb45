"""Event logs of one pool, as columns of topics and data whatever file or node they came from, decoded into events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.bignum import WORD_BYTES, negated, nonzero
from ingest.event_table import PLACE_COLUMNS, SCHEMA, event_table
from ingest.sources.abi_events import BY_TOPIC0, EventSpec, Field, decoded, well_formed

if TYPE_CHECKING:
    from ingest.records import Pool
    from ingest.sources.text import Bools, Bytes, Int64s

MAX_TOPICS = 4
Part = Literal["topics", "data"]


class Require(Protocol):
    """Fails at the first row where ``ok`` is false, with the place of that log; ``rows`` maps ``ok`` to the rows."""

    def __call__(self, ok: Bools, part: Part, message: str, rows: Int64s | None = None) -> None:
        """Raises ``InputError`` unless all is well."""


@dataclass(frozen=True, slots=True)
class Logs:
    """Logs in their source's order. ``topics`` is (rows, 4, 32), zero where a log has fewer than ``topic_counts``.

    ``places`` are columns of ``ingest.event_table.PLACE_COLUMNS``; ``block_ts`` may be missing.
    """

    places: dict[str, Int64s]
    tx_hash: pa.BinaryArray
    topics: Bytes
    topic_counts: Int64s
    data: pa.BinaryArray

    def __len__(self) -> int:
        """How many logs there are."""
        return len(self.data)


@dataclass(frozen=True, slots=True)
class Decoded:
    """The events among some logs: ``rows`` tells which log each came from, ascending.

    ``ignored`` counts known logs that a replay does not need, by name.
    """

    events: pa.Table
    rows: Int64s
    ignored: dict[str, int]


def logs_of(table: pa.Table) -> Logs:
    """The logs of a table in the schema ``ingest.chain_tables.LOGS``, in its order."""
    table = table.combine_chunks()
    topics = np.zeros((table.num_rows, MAX_TOPICS, WORD_BYTES), np.uint8)
    counts = np.zeros(table.num_rows, np.int64)
    for place in range(MAX_TOPICS):
        column = table[f"topic{place}"].combine_chunks()
        there = np.asarray(column.is_valid(), np.bool_)
        values = np.frombuffer(column.buffers()[1] or b"", np.uint8)[WORD_BYTES * column.offset :]
        words = values.reshape(-1, WORD_BYTES)[: len(column)]
        if there.all():
            topics[:, place] = words
        else:
            topics[there, place] = words[there]
        counts += there
    names = [name for name in PLACE_COLUMNS if name != "block_ts" or not table[name].null_count]
    return Logs(
        {name: table[name].to_numpy() for name in names},
        table["tx_hash"].combine_chunks().cast(pa.binary()),
        topics,
        counts,
        table["data"].combine_chunks(),
    )


def decode(logs: Logs, pool: Pool, require: Require) -> Decoded:
    """Decodes logs, every one of which must be an event of the pool's own kind.

    Raises:
        InputError: A log is of an unknown event or another kind of pool, or is not properly encoded.
    """
    parts: list[pa.Table] = []
    rows_of_parts: list[Int64s] = []
    ignored: dict[str, int] = {}
    for spec, rows in _by_event(logs, pool, require):
        words = _words(logs, spec, rows, require)
        if not spec.kind:
            ignored[spec.name] = len(rows)
            continue
        columns = _columns(spec, words, rows, require)
        columns |= {name: values[rows] for name, values in logs.places.items()}
        columns["tx_hash"] = logs.tx_hash.take(pa.array(rows))
        if spec.kind == "swap" and "fee_pips" not in columns:
            columns["fee_pips"] = np.full(len(rows), pool.fee_pips)
        parts.append(event_table(columns, len(rows)))
        rows_of_parts.append(rows)
    if not parts:
        return Decoded(SCHEMA.empty_table(), np.zeros(0, np.int64), ignored)
    rows_by_kind = np.concatenate(rows_of_parts)
    events = pa.concat_tables(parts)
    if len(parts) > 1:
        back = np.argsort(rows_by_kind)
        events, rows_by_kind = events.take(pa.array(back)), rows_by_kind[back]
    return Decoded(events, rows_by_kind, ignored)


def _by_event(logs: Logs, pool: Pool, require: Require) -> list[tuple[EventSpec, Int64s]]:
    """The rows of each known event; every row must be one, of the pool's own kind, with its number of topics."""
    found: list[tuple[EventSpec, Int64s]] = []
    known = np.zeros(len(logs), dtype=np.bool_)
    first = np.ascontiguousarray(logs.topics[:, 0]).view(">u8")[:, 0]  # tells almost all events apart
    for topic0, spec in BY_TOPIC0.items():
        rows = np.flatnonzero(first == int.from_bytes(topic0[:8], "big"))
        rows = rows[(logs.topics[rows, 0] == np.frombuffer(topic0, np.uint8)).all(axis=1)]
        if not len(rows):
            continue
        known[rows] = True
        message = f"this is a {spec.venue} {spec.name} log, but the pool state file describes a {pool.kind} pool"
        require(np.full(len(rows), spec.venue == pool.kind), "topics", message, rows)
        expected = len(spec.indexed) + 1
        require(logs.topic_counts[rows] == expected, "topics", f"a {spec.name} log has {expected} topics", rows)
        found.append((spec, rows))
    require(known, "topics", "this is no event of a Uniswap pool; keep only the pool's own logs")
    return found


def _words(logs: Logs, spec: EventSpec, rows: Int64s, require: Require) -> list[Bytes]:
    """The arguments of one event's logs, indexed ones first, each well formed: words (rows, 32)."""
    width = WORD_BYTES * len(spec.data)
    data = logs.data if len(rows) == len(logs) else logs.data.take(pa.array(rows))
    message = f"the data of a {spec.name} log must be 0x and {2 * width} hex digits"
    require(np.asarray(pc.equal(pc.binary_length(data), width), np.bool_), "data", message, rows)
    start = np.frombuffer(data.buffers()[1], np.int32)[data.offset]
    values = np.frombuffer(data.buffers()[2] or b"", np.uint8, len(rows) * width, start)
    values = values.reshape(len(rows), len(spec.data), WORD_BYTES)
    topics = logs.topics if len(rows) == len(logs) else logs.topics[rows]
    words = [topics[:, at] for at in range(1, 1 + len(spec.indexed))] + [values[:, at] for at in range(len(spec.data))]
    for at, (argument, word) in enumerate(zip(spec.arguments, words, strict=True)):
        part: Part = "topics" if at < len(spec.indexed) else "data"
        message = f"argument {at + 1} of this {spec.name} log is no {argument.abi_type}"
        require(well_formed(word, argument.abi_type), part, message, rows)
    return words


def _columns(spec: EventSpec, words: list[Bytes], rows: Int64s, require: Require) -> dict[str, Any]:
    """What one event's logs contribute to the event columns."""
    named = {argument.column: (argument, word) for argument, word in zip(spec.arguments, words, strict=True)}
    kinds = np.full(len(rows), spec.kind)
    if (spec.venue, spec.kind) == ("v2", "swap"):
        for token in "01":
            (_, paid_in), (_, paid_out) = named.pop(f"in{token}"), named.pop(f"out{token}")
            net, fits = _net(paid_in, paid_out)  # from the pair's side, as v3 has it
            require(fits, "data", "an amount of this Swap log is absurdly large", rows)
            named[f"amount{token}"] = Field("int256", f"amount{token}"), net
    elif (spec.venue, spec.kind) == ("v4", "swap"):
        for name in ("amount0", "amount1"):  # v4 tells them from the trader's side
            argument, given = named[name]
            named[name] = argument, negated(given, nonzero(given))
    elif spec.name == "ModifyLiquidity":
        argument, change = named["liquidity"]
        removed = change[:, 0] >= 128
        kinds = np.where(removed, "burn", "mint")
        named["liquidity"] = argument, negated(change, removed)
    columns: dict[str, Any] = {name: decoded(values, argument) for name, (argument, values) in named.items() if name}
    return columns | {"kind": pa.array(kinds.tolist(), pa.string())}


def _net(paid_in: Bytes, paid_out: Bytes) -> tuple[Bytes, Bools]:
    """In less out as signed words (rows, 32), and which rows fit into one."""
    some_in, some_out = nonzero(paid_in), nonzero(paid_out)
    fits = (paid_in[:, 0] < 128) & (paid_out[:, 0] < 128)
    net = np.where(some_in[:, None], paid_in, negated(paid_out, some_out))
    for row in np.flatnonzero(some_in & some_out & fits).tolist():
        amount = int.from_bytes(paid_in[row].tobytes(), "big") - int.from_bytes(paid_out[row].tobytes(), "big")
        net[row] = np.frombuffer(amount.to_bytes(WORD_BYTES, "big", signed=True), np.uint8)
    return net, fits
