"""Writes a stored order flow as plain files that any tool reads: Parquet or CSV, with what it is as JSON.

Integers are decimal text, so that no reader makes doubles of them; amounts in whole tokens have their point.
"""

from __future__ import annotations

import json
import shutil
import uuid
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from ingest.bignum import BIGNUM, to_ints
from ingest.errors import InputError, StoreError
from ingest.event_table import to_hex
from ingest.flow import OrderFlow
from ingest.flow_table import AMOUNTS, SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ingest.export import ExportFormat
    from ingest.flow_store import FlowStore

FILES = {"trade": "trades", "intent": "intents", "label": "labels"}
ROWS = ("trades", "intents", "labels")


def export_flow(flows: FlowStore, name: str, folder: Path, file_format: ExportFormat) -> tuple[Path, ...]:
    """Writes ``trades``, ``intents``, ``labels`` (those that have rows) and ``flow.json``, without holding all of it.

    The folder appears whole or not at all.

    Raises:
        InputError: The folder exists already, or there is no such flow.
        StoreError: It cannot be written.
    """
    if folder.exists():
        raise InputError("exists already; choose another folder to export to", file=folder)
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.tmp")
    try:
        with flows.open(name) as stored:
            temporary.mkdir(parents=True)
            about = stored.summary.flow
            for table, stem in FILES.items():
                batches = (as_text(table, batch, about.amount_places) for batch in stored.batches(table))
                _write(batches, text_schema(table), temporary / f"{stem}.{file_format}")
        facts = {one.name: getattr(about, one.name) for one in fields(OrderFlow) if one.name not in ROWS}
        (temporary / "flow.json").write_text(json.dumps(facts, indent=1, default=asdict) + "\n", "utf-8")
        temporary.rename(folder)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return tuple(sorted(folder.iterdir()))


def text_schema(table: str) -> pa.Schema:
    """The columns of an export: all text."""
    return pa.schema([(name, pa.string()) for name in SCHEMAS[table].names])


def as_text(table: str, batch: pa.RecordBatch, amount_places: int) -> pa.RecordBatch:
    """Rows as text for other programs: decimal numbers, hashes and addresses in hex."""

    def texts(one: pa.Field) -> list[str | None]:
        column = batch.column(batch.schema.names.index(one.name))
        if one.type == BIGNUM:
            places = amount_places if one.name in AMOUNTS[table] else 0
            return [None if number is None else _decimal(number, places) for number in to_ints(column)]
        if one.type == pa.binary():
            return [to_hex(value) for value in column.to_pylist()]
        if one.type == pa.bool_():
            return [str(value).lower() for value in column.to_pylist()]
        return [None if value is None else str(value) for value in column.to_pylist()]

    return pa.record_batch([pa.array(texts(one), pa.string()) for one in SCHEMAS[table]], text_schema(table))


def _decimal(number: int, places: int) -> str:
    if not places:
        return str(number)
    whole, part = divmod(number, 10**places)
    return f"{whole}.{part:0{places}}".rstrip("0").rstrip(".")


def _write(batches: Iterable[pa.RecordBatch], schema: pa.Schema, path: Path) -> None:
    """Writes a file; none where there is no row."""
    writer = None
    try:
        for batch in batches:
            if writer is None:
                is_csv = path.suffix == ".csv"
                writer = pa_csv.CSVWriter(path, schema) if is_csv else pq.ParquetWriter(path, schema)
            writer.write_batch(batch)
    finally:
        if writer is not None:
            writer.close()
