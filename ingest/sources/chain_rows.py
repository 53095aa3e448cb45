"""What chain exporters write (cryo, ethereum-etl): rows of the chain's own tables, and a pool's history out of them.

An exporter's module says how its files name the columns (``Layout``) and how their values are read (``Columns``).
The rest is the same for all: a table of ``ingest.chain_tables``, or the pool's events with what other tables of the
chain add to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NoReturn, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.chain_tables import BLOCKS, LOGS, TRANSACTIONS
from ingest.errors import InputError
from ingest.event_table import AMOUNT_COLUMNS, COLUMNS, SCHEMA, to_bytes
from ingest.sources.base import ParsedRows
from ingest.sources.logs import decode, logs_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from ingest.records import Pool
    from ingest.sources.logs import Part
    from ingest.sources.text import Bools, Int64s

Kind = Literal["logs", "blocks", "transactions", "receipts", "token_transfers"]

RECEIPTS = pa.schema(
    [TRANSACTIONS.field(name) for name in ("tx_hash", "block_number", "tx_index", "succeeded")]
    + [pa.field("gas_used", pa.int64(), nullable=False), TRANSACTIONS.field("gas_price_wei")]
)
"""What receipts alone tell of transactions."""

TOKEN_TRANSFERS = pa.schema(
    [LOGS.field(name) for name in ("block_number", "block_ts", "tx_hash", "log_index")]
    + [
        pa.field("token", pa.binary(20), nullable=False),
        pa.field("sender", pa.binary(20), nullable=False),
        pa.field("recipient", pa.binary(20), nullable=False),
        pa.field("value", pa.string(), nullable=False),  # an ERC-721 token's number, where the token is one
    ]
)
"""Transfer logs, decoded."""

SCHEMAS: dict[Kind, pa.Schema] = {
    "logs": LOGS,
    "blocks": BLOCKS,
    "transactions": TRANSACTIONS,
    "receipts": RECEIPTS,
    "token_transfers": TOKEN_TRANSFERS,
}
TOPICS = ("topic0", "topic1", "topic2", "topic3")

BLOCK_TS = LOGS.field("block_ts")
BLOCK_TIMES = pa.schema([BLOCKS.field("block_number"), BLOCKS.field("block_ts")])
COSTS = pa.schema([TRANSACTIONS.field(name) for name in ("tx_hash", "gas_used", "gas_price_wei")])

FOR_HISTORY = ("block_number", "block_ts", "tx_hash", "gas_used", "gas_price_wei")  # of any table but the logs

# bounds that tell seconds from their thousandths, and a place from a number that stands in the wrong column
MAX_OF = {"block_ts": 1 << 36, "tx_index": 1 << 24, "log_index": 1 << 32}
MAX_INT64 = (1 << 63) - 1
MAX_UINT256 = str((1 << 256) - 1)
WHOLE_NUMBER = r"\A(?:0|[1-9][0-9]{0,77})\z"


@dataclass(frozen=True, slots=True)
class Layout:
    """How a kind of file names a table's columns.

    ``fields`` are the names a column may have, the one to be preferred first; a value that is empty there is taken
    from the next one that the file has. ``known_by`` are the columns by which a file is known to be of this kind.
    """

    kind: Kind
    fields: Mapping[str, tuple[str, ...]]
    known_by: tuple[str, ...]

    def missing(self, names: Collection[str]) -> list[str]:
        """What keeps a file with these names from being of this kind."""
        return [self.fields[to][0] for to in self.known_by if not any(name in names for name in self.fields[to])]

    def choices(self, *, for_history: bool) -> list[tuple[str, ...]]:
        """The names of each column that may be read, or of those that a pool's history needs."""
        all_of_it = not for_history or self.kind == "logs"
        return [names for to, names in self.fields.items() if all_of_it or to in FOR_HISTORY]

    def names(self, *, for_history: bool) -> list[str]:
        """All of these names, each once."""
        return list(dict.fromkeys(name for names in self.choices(for_history=for_history) for name in names))


class Columns(Protocol):
    """Some rows of one file, whatever its form; ``lines`` are their 1-based lines (Parquet: rows)."""

    @property
    def file(self) -> Path:
        """The file."""

    @property
    def lines(self) -> Int64s:
        """Each row's line."""

    @property
    def names(self) -> Collection[str]:
        """The fields that the file has."""

    def read(self, name: str, to: pa.Field) -> pa.Array:
        """A field as the type of the column ``to``, null where it is empty; an ``InputError`` where it is wrong."""

    def filter(self, wanted: pa.BooleanArray) -> Columns:
        """Only the rows that are wanted."""

    def fail(self, row: int, name: str, message: str) -> NoReturn:
        """Raises an ``InputError`` that points at one row's field and shows what is there."""


@dataclass(frozen=True, slots=True)
class ChainRows:
    """Some rows of one table of the chain, in the file's order.

    ``table`` is in the schema ``SCHEMAS[kind]``; ``lines`` are the rows' 1-based lines in ``file`` (Parquet: the rows
    themselves, counted from 1). ``block_ts`` are the block times of transactions, null where they are not told.
    ``chain_id`` is None where the file does not tell it.
    """

    kind: Kind
    table: pa.Table
    file: Path
    lines: Int64s
    block_ts: pa.Array | None = None
    chain_id: int | None = None


def rows_of(columns: Columns, layout: Layout, chain_id: int | None = None) -> ChainRows:
    """All columns of a table of the chain.

    Raises:
        InputError: A value is not exactly what it must be, or a column is missing that the table cannot do without.
    """
    table = _table(columns, layout, SCHEMAS[layout.kind])
    times = _column(columns, layout, BLOCK_TS) if layout.kind == "transactions" else None
    return ChainRows(layout.kind, table, columns.file, columns.lines, times, chain_id)


