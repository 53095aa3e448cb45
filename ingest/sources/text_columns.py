"""The values in columns of text, as those of the chain's tables: exact, or an error that names file, line and field.

An empty field is null. So is ``None``, which some exporters write to CSV.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.errors import InputError
from ingest.sources.chain_rows import MAX_INT64, MAX_OF, TOPICS, are_whole_numbers
from ingest.sources.logs import MAX_TOPICS
from ingest.sources.text import SHOWN_CHARS, TextTable, counters, hex_bytes, matching, timestamps

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.sources.text import Int64s

EMPTY = pa.array(["", "None"])
TOPIC_CHARS = 66  # 0x and 64 digits
TOPIC = "0x[0-9a-fA-F]{64}"
TOPIC_LIST = f"{TOPIC}(?:,{TOPIC}){{0,{MAX_TOPICS - 1}}}"
DIGITS = "[0-9]+"
FLAGS = pa.array(["0", "1"])


@dataclass(frozen=True, slots=True)
class NumberedText(TextTable):
    """A table of text whose rows stand in any lines of the file."""

    numbers: Int64s | None = None

    @property
    def lines(self) -> Int64s:
        """Each row's 1-based line in the file."""
        return np.arange(self.first_line, self.first_line + self.rows) if self.numbers is None else self.numbers

    def fail(self, row: int, field: str, message: str) -> NoReturn:
        """Raises an ``InputError`` that points at one field and shows its value.

        Raises:
            InputError: Always.
        """
        value = self.columns[field][row].as_py()
        shown = value if len(value) <= SHOWN_CHARS else f"{value[:SHOWN_CHARS]}… ({len(value)} characters)"
        raise InputError(f"{message}, found {shown!r}", file=self.file, line=int(self.lines[row]), field=field)


@dataclass(frozen=True, slots=True)
class TextColumns:
    """Some rows of a text file; see ``ingest.sources.chain_rows.Columns``.

    A column of topics holds them as CSV does: a list that is joined by commas.
    """

    table: NumberedText

    @property
    def file(self) -> Path:
        """The file."""
        return self.table.file

    @property
    def lines(self) -> Int64s:
        """Each row's line."""
        return self.table.lines

    @property
    def names(self) -> list[str]:
        """The fields."""
        return list(self.table.columns)

    def filter(self, wanted: pa.BooleanArray) -> TextColumns:
        """Only the rows that are wanted."""
        kept = np.flatnonzero(np.asarray(wanted, np.bool_))
        if len(kept) == len(self.lines):
            return self
        columns = {name: values.take(pa.array(kept)) for name, values in self.table.columns.items()}
        return TextColumns(NumberedText(self.file, columns, len(kept), numbers=self.lines[kept]))

    def fail(self, row: int, name: str, message: str) -> NoReturn:
        """Raises an ``InputError`` that points at one row's field and shows its value.

        Raises:
            InputError: Always.
        """
        self.table.fail(row, name, message)

    def read(self, name: str, to: pa.Field) -> pa.Array:
        """A field as the type of the column ``to``, null where it is empty.

        Raises:
            InputError: A value is anything else.
        """
        if to.name in TOPICS:
            return self._topic(name, TOPICS.index(to.name))
        empty = pc.is_in(self.table.columns[name], EMPTY)
        if not pc.any(empty, min_count=0).as_py():
            return _values(self.table, name, to)
        filled = self.filter(pc.invert(empty)).table
        there = np.asarray(pc.invert(empty), np.bool_)
        places = pa.array(np.cumsum(there) - 1, mask=~there)
        return _values(filled, name, to).take(places)

    def _topic(self, name: str, place: int) -> pa.Array:
        """Each log's topic at a place, null where it has fewer."""
        lists = self.table.columns[name]
        message = f"must be up to {MAX_TOPICS} topics, each 0x and 64 hex digits"
        self.table.require(matching(lists, f"(?:{TOPIC_LIST})?"), name, message)
        start = place * (TOPIC_CHARS + 1)
        there = pc.greater(pc.binary_length(lists), start)
        one = pc.if_else(there, pc.utf8_slice_codeunits(lists, start, start + TOPIC_CHARS), "")
        topics = TextColumns(NumberedText(self.file, {name: one}, self.table.rows, numbers=self.lines))
        return topics.read(name, pa.field(name, pa.binary(TOPIC_CHARS // 2 - 1)))


def _values(table: NumberedText, name: str, to: pa.Field) -> pa.Array:
    """A field of rows in which it is not empty."""
    if pa.types.is_fixed_size_binary(to.type):
        return hex_bytes(table, name, 2 * to.type.byte_width).cast(to.type)
    if pa.types.is_binary(to.type):
        return hex_bytes(table, name)
    values = table.columns[name]
    if pa.types.is_string(to.type):
        table.require(are_whole_numbers(values), name, "must be a whole number from 0 to 2**256 − 1, written out")
        return values
    if pa.types.is_boolean(to.type):
        table.require(pc.is_in(values, FLAGS), name, "must be 0 or 1")
        return pc.equal(values, "1")
    if to.name == "block_ts" and not matching(values, DIGITS).any():
        return pa.array(timestamps(table, name))
    return pa.array(counters(table, name, MAX_OF.get(to.name, MAX_INT64)))
