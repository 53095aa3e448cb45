"""Columns that order-flow exports share: decimal amounts, names that people chose, bytes as databases print them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.sources.text import matching, timestamps

if TYPE_CHECKING:
    from ingest.sources.text import Bools, Int64s, TextTable

MAX_DIGITS = 78  # of 2**256; before the point, and after it
DECIMAL = rf"(0|[1-9][0-9]{{0,{MAX_DIGITS - 1}}})(\.[0-9]{{1,{MAX_DIGITS}}})?"
WITH_EXPONENT = r"[0-9]{1,40}(\.[0-9]{1,40})?[eE][+-]?[0-9]{1,2}"
NAME = r"[^\p{Cc}]{1,200}"
MILLISECONDS = r"\.0{1,6}"


def decimals(table: TextTable, field: str, *, signed: bool = False, exponents: bool = False) -> pa.StringArray:
    """A column of decimal numbers as plain text without needless zeros; empty is null.

    Args:
        table: The columns.
        field: Which one.
        signed: Whether they may be negative.
        exponents: Whether they may be written with one, as doubles are.

    Raises:
        InputError: A value is anything else.
    """
    values = table.columns[field]
    given = _given(values)
    sign = "-?" if signed else ""
    plain = matching(values, sign + DECIMAL)
    scientific = matching(values, sign + WITH_EXPONENT) if exponents else np.zeros(table.rows, np.bool_)
    message = f"must be a{'' if signed else ' positive'} decimal number"
    if not exponents:
        message += " without an exponent"
    table.require(plain | scientific | ~given, field, message)
    found = pc.if_else(pa.array(given), values, pa.scalar(None, pa.string()))
    if scientific.any():
        written = [format(Decimal(value), "f") for value in values.filter(pa.array(scientific)).to_pylist()]
        found = pc.replace_with_mask(found, pa.array(scientific), pa.array(written, pa.string()))
    trimmed = pc.replace_substring_regex(found, r"(\.[0-9]*?)0+$", r"\1")
    found = pc.replace_substring_regex(trimmed, r"\.$", "")
    table.require(matching(found, sign + DECIMAL) | ~given, field, f"must have at most {MAX_DIGITS} digits and places")
    return found


def wholes(table: TextTable, field: str) -> pa.StringArray:
    """A column of whole numbers below 2**256 as decimal text; empty is null.

    Raises:
        InputError: A value is anything else, also a number written with a point or an exponent.
    """
    values = table.columns[field]
    good = matching(values, "0|[1-9][0-9]{0,77}")
    table.require(good | ~_given(values), field, "must be a whole number below 2**256 in decimal digits")
    long = np.flatnonzero(np.asarray(pc.fill_null(pc.utf8_length(values), 0)) == MAX_DIGITS)
    fits = np.array([int(values[int(row)].as_py()) < 1 << 256 for row in long], np.bool_)
    table.require(fits, field, "must be a whole number below 2**256", long)
    return pc.if_else(pa.array(_given(values)), values, pa.scalar(None, pa.string()))


def names(table: TextTable, field: str, *, lower: bool = False) -> pa.StringArray:
    """A column of names, such as tokens' symbols; empty is null.

    Raises:
        InputError: A value has a control character or is longer than 200 characters.
    """
    values = table.columns[field]
    given = _given(values)
    table.require(matching(values, NAME) | ~given, field, "must be a name of at most 200 printable characters")
    found = pc.if_else(pa.array(given), values, pa.scalar(None, pa.string()))
    return pc.utf8_lower(found) if lower else found


def database_bytes(table: TextTable, field: str, digits: int, *, optional: bool = True) -> pa.BinaryArray:
    r"""A column of hex digits after ``0x`` or PostgreSQL's ``\x``, as bytes; empty is null.

    Raises:
        InputError: A value is anything else, or is missing where it is not ``optional``.
    """
    values = table.columns[field]
    good = matching(values, rf"(0x|\\x)[0-9a-fA-F]{{{digits}}}")
    table.require(good | (~_given(values) & optional), field, f"must be 0x or \\x and {digits} hex digits")
    texts = [value if value else None for value in values.to_pylist()]
    return pa.array([None if text is None else bytes.fromhex(text[2:]) for text in texts], pa.binary())


def utc_times(table: TextTable, field: str) -> Int64s:
    """A column of UTC times as Unix seconds, also with a fraction of nothing but zeros as databases print it.

    Raises:
        InputError: A value is anything else.
    """
    values = pc.replace_substring_regex(table.columns[field], MILLISECONDS, "", max_replacements=1)
    plain = type(table)(table.file, table.columns | {field: values}, table.rows, table.first_line)
    return timestamps(plain, field)


def _given(values: pa.StringArray) -> Bools:
    """Which values are there, and not empty."""
    return np.asarray(pc.fill_null(pc.not_equal(values, ""), fill_value=False), np.bool_)