def history_rows(columns: Columns, layout: Layout, pool: Pool) -> ParsedRows:
    """What some rows add to a pool's history: its events, times of blocks, or what transactions cost.

    Raises:
        InputError: As ``rows_of``; or a log of the pool is none of its kind's.
    """
    if layout.kind == "logs":
        return _events(columns, layout, pool)
    nothing, rows = SCHEMA.empty_table(), len(columns.lines)
    if layout.kind == "token_transfers":
        return ParsedRows(nothing, columns.lines[:0], rows, ignored={"token transfers": rows})
    return ParsedRows(
        nothing, columns.lines[:0], 0, block_times=_block_times(columns, layout), costs=_costs(columns, layout)
    )


def of_pool(columns: Columns, layout: Layout, pool: Pool) -> pa.BooleanArray:
    """Which logs are a pool's own."""
    return pc.equal(_column(columns, layout, LOGS.field("address")), pa.scalar(to_bytes(pool.address), pa.binary(20)))


def event_fields(layout: Layout) -> dict[str, str]:
    """Which field of a file of logs an event's column is read from."""
    places = {to: names[0] for to, names in layout.fields.items() if to in COLUMNS}
    in_topics = {"kind": "topic0", "sender": "topic1", "owner": "topic1", "recipient": "topic2"}
    in_topics |= {"tick_lower": "topic2", "tick_upper": "topic3"}
    topics = {column: layout.fields[topic][0] for column, topic in in_topics.items()}
    return dict.fromkeys((*AMOUNT_COLUMNS, "tick", "fee_pips"), layout.fields["data"][0]) | topics | places


def are_whole_numbers(values: pa.Array) -> Bools:
    """Which values are decimal text of an integer from 0 to 2**256 − 1; null is none."""
    good = pc.match_substring_regex(values, WHOLE_NUMBER)
    short = pc.less(pc.binary_length(values), len(MAX_UINT256))
    most = pa.scalar(MAX_UINT256, values.type)
    within = pc.and_(good, pc.or_(short, pc.less_equal(values, most)))
    return np.asarray(pc.fill_null(within, fill_value=False), np.bool_)


def _events(columns: Columns, layout: Layout, pool: Pool) -> ParsedRows:
    wanted = of_pool(columns, layout, pool)
    own = columns.filter(wanted)
    logs = logs_of(_table(own, layout, LOGS))
    fields: dict[Part, str] = {"topics": layout.fields["topic0"][0], "data": layout.fields["data"][0]}

    def require(ok: Bools, part: Part, message: str, rows: Int64s | None = None) -> None:
        if not ok.all():
            first = int(np.argmin(ok))
            own.fail(first if rows is None else int(rows[first]), fields[part], message)

    found = decode(logs, pool, require)
    others = len(columns.lines) - len(own.lines)
    ignored = found.ignored | ({"logs of other contracts": others} if others else {})
    return ParsedRows(found.events, own.lines[found.rows], len(columns.lines), ignored=ignored)


def _block_times(columns: Columns, layout: Layout) -> pa.Table | None:
    if not _has(columns, layout, "block_ts"):
        return None
    if layout.kind == "blocks":
        return _table(columns, layout, BLOCK_TIMES).append_column("line", pa.array(columns.lines))
    times = _column(columns, layout, BLOCK_TS)
    numbers = _column(columns, layout, LOGS.field("block_number"))
    told = pa.table({"block_number": numbers, "block_ts": times, "line": columns.lines}).filter(times.is_valid())
    once_each = told.group_by(["block_number", "block_ts"], use_threads=False).aggregate([("line", "min")])
    return once_each.rename_columns(["block_number", "block_ts", "line"])


def _costs(columns: Columns, layout: Layout) -> pa.Table | None:
    if layout.kind == "blocks":
        return None
    return _table(columns, layout, COSTS).append_column("line", pa.array(columns.lines))


def _table(columns: Columns, layout: Layout, schema: pa.Schema) -> pa.Table:
    table = pa.Table.from_arrays([_column(columns, layout, field) for field in schema], schema=schema)
    if layout.kind == "logs":
        _require_no_gap(columns, layout, table)
    return table


def _require_no_gap(columns: Columns, layout: Layout, logs: pa.Table) -> None:
    """A log's topics are its first ones."""
    for before, topic in pairwise(TOPICS):
        lost = np.asarray(logs[topic].is_valid(), np.bool_) & np.asarray(logs[before].is_null(), np.bool_)
        if lost.any():
            columns.fail(int(np.argmax(lost)), layout.fields[topic][0], f"stands here without a {before}")


def _has(columns: Columns, layout: Layout, to: str) -> bool:
    return any(name in columns.names for name in layout.fields.get(to, ()))


def _column(columns: Columns, layout: Layout, to: pa.Field) -> pa.Array:
    """A column from the fields that it may stand in."""
    there = [name for name in layout.fields.get(to.name, ()) if name in columns.names]
    if not there:
        if to.nullable and to.name not in TOPICS:
            return pa.nulls(len(columns.lines), to.type)
        missing = layout.fields[to.name][0]
        raise InputError(f"the table of {layout.kind} cannot do without this column", file=columns.file, field=missing)
    values = columns.read(there[0], to)
    for name in there[1:]:
        if values.null_count:
            values = pc.coalesce(values, columns.read(name, to))
    if values.null_count and not to.nullable:
        columns.fail(int(np.argmin(np.asarray(values.is_valid()))), there[0], "must not be empty")
    return values
