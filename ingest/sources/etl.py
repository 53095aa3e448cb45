"""Files of ethereum-etl: logs, blocks, transactions, receipts and token transfers, as JSON lines or as CSV.

A stream writes JSON lines, each with its ``type``, and adds to a transaction what its receipt tells; an export writes
CSV, one table a file, receipts apart. Where no receipt tells what was paid for gas, the transaction's own gas price
does: of a mined transaction nodes give the effective one (Ethereum's execution-apis). BigQuery's export of the same
tables, which writes numbers and times as text, reads the same.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.errors import InputError
from ingest.event_table import SCHEMA
from ingest.rounding import WholeNumbers
from ingest.sources.base import ParsedRows, Source
from ingest.sources.chain_rows import TOPICS, Layout, event_fields, history_rows, rows_of
from ingest.sources.json_lines import read_records
from ingest.sources.opening import head_of
from ingest.sources.text import BYTE_ORDER_MARK, header_of, read_tables
from ingest.sources.text_columns import NumberedText, TextColumns

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from ingest.records import Pool
    from ingest.sources.chain_rows import ChainRows
    from ingest.sources.json_lines import Record

_BLOCK = {"block_number": ("block_number",)}
_TX_HASH = {"tx_hash": ("transaction_hash",)}
_TX_INDEX = {"tx_index": ("transaction_index",)}
_TIME = {"block_ts": ("block_timestamp",)}
LAYOUTS: dict[str, Layout] = {
    "log": Layout(
        "logs",
        _BLOCK
        | _TIME
        | _TX_HASH
        | _TX_INDEX
        | {"log_index": ("log_index",), "address": ("address",), "data": ("data",)}
        | dict.fromkeys(TOPICS, ("topics",)),
        known_by=("block_number", "tx_hash", "tx_index", "log_index", "address", "data", "topic0"),
    ),
    "transaction": Layout(
        "transactions",
        _BLOCK
        | _TIME
        | _TX_INDEX
        | {
            "tx_hash": ("hash",),
            "sender": ("from_address",),
            "to_address": ("to_address",),
            "value_wei": ("value",),
            "input": ("input",),
            "succeeded": ("receipt_status",),
            "gas_used": ("receipt_gas_used",),
            "gas_price_wei": ("receipt_effective_gas_price", "gas_price"),
        },
        known_by=("block_number", "tx_index", "tx_hash", "sender", "value_wei", "input"),
    ),
    "block": Layout(
        "blocks",
        {
            "block_number": ("number",),
            "block_hash": ("hash",),
            "parent_hash": ("parent_hash",),
            "block_ts": ("timestamp",),
            "base_fee_wei": ("base_fee_per_gas",),
        },
        known_by=("block_number", "block_hash", "parent_hash", "block_ts"),
    ),
    "receipt": Layout(
        "receipts",
        _BLOCK
        | _TX_HASH
        | _TX_INDEX
        | {"succeeded": ("status",), "gas_used": ("gas_used",), "gas_price_wei": ("effective_gas_price",)}
        | {"gas_used_so_far": ("cumulative_gas_used",)},  # of no use, but no other table has it
        known_by=("block_number", "tx_hash", "tx_index", "gas_used", "succeeded", "gas_used_so_far"),
    ),
    "token_transfer": Layout(
        "token_transfers",
        _BLOCK
        | _TIME
        | _TX_HASH
        | {
            "log_index": ("log_index",),
            "token": ("token_address",),
            "sender": ("from_address",),
            "recipient": ("to_address",),
            "value": ("value",),
        },
        known_by=("block_number", "tx_hash", "log_index", "token", "sender", "recipient", "value"),
    ),
}
# what else ethereum-etl writes: of no use here, by the columns that only they have
OTHERS = {
    "trace": ("trace_type", "trace_address"),
    "contract": ("bytecode", "function_sighashes"),
    "token": ("symbol", "decimals"),
    "token_approval": ("owner_address", "spender_address"),
}
LISTED = ("topics",)
AMOUNTS = ("value_wei", "value")  # the columns whose numbers exceed what a double can hold
TYPE_OF_LINE = re.compile(rb'"type"\s*:\s*"(\w+)"')
NAME_IN_LINE = re.compile(rb'"(\w+)"\s*:')


def chain_rows(path: Path) -> Iterator[ChainRows]:
    """The rows of a file as tables of the chain, some megabytes at a time; of JSON lines, each kind by itself.

    Raises:
        InputError: A line or a value is not exactly what it must be; at the end, that amounts were rounded to doubles.
    """
    amounts = Amounts(path)
    for layout, columns in _batches(path, Counter(), for_history=False):
        rows = rows_of(columns, layout)
        amounts.see(rows, layout)
        yield rows
    amounts.require_exact()


def read(path: Path, pool: Pool) -> Iterator[ParsedRows]:
    """What a file adds to a pool's history.

    Raises:
        InputError: A line or a value is not exactly what it must be, or a log of the pool is none of its kind's.
    """
    skipped: Counter[str] = Counter()
    for layout, columns in _batches(path, skipped, for_history=True):
        yield history_rows(columns, layout, pool)
    if skipped:
        yield ParsedRows(SCHEMA.empty_table(), np.zeros(0, np.int64), skipped.total(), ignored=dict(skipped))


class Amounts:
    """Watches for amounts that were rounded to doubles on their way: JSON readers do that to numbers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: defaultdict[str, WholeNumbers] = defaultdict(WholeNumbers)

    def see(self, rows: ChainRows, layout: Layout) -> None:
        """Takes the amounts of some rows."""
        for name in AMOUNTS:
            if name in rows.table.column_names:
                self._seen[layout.fields[name][0]].see(rows.table[name].combine_chunks())

    def require_exact(self) -> None:
        """Says so if they were; see ``ingest.rounding``.

        Raises:
            InputError: Far more of the amounts above 2**53 are doubles than of exact ones.
        """
        for name, numbers in self._seen.items():
            if (why := numbers.why) is not None:
                raise InputError(f"was rounded: {why}; export it again with whole numbers", file=self.path, field=name)


