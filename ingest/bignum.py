"""Integers of any size as Arrow columns that DuckDB takes for its BIGNUM, made and read without a detour over text.

A value is three bytes of header, then its magnitude in the fewest big-endian bytes (zero: one byte 0). The header is
``0x800000 | length``; a negative value has every bit of the whole inverted, so that the bytes also sort as the numbers
do. That is DuckDB's own layout; tests compare it with what DuckDB itself makes of a number's decimal text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable

Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

BIGNUM = pa.opaque(pa.binary(), "bignum", "DuckDB")
HEADER_BYTES = 3
WORD_BYTES = 32
POSITIVE = 0x800000
TOP_BYTES = 8  # as many as a double can tell apart


def from_ints(numbers: Iterable[int | None]) -> pa.Array:
    """Python integers as a column, None as null."""
    return _column(pa.array([None if number is None else _encoded(number) for number in numbers], pa.binary()))


def from_words(words: Bytes, *, signed: bool) -> pa.Array:
    """32-byte big-endian words (rows, 32), two's complement where ``signed``, as a column."""
    rows = len(words)
    if not rows:
        return from_ints(())
    negative = (words[:, 0] >= 128) & signed
    magnitude = negated(words, negative) if negative.any() else words
    used = magnitude != 0
    lengths = np.where(used.any(axis=1), WORD_BYTES - used.argmax(axis=1), 1)
    values = np.empty((rows, HEADER_BYTES + WORD_BYTES), np.uint8)
    values[:, HEADER_BYTES:] = magnitude
    starts = WORD_BYTES - lengths  # where a row's value begins, its header just before the magnitude
    every = np.arange(rows)
    values[every, starts] = POSITIVE >> 16
    values[every, starts + 1] = 0
    values[every, starts + 2] = lengths
    kept = np.arange(HEADER_BYTES + WORD_BYTES) >= starts[:, None]
    values[negative] ^= 0xFF
    offsets = np.zeros(rows + 1, np.int32)
    np.cumsum(lengths + HEADER_BYTES, out=offsets[1:])
    return _column(pa.Array.from_buffers(pa.binary(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(values[kept])]))


def to_ints(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    """A column as Python integers, null as None."""
    return [None if value is None else _decoded(value) for value in column.to_pylist()]


def signs(column: pa.Array) -> npt.NDArray[np.int8]:
    """−1, 0 or 1 a value; null counts as 0."""
    negative, first, lengths = _parts(column)
    zero = (lengths == 0) | ((lengths == 1) & (first[:, 0] == 0))
    return np.where(zero, 0, np.where(negative, -1, 1)).astype(np.int8)


def floats(column: pa.Array) -> Floats:
    """Doubles close enough to judge by, null as 0. Never for amounts that are kept."""
    negative, first, lengths = _parts(column)
    size = np.ldexp(first.view(">u8").ravel().astype(np.float64), (8 * (lengths - TOP_BYTES)).astype(np.int32))
    return np.where(negative, -size, size)


def _column(storage: pa.Array) -> pa.Array:
    return pa.ExtensionArray.from_storage(BIGNUM, storage)


def _encoded(number: int) -> bytes:
    size = max(1, (abs(number).bit_length() + 7) // 8)
    value = (POSITIVE | size) << 8 * size | abs(number)
    if number < 0:
        value ^= (1 << 8 * (size + HEADER_BYTES)) - 1
    return value.to_bytes(size + HEADER_BYTES, "big")


def _decoded(value: bytes) -> int:
    if value[0] >= 128:
        return int.from_bytes(value[HEADER_BYTES:], "big")
    size = len(value) - HEADER_BYTES
    return int.from_bytes(value[HEADER_BYTES:], "big") - (1 << 8 * size) + 1


def nonzero(words: Bytes) -> Bools:
    """Which words (rows, 32) are not 0."""
    return np.asarray(words.any(axis=1), np.bool_)


def negated(words: Bytes, negative: Bools) -> Bytes:
    """Words (rows, 32) with those rows negated that are marked: all bits inverted, plus one."""
    magnitude = np.where(negative[:, None], ~words, words)
    carry = negative.copy()
    for place in range(WORD_BYTES - 1, -1, -1):
        if not carry.any():
            break
        magnitude[:, place] += carry
        carry &= magnitude[:, place] == 0
    return magnitude


def _parts(column: pa.Array) -> tuple[Bools, Bytes, Int64s]:
    """Which values are negative, the first 8 bytes of their magnitudes (rows, 8), the magnitudes' lengths (null: 0)."""
    storage = column.storage if isinstance(column, pa.ExtensionArray) else column
    rows = len(storage)
    _, offset_buffer, data_buffer = storage.buffers()
    offsets = np.frombuffer(offset_buffer, np.int32, rows + 1, 4 * storage.offset).astype(np.int64)
    given = np.frombuffer(data_buffer or b"", np.uint8)
    data = np.concatenate([given, np.zeros(HEADER_BYTES + TOP_BYTES, np.uint8)])  # so that a look ahead stays inside
    valid = np.asarray(storage.is_valid())
    lengths = np.where(valid, np.diff(offsets) - HEADER_BYTES, 0)
    negative = valid & (data[offsets[:-1]] < 128)
    places = np.arange(TOP_BYTES)
    first = data[offsets[:-1, None] + HEADER_BYTES + places] ^ np.where(negative, 0xFF, 0).astype(np.uint8)[:, None]
    return negative, np.where(places < lengths[:, None], first, 0).astype(np.uint8), lengths
