"""BIGNUM columns made by hand are those that DuckDB makes of the numbers' text, byte for byte."""

from __future__ import annotations

import math

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.bignum import BIGNUM, floats, from_ints, from_words, signs, to_ints

EDGES = [
    sign * (2**bits + change)
    for bits in (0, 7, 8, 15, 16, 31, 32, 63, 64, 111, 127, 128, 159, 160, 255)
    for change in (-1, 0, 1)
    for sign in (1, -1)
]
INT256 = st.integers(-(2**255), 2**255 - 1)
UINT256 = st.integers(0, 2**256 - 1)


def as_duckdb_has_them(numbers) -> list:
    text = pa.table({"x": pa.array([None if n is None else str(n) for n in numbers], pa.string())})
    with duckdb.connect() as connection:
        connection.register("given", text)
        return connection.sql("SELECT CAST(x AS BIGNUM) AS x FROM given").to_arrow_table()["x"].to_pylist()


def words_of(numbers, *, signed: bool) -> np.ndarray:
    joined = b"".join(number.to_bytes(32, "big", signed=signed) for number in numbers)
    return np.frombuffer(joined, np.uint8).reshape(-1, 32)


@given(st.lists(st.none() | st.integers(-(2**300), 2**300)))
@example([0, None, *EDGES])
def test_integers_become_duckdbs_own_bytes_and_come_back(numbers):
    column = from_ints(numbers)
    assert column.type == BIGNUM
    assert column.to_pylist() == as_duckdb_has_them(numbers)
    assert to_ints(column) == numbers


@given(st.lists(INT256))
@example([-(2**255), 2**255 - 1, *(edge for edge in EDGES if -(2**255) <= edge < 2**255)])
def test_signed_words_are_the_integers_that_they_encode(numbers):
    assert from_words(words_of(numbers, signed=True), signed=True).to_pylist() == from_ints(numbers).to_pylist()


@given(st.lists(UINT256))
@example([2**256 - 1, *(edge for edge in EDGES if edge >= 0)])
def test_unsigned_words_are_the_integers_that_they_encode(numbers):
    assert from_words(words_of(numbers, signed=False), signed=False).to_pylist() == from_ints(numbers).to_pylist()


@given(st.lists(st.none() | INT256, min_size=1), st.data())
@example([0, None, *EDGES], None)
def test_signs_and_doubles_are_those_of_the_numbers(numbers, data):
    start = data.draw(st.integers(0, len(numbers) - 1)) if data else 0
    column, numbers = from_ints(numbers).slice(start), numbers[start:]
    known = [number or 0 for number in numbers]
    assert signs(column).tolist() == [(n > 0) - (n < 0) for n in known]
    assert all(math.isclose(a, n, rel_tol=1e-12) for a, n in zip(floats(column), known, strict=True))


def test_duckdb_orders_and_adds_what_is_given_in_this_form():
    numbers = sorted({number for edge in EDGES for number in (edge, -edge)})
    with duckdb.connect() as connection:
        connection.register("given", pa.table({"x": from_ints(reversed(numbers))}))
        rows = connection.sql("SELECT CAST(x AS VARCHAR) FROM given ORDER BY x").fetchall()
        total = connection.sql("SELECT CAST(sum(x) AS VARCHAR) FROM given").fetchall()[0][0]
    assert [int(row[0]) for row in rows] == numbers
    assert int(total) == sum(numbers)


@pytest.mark.parametrize("signed", [True, False])
def test_no_words_are_no_values(signed):
    assert from_words(np.zeros((0, 32), np.uint8), signed=signed).to_pylist() == []
