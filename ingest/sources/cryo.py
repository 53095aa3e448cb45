"""Parquet files of cryo: its datasets logs, transactions and blocks, in the schemas of all its versions.

Bytes come as they are or, with ``--hex``, as text. Older versions call a log's address ``contract_address`` and leave
``block_`` out of the names of blocks. Of the ways in which cryo writes a 256-bit number, only those that keep all of it
are read: not ``_f32`` and ``_f64``, which round, nor ``_u32`` and ``_u64``, which cut.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.errors import InputError
from ingest.sources.base import Source
from ingest.sources.chain_rows import TOPICS, Layout, event_fields, history_rows, rows_of
from ingest.sources.parquet import MAGIC, column_types, read_rows
from ingest.sources.parquet_columns import ParquetColumns, require_readable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from ingest.records import Pool
    from ingest.sources.base import ParsedRows
    from ingest.sources.chain_rows import ChainRows

_PLACES = {"block_number": ("block_number",), "tx_index": ("transaction_index",), "tx_hash": ("transaction_hash",)}
_TIME = ("timestamp", "block_timestamp")
LAYOUTS = (
    Layout(
        "logs",
        _PLACES
        | {topic: (topic,) for topic in TOPICS}
        | {
            "block_ts": _TIME,
            "log_index": ("log_index",),
            "address": ("address", "contract_address"),
            "data": ("data",),
        },
        known_by=("block_number", "tx_index", "log_index", "tx_hash", "address", *TOPICS, "data"),
    ),
    Layout(
        "transactions",
        _PLACES
        | {
            "block_ts": _TIME,
            "sender": ("from_address",),
            "to_address": ("to_address",),
            "value_wei": ("value_string", "value_binary", "value_str", "value"),
            "input": ("input",),
            "succeeded": ("success",),
            "gas_used": ("gas_used",),
            "gas_price_wei": ("gas_price",),
        },
        known_by=("block_number", "tx_hash", "gas_price_wei"),
    ),
    Layout(
        "blocks",
        {
            "block_number": ("block_number", "number"),
            "block_hash": ("block_hash", "hash"),
            "parent_hash": ("parent_hash",),
            "block_ts": _TIME,
            "base_fee_wei": ("base_fee_per_gas",),
        },
        known_by=("block_number", "block_ts"),
    ),
)
CHAIN_ID = "chain_id"
CODED = ("address", "contract_address", *TOPICS, "from_address", "to_address", "value_string", "value_binary", "value")


def layout_of(names: Collection[str]) -> Layout:
    """The dataset that has these columns, or the nearest one."""
    return min(LAYOUTS, key=lambda layout: len(layout.missing(names)))


def missing(head: bytes) -> list[str]:
    """What keeps a file from being one of cryo's; see ``ingest.sources.opening.head_of``."""
    if not head.startswith(MAGIC):
        return LAYOUTS[0].missing(())
    names = json.loads(head[len(MAGIC) :])
    return layout_of(names).missing(names)


def chain_rows(path: Path) -> Iterator[ChainRows]:
    """The rows of a file as a table of the chain, some ten thousand at a time.

    Raises:
        InputError: The file is damaged, of another kind, or a value in it is not exactly what it must be.
    """
    for layout, columns in _batches(path, for_history=False):
        ids = pc.unique(columns.read(CHAIN_ID, pa.field(CHAIN_ID, pa.int64()))) if CHAIN_ID in columns.names else []
        if len(ids) > 1:
            raise InputError("holds more than one chain", file=path, line=int(columns.lines[0]), field=CHAIN_ID)
        yield rows_of(columns, layout, ids[0].as_py() if len(ids) else None)


def read(path: Path, pool: Pool) -> Iterator[ParsedRows]:
    """What a file adds to a pool's history.

    Raises:
        InputError: As ``chain_rows``; or the file is of another chain than the pool.
    """
    for layout, columns in _batches(path, for_history=True):
        if CHAIN_ID in columns.names:
            ids = columns.read(CHAIN_ID, pa.field(CHAIN_ID, pa.int64()))
            here = np.asarray(pc.fill_null(pc.equal(ids, pool.chain_id), fill_value=False), np.bool_)
            columns.require(here, CHAIN_ID, f"the pool state file describes a pool of chain {pool.chain_id}")
        yield history_rows(columns, layout, pool)


def _batches(path: Path, *, for_history: bool) -> Iterator[tuple[Layout, ParquetColumns]]:
    types = column_types(path)
    layout = layout_of(types)
    if lacking := layout.missing(types):
        raise InputError(f"lacks this column; it has {', '.join(types)}", file=path, field=lacking[0])
    choices = [*layout.choices(for_history=for_history), (CHAIN_ID,)]
    there = [[name for name in names if name in types] for names in choices]
    wanted = [names[0] for names in there if names]
    for name in wanted:
        require_readable(path, name, types[name])
    for rows in read_rows(path, wanted, [name for name in wanted if name in CODED]):
        lines = np.arange(rows.first, rows.first + rows.batch.num_rows)
        yield layout, ParquetColumns(path, rows.batch, lines)


SOURCE = Source(
    "cryo",
    "a Parquet file of cryo (logs, transactions or blocks)",
    missing=missing,
    read=read,
    fields=event_fields(LAYOUTS[0]),
    in_parts=True,
    syntaxes=("Parquet",),
)
