"""Reads a delimited text file into columns of text, and turns those into exact values or into a located error.

Nothing here guesses: a field is either exactly what it must be, or an ``InputError`` names file, line and field.
Work is done on whole columns (Arrow and NumPy), so that a million rows take seconds.
"""

from __future__ import annotations

import binascii
import csv
import gzip
import re
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from ingest.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]

GZIP_MAGIC = b"\x1f\x8b"
MAX_BYTES = 2 << 30  # unpacked; a gzip bomb ends here
CHUNK_BYTES = 1 << 20
SHOWN_CHARS = 60
MAX_INT64 = (1 << 63) - 1
UTC_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\+00:00|Z| UTC)?", re.ASCII)
IS_HEX = np.isin(np.arange(256), list(b"0123456789abcdefABCDEF"))


def read_bytes(path: Path) -> bytes:
    """A file's content, unpacked if it is gzip (by its first bytes, whatever its name).

    Raises:
        InputError: The file cannot be read, is empty, too large, or its gzip stream is damaged or cut off.
    """
    lines = 0
    chunks: list[bytes] = []
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == GZIP_MAGIC
        with gzip.open(path) if packed else path.open("rb") as stream:
            size = 0
            while chunk := stream.read1(CHUNK_BYTES):  # what there is before a cut counts for the line
                chunks.append(chunk)
                lines += chunk.count(b"\n")
                size += len(chunk)
                if size > MAX_BYTES:
                    raise InputError(f"is larger than {MAX_BYTES} bytes unpacked; split it", file=path)
    except EOFError:
        message = "the gzip file ends too early (cut off); download or copy it again"
        raise InputError(message, file=path, line=lines + 1) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        message = f"the gzip file is damaged ({error}); download or copy it again"
        raise InputError(message, file=path, line=lines + 1) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", file=path) from None
    if not chunks:
        raise InputError("is empty", file=path)
    return b"".join(chunks)


@dataclass(frozen=True, slots=True)
class TextTable:
    """The columns of one delimited file, each a text array of ``rows`` values; row 0 is line 2 of the file."""

    file: Path
    columns: dict[str, pa.StringArray]
    rows: int

    def fail(self, row: int, field: str, message: str) -> NoReturn:
        """Raises an ``InputError`` that points at one field and shows its value.

        Raises:
            InputError: Always.
        """
        value = self.columns[field][row].as_py()
        shown = value if len(value) <= SHOWN_CHARS else f"{value[:SHOWN_CHARS]}… ({len(value)} characters)"
        raise InputError(f"{message}, found {shown!r}", file=self.file, line=row + 2, field=field)

    def require(self, ok: Bools | pa.BooleanArray, field: str, message: str, rows: Int64s | None = None) -> None:
        """Fails at the first row where ``ok`` is false; ``rows`` maps its places to the table's rows."""
        good = np.asarray(ok, dtype=np.bool_)
        if not good.all():
            first = int(np.argmin(good))
            self.fail(first if rows is None else int(rows[first]), field, message)


def header_of(content: bytes) -> list[str]:
    """The column names in the first line, or an empty list where it isn't text."""
    line = content.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].rstrip(b"\r")
    try:
        return next(csv.reader([line.decode("ascii")]), [])
    except (UnicodeDecodeError, csv.Error):
        return []


def missing_columns(content: bytes, required: Sequence[str]) -> list[str]:
    """Which of the required columns the header does not have."""
    names = header_of(content)
    return [name for name in required if name not in names]


def read_table(path: Path, content: bytes, required: Sequence[str], optional: Sequence[str] = ()) -> TextTable:
    """Splits a comma-separated file with a header line into text columns.

    Raises:
        InputError: A required column is missing, a name stands twice, a row has too many or too few fields, quotes
            are unbalanced, there is a blank line inside, or a character outside ASCII.
    """
    content = content.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n")
    _require_ascii(path, content)
    names = header_of(content)
    for name in names:
        if names.count(name) > 1:
            raise InputError("this column stands twice in the header", file=path, line=1, field=name)
    for name in required:
        if name not in names:
            raise InputError(
                f"this column is missing; the header has {', '.join(names)}", file=path, line=1, field=name
            )
    table = _split(path, content, names)
    lines = content.count(b"\n")
    if table.num_rows != lines:
        _refuse_lines(path, content)
    kept = [name for name in (*required, *optional) if name in names]
    return TextTable(path, {name: table[name].combine_chunks() for name in kept}, lines)


