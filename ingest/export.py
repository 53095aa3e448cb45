"""Writes a stored history as plain files that any tool reads: Parquet or CSV, with the pool state as JSON.

Integers are decimal text, so that no reader makes doubles of them.
"""

from __future__ import annotations

import json
import shutil
import uuid
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from ingest.errors import InputError, StoreError
from ingest.event_table import as_text, from_events
from ingest.pool_state import write_pool_state

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.records import History

ExportFormat = Literal["parquet", "csv"]
LABEL_SCHEMA = pa.schema([("seq", pa.int64()), ("class", pa.string()), ("rule", pa.string())])
LIMIT_SCHEMA = pa.schema([("seq", pa.int64()), ("min_buy_amount", pa.string())])
PRICE_SCHEMA = pa.schema([("ts", pa.string()), ("price", pa.string())])


def export_history(history: History, folder: Path, file_format: ExportFormat) -> tuple[Path, ...]:
    """Writes ``events``, ``labels``, ``known_limits``, ``prices``, ``pool_state.json`` and ``history.json``.

    The folder appears whole or not at all.

    Raises:
        InputError: The folder exists already.
        StoreError: It cannot be written.
    """
    if folder.exists():
        raise InputError("exists already; choose another folder to export to", file=folder)
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.tmp")
    try:
        temporary.mkdir(parents=True)
        for name, table in _tables(history).items():
            _write(table, temporary / f"{name}.{file_format}")
        write_pool_state(history.initial_state, temporary / "pool_state.json")
        about = {
            "name": history.name,
            "content_id": history.content_id,
            "source": history.source,
            "price_source": history.price_source,
            "caveats": history.caveats,
            "coverage": None if history.coverage is None else asdict(history.coverage),
        }
        (temporary / "history.json").write_text(json.dumps(about, indent=1) + "\n", "utf-8")
        temporary.rename(folder)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return tuple(sorted(folder.iterdir()))


def _tables(history: History) -> dict[str, pa.Table]:
    events = as_text(from_events(history.events))
    labels = [{"seq": seq, "class": label.flow_class, "rule": label.rule} for seq, label in history.labels.items()]
    limits = [{"seq": seq, "min_buy_amount": str(limit)} for seq, limit in history.known_limits.items()]
    prices = [{"ts": str(point.ts), "price": point.price} for point in history.prices]
    return {
        "events": events.add_column(0, "seq", pa.array(range(events.num_rows), pa.int64())),
        "labels": pa.Table.from_pylist(labels, LABEL_SCHEMA),
        "known_limits": pa.Table.from_pylist(limits, LIMIT_SCHEMA),
        "prices": pa.Table.from_pylist(prices, PRICE_SCHEMA),
    }


def _write(table: pa.Table, path: Path) -> None:
    if path.suffix == ".csv":
        pa_csv.write_csv(table, path)
    else:
        pq.write_table(table, path)
