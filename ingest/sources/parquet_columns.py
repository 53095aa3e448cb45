"""The values in columns of Parquet, as those of the chain's tables: exact, or an error that names file, row and column.

Bytes may be text of hex digits; a column with few distinct values may come as a dictionary, and is then checked and
decoded once a value.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.bignum import WORD_BYTES
from ingest.errors import InputError
from ingest.sources.chain_rows import MAX_INT64, MAX_OF, are_whole_numbers

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.sources.text import Bools, Int64s

SHOWN_BYTES = 40
HEX = r"\A0x(?:[0-9a-fA-F]{2})*\z"
PREFIX = b"0x"
BINARY_SUFFIX = "_binary"  # of the name of a 256-bit number that is stored as its bytes, or as their hex text
BYTES_TYPES = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary)
TEXT_TYPES = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)


def require_readable(file: Path, name: str, of_type: pa.DataType) -> None:
    """Refuses a column whose type cannot hold exact values.

    Raises:
        InputError: The column holds floating point numbers, or something nested or unknown.
    """
    if pa.types.is_floating(of_type):
        raise InputError(f"is stored as {of_type}, which rounds; write integers or text", file=file, field=name)
    of_type = of_type.value_type if pa.types.is_dictionary(of_type) else of_type
    simple = pa.types.is_integer(of_type) or pa.types.is_boolean(of_type) or of_type == pa.null()
    if not (simple or _is_text(of_type) or _is_bytes(of_type)):
        raise InputError(f"is stored as {of_type}; this is not read here", file=file, field=name)


@dataclass(frozen=True, slots=True)
class ParquetColumns:
    """Some rows of a Parquet file; see ``ingest.sources.chain_rows.Columns``."""

    file: Path
    batch: pa.RecordBatch
    lines: Int64s

    @property
    def names(self) -> list[str]:
        """The columns."""
        return list(self.batch.schema.names)

    def filter(self, wanted: pa.BooleanArray) -> ParquetColumns:
        """Only the rows that are wanted."""
        kept = np.flatnonzero(np.asarray(wanted, np.bool_))
        if len(kept) == len(self.lines):
            return self
        return ParquetColumns(self.file, self.batch.take(pa.array(kept)), self.lines[kept])

    def fail(self, row: int, name: str, message: str) -> NoReturn:
        """Raises an ``InputError`` that points at one row's field and shows its value.

        Raises:
            InputError: Always.
        """
        one = _plain(self.batch[name].slice(row, 1))
        if one.null_count:
            shown = "nothing"
        elif _is_text(one.type) or _is_bytes(one.type):
            value = one.cast(pa.binary())[0].as_py()
            start = value[:SHOWN_BYTES]
            shown = ascii(start.decode("ascii", "replace")) if _is_text(one.type) else f"0x{start.hex()}"
            shown += f"… ({len(value)} bytes)" if len(value) > SHOWN_BYTES else ""
        else:
            shown = str(one[0].as_py())
        raise InputError(f"{message}, found {shown}", file=self.file, line=int(self.lines[row]), field=name)

    def require(self, ok: Bools, name: str, message: str) -> None:
        """Fails at the first row where ``ok`` is false."""
        if not ok.all():
            self.fail(int(np.argmin(ok)), name, message)

    def read(self, name: str, to: pa.Field) -> pa.Array:
        """A field as the type of the column ``to``; null stays null.

        Raises:
            InputError: A value is of another type or size.
        """
        if self.batch[name].type == pa.null():
            return pa.nulls(len(self.lines), to.type)
        if pa.types.is_boolean(to.type):
            return self._flags(name)
        if pa.types.is_integer(to.type):
            return self._counts(name, MAX_OF.get(to.name, MAX_INT64))
        if pa.types.is_string(to.type):
            return self._amounts(name)
        return self._bytes(name, to.type)

    def _flags(self, name: str) -> pa.Array:
        if not pa.types.is_boolean(self.batch[name].type):
            self._refuse(name, "true or false")
        return self.batch[name]

    def _counts(self, name: str, high: int) -> pa.Array:
        values = self.batch[name]
        if not pa.types.is_integer(values.type):
            self._refuse(name, "whole numbers")
        low, most = pc.min_max(values).values()
        if low.is_valid and (low.as_py() < 0 or most.as_py() > high):
            wrong = (number is not None and not 0 <= number <= high for number in values.to_pylist())
            self.fail(next(row for row, is_wrong in enumerate(wrong) if is_wrong), name, f"must be from 0 to {high}")
        return values.cast(pa.int64())

    def _amounts(self, name: str) -> pa.Array:
        """Whole numbers of any size as decimal text."""
        values = self.batch[name]
        if pa.types.is_integer(values.type):
            return self._counts_as_text(name)
        of_type = _plain_type(values)
        if _is_bytes(of_type) or name.endswith(BINARY_SUFFIX):
            words = self._bytes(name, pa.binary(WORD_BYTES)).to_pylist()
            return pa.array([None if word is None else str(int.from_bytes(word, "big")) for word in words], pa.string())
        if not _is_text(of_type):
            self._refuse(name, "whole numbers")
        distinct = _distinct(values).cast(pa.binary())
        good = are_whole_numbers(distinct) | np.asarray(distinct.is_null(), np.bool_)
        self.require(_spread(good, values), name, "must be a whole number from 0 to 2**256 − 1, written out")
        return _each(pc.if_else(good, distinct, pa.scalar(b"0")).cast(pa.string()), values)

    def _counts_as_text(self, name: str) -> pa.Array:
        values = self.batch[name]
        low = pc.min(values)
        if low.is_valid and low.as_py() < 0:
            self.fail(pc.index(values, low).as_py(), name, "must not be negative")
        return values.cast(pa.string())

    def _bytes(self, name: str, to: pa.DataType) -> pa.Array:
        """Bytes of a width, or of any length where ``to`` has none."""
        values = self.batch[name]
        of_type = _plain_type(values)
        if not (_is_bytes(of_type) or _is_text(of_type)):
            self._refuse(name, "bytes or hex text")
        distinct = _distinct(values).cast(pa.binary())
        good = np.ones(len(distinct), np.bool_)
        what = "must be bytes"
        if _is_text(of_type):
            good &= _all_true(pc.match_substring_regex(distinct, HEX))
            distinct = _unhexed(pc.if_else(good, distinct, pa.scalar(PREFIX)))
            what = "must be 0x and an even number of hex digits"
        if pa.types.is_fixed_size_binary(to):
            good &= _all_true(pc.equal(pc.binary_length(distinct), to.byte_width))
            distinct = pc.if_else(good, distinct, pa.scalar(bytes(to.byte_width)))
            what += f", {to.byte_width} bytes in all"
        self.require(_spread(good, values), name, what)
        return _each(distinct, values).cast(to)

    def _refuse(self, name: str, wanted: str) -> NoReturn:
        of_type = _plain_type(self.batch[name])
        raise InputError(f"must hold {wanted}, but is stored as {of_type}", file=self.file, field=name)


def _is_bytes(of_type: pa.DataType) -> bool:
    return any(is_one(of_type) for is_one in BYTES_TYPES)


def _is_text(of_type: pa.DataType) -> bool:
    return any(is_one(of_type) for is_one in TEXT_TYPES)


def _plain_type(values: pa.Array) -> pa.DataType:
    return values.type.value_type if isinstance(values, pa.DictionaryArray) else values.type


def _plain(values: pa.Array) -> pa.Array:
    return values.dictionary_decode() if isinstance(values, pa.DictionaryArray) else values


def _distinct(values: pa.Array) -> pa.Array:
    return values.dictionary if isinstance(values, pa.DictionaryArray) else values


def _each(distinct: pa.Array, values: pa.Array) -> pa.Array:
    """What was made of the distinct values, for each value again."""
    return distinct.take(values.indices) if isinstance(values, pa.DictionaryArray) else distinct


def _spread(good: Bools, values: pa.Array) -> Bools:
    """Which values are good, given which of the distinct ones are; null is."""
    return _all_true(_each(pa.array(good), values))


def _all_true(values: pa.BooleanArray) -> Bools:
    """Truth values, null as true."""
    return np.asarray(pc.fill_null(values, fill_value=True), np.bool_)


def _unhexed(text: pa.BinaryArray) -> pa.BinaryArray:
    """The bytes of text that is 0x and hex digits."""
    valid = np.asarray(text.is_valid(), np.bool_)
    _, offsets, data = text.buffers()
    ends = np.frombuffer(offsets, np.int32, len(text) + 1, 4 * text.offset)
    digit = np.ones(len(data or b""), np.bool_)
    for place in range(len(PREFIX)):
        digit[ends[:-1][valid] + place] = False
    within = slice(ends[0], ends[-1])
    packed = binascii.unhexlify(np.frombuffer(data or b"", np.uint8)[within][digit[within]].tobytes())
    lengths = np.where(valid, (np.diff(ends) - len(PREFIX)) // 2, 0)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    nulls = pa.array(valid).buffers()[1] if text.null_count else None
    return pa.Array.from_buffers(pa.binary(), len(text), [nulls, pa.py_buffer(starts), pa.py_buffer(packed)])
