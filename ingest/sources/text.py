"""Reads a delimited text file into columns of text, and turns those into exact values or into a located error.

Nothing here guesses: a field is either exactly what it must be, or an ``InputError`` names file, line and field.
Work is done on whole columns (Arrow and NumPy), so that a million rows take seconds.
"""

from __future__ import annotations

import binascii
import csv
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from ingest.bignum import from_ints
from ingest.errors import InputError
from ingest.sources.opening import pieces, read_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]

__all__ = ["read_bytes"]

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
BLOCK_BYTES = 8 << 20
MAX_LINE_BYTES = 32 << 20
CHUNK_BYTES = 1 << 20
SHOWN_CHARS = 60
MAX_INT64 = (1 << 63) - 1
UTC_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\+00:00|Z| UTC)?")
IS_HEX = np.isin(np.arange(256), list(b"0123456789abcdefABCDEF"))


@dataclass(frozen=True, slots=True)
class TextTable:
    """Columns of one delimited file, each a text array of ``rows`` values; row 0 stands in line ``first_line``."""

    file: Path
    columns: dict[str, pa.StringArray]
    rows: int
    first_line: int = 2

    @property
    def lines(self) -> Int64s:
        """Each row's 1-based line in the file."""
        return np.arange(self.first_line, self.first_line + self.rows)

    def fail(self, row: int, field: str, message: str) -> NoReturn:
        """Raises an ``InputError`` that points at one field and shows its value.

        Raises:
            InputError: Always.
        """
        value = self.columns[field][row].as_py()
        shown = value if len(value) <= SHOWN_CHARS else f"{value[:SHOWN_CHARS]}… ({len(value)} characters)"
        raise InputError(f"{message}, found {shown!r}", file=self.file, line=row + self.first_line, field=field)

    def require(self, ok: Bools | pa.BooleanArray, field: str, message: str, rows: Int64s | None = None) -> None:
        """Fails at the first row where ``ok`` is false; ``rows`` maps its places to the table's rows."""
        good = np.asarray(ok, dtype=np.bool_)
        if not good.all():
            first = int(np.argmin(good))
            self.fail(first if rows is None else int(rows[first]), field, message)


def header_of(content: bytes) -> list[str]:
    """The column names in the first line, or an empty list where it isn't text."""
    line = content.removeprefix(BYTE_ORDER_MARK).split(b"\n", 1)[0].rstrip(b"\r")
    try:
        return next(csv.reader([line.decode("ascii")]), [])
    except (UnicodeDecodeError, csv.Error):
        return []


def missing_columns(content: bytes, required: Sequence[str]) -> list[str]:
    """Which of the required columns the header does not have."""
    names = header_of(content)
    return [name for name in required if name not in names]


def read_table(path: Path, content: bytes, required: Sequence[str], optional: Sequence[str] = ()) -> TextTable:
    """A whole comma-separated file with a header line as one table; see ``read_tables``."""
    found = list(tables_of(path, [content], required, optional))
    return found[0] if found else TextTable(path, {name: pa.array([], pa.string()) for name in required}, 0)


def read_tables(
    path: Path, required: Sequence[str], optional: Sequence[str] = (), *, ascii_only: bool = True
) -> Iterator[TextTable]:
    """A comma-separated file with a header line as text columns, some megabytes at a time.

    Files that hold names which people chose, such as tokens' symbols, are not ``ascii_only`` but UTF-8.

    Raises:
        InputError: A required column is missing, a name stands twice, a row has too many or too few fields, quotes
            are unbalanced, there is a blank line inside, a line without end, or a character outside ASCII (UTF-8);
            or the file cannot be opened, see ``ingest.sources.opening``.
    """
    return tables_of(path, pieces(path), required, optional, ascii_only=ascii_only)


