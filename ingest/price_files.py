"""Price series in files: what a time in them means is plain from their columns, or said by the user; never guessed.

An hour's difference turns a result around. So a series is taken where

- its columns are ``ts,price``: from that time on the price is known;
- they are ``open_time_utc,close``: candles by the time they open, the close is known from their end on;
- it has each candle's opening and closing time, as exchanges' kline files do (``open_time``, ``close``, ``close_time``;
  Binance's files without a header too): the close is known from the closing time on;
- it has one column of times and one of prices under other usual names, and ``times_are`` says what the times are.

CSV or Parquet; plain, gzip or zstd. Times are UTC with or without saying so, have an offset of their own, or are
numbers since 1970 whose unit (seconds, milli-, micro-, nanoseconds) follows from their size. Prices are exact decimals;
a double in a Parquet file counts as the shortest decimal that it is written as, and the series says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.errors import InputError
from ingest.sources import parquet
from ingest.sources.opening import head_of, pieces
from ingest.sources.text import header_of, matching, read_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

TimesAre = Literal["open", "close", "known"]

HOUSE: dict[tuple[str, str], TimesAre] = {("ts", "price"): "known", ("open_time_utc", "close"): "open"}
KLINE = ("open_time", "close", "close_time")
TIME_NAMES = frozenset({"time", "timestamp", "date", "datetime", "unix", "open_time", "close_time", "block_time"})
PRICE_NAMES = frozenset({"price", "close", "close_price"})
PRICE_PATTERN = r"[0-9]{1,40}(\.[0-9]{1,40})?"
PRICE_MESSAGE = "must be a positive price, written out as a decimal number"
BARE_KLINE = re.compile(rb"[0-9]{13,16},([0-9.]+,){5}[0-9]{13,16},([0-9.]+,){4}[0-9.]+\r?")
BARE_KLINE_PLACES = {"open_time": 0, "close": 4, "close_time": 6}
TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?(?:\.([0-9]{1,9}))?)?"
    r"(?: ?(?:Z|UTC)|([+-])([0-9]{2}):?([0-9]{2}))?"
)
NS = 10**9
MOST_YEAR = 2200
MOST_POINTS = 1_000_000
DOUBLES = "prices written as doubles, taken as their shortest decimals"


@dataclass(frozen=True, slots=True)
class PriceFile:
    """A file and what the user says of it.

    Args:
        path: The file.
        times_are: What its times are: when candles ``open``, when they ``close``, or from when a price is ``known``.
        candle_s: How long a candle is; None finds the smallest step between two.
    """

    path: Path
    times_are: TimesAre | None = None
    candle_s: int | None = None


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices by the Unix second from which they are known, ascending; exact decimal texts. ``field`` had the times."""

    times: list[int]
    prices: list[str]
    field: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns have the times and prices, what the times are, and a candle's opening where it has both ends."""

    time: str
    price: str
    times_are: TimesAre
    opens: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are read."""
        return (self.time, self.price) if self.opens is None else (self.time, self.price, self.opens)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Some rows: times in nanoseconds, price texts; ``fail`` raises the error of one row's field."""

    times_ns: Sequence[int]
    prices: Sequence[str]
    opens_ns: Sequence[int] | None
    fail: Callable[[int, str, str], NoReturn]


def read_price_file(file: PriceFile) -> PriceTable:
    """Reads a file of prices; see the module for what it may hold.

    Raises:
        InputError: The file is malformed, or what its times mean is not plain; names file, line and field.
    """
    head = head_of(file.path)
    doubles = False
    if head.startswith(parquet.MAGIC):
        types = parquet.column_types(file.path)
        layout = find_layout(file, list(types))
        doubles = pa.types.is_floating(types[layout.price])
        rows = _parquet_rows(file.path, layout)
    elif BARE_KLINE.fullmatch(head.split(b"\n", 1)[0]):
        layout = _kline_layout(file, dict(zip(KLINE, KLINE, strict=True)))
        rows = _bare_kline_rows(file.path)
    else:
        layout = find_layout(file, header_of(head))
        rows = _csv_rows(file.path, layout)
    table = _known(file, layout, _gather(file, layout, rows))
    return PriceTable(table.times, table.prices, table.field, f"{table.meaning}; {DOUBLES}") if doubles else table


