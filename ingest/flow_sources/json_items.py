"""A list of objects in a JSON file as text columns, read piece by piece: nested fields are called ``pair.id``.

The list is the whole document, or stands in it under a path such as ``data.swaps``. A number keeps the digits that the
file has; one that JSON readers take for a double is noted as such.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NoReturn

import ijson
import pyarrow as pa

from ingest.errors import InputError
from ingest.sources.opening import pieces
from ingest.sources.text import BYTE_ORDER_MARK, SHOWN_CHARS, TextTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

BATCH_ITEMS = 20_000
READ_BYTES = 1 << 16
MAX_DEPTH = 32
MAX_FIELDS = 1000
MAX_VALUE_BYTES = 8 << 20  # fed without any value ending
MAX_EXPONENT = 100
MAX_NUMBER_DIGITS = 4000  # Python converts 4300, and ijson loses the error beyond
LONG_NUMBER = re.compile(rb"[0-9]{%d}" % (MAX_NUMBER_DIGITS + 1))


@dataclass(frozen=True, slots=True)
class ItemTable(TextTable):
    """Columns of some items of a JSON list, row 0 being item ``first_line``; missing fields and null are null.

    ``doubles`` counts, by field, the numbers with a fraction or an exponent.
    """

    place: str = ""
    doubles: Counter[str] = field(default_factory=Counter)

    def fail(self, row: int, field: str, message: str) -> NoReturn:
        """Raises an ``InputError`` that points at one field of one item.

        Raises:
            InputError: Always.
        """
        value = self.columns[field][row].as_py() if field in self.columns else None
        shown = "nothing" if value is None else repr(value[:SHOWN_CHARS])
        where = f"{self.place}[{row + self.first_line}].{field}"
        raise InputError(f"{message}, found {shown}", file=self.file, field=where)


def missing_keys(head: bytes, keys: Sequence[str]) -> list[str]:
    """Which keys the beginning of a JSON text does not have."""
    text = head.removeprefix(BYTE_ORDER_MARK).lstrip()
    if not text.startswith((b"{", b"[")):
        return list(keys)
    return [key for key in keys if not re.search(rb'"%s"\s*:' % re.escape(key.encode()), text)]


def read_items(path: Path, lists: Sequence[str], fields: Sequence[str]) -> Iterator[ItemTable]:
    """The objects of a list, some thousands at a time.

    Args:
        path: The file, plain or compressed.
        lists: Where the list may stand: ``""`` is the document itself, ``data.swaps`` a path of keys.
        fields: The columns to make; other fields are passed over.

    Raises:
        InputError: The file is no sound JSON, has none or several of these lists, names something twice in one object,
            has an item that is no object, or something deeper or larger than any real answer.
    """
    reader = _Reader(path, lists, fields)
    for event, value in _events(path, reader):
        reader.take(event, value)
        if len(reader.items) > BATCH_ITEMS:
            yield reader.batch()
    if reader.found is None:
        raise InputError(f"has no list of objects at {' or '.join(place or 'its top' for place in lists)}", file=path)
    if reader.items:
        yield reader.batch()


def _events(path: Path, reader: _Reader) -> Iterator[tuple[str, Any]]:
    feed = _Feed(path)
    try:
        for event in ijson.basic_parse(feed, buf_size=READ_BYTES):
            feed.since_event = 0
            yield event
    except ijson.JSONError as error:
        said = error.args[0] if error.args else ""
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        message = f"is no sound JSON: {text.partition(chr(10))[0]}"
        raise InputError(message, file=path, field=reader.here) from None
    except UnicodeDecodeError as error:
        raise InputError(f"is no sound JSON: {error}", file=path, field=reader.here) from None


class _Feed:
    """A file's content as ijson reads it; ends what grows without a value."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.since_event = 0
        self._pieces = pieces(path)
        self._left = next(self._pieces, b"").removeprefix(BYTE_ORDER_MARK)
        self._tail = b""

    def read(self, size: int) -> bytes:
        """The next bytes, at most ``size``; empty at the end."""
        if not self._left:
            self._left = next(self._pieces, b"")
        piece, self._left = self._left[:size], self._left[size:]
        self.since_event += len(piece)
        if self.since_event > MAX_VALUE_BYTES:
            raise InputError(f"has a value of more than {MAX_VALUE_BYTES} bytes", file=self.path)
        if LONG_NUMBER.search(self._tail + piece):
            raise InputError(f"has a number of more than {MAX_NUMBER_DIGITS} digits", file=self.path)
        self._tail = piece[-MAX_NUMBER_DIGITS:]
        return piece


