"""Events as columns: the form in which they are decoded, checked, hashed and stored.

Amounts of any size are BIGNUM (see ``ingest.bignum``), hashes and addresses are bytes. What no chain can exceed (places
in the chain, Unix seconds, fees, ticks, gas) is int64.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.bignum import BIGNUM, from_ints, to_ints
from ingest.records import Event, LiquidityEvent, Swap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

PLACE_COLUMNS = ("block_number", "block_ts", "tx_index", "log_index")
COUNTER_COLUMNS = (*PLACE_COLUMNS, "fee_pips", "tick", "tick_lower", "tick_upper", "gas_used")
AMOUNT_COLUMNS = ("amount0", "amount1", "sqrt_price_x96", "liquidity", "reserve0", "reserve1", "gas_price_wei")
HEX_COLUMNS = ("tx_hash", "sender", "recipient", "owner")
INTEGER_COLUMNS = (*COUNTER_COLUMNS, *AMOUNT_COLUMNS)
COLUMNS = ("kind", *HEX_COLUMNS, *INTEGER_COLUMNS)
SWAP = "swap"

SCHEMA = pa.schema(
    [
        pa.field("kind", pa.string()),
        *(pa.field(name, pa.binary()) for name in HEX_COLUMNS),
        *(pa.field(name, pa.int64()) for name in COUNTER_COLUMNS),
        *(pa.field(name, BIGNUM) for name in AMOUNT_COLUMNS),
    ]
)

SWAP_FIELDS = tuple(name for name in Swap.__slots__ if name != "seq")
LIQUIDITY_FIELDS = tuple(name for name in LiquidityEvent.__slots__ if name != "seq")


def event_table(columns: dict[str, Any], rows: int) -> pa.Table:
    """A table of ``SCHEMA``; a column that is not given is null, or 0 where the record has no null."""
    given = dict(columns)
    for name in ("amount0", "amount1"):
        given.setdefault(name, from_ints([0]).take(pa.array(np.zeros(rows, np.int64))))
    if "liquidity" not in given:
        of_swaps = pc.equal(given["kind"], SWAP)
        given["liquidity"] = from_ints([0, None]).take(pc.if_else(of_swaps, pa.scalar(1), pa.scalar(0)))
    arrays = [given[field.name] if field.name in given else _nulls(rows, field.type) for field in SCHEMA]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _nulls(rows: int, of_type: pa.DataType) -> pa.Array:
    if of_type == BIGNUM:
        return pa.ExtensionArray.from_storage(BIGNUM, pa.nulls(rows, pa.binary()))
    return pa.nulls(rows, of_type)


def to_bytes(text: str | None) -> bytes | None:
    """A hash or an address (0x and hex digits) as bytes."""
    return None if text is None else bytes.fromhex(text[2:])


def to_hex(value: bytes | None) -> str | None:
    """The other way round, in lower case."""
    return None if value is None else f"0x{value.hex()}"


def from_events(events: Sequence[Event]) -> pa.Table:
    """The columns of a history's events, in order.

    Raises:
        ValueError: A hash or an address is no hex text, or a counter exceeds 63 bits.
    """

    def column(field: pa.Field) -> pa.Array:
        name = field.name
        if name == "kind":
            kinds = (SWAP if isinstance(event, Swap) else event.kind for event in events)
            return pa.array(kinds, pa.string(), size=len(events))
        values: Iterable[Any] = (getattr(event, name, None) for event in events)
        if name in AMOUNT_COLUMNS:
            return from_ints(values)
        if name in HEX_COLUMNS:
            values = map(to_bytes, values)
        return pa.array(values, field.type, size=len(events))

    try:
        return pa.Table.from_arrays([column(field) for field in SCHEMA], schema=SCHEMA)
    except OverflowError as error:
        raise ValueError(f"a counter of an event exceeds 63 bits: {error}") from error


def to_events(table: pa.Table) -> tuple[Event, ...]:
    """The events of a table, ``seq`` being their place in it."""
    seqs = np.arange(table.num_rows)
    is_swap = np.asarray(pc.equal(table["kind"], SWAP).combine_chunks(), np.bool_)
    events: list[Event] = [*_records(table, seqs[is_swap], Swap, SWAP_FIELDS)]
    events += _records(table, seqs[~is_swap], LiquidityEvent, LIQUIDITY_FIELDS)
    events.sort(key=operator.attrgetter("seq"))
    return tuple(events)


def _records(table: pa.Table, rows: Any, record: Callable[..., Event], fields: Sequence[str]) -> list[Event]:
    chosen = table.take(pa.array(rows))
    return list(map(record, rows.tolist(), *(values_of(chosen, name) for name in fields)))


def as_text(table: pa.Table) -> pa.Table:
    """The same columns as text for other programs: decimal numbers, hashes and addresses in hex."""

    def text(name: str) -> pa.Array:
        return pa.array([None if value is None else str(value) for value in values_of(table, name)], pa.string())

    return pa.table({name: text(name) for name in table.column_names})


def values_of(table: pa.Table, name: str) -> list[Any]:
    """A column's values as the records have them."""
    column = table[name]
    if name in AMOUNT_COLUMNS:
        return to_ints(column)
    return list(map(to_hex, column.to_pylist())) if name in HEX_COLUMNS else column.to_pylist()
