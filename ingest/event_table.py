"""Events as columns: the form in which they are decoded, checked, hashed and stored.

Integers of any size travel as canonical decimal text (exact, and what DuckDB's BIGNUM and Parquet readers
understand); the places of an event in its chain may travel as int64 while they are sorted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from ingest.records import Event, LiquidityEvent, Swap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PLACE_COLUMNS = ("block_number", "block_ts", "tx_index", "log_index")
AMOUNT_COLUMNS = (
    "amount0",
    "amount1",
    "fee_pips",
    "sqrt_price_x96",
    "liquidity",
    "tick",
    "reserve0",
    "reserve1",
    "gas_used",
    "gas_price_wei",
    "tick_lower",
    "tick_upper",
)
INTEGER_COLUMNS = (*PLACE_COLUMNS, *AMOUNT_COLUMNS)
TEXT_COLUMNS = ("kind", "tx_hash", "sender", "recipient", "owner")
COLUMNS = (*TEXT_COLUMNS, *INTEGER_COLUMNS)
SWAP = "swap"

SWAP_FIELDS = (
    "block_number",
    "block_ts",
    "tx_hash",
    "tx_index",
    "log_index",
    "amount0",
    "amount1",
    "fee_pips",
    "sender",
    "recipient",
    "sqrt_price_x96",
    "liquidity",
    "tick",
    "reserve0",
    "reserve1",
    "gas_used",
    "gas_price_wei",
)
LIQUIDITY_FIELDS = (
    "kind",
    "block_number",
    "block_ts",
    "tx_hash",
    "tx_index",
    "log_index",
    "owner",
    "tick_lower",
    "tick_upper",
    "liquidity",
    "amount0",
    "amount1",
    "sqrt_price_x96",
    "tick",
    "reserve0",
    "reserve1",
)


def event_table(columns: dict[str, Any], rows: int) -> pa.Table:
    """A table with exactly ``COLUMNS``; a column that is not given is null, or 0 where the record has no null."""
    nulls = pa.nulls(rows, pa.string())
    table = {name: columns.get(name, nulls) for name in COLUMNS}
    for name in ("amount0", "amount1"):
        table[name] = table[name].fill_null("0")
    if "liquidity" not in columns:
        table["liquidity"] = pc.if_else(pc.equal(table["kind"], SWAP), nulls, pa.scalar("0"))
    return pa.table(table)


def as_text(table: pa.Table) -> pa.Table:
    """The same table with every column as text."""
    return table.cast(pa.schema([(name, pa.string()) for name in table.column_names]))


def from_events(events: Sequence[Event]) -> pa.Table:
    """The columns of a history's events, all as text, in order."""

    def column(name: str) -> pa.Array:
        if name == "kind":
            values: Iterable[Any] = (SWAP if isinstance(event, Swap) else event.kind for event in events)
        elif name in INTEGER_COLUMNS:
            numbers = (getattr(event, name, None) for event in events)
            values = (None if number is None else str(number) for number in numbers)
        else:
            values = (getattr(event, name, None) for event in events)
        return pa.array(values, pa.string(), size=len(events))

    return pa.table({name: column(name) for name in COLUMNS})


def to_events(table: pa.Table) -> tuple[Event, ...]:
    """The events of a table, ``seq`` being their place in it."""
    seqs = pa.array(range(table.num_rows), pa.int64())
    table = table.append_column("seq", seqs)
    is_swap = pc.equal(table["kind"], SWAP)
    events: list[Event] = [*_records(table.filter(is_swap), Swap, SWAP_FIELDS)]
    events += _records(table.filter(pc.invert(is_swap)), LiquidityEvent, LIQUIDITY_FIELDS)
    events.sort(key=lambda event: event.seq)
    return tuple(events)


def _records(table: pa.Table, record: type[Any], fields: Sequence[str]) -> list[Any]:
    return list(map(record, table["seq"].to_pylist(), *(_values(table, name) for name in fields)))


def _values(table: pa.Table, name: str) -> list[Any]:
    values: list[Any] = table[name].to_pylist()
    if name in INTEGER_COLUMNS and pa.types.is_string(table.schema.field(name).type):
        return [None if text is None else int(text) for text in values]
    return values
