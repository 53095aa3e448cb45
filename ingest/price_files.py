"""Price series in files: what a time in them means is plain from their columns, or said by the user; never guessed.

An hour's difference turns a result around. So a series is taken where

- its columns are ``ts,price``: from that time on the price is known;
- they are ``open_time_utc,close``: candles by the time they open, the close is known from their end on;
- it has each candle's opening and closing time, as exchanges' kline files do (``open_time``, ``close``, ``close_time``;
  Binance's files without a header too): the close is known from the closing time on;
- it has one column of times and one of prices under other usual names, and ``times_are`` says what the times are.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from ingest.errors import InputError
from ingest.price_rows import BARE_KLINE, NS, bare_kline_rows, csv_rows, parquet_rows
from ingest.sources import parquet
from ingest.sources.opening import head_of
from ingest.sources.text import header_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ingest.price_rows import Rows

TimesAre = Literal["open", "close", "known"]

HOUSE: dict[tuple[str, str], TimesAre] = {("ts", "price"): "known", ("open_time_utc", "close"): "open"}
KLINE = ("open_time", "close", "close_time")
TIME_NAMES = frozenset({"time", "timestamp", "date", "datetime", "unix", "open_time", "close_time", "block_time"})
PRICE_NAMES = frozenset({"price", "close", "close_price"})
MOST_POINTS = 1_000_000
DOUBLES = "prices written as doubles, taken as their shortest decimals"


@dataclass(frozen=True, slots=True)
class PriceFile:
    """A file and what the user says of it.

    Args:
        path: The file: CSV or Parquet; plain, gzip or zstd.
        times_are: What its times are: when candles ``open``, when they ``close``, or from when a price is ``known``.
        candle_s: How long a candle is; None finds the smallest step between two.
    """

    path: Path
    times_are: TimesAre | None = None
    candle_s: int | None = None


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices, as exact decimal texts, by the Unix second from which they are known, ascending.

    ``field`` is the column that had the times, ``meaning`` says what they were.
    """

    times: list[int]
    prices: list[str]
    field: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns have times and prices, what the times are, and the candles' opening where both ends are told."""

    time: str
    price: str
    times_are: TimesAre
    opens: str | None = None


def read_price_file(file: PriceFile) -> PriceTable:
    """Reads a file of prices; see the module for what it may hold, ``ingest.price_rows`` for how values are written.

    Raises:
        InputError: The file is malformed, or what its times mean is not plain; names file, line and field.
    """
    head = head_of(file.path)
    note = ""
    if head.startswith(parquet.MAGIC):
        types = parquet.column_types(file.path)
        layout = find_layout(file, list(types))
        note = f"; {DOUBLES}" if pa.types.is_floating(types[layout.price]) else ""
        rows = parquet_rows(file.path, layout.time, layout.price, layout.opens)
    elif BARE_KLINE.fullmatch(head.split(b"\n", 1)[0]):
        layout = _kline_layout(file, dict(zip(KLINE, KLINE, strict=True)))
        rows = bare_kline_rows(file.path)
    else:
        layout = find_layout(file, header_of(head))
        rows = csv_rows(file.path, layout.time, layout.price, layout.opens)
    known, meaning = _known(file, layout, _gather(file, layout, rows))
    return PriceTable(list(known), list(known.values()), layout.time, meaning + note)


def find_layout(file: PriceFile, names: Sequence[str]) -> Layout:
    """What a file's columns are.

    Raises:
        InputError: They fit nothing, or what the times are is not plain and was not said, or said otherwise.
    """
    plain = {name.strip().lower().replace(" ", "_"): name for name in names}
    house = [pair for pair in HOUSE if set(pair) <= set(names)]
    if len(house) == 1:
        time, price = house[0]
        return Layout(time, price, _as_said(file, time, HOUSE[time, price]))
    if not house and set(KLINE) <= set(plain):
        return _kline_layout(file, plain)
    times, prices = ([plain[name] for name in plain if name in usual] for usual in (TIME_NAMES, PRICE_NAMES))
    if house or len(times) != 1 or len(prices) != 1:
        best = " or ".join(", ".join(columns) for columns in (*HOUSE, KLINE))
        raise InputError(
            f"must have one column of times and one of prices, at best {best}; "
            f"it has {', '.join(names) or 'no header'}",
            file=file.path,
            line=1,
        )
    if file.times_are is None:
        raise InputError(
            "what these times are is not plain from the columns; say whether they are when candles open, when they "
            "close, or from when the price is known",
            file=file.path,
            line=1,
            field=times[0],
        )
    return Layout(times[0], prices[0], file.times_are)


def _kline_layout(file: PriceFile, names: dict[str, str]) -> Layout:
    opens, close, closes = (names[name] for name in KLINE)
    return Layout(closes, close, _as_said(file, closes, "close"), opens)


def _as_said(file: PriceFile, field: str, times_are: TimesAre) -> TimesAre:
    """What the columns tell, which must not be contradicted."""
    if file.times_are not in {None, times_are}:
        message = f"the file's columns tell that these times are “{times_are}”, not “{file.times_are}”"
        raise InputError(message, file=file.path, line=1, field=field)
    return times_are


def _gather(file: PriceFile, layout: Layout, batches: Iterator[Rows]) -> list[tuple[int, str]]:
    """(nanoseconds, price text) by the file's times, ascending, once each."""
    given: dict[int, str] = {}
    for rows in batches:
        for row, (time, text) in enumerate(zip(rows.times_ns, rows.prices, strict=True)):
            if not Decimal(text):
                rows.fail(row, layout.price, "must be above 0")
            if rows.opens_ns is not None and rows.opens_ns[row] >= time:
                rows.fail(row, layout.time, "the candle closes before it opens")
            if (earlier := given.setdefault(time, text)) != text and Decimal(earlier) != Decimal(text):
                rows.fail(row, layout.time, f"this time has another price already ({earlier})")
        if len(given) > MOST_POINTS:
            message = f"has more than {MOST_POINTS} prices; cut it to the history's time, or take longer steps"
            raise InputError(message, file=file.path)
    return sorted(given.items())


def _known(file: PriceFile, layout: Layout, given: list[tuple[int, str]]) -> tuple[dict[int, str], str]:
    """Prices by the second from which each is known, rounded up, of several in one second the last; and what it is."""
    length_ns, meaning = 0, f"known from {layout.time} on"
    if layout.times_are == "open":
        length_ns = _candle_ns(file, layout, [time for time, _ in given])
        meaning = f"closes of candles of {length_ns / NS:g} s, known from their end on"
    elif file.candle_s is not None:
        raise InputError("belongs to files that have the times when candles open", file=file.path, field="candle_s")
    elif layout.times_are == "close":
        meaning = f"closes of candles, known from their end on ({layout.time})"
    return {-(-(time + length_ns) // NS): text for time, text in given}, meaning


def _candle_ns(file: PriceFile, layout: Layout, times: list[int]) -> int:
    """A candle's length: as told, else the smallest step; it must not be longer than that."""
    steps = [later - earlier for earlier, later in pairwise(times)]
    if file.candle_s is None:
        if not steps:
            message = "one candle alone does not tell how long it is; say it"
            raise InputError(message, file=file.path, field=layout.time)
        return min(steps)
    if file.candle_s <= 0 or (steps and min(steps) < file.candle_s * NS):
        message = f"candles of {file.candle_s} s would overlap: two of them open {min(steps, default=0) / NS:g} s apart"
        raise InputError(message, file=file.path, field="candle_s")
    return file.candle_s * NS
