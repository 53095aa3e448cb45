"""Order flow as columns: the form in which it is read, put in order, hashed, stored and exported.

Hashes and addresses are bytes, amounts BIGNUM (see ``ingest.bignum``), lists are text. Readers give the amounts of
``AMOUNTS`` as decimal text, because only the whole flow tells how many places its unit needs.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ingest.bignum import BIGNUM, from_ints, to_ints
from ingest.event_table import to_bytes, to_hex
from ingest.flow import FlowTrade
from ingest.records import Label, UserIntent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

TRADES = pa.schema(
    [
        ("venue", pa.string()),
        ("token_in", pa.string()),
        ("token_out", pa.string()),
        ("amount_in", BIGNUM),
        ("amount_out", BIGNUM),
        ("sides_told", pa.bool_()),
        ("aggregate", pa.bool_()),
        ("amount_usd", pa.string()),
        ("queried_reserve_in", BIGNUM),
        ("queried_reserve_out", BIGNUM),
        ("pool", pa.binary()),
        ("sender", pa.binary()),
        ("recipient", pa.binary()),
        ("block_number", pa.int64()),
        ("block_ts", pa.int64()),
        ("tx_hash", pa.binary()),
        ("tx_index", pa.int64()),
        ("place", pa.string()),
    ]
)
"""``FlowTrade``; ``place`` is ``3/0/1``."""

INTENTS = pa.schema(
    [
        ("venue", pa.string()),
        ("method", pa.string()),
        ("kind", pa.string()),
        ("status", pa.string()),
        ("path", pa.string()),
        ("amount_in", BIGNUM),
        ("amount_out", BIGNUM),
        ("executed_in", BIGNUM),
        ("executed_out", BIGNUM),
        ("executed_fee", BIGNUM),
        ("fees_pips", pa.string()),
        ("partially_fillable", pa.bool_()),
        ("trader", pa.binary()),
        ("recipient", pa.binary()),
        ("deadline_ts", BIGNUM),
        ("order_id", pa.string()),
        ("block_number", pa.int64()),
        ("block_ts", pa.int64()),
        ("tx_hash", pa.binary()),
        ("tx_index", pa.int64()),
        ("place", pa.int64()),
        ("gas_used", pa.int64()),
        ("gas_price_wei", BIGNUM),
    ]
)
"""``UserIntent``; ``path`` is a JSON list, because a symbol may hold any character; ``fees_pips`` is ``500/3000``."""

LABELS = pa.schema([("tx_hash", pa.binary()), ("flow_class", pa.string()), ("rule", pa.string())])
SCHEMAS = {"trade": TRADES, "intent": INTENTS, "label": LABELS}

AMOUNTS = {
    "trade": ("amount_in", "amount_out", "queried_reserve_in", "queried_reserve_out"),
    "intent": ("amount_in", "amount_out", "executed_in", "executed_out", "executed_fee"),
    "label": (),
}
"""The columns in the flow's unit, by table."""


def given_schema(table: str) -> pa.Schema:
    """The columns as readers give them: amounts as decimal text."""
    return pa.schema([pa.field(f.name, pa.string()) if f.name in AMOUNTS[table] else f for f in SCHEMAS[table]])


def given_table(table: str, columns: Mapping[str, pa.Array], rows: int) -> pa.Table:
    """Columns as a reader gives them, those that it has not as null."""
    schema = given_schema(table)
    arrays = [columns[f.name] if f.name in columns else _nulls(rows, f.type) for f in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def of_trades(trades: Sequence[FlowTrade]) -> pa.Table:
    """Trades as a reader gives them.

    Raises:
        ValueError: A hash or an address is no hex text, or a counter exceeds 63 bits.
    """
    return _of_records("trade", trades)


def of_intents(intents: Sequence[UserIntent]) -> pa.Table:
    """Intents as a reader gives them.

    Raises:
        ValueError: As ``of_trades``.
    """
    return _of_records("intent", intents)


def of_labels(labels: Mapping[str, Label]) -> pa.Table:
    """Labels by transaction, in the order of the mapping."""
    return pa.Table.from_arrays(
        [
            pa.array(map(to_bytes, labels), pa.binary(), size=len(labels)),
            pa.array((label.flow_class for label in labels.values()), pa.string(), size=len(labels)),
            pa.array((label.rule for label in labels.values()), pa.string(), size=len(labels)),
        ],
        schema=LABELS,
    )


def to_trades(table: pa.Table | pa.RecordBatch) -> list[FlowTrade]:
    """The trades of a stored table."""
    return _to_records(table, TRADES, FlowTrade)


def to_intents(table: pa.Table | pa.RecordBatch) -> list[UserIntent]:
    """The intents of a stored table."""
    return _to_records(table, INTENTS, UserIntent)


def to_labels(table: pa.Table | pa.RecordBatch) -> dict[str, Label]:
    """The labels of a stored table, by transaction."""
    columns = {name: table.column(table.schema.names.index(name)).to_pylist() for name in LABELS.names}
    labels = map(Label, columns["flow_class"], columns["rule"])
    return dict(zip((f"0x{tx_hash.hex()}" for tx_hash in columns["tx_hash"]), labels, strict=True))


WRITTEN: dict[str, Callable[[Any], Any]] = {
    "path": lambda path: json.dumps(path, ensure_ascii=False, separators=(",", ":")),
    "fees_pips": lambda fees: "/".join(map(str, fees)),
    "place": lambda place: place if isinstance(place, int) else "/".join(map(str, place)),
}
READ: dict[str, Callable[[Any], Any]] = {
    "path": lambda text: tuple(json.loads(text)),
    "fees_pips": lambda text: tuple(map(int, text.split("/"))) if text else (),
    "place": lambda text: text if isinstance(text, int) else tuple(map(int, text.split("/"))) if text else (),
}


def _of_records(table: str, records: Sequence[Any]) -> pa.Table:
    def column(f: pa.Field) -> pa.Array:
        values: Iterable[Any] = [getattr(record, f.name) for record in records]
        if f.name in AMOUNTS[table]:
            return pa.array([None if value is None else str(value) for value in values], pa.string())
        if f.type == BIGNUM:
            return from_ints(values)
        if f.type == pa.binary():
            values = map(to_bytes, values)
        elif f.name in WRITTEN:
            values = map(WRITTEN[f.name], values)
        return pa.array(values, f.type, size=len(records))

    try:
        return pa.Table.from_arrays([column(f) for f in SCHEMAS[table]], schema=given_schema(table))
    except OverflowError as error:
        raise ValueError(f"a counter exceeds 63 bits: {error}") from error


def _to_records(table: pa.Table | pa.RecordBatch, schema: pa.Schema, record: Callable[..., Any]) -> list[Any]:
    def values(f: pa.Field) -> list[Any]:
        column = table.column(table.schema.names.index(f.name))
        if f.type == BIGNUM:
            return to_ints(column)
        found = column.to_pylist()
        if f.type == pa.binary():
            return list(map(to_hex, found))
        return list(map(READ[f.name], found)) if f.name in READ else found

    columns = {f.name: values(f) for f in schema}
    return [record(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]


def _nulls(rows: int, of_type: pa.DataType) -> pa.Array:
    if of_type == BIGNUM:
        return pa.ExtensionArray.from_storage(BIGNUM, pa.nulls(rows, pa.binary()))
    return pa.nulls(rows, of_type)