# ---------------------------------------------------------------------- what a file is


def find_layout(file: PriceFile, names: Sequence[str]) -> Layout:
    """What a file's columns are.

    Raises:
        InputError: They fit nothing, or what the times are is not plain and was not said, or said otherwise.
    """
    plain = {name.strip().lower().replace(" ", "_"): name for name in names}
    house = [pair for pair in HOUSE if set(pair) <= set(names)]
    if len(house) == 1:
        time, price = house[0]
        return Layout(time, price, _as_said(file, time, HOUSE[house[0]]))
    if not house and set(KLINE) <= set(plain):
        return _kline_layout(file, plain)
    times, prices = ([plain[name] for name in plain if name in known] for known in (TIME_NAMES, PRICE_NAMES))
    if house or len(times) != 1 or len(prices) != 1:
        known = "; ".join(", ".join(pair) for pair in (*HOUSE, KLINE))
        raise InputError(
            f"must have one column of times and one of prices, best {known}; it has {', '.join(names) or 'no header'}",
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
        message = f"the file's columns say that its times are “{times_are}”, not “{file.times_are}”"
        raise InputError(message, file=file.path, line=1, field=field)
    return times_are


# ---------------------------------------------------------------------- reading rows


def _csv_rows(path: Path, layout: Layout) -> Iterator[_Rows]:
    for table in read_tables(path, layout.columns):
        texts = table.columns[layout.price]
        table.require(matching(texts, PRICE_PATTERN), layout.price, PRICE_MESSAGE)
        times, opens = (
            None if name is None else _times(table.columns[name].to_pylist(), name, table.fail)
            for name in (layout.time, layout.opens)
        )
        yield _Rows(times or [], texts.to_pylist(), opens, table.fail)


def _bare_kline_rows(path: Path) -> Iterator[_Rows]:
    """Binance's klines without a header, line by line."""
    content = b"".join(pieces(path, MOST_POINTS * 256)).rstrip(b"\r\n")
    for number, line in enumerate(content.split(b"\n"), 1):
        if not BARE_KLINE.fullmatch(line):
            message = "must be a kline of 12 fields like the first line: opening time, open, high, low, close, …"
            raise InputError(message, file=path, line=number)
        fields = line.decode("ascii").split(",")
        told = {name: fields[place] for name, place in BARE_KLINE_PLACES.items()}

        def fail(_: int, field: str, message: str, number: int = number, told: dict[str, str] = told) -> NoReturn:
            raise InputError(f"{message}, found {told[field]!r}", file=path, line=number, field=field)

        if not re.fullmatch(PRICE_PATTERN, told["close"]):
            fail(0, "close", PRICE_MESSAGE)
        times, opens = (_times([told[name]], name, fail) for name in ("close_time", "open_time"))
        yield _Rows(times, [told["close"]], opens, fail)


def _parquet_rows(path: Path, layout: Layout) -> Iterator[_Rows]:
    for rows in parquet.read_rows(path, layout.columns, ()):
        batch, first = rows.batch, rows.first

        def fail(row: int, field: str, message: str, batch: pa.RecordBatch = batch, first: int = first) -> NoReturn:
            shown = str(batch[field][row])[:60]
            raise InputError(f"{message}, found {shown!r}", file=path, line=first + row, field=field)

        for name in layout.columns:
            if batch[name].null_count:
                fail(int(np.argmax(np.asarray(batch[name].is_null()))), name, "must have a value")
        times, opens = (
            None if name is None else _parquet_times(batch[name], name, fail) for name in (layout.time, layout.opens)
        )
        prices = [_price_text(value) for value in batch[layout.price].to_pylist()]
        for row, text in enumerate(prices):
            if not re.fullmatch(PRICE_PATTERN, text):
                fail(row, layout.price, PRICE_MESSAGE)
        yield _Rows(times or [], prices, opens, fail)


def _price_text(value: object) -> str:
    """A number written out; text as it is, anything else as something that is no price."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return ""
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return format(number, "f") if number.is_finite() and abs(number.adjusted()) < 80 else str(number)  # 1e300 in full


def _parquet_times(values: pa.Array, field: str, fail: Callable[[int, str, str], NoReturn]) -> list[int]:
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        try:
            exact = pc.cast(pc.cast(values, pa.timestamp("ns")), pa.int64())
        except pa.ArrowInvalid:
            fail(0, field, f"a time from this row on lies outside 1970 to {MOST_YEAR}")
        times: list[int] = exact.to_pylist()
        for row, time in enumerate(times):
            if not 0 <= time < _since_1970(datetime(MOST_YEAR, 1, 1, tzinfo=UTC)) * NS:
                fail(row, field, f"must be a time from 1970 to {MOST_YEAR}")
        return times
    return _times([str(value) for value in values.to_pylist()], field, fail)


def _times(texts: Sequence[str], field: str, fail: Callable[[int, str, str], NoReturn]) -> list[int]:
    times = []
    for row, text in enumerate(texts):
        try:
            times.append(nanoseconds(text))
        except ValueError as error:
            fail(row, field, str(error))
    return times


def nanoseconds(text: str) -> int:
    """Nanoseconds since 1970 of a time: a number, a date, or a UTC time or one with its offset.

    A number below 10**11 counts seconds (to the year 5138), below 10**14 milliseconds, below 10**17 microseconds.

    Raises:
        ValueError: The text is no such time.
    """
    if re.fullmatch(r"0|[1-9][0-9]{0,18}", text):
        number = int(text)
        unit = next(NS // 1000**power for power in range(4) if number < 10 ** (11 + 3 * power) or power == 3)
        found = number * unit
    else:
        found = _nanoseconds_of_date(text)
    if not 0 <= found < _since_1970(datetime(MOST_YEAR, 1, 1, tzinfo=UTC)) * NS:
        raise ValueError(f"must be a time from 1970 to {MOST_YEAR}")
    return found


def _nanoseconds_of_date(text: str) -> int:
    match = TIME.fullmatch(text)
    if match is None:
        raise ValueError("must be a UTC time like 2024-01-05 00:00:23, or a number since 1970")
    day, clock, seconds, fraction, sign, hours, minutes = match.groups()
    try:
        parsed = datetime.fromisoformat(f"{day}T{clock or '00:00'}{seconds or ':00'}").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError("must be a UTC time that exists") from None
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    return _since_1970(parsed - offset) * NS + int((fraction or "0").ljust(9, "0"))


def _since_1970(time: datetime) -> int:
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)


# ---------------------------------------------------------------------- what is known when


def _gather(file: PriceFile, layout: Layout, batches: Iterator[_Rows]) -> list[tuple[int, str]]:
    """(nanoseconds, price text) by the file's times, once each."""
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
            message = f"has more than {MOST_POINTS} prices; cut it to the time of the history, or take longer steps"
            raise InputError(message, file=file.path)
    return sorted(given.items())


def _known(file: PriceFile, layout: Layout, given: list[tuple[int, str]]) -> PriceTable:
    """The same by the second from which each is known, rounded up; of several in a second the last."""
    length, meaning = 0, f"known from {layout.time} on"
    if file.candle_s is not None and layout.times_are != "open":
        raise InputError("is only for files that have the times when candles open", file=file.path, field="candle_s")
    if layout.times_are == "open":
        length = _candle_ns(file, layout, [time for time, _ in given])
        meaning = f"closes of candles of {length / NS:g} s, known from their end on"
    elif layout.times_are == "close":
        meaning = f"closes of candles, known from their end on ({layout.time})"
    known = {-(-(time + length) // NS): text for time, text in given}
    return PriceTable(list(known), list(known.values()), layout.time, meaning)


def _candle_ns(file: PriceFile, layout: Layout, times: list[int]) -> int:
    """A candle's length: as told, else the smallest step, which it must not be longer than."""
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
