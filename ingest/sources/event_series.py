"""A v3 pool's whole event series from its creation as CSV: decoded, numbered, with the fee each swap paid.

The source has no log index, no sender and no recipient: an event's place in its transaction stands in for the log
index. Owners are known for burns only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.errors import InputError
from ingest.event_table import COUNTER_COLUMNS, event_table
from ingest.sources.base import ParsedRows, Source
from ingest.sources.text import (
    Int64s,
    TextTable,
    addresses,
    amounts,
    counters,
    hashes,
    missing_columns,
    read_tables,
    small_integers,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.records import Pool

REQUIRED = (
    "seq",
    "block_number",
    "tx_index",
    "order_in_tx",
    "event",
    "tx_hash",
    "owner",
    "tick_lower",
    "tick_upper",
    "liquidity_amount",
    "amount0",
    "amount1",
    "sqrt_price_x96_after",
    "liquidity_after",
    "tick_after",
    "derived_timestamp",
    "derived_fee_pips",
)
KINDS = ("swap", "mint", "burn")
MAX_INDEX = 1 << 24
MAX_FEE_PIPS = 10**6 - 1
MAX_TICK = (1 << 23) - 1
MAX_UINT128 = (1 << 128) - 1
MAX_UINT160 = (1 << 160) - 1
MAX_UINT256 = (1 << 256) - 1
INT256 = (-(1 << 255), (1 << 255) - 1)
CAVEATS = (
    "The source has no senders and recipients: every swap's class is unknown.",
    "The source has no log index: an event's place in its transaction stands in for it.",
)

# column of the file → column of the events, least and greatest value, for the events that have it
SWAP_COLUMNS = {
    "amount0": ("amount0", *INT256),
    "amount1": ("amount1", *INT256),
    "sqrt_price_x96_after": ("sqrt_price_x96", 0, MAX_UINT160),
    "liquidity_after": ("liquidity", 0, MAX_UINT128),
    "tick_after": ("tick", -MAX_TICK - 1, MAX_TICK),
    "derived_fee_pips": ("fee_pips", 0, MAX_FEE_PIPS),
}
LIQUIDITY_COLUMNS = {
    "tick_lower": ("tick_lower", -MAX_TICK - 1, MAX_TICK),
    "tick_upper": ("tick_upper", -MAX_TICK - 1, MAX_TICK),
    "liquidity_amount": ("liquidity", 0, MAX_UINT128),
    "amount0": ("amount0", 0, MAX_UINT256),
    "amount1": ("amount1", 0, MAX_UINT256),
}
FIELDS = {
    "block_ts": "derived_timestamp",
    "log_index": "order_in_tx",
    "kind": "event",
    "sqrt_price_x96": "sqrt_price_x96_after",
    "tick": "tick_after",
    "fee_pips": "derived_fee_pips",
}
NOT_OF_SWAPS = ("owner", "tick_lower", "tick_upper", "liquidity_amount")
NOT_OF_LIQUIDITY = ("sqrt_price_x96_after", "liquidity_after", "tick_after", "derived_fee_pips")


def read(path: Path, pool: Pool) -> Iterator[ParsedRows]:
    """Decodes one file of an event series.

    Raises:
        InputError: Anything in the file is not exactly what it must be; names file, line and field.
    """
    if pool.kind != "v3":
        raise InputError(
            f"is a v3 pool's event series, but the pool state file describes a {pool.kind} pool", file=path
        )
    for table in read_tables(path, REQUIRED):
        yield _decoded(table)


def _decoded(table: TextTable) -> ParsedRows:
    places = {
        "block_number": counters(table, "block_number"),
        "block_ts": counters(table, "derived_timestamp"),
        "tx_index": counters(table, "tx_index", MAX_INDEX),
        "log_index": counters(table, "order_in_tx", MAX_INDEX),
    }
    tx_hashes = hashes(table, "tx_hash")
    kinds = table.columns["event"]
    table.require(pc.is_in(kinds, pa.array(KINDS)), "event", f"must be one of {', '.join(KINDS)}")
    parts: list[pa.Table] = []
    rows_of_parts: list[Int64s] = []
    for kind in KINDS:
        rows = np.flatnonzero(np.asarray(pc.equal(kinds, kind), dtype=np.bool_))
        columns = _columns(table, kind, rows)
        columns |= {name: values[rows] for name, values in places.items()}
        columns |= {"kind": kinds.take(pa.array(rows)), "tx_hash": tx_hashes.take(pa.array(rows))}
        parts.append(event_table(columns, len(rows)))
        rows_of_parts.append(rows)
    back = np.argsort(np.concatenate(rows_of_parts))
    events = pa.concat_tables(parts).take(pa.array(back))
    return ParsedRows(events, table.lines, table.rows, counters(table, "seq"))


def _columns(table: TextTable, kind: str, rows: Int64s) -> dict[str, Any]:
    """The columns of one kind of event; what only the other kind has must be empty."""
    wanted, unwanted = (SWAP_COLUMNS, NOT_OF_SWAPS) if kind == "swap" else (LIQUIDITY_COLUMNS, NOT_OF_LIQUIDITY)
    for field in unwanted:
        blank = pc.equal(table.columns[field].take(pa.array(rows)), "")
        table.require(blank, field, f"must be empty for a {kind}", rows)
    columns: dict[str, Any] = {}
    for field, (to, low, high) in wanted.items():
        read_column = small_integers if to in COUNTER_COLUMNS else amounts
        columns[to] = read_column(table, field, low, high, rows)
    if kind == "burn":
        columns["owner"] = addresses(table, "owner", rows)
    elif kind == "mint":
        named = np.flatnonzero(np.asarray(pc.not_equal(table.columns["owner"].take(pa.array(rows)), ""), np.bool_))
        place = np.full(len(rows), -1)
        place[named] = np.arange(len(named))
        owners = addresses(table, "owner", rows[named])
        columns["owner"] = owners.take(pa.array(place, mask=place < 0))
    return columns


SOURCE = Source(
    "event-series",
    "a v3 pool's decoded event series from its creation as CSV",
    missing=lambda head: missing_columns(head, REQUIRED),
    read=read,
    numbered=True,
    caveats=CAVEATS,
    fields=FIELDS,
)