def _batches(path: Path, skipped: Counter[str], *, for_history: bool) -> Iterator[tuple[Layout, TextColumns]]:
    if _first_line(head_of(path)).startswith(b"{"):
        yield from _json_batches(path, skipped, for_history=for_history)
    else:
        yield from _csv_batches(path, skipped, for_history=for_history)


def _csv_batches(path: Path, skipped: Counter[str], *, for_history: bool) -> Iterator[tuple[Layout, TextColumns]]:
    names = header_of(head_of(path))
    kind = _kind_of(names)
    if kind in OTHERS:
        skipped[f"files of {kind}s"] += 1
        return
    layout = LAYOUTS[kind]
    required = [layout.fields[to][0] for to in layout.known_by]
    for table in read_tables(path, required, layout.names(for_history=for_history)):
        yield layout, TextColumns(NumberedText(path, table.columns, table.rows, table.first_line))


def _json_batches(path: Path, skipped: Counter[str], *, for_history: bool) -> Iterator[tuple[Layout, TextColumns]]:
    for first_line, records in read_records(path):
        rows: defaultdict[str, list[int]] = defaultdict(list)
        kind = ""
        for row, record in enumerate(records):
            kind = _kind_of_record(path, record, first_line + row, kind)
            rows[kind].append(row)
        for kind, chosen in rows.items():
            if kind in OTHERS:
                skipped[f"{kind}s"] += len(chosen)
                continue
            names = LAYOUTS[kind].names(for_history=for_history)
            columns = {name: _texts(path, records, chosen, first_line, name) for name in names}
            lines = np.array(chosen) + first_line
            yield LAYOUTS[kind], TextColumns(NumberedText(path, columns, len(chosen), numbers=lines))


def _texts(path: Path, records: list[Record], rows: list[int], first_line: int, name: str) -> pa.StringArray:
    """One field of some records as CSV would have it: null is empty, a list joined by commas."""
    values = [records[row].get(name) for row in rows]
    if name in LISTED:
        values = list(map(_joined, values))
    try:
        return pc.fill_null(pa.array(values, pa.string()), "")
    except (pa.ArrowException, UnicodeEncodeError):
        wrong = next(at for at, value in enumerate(values) if not (value is None or _is_text(value)))
    message = "must be a list of texts" if name in LISTED else "must be plain text or a whole number"
    raise InputError(message, file=path, line=first_line + rows[wrong], field=name)


def _joined(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(part, str) and "," not in part for part in value):
        return ",".join(value)
    return value


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.isascii()


def _kind_of_record(path: Path, record: Record, line: int, before: str) -> str:
    """The kind of a record, by its type, or by its names where it has none (then most often that of the one before)."""
    told = record.get("type")
    if told is None:
        if before in LAYOUTS and not LAYOUTS[before].missing(record):
            return before
        kind = _kind_of(record)
        if kind in LAYOUTS and (lacking := LAYOUTS[kind].missing(record)):
            raise InputError(f"lacks {', '.join(lacking)}", file=path, line=line, field=lacking[0])
        return kind
    if isinstance(told, str) and (told in LAYOUTS or told in OTHERS):
        return told
    message = f"{ascii(told)[:80]} is no type of ethereum-etl; known are {', '.join([*LAYOUTS, *OTHERS])}"
    raise InputError(message, file=path, line=line, field="type")


def _kind_of(names: Collection[str]) -> str:
    """The kind that has these columns, or the nearest one."""
    nearest = min(LAYOUTS, key=lambda kind: len(LAYOUTS[kind].missing(names)) / len(LAYOUTS[kind].known_by))
    if not LAYOUTS[nearest].missing(names):
        return nearest
    return next((kind for kind, own in OTHERS.items() if all(name in names for name in own)), nearest)


def _first_line(head: bytes) -> bytes:
    return head.removeprefix(BYTE_ORDER_MARK).split(b"\n", 1)[0].strip()


def missing_in_json(head: bytes) -> list[str]:
    """What keeps a file from being JSON lines of ethereum-etl, by its first line."""
    line = _first_line(head)
    if not line.startswith(b"{"):
        return _missing(())
    told = TYPE_OF_LINE.search(line)
    if told and told[1].decode() in {*LAYOUTS, *OTHERS}:
        return []
    return _missing([name.decode() for name in NAME_IN_LINE.findall(line)])


def missing_in_csv(head: bytes) -> list[str]:
    """What keeps a file from being CSV of ethereum-etl, by its header."""
    return _missing(header_of(head))


def _missing(names: Collection[str]) -> list[str]:
    kind = _kind_of(names)
    return [] if kind in OTHERS else LAYOUTS[kind].missing(names)


JSON_SOURCE = Source(
    "etl-json",
    "JSON lines of ethereum-etl",
    missing=missing_in_json,
    read=read,
    fields=event_fields(LAYOUTS["log"]),
    in_parts=True,
    syntaxes=("JSON",),
)
CSV_SOURCE = replace(JSON_SOURCE, name="etl-csv", what="CSV of ethereum-etl", missing=missing_in_csv, syntaxes=("CSV",))