def _require_ascii(path: Path, content: bytes) -> None:
    if not content.isascii():
        at = next(i for i in range(0, len(content), CHUNK_BYTES) if not content[i : i + CHUNK_BYTES].isascii())
        at = next(i for i in range(at, len(content)) if content[i] > 127)
        message = f"there is a character here that is not plain ASCII (byte 0x{content[at]:02x})"
        raise InputError(message, file=path, line=content.count(b"\n", 0, at) + 1)


def _refuse_lines(path: Path, content: bytes) -> NoReturn:
    """Says why a file has more lines than rows."""
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.rstrip(b"\r"):
            raise InputError("there is a blank line here", file=path, line=number)
        if line.count(b'"') % 2:
            raise InputError("a quotation mark is opened and not closed", file=path, line=number)
    raise InputError("cannot be split into lines; is a carriage return or a quotation mark out of place?", file=path)


def _split(path: Path, content: bytes, names: list[str]) -> pa.Table:
    wrong: list[Any] = []

    def refuse(row: Any) -> str:
        wrong.append(row)
        return "error"

    if b"\n" not in content:
        return pa.table({name: pa.array([], pa.string()) for name in names})
    try:
        return pa_csv.read_csv(
            pa.BufferReader(content),
            read_options=pa_csv.ReadOptions(use_threads=False),
            parse_options=pa_csv.ParseOptions(invalid_row_handler=refuse),
            convert_options=pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
    except pa.ArrowInvalid as error:
        if wrong:
            row = wrong[0]
            message = f"this line has {row.actual_columns} fields where the header has {row.expected_columns}"
            raise InputError(message, file=path, line=row.number) from None
        raise InputError(f"cannot be split into columns: {error}", file=path) from None


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


def amounts(table: TextTable, field: str, low: int, high: int, rows: Int64s | None = None) -> pa.StringArray:
    """A column of plain decimal integers in ``low`` … ``high`` as canonical text; ``rows`` picks some of its rows.

    Raises:
        InputError: A value is anything else, also a number written with a point or an exponent.
    """
    values = table.columns[field] if rows is None else table.columns[field].take(pa.array(rows))
    message = f"must be a whole number from {low} to {high}, written out"
    table.require(matching(values, "0|-?[1-9][0-9]{0,77}"), field, message, rows)
    safe_digits = min(len(str(high)), len(str(low).lstrip("-")) if low < 0 else len(str(high))) - 1
    doubtful = np.asarray(pc.greater(pc.utf8_length(values), safe_digits), dtype=np.bool_)
    if low >= 0:
        doubtful |= np.asarray(pc.starts_with(values, "-"), dtype=np.bool_) | (low > 0)
    places = np.flatnonzero(doubtful)
    inside = np.array([low <= int(text) <= high for text in values.take(pa.array(places)).to_pylist()], dtype=np.bool_)
    table.require(inside, field, message, places if rows is None else rows[places])
    return values


def hashes(table: TextTable, field: str) -> pa.StringArray:
    """A column of 32-byte values in hex with 0x, made lower case.

    Raises:
        InputError: A value is anything else.
    """
    values = table.columns[field]
    table.require(matching(values, "0x[0-9a-fA-F]{64}"), field, "must be 0x and 64 hex digits")
    return pc.ascii_lower(values)


def addresses(table: TextTable, field: str, rows: Int64s) -> pa.StringArray:
    """Some rows of a column of addresses in hex with 0x, made lower case.

    Raises:
        InputError: A value is anything else.
    """
    values = table.columns[field].take(pa.array(rows))
    table.require(matching(values, "0x[0-9a-fA-F]{40}"), field, "must be 0x and 40 hex digits", rows)
    return pc.ascii_lower(values)


def timestamps(table: TextTable, field: str) -> Int64s:
    """A column of UTC times (``2024-01-05 00:00:23``, with or without a zero offset) as Unix seconds.

    Raises:
        InputError: A value is anything else, for example in another time zone or with fractions of a second.
    """
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
    """The characters of texts that all have ``width`` characters, as an array (rows, width)."""
    joined = "".join(values.to_pylist()).encode("ascii")
    return np.frombuffer(joined, dtype=np.uint8).reshape(len(values), width)


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
