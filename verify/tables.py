"""Outcomes as Arrow tables and back: exact integers as decimal text, fractions as text n/d, nothing lost."""

from __future__ import annotations

import json
from dataclasses import fields
from fractions import Fraction
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from verify.outcomes import BatchOutcome, Flow, OrderOutcome, Outcomes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_AMOUNTS = frozenset(
    {
        "sell_amount", "limit", "history_out", "amm_out", "delay_out", "standalone_out", "best_out", "ebbo_most",
        "ebbo_least", "bought", "fallback_out", "gas_price_wei", "value",
    }
)  # fmt: skip
_FRACTIONS = frozenset({"value0", "value1", "bought_per_wei"})
_LATER = "later"
_FLOWS = frozenset({"history", "amm", "candidate", "lp_fees"})
_SHARED = _FRACTIONS | {_LATER, "history", "amm"}
"""What does not depend on the candidate, so that the same objects come again with the next."""


class Texts:
    """Texts of values that the evaluations of a run share, such as prices and the worlds without a mechanism."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[Any, str]] = {}

    def of(self, value: Any, write: Callable[[Any], str]) -> str:
        """The value's text, written when this very object is first met."""
        found = self._made.get(id(value))
        if found is None:
            found = self._made[id(value)] = (value, write(value))  # kept, so that no other object gets its id
        return found[1]


def to_tables(by_variant: Mapping[str, Outcomes], texts: Texts | None = None) -> dict[str, pa.Table]:
    """The tables ``orders`` and ``batches`` of all variants of one evaluation, the column ``variant`` telling which.

    ``texts`` are those of earlier evaluations of the same run; grows.
    """
    texts = texts or Texts()
    return {
        "orders": _table(OrderOutcome, {name: outcomes.orders for name, outcomes in by_variant.items()}, texts),
        "batches": _table(BatchOutcome, {name: outcomes.batches for name, outcomes in by_variant.items()}, texts),
    }


def from_tables(orders: pa.Table, batches: pa.Table, heads: Mapping[str, Mapping[str, Any]]) -> dict[str, Outcomes]:
    """What `to_tables` was given; ``heads`` as `head` makes them, by variant."""
    order_rows: dict[str, list[OrderOutcome]] = {name: [] for name in heads}
    for variant, row in _rows(orders):
        order_rows[variant].append(OrderOutcome(**row))
    batch_rows: dict[str, list[BatchOutcome]] = {name: [] for name in heads}
    for variant, row in _rows(batches):
        batch_rows[variant].append(BatchOutcome(**row))
    return {
        name: Outcomes(**values, orders=tuple(order_rows[name]), batches=tuple(batch_rows[name]))
        for name, values in heads.items()
    }


def head(outcomes: Outcomes) -> dict[str, Any]:
    """The fields of outcomes that are not rows, as JSON values."""
    return {
        "window_blocks": outcomes.window_blocks,
        "first_block": outcomes.first_block,
        "last_block": outcomes.last_block,
        "numeraire": outcomes.numeraire,
        "unit": outcomes.unit,
    }


def _table(record: type, rows: Mapping[str, Sequence[Any]], texts: Texts) -> pa.Table:
    everything = [row for part in rows.values() for row in part]
    columns: dict[str, Any] = {"variant": pa.array([n for n, part in rows.items() for _ in part], pa.string())}
    for field in fields(record):
        columns[field.name] = _column(field.name, list(map(attrgetter(field.name), everything)), texts)
    return pa.table(columns)


def _column(name: str, values: list[Any], texts: Texts) -> pa.Array:
    if name in _SHARED:
        write = _writer(name)
        return pa.array([None if value is None else texts.of(value, write) for value in values], pa.string())
    if name in _FLOWS or name in _AMOUNTS:
        write = _writer(name)
        return pa.array([None if value is None else write(value) for value in values], pa.string())
    return pa.array(values)


def _writer(name: str) -> Callable[[Any], str]:
    if name == _LATER:
        return lambda later: json.dumps({seconds: list(map(str, pair)) for seconds, pair in later.items()})
    return _flows_text if name in _FLOWS else str


def _flows_text(flows: Mapping[str, Flow]) -> str:
    """As JSON, ten thousand times a candidate: put together by hand."""
    entries = [f'"{party}": ["{flow[0]}", "{flow[1]}"]' for party, flow in flows.items()]
    return "{" + ", ".join(entries) + "}"


def _rows(table: pa.Table) -> Any:
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    variants = columns.pop("variant")
    readers = {name: _reader(name) for name in columns}
    for i, variant in enumerate(variants):
        yield variant, {name: readers[name](values[i]) for name, values in columns.items()}


def _reader(name: str) -> Any:
    if name == _LATER:
        return lambda text: {int(s): (Fraction(a), Fraction(b)) for s, (a, b) in json.loads(text).items()}
    if name in _FLOWS:
        return lambda text: {p: Flow(int(a), int(b)) for p, (a, b) in json.loads(text).items()}
    if name in _AMOUNTS:
        return lambda text: None if text is None else int(text)
    if name in _FRACTIONS:
        return lambda text: None if text is None else Fraction(text)
    return lambda value: value