@dataclass(slots=True)
class _Level:
    """An object or a list that is open: its path (``data.swaps[].pair``), and an object's keys so far."""

    path: str
    is_list: bool
    keys: set[str] = field(default_factory=set)
    key: str = ""

    @property
    def inner(self) -> str:
        """The path of the value that comes next in it."""
        if self.is_list:
            return f"{self.path}[]"
        return f"{self.path}.{self.key}" if self.path else self.key


class _Reader:
    """Follows the document and gathers the wanted items."""

    def __init__(self, path: Path, lists: Sequence[str], fields: Sequence[str]) -> None:
        self.path = path
        self.lists = lists
        self.fields = tuple(fields)
        self.items: list[dict[str, str | None]] = []
        self.doubles: Counter[str] = Counter()
        self.found: str | None = None
        self._first = 0
        self._levels: list[_Level] = []

    @property
    def here(self) -> str | None:
        """Where in the document the reader is, with the item's number."""
        inner = self._levels[-1].inner if self._levels else ""
        if self.found is not None and inner.startswith(self._item) and self.items:
            number = self._first + len(self.items) - 1
            return f"{self.found}[{number}]{inner[len(self._item) :]}"
        return inner or None

    @property
    def _item(self) -> str:
        return f"{self.found}[]"

    def take(self, event: str, value: Any) -> None:
        """Takes one step of the document."""
        if event == "map_key":
            self._key(value)
        elif event in {"end_map", "end_array"}:
            self._levels.pop()
        else:
            path = self._levels[-1].inner if self._levels else ""
            if self.found is not None and path == self._item:
                if event != "start_map":
                    self._fail("must be an object")
                self.items.append(dict.fromkeys(self.fields))
            if event in {"start_map", "start_array"}:
                self._open(path, is_list=event == "start_array")
            elif self.items and self.found is not None and path.startswith(f"{self._item}."):
                self._value(path[len(self._item) + 1 :], value)

    def _key(self, key: str) -> None:
        level = self._levels[-1]
        level.key = key.replace("[", "\\[")  # so that no key looks like a list's item
        if key in level.keys:
            self._fail("is named twice in one object")
        level.keys.add(key)
        if len(level.keys) > MAX_FIELDS:
            self._fail(f"has more than {MAX_FIELDS} fields")

    def _open(self, path: str, *, is_list: bool) -> None:
        if len(self._levels) >= MAX_DEPTH:
            self._fail(f"is nested deeper than {MAX_DEPTH} levels")
        if is_list and path in self.lists:
            if self.found is not None:
                self._fail(f"is a second list beside {self.found}")
            self.found = path
        self._levels.append(_Level(path, is_list))

    def _value(self, name: str, value: Any) -> None:
        item = self.items[-1]
        if name not in item:
            return
        if item[name] is not None:  # {"pair": {"id": 1}, "pair.id": 2}
            self._fail("is named twice in one object")
        if isinstance(value, Decimal):
            if abs(value.adjusted()) > MAX_EXPONENT or len(value.as_tuple().digits) > MAX_EXPONENT:
                self._fail(f"is a number beyond all amounts: {str(value)[:SHOWN_CHARS]}")
            self.doubles[name] += 1
            value = format(value, "f")
        if isinstance(value, bool):
            value = "true" if value else "false"
        item[name] = None if value is None else str(value)

    def batch(self) -> ItemTable:
        """The items so far as a table; the one that is still open stays."""
        closed = self.items[:BATCH_ITEMS]
        columns = {name: pa.array([item[name] for item in closed], pa.string()) for name in self.fields}
        place = self.found or ""
        table = ItemTable(self.path, columns, len(closed), self._first, place=place, doubles=self.doubles)
        self.items = self.items[BATCH_ITEMS:]
        self.doubles = Counter()
        self._first += len(closed)
        return table

    def _fail(self, message: str) -> NoReturn:
        raise InputError(message, file=self.path, field=self.here)