def tables_of(
    path: Path,
    content: Iterable[bytes],
    required: Sequence[str],
    optional: Sequence[str] = (),
    *,
    ascii_only: bool = True,
) -> Iterator[TextTable]:
    """The same of content that comes in pieces cut anywhere."""
    names: list[str] = []
    kept: list[str] = []
    for first_line, lines, block in whole_lines(path, content):
        (_require_ascii if ascii_only else _require_utf8)(path, block, first_line)
        if names:
            yield _table(path, block, first_line, lines, names, kept)
            continue
        names = header_of(block)
        _check_header(path, names, required)
        kept = [name for name in (*required, *optional) if name in names]
        _, _, rest = block.partition(b"\n")
        if rest:
            yield _table(path, rest, first_line + 1, lines - 1, names, kept)


def _check_header(path: Path, names: Sequence[str], required: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise InputError("this column stands twice in the header", file=path, line=1, field=name)
    for name in required:
        if name not in names:
            raise InputError(
                f"this column is missing; the header has {', '.join(names)}", file=path, line=1, field=name
            )


def whole_lines(path: Path, content: Iterable[bytes]) -> Iterator[tuple[int, int, bytes]]:
    """Content in blocks of whole lines without the last one's end: the first line's number, how many, the block.

    Blank lines at a block's end go to the next one, so that only those at the file's end are passed over.
    """
    line, rest = 1, b""
    for number, piece in enumerate(content):
        rest += piece.removeprefix(BYTE_ORDER_MARK) if number == 0 else piece
        if len(rest) < BLOCK_BYTES:
            continue
        block = rest[: rest.rfind(b"\n") + 1].rstrip(b"\r\n")
        if not block:
            if len(rest) > MAX_LINE_BYTES:
                raise InputError(f"has a line of more than {MAX_LINE_BYTES} bytes", file=path, line=line)
            continue
        lines = block.count(b"\n") + 1
        yield line, lines, block
        line += lines
        rest = rest[rest.index(b"\n", len(block)) + 1 :]
    if rest := rest.rstrip(b"\r\n"):
        yield line, rest.count(b"\n") + 1, rest


def _table(path: Path, block: bytes, first_line: int, lines: int, names: list[str], kept: list[str]) -> TextTable:
    table = _split(path, block, first_line, names)
    if table.num_rows != lines:
        _refuse_lines(path, block, first_line)
    return TextTable(path, {name: table[name].combine_chunks() for name in kept}, lines, first_line)


def _require_ascii(path: Path, content: bytes, first_line: int) -> None:
    if not content.isascii():
        at = next(i for i in range(0, len(content), CHUNK_BYTES) if not content[i : i + CHUNK_BYTES].isascii())
        at = next(i for i in range(at, len(content)) if content[i] > 127)
        message = f"there is a character here that is not plain ASCII (byte 0x{content[at]:02x})"
        raise InputError(message, file=path, line=content.count(b"\n", 0, at) + first_line)


def _require_utf8(path: Path, content: bytes, first_line: int) -> None:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        message = f"is no UTF-8 text here (byte 0x{content[error.start]:02x})"
        raise InputError(message, file=path, line=content.count(b"\n", 0, error.start) + first_line) from None


def _refuse_lines(path: Path, content: bytes, first_line: int) -> NoReturn:
    """Says why a block has more lines than rows."""
    for number, line in enumerate(content.split(b"\n"), first_line):
        if not line.rstrip(b"\r"):
            raise InputError("there is a blank line here", file=path, line=number)
        if line.count(b'"') % 2:
            raise InputError("a quotation mark is opened and not closed", file=path, line=number)
    raise InputError("cannot be split into lines; is a carriage return or a quotation mark out of place?", file=path)


def _split(path: Path, content: bytes, first_line: int, names: list[str]) -> pa.Table:
    wrong: list[Any] = []

    def refuse(row: Any) -> str:
        wrong.append(row)
        return "error"

    try:
        return pa_csv.read_csv(
            pa.BufferReader(content),
            read_options=pa_csv.ReadOptions(use_threads=False, column_names=names, block_size=2 * BLOCK_BYTES),
            parse_options=pa_csv.ParseOptions(invalid_row_handler=refuse),
            convert_options=pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
    except pa.ArrowInvalid as error:
        if wrong:
            row = wrong[0]
            message = f"this line has {row.actual_columns} fields where the header has {row.expected_columns}"
            raise InputError(message, file=path, line=row.number + first_line - 1) from None
        raise InputError(f"cannot be split into columns: {error}", file=path, line=first_line) from None


def matching(values: pa.StringArray, pattern: str) -> Bools:
    """Which values match the whole of an RE2 pattern."""
    return np.asarray(pc.match_substring_regex(values, rf"\A(?:{pattern})\z"), dtype=np.bool_)


def counters(table: TextTable, field: str, high: int = MAX_INT64) -> Int64s:
    """A column of plain decimal integers in 0 … ``high`` (at most 2**63 − 1).

    Raises:
        InputError: A value is anything else (a sign, a point, an exponent, a leading zero, too large).
    """
    values = table.columns[field]
    message = f"must be a whole number from 0 to {high}"
    table.require(matching(values, "0|[1-9][0-9]{0,18}"), field, message)
    long = np.flatnonzero(np.asarray(pc.utf8_length(values)) == 19)
    fits = np.array([int(values[int(row)].as_py()) <= MAX_INT64 for row in long], dtype=np.bool_)
    table.require(fits, field, message, long)
    numbers: Int64s = pc.cast(values, pa.int64()).to_numpy()
    table.require(numbers <= high, field, message)
    return numbers


def amounts(table: TextTable, field: str, low: int, high: int, rows: Int64s | None = None) -> pa.Array:
    """A column of plain decimal integers in ``low`` … ``high`` as BIGNUM; ``rows`` picks some of its rows.

    Raises:
        InputError: A value is anything else, also a number written with a point or an exponent.
    """
    return from_ints(_integers(table, field, low, high, rows))


def small_integers(table: TextTable, field: str, low: int, high: int, rows: Int64s | None = None) -> pa.Array:
    """The same of numbers that fit into 64 bits, as int64.

    Raises:
        InputError: As ``amounts``.
    """
    return pa.array(_integers(table, field, low, high, rows), pa.int64())


def _integers(table: TextTable, field: str, low: int, high: int, rows: Int64s | None) -> list[int]:
    values = table.columns[field] if rows is None else table.columns[field].take(pa.array(rows))
    message = f"must be a whole number from {low} to {high}, written out"
    table.require(matching(values, "0|-?[1-9][0-9]{0,77}"), field, message, rows)
    numbers = list(map(int, values.to_pylist()))
    table.require(np.array([low <= number <= high for number in numbers], np.bool_), field, message, rows)
    return numbers


def hashes(table: TextTable, field: str) -> pa.BinaryArray:
    """A column of 32-byte values in hex with 0x, as bytes.

    Raises:
        InputError: A value is anything else.
    """
    return hex_bytes(table, field, 64)


def addresses(table: TextTable, field: str, rows: Int64s) -> pa.BinaryArray:
    """Some rows of a column of addresses in hex with 0x, as bytes.

    Raises:
        InputError: A value is anything else.
    """
    return hex_bytes(table, field, 40, rows)


def timestamps(table: TextTable, field: str) -> Int64s:
    """A column of UTC times (``2024-01-05 00:00:23``, with or without a zero offset) as Unix seconds.

    Raises:
        InputError: A value is anything else, for example in another time zone or with fractions of a second.
    """
    values = table.columns[field]
    if matching(values, UTC_TIME.pattern).all():
        try:
            times = pc.cast(pc.utf8_slice_codeunits(values, 0, 19), pa.timestamp("s"))
        except pa.ArrowInvalid:
            return by_distinct(table, field, utc_seconds)  # says which one does not exist
        seconds: Int64s = pc.cast(times, pa.int64()).to_numpy()
        if len(seconds) == 0 or seconds.min() >= 0:
            return seconds
    return by_distinct(table, field, utc_seconds)


def utc_seconds(text: str) -> int:
    """Unix seconds of a UTC time such as ``2024-01-05 00:00:23``, ``…T00:00:23Z`` or ``…23+00:00``.

    Raises:
        ValueError: The text is not such a time, or lies before 1970.
    """
    if not UTC_TIME.fullmatch(text):
        raise ValueError("must be a UTC time like 2024-01-05 00:00:23")
    try:
        parsed = datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)
    except ValueError:
        raise ValueError("must be a UTC time that exists") from None
    if parsed.year < 1970:
        raise ValueError("must be a time since 1970")
    return int(parsed.timestamp())


def by_distinct(table: TextTable, field: str, parse: Callable[[str], int]) -> Int64s:
    """Applies a parser that raises ``ValueError`` to each distinct value of a column once.

    Raises:
        InputError: The parser refused a value; at its first row.
    """
    codes = table.columns[field].dictionary_encode()
    numbers = np.zeros(len(codes.dictionary), dtype=np.int64)
    for code, text in enumerate(codes.dictionary.to_pylist()):
        try:
            numbers[code] = parse(text)
        except ValueError as error:
            table.fail(int(np.argmax(codes.indices.to_numpy() == code)), field, str(error))
    spread: Int64s = numbers[codes.indices.to_numpy()]
    return spread


def text_bytes(values: pa.StringArray, width: int) -> Bytes:
    """The characters of texts, at least one, that all have ``width`` ASCII characters, as an array (rows, width)."""
    _, offsets, characters = values.buffers()
    start = np.frombuffer(offsets, np.int32)[values.offset]
    return np.frombuffer(characters, np.uint8, len(values) * width, start).reshape(len(values), width)


def from_hex(characters: Bytes) -> tuple[Bytes, Bools]:
    """Decodes rows of hex digits: (rows, 2·n) characters to (rows, n) bytes, and which rows were hex at all.

    Where one is not, no byte is decoded: the caller refuses the file.
    """
    rows, digits = characters.shape
    try:
        packed = binascii.unhexlify(characters.tobytes())
    except binascii.Error:
        good: Bools = np.asarray(IS_HEX[characters].all(axis=1))
        return np.zeros((rows, digits // 2), dtype=np.uint8), good
    return np.frombuffer(packed, dtype=np.uint8).reshape(rows, digits // 2), np.ones(rows, dtype=np.bool_)


def hex_bytes(table: TextTable, field: str, digits: int | None = None, rows: Int64s | None = None) -> pa.BinaryArray:
    """A column of 0x and hex digits as bytes: ``digits`` of them a value, or any even number; ``rows`` picks some.

    Raises:
        InputError: A value is anything else.
    """
    values = table.columns[field] if rows is None else table.columns[field].take(pa.array(rows))
    message = f"must be 0x and {'an even number of' if digits is None else digits} hex digits"
    lengths = pc.binary_length(values).to_numpy()
    fits = (lengths % 2 == 0) if digits is None else (lengths == digits + 2)
    table.require(np.asarray(pc.starts_with(values, "0x"), np.bool_) & fits, field, message, rows)
    ends = np.concatenate([[0], np.cumsum(lengths - 2) // 2]).astype(np.int32)
    try:
        packed = binascii.unhexlify("".join(pc.utf8_slice_codeunits(values, 2).to_pylist()))
    except (binascii.Error, ValueError):
        table.require(matching(values, "0x[0-9a-fA-F]*"), field, message, rows)
        raise
    return pa.Array.from_buffers(pa.binary(), len(values), [None, pa.py_buffer(ends), pa.py_buffer(packed)])
