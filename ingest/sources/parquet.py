"""Parquet files of any origin, some rows at a time: what a file claims is checked before much of it is unpacked.

A few kilobytes of Parquet can stand for any number of gigabytes, because a value that repeats is stored once. So a
row group's dictionaries are looked at first, and no more rows are taken at once than their longest values allow.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

MAGIC = b"PAR1"
ENCRYPTED_MAGIC = b"PARE"
TAIL_BYTES = 8  # the footer's length and the magic
MAX_FOOTER_BYTES = 16 << 20  # some ten thousand row groups
MAX_GROUP_BYTES = 2 << 30
BATCH_ROWS = 1 << 15
BATCH_BYTES = 64 << 20
BUFFER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a file; ``first`` is the first one's number, counted from 1."""

    batch: pa.RecordBatch
    first: int


def column_names(path: Path) -> list[str]:
    """The names of a file's columns, from its footer.

    Raises:
        InputError: The file is no whole Parquet file, or claims absurd sizes.
    """
    with _opened(path, ()) as file:
        return list(file.schema_arrow.names)


def column_types(path: Path) -> dict[str, pa.DataType]:
    """The types of a file's columns.

    Raises:
        InputError: As ``column_names``; or a name stands twice.
    """
    with _opened(path, ()) as file:
        schema = file.schema_arrow
    for name in schema.names:
        if len(schema.get_all_field_indices(name)) > 1:
            raise InputError("this column stands twice in the file", file=path, field=name)
    return {field.name: field.type for field in schema}


def read_rows(path: Path, columns: Sequence[str], coded: Collection[str]) -> Iterator[Rows]:
    """Some columns of a file in batches.

    Args:
        path: The file.
        columns: Which columns, none nested.
        coded: Columns of bytes or text with few distinct values, which come as dictionary arrays.

    Raises:
        InputError: The file is damaged, cut off, or stored in a way that could hide any size; names the row from
            which on it could not be read.
    """
    first = 1
    with _opened(path, columns) as peeking, _opened(path, coded) as file:
        for group in range(file.num_row_groups):
            expected = file.metadata.row_group(group).num_rows
            before = first
            with _readable(path, first):
                at_once = _rows_at_once(path, peeking, group, columns)
            batches = file.iter_batches(at_once, row_groups=[group], columns=list(columns), use_threads=False)
            while True:
                with _readable(path, first):
                    batch = next(batches, None)
                    if batch is None:
                        break
                    batch.validate(full=True)  # Arrow does not see that a code points beyond the dictionary
                yield Rows(batch, first)
                first += batch.num_rows
            if first - before != expected:
                message = f"the file says {expected} rows here and holds {first - before}; it is damaged"
                raise InputError(message, file=path, line=first)


@contextmanager
def _opened(path: Path, coded: Collection[str]) -> Iterator[pq.ParquetFile]:
    with _readable(path, None):
        _require_footer(path)
        file = pq.ParquetFile(
            path,
            read_dictionary=list(coded),
            buffer_size=BUFFER_BYTES,
            pre_buffer=False,
            thrift_string_size_limit=MAX_FOOTER_BYTES,
            page_checksum_verification=True,
        )
    with file:
        yield file


@contextmanager
def _readable(path: Path, row: int | None) -> Iterator[None]:
    """Turns what Arrow says of a damaged file into an ``InputError``."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # names are not checked by Arrow
        said = (str(error).strip().splitlines() or ["unknown"])[0]
        message = f"cannot be read as Parquet ({said}); it is damaged, or written in a form that is not read here"
        raise InputError(message, file=path, line=row) from None


def _require_footer(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(len(MAGIC))
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - TAIL_BYTES))
        tail = file.read()
    if ENCRYPTED_MAGIC in {head, tail[-len(MAGIC) :]}:
        raise InputError("is an encrypted Parquet file; write it without encryption", file=path)
    if head != MAGIC or tail[-len(MAGIC) :] != MAGIC or size < len(MAGIC) + TAIL_BYTES:
        raise InputError("is no whole Parquet file (cut off at its end?); download or copy it again", file=path)
    footer = int.from_bytes(tail[:4], "little")
    if footer > MAX_FOOTER_BYTES:
        message = f"has a footer of {footer} bytes, more than {MAX_FOOTER_BYTES}; write it with larger row groups"
        raise InputError(message, file=path)


def _rows_at_once(path: Path, file: pq.ParquetFile, group: int, columns: Sequence[str]) -> int:
    """How many rows of a group may be unpacked together; ``file`` gives all of the columns as dictionaries."""
    claimed = file.metadata.row_group(group)
    if claimed.total_byte_size > MAX_GROUP_BYTES:
        message = f"row group {group + 1} is larger than {MAX_GROUP_BYTES} bytes; write it with smaller row groups"
        raise InputError(message, file=path)
    row_bytes: int = max(1, claimed.total_byte_size // max(1, claimed.num_rows))
    for batch in file.iter_batches(1, row_groups=[group], columns=list(columns), use_threads=False):
        for column in batch.columns:
            if pa.types.is_dictionary(column.type) and len(column.dictionary):
                row_bytes = max(row_bytes, pc.max(pc.binary_length(column.dictionary)).as_py() or 0)
        break
    return max(1, min(BATCH_ROWS, BATCH_BYTES // row_bytes))
