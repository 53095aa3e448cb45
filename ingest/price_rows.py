"""The rows of a file of prices, CSV or Parquet: times in nanoseconds since 1970, prices as exact decimal texts.

Times are UTC with or without saying so, or have an offset of their own; or they are numbers, whose unit follows from
their size. Prices are written out; a double in a Parquet file counts as the shortest decimal that it is written as.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.errors import InputError
from ingest.sources import parquet
from ingest.sources.opening import read_bytes
from ingest.sources.text import matching, read_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    Fail = Callable[[int, str, str], NoReturn]

PRICE_PATTERN = r"[0-9]{1,40}(\.[0-9]{1,40})?"
PRICE_MESSAGE = "must be a positive price, written out as a decimal number"
BARE_KLINE = re.compile(rb"[0-9]{13,16},([0-9.]+,){5}[0-9]{13,16},([0-9.]+,){4}[0-9.]+\r?")
BARE_KLINE_PLACES = {"open_time": 0, "close": 4, "close_time": 6}
TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2})(?:(:[0-9]{2})(?:\.([0-9]{1,9}))?)?)?"
    r"(?: ?(?:Z|UTC)|([+-])([0-9]{2}):?([0-9]{2}))?"
)
NS = 10**9
UNIT_NS = {"s": NS, "ms": 10**6, "us": 10**3, "ns": 1}
UNITS_NS = ((10**11, NS), (10**14, 10**6), (10**17, 10**3), (10**20, 1))  # numbers below count so many each
START = datetime(1970, 1, 1, tzinfo=UTC)
END_NS = 7_258_118_400 * NS  # 2200-01-01, which 64 bits still hold
MOST_OFFSET_S = 14 * 3600
TIME_MESSAGE = "must be a UTC time like 2024-01-05 00:00:23, or a number since 1970"
RANGE_MESSAGE = "must be a time from 1970 to 2200"
SHOWN_CHARS = 60


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows; ``opens_ns`` where a candle's opening stands beside its closing.

    ``fail(row, field, message)`` raises the error of one row's field.
    """

    times_ns: Sequence[int]
    prices: Sequence[str]
    opens_ns: Sequence[int] | None
    fail: Fail


def csv_rows(path: Path, time: str, price: str, opens: str | None) -> Iterator[Rows]:
    """Rows of a CSV file with a header.

    Raises:
        InputError: The file is malformed; names file, line and field. So do the other readers here.
    """
    for table in read_tables(path, (time, price, *([] if opens is None else [opens]))):
        texts = table.columns[price]
        table.require(matching(texts, PRICE_PATTERN), price, PRICE_MESSAGE)
        times = _times(table.columns[time].to_pylist(), time, table.fail)
        opened = None if opens is None else _times(table.columns[opens].to_pylist(), opens, table.fail)
        yield Rows(times, texts.to_pylist(), opened, table.fail)


def bare_kline_rows(path: Path) -> Iterator[Rows]:
    """Rows of Binance's klines without a header: 12 fields, the opening first, the close fifth, the closing seventh."""
    for number, line in enumerate(read_bytes(path).rstrip(b"\r\n").split(b"\n"), 1):
        if not BARE_KLINE.fullmatch(line):
            message = "must be a kline of 12 fields as the first line: opening time, open, high, low, close, …"
            raise InputError(message, file=path, line=number)
        fields = line.decode("ascii").split(",")
        told = {name: fields[place] for name, place in BARE_KLINE_PLACES.items()}

        def fail(_: int, field: str, message: str, number: int = number, told: dict[str, str] = told) -> NoReturn:
            raise InputError(f"{message}, found {told[field]!r}", file=path, line=number, field=field)

        if not re.fullmatch(PRICE_PATTERN, told["close"]):
            fail(0, "close", PRICE_MESSAGE)
        times, opens = (_times([told[name]], name, fail) for name in ("close_time", "open_time"))
        yield Rows(times, [told["close"]], opens, fail)


def parquet_rows(path: Path, time: str, price: str, opens: str | None) -> Iterator[Rows]:
    """Rows of a Parquet file; its timestamps and dates are exact, whatever their unit."""
    columns = (time, price, *([] if opens is None else [opens]))
    for rows in parquet.read_rows(path, columns, ()):
        batch = rows.batch

        def fail(
            row: int, field: str, message: str, batch: pa.RecordBatch = batch, first: int = rows.first
        ) -> NoReturn:
            shown = str(batch[field][row])[:SHOWN_CHARS]
            raise InputError(f"{message}, found {shown!r}", file=path, line=first + row, field=field)

        for name in columns:
            if batch[name].null_count:
                fail(int(np.argmax(np.asarray(batch[name].is_null()))), name, "must have a value")
        prices = _price_texts(batch[price])
        for row, text in enumerate(prices):
            if not re.fullmatch(PRICE_PATTERN, text):
                fail(row, price, PRICE_MESSAGE)
        opened = None if opens is None else _parquet_times(batch[opens], opens, fail)
        yield Rows(_parquet_times(batch[time], time, fail), prices, opened, fail)


def _price_texts(values: pa.Array) -> list[str]:
    """Numbers written out, text as it is; of a type that holds no prices, what is none."""
    if pa.types.is_floating(values.type):
        doubles = values.to_numpy(zero_copy_only=False)
        return [np.format_float_positional(number, unique=True, trim="-") for number in doubles]
    if pa.types.is_integer(values.type) or pa.types.is_decimal(values.type):
        return [format(Decimal(number), "f") for number in values.to_pylist()]
    return [value if isinstance(value, str) else "" for value in values.to_pylist()]


def _parquet_times(values: pa.Array, field: str, fail: Fail) -> list[int]:
    if pa.types.is_date(values.type):
        values = pc.cast(values, pa.timestamp("ms"))
    if not pa.types.is_timestamp(values.type):
        return _times([str(value) for value in values.to_pylist()], field, fail)
    unit_ns = UNIT_NS[values.type.unit]
    times = [number * unit_ns for number in pc.cast(values, pa.int64()).to_pylist()]
    for row, time in enumerate(times):
        if not 0 <= time < END_NS:
            fail(row, field, RANGE_MESSAGE)
    return times


def _times(texts: Sequence[str], field: str, fail: Fail) -> list[int]:
    times = []
    for row, text in enumerate(texts):
        try:
            times.append(nanoseconds(text))
        except ValueError as error:
            fail(row, field, str(error))
    return times


def nanoseconds(text: str) -> int:
    """Nanoseconds since 1970 of a time: a number, a date, a UTC time, or a time with its offset.

    A number below 10**11 counts seconds (up to the year 5138), below 10**14 milliseconds, below 10**17 microseconds.

    Raises:
        ValueError: The text is no such time.
    """
    if re.fullmatch(r"0|[1-9][0-9]{0,18}", text):
        number = int(text)
        found = number * next(unit for end, unit in UNITS_NS if number < end)
    else:
        found = _nanoseconds_of_date(text)
    if not 0 <= found < END_NS:
        raise ValueError(RANGE_MESSAGE)
    return found


def _nanoseconds_of_date(text: str) -> int:
    match = TIME.fullmatch(text)
    if match is None:
        raise ValueError(TIME_MESSAGE)
    day, clock, seconds, fraction, sign, hours, minutes = match.groups()
    try:
        parsed = datetime.fromisoformat(f"{day}T{clock or '00:00'}{seconds or ':00'}").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError("must be a time that exists") from None
    offset_s = (int(hours or 0) * 60 + int(minutes or 0)) * (-60 if sign == "-" else 60)
    if abs(offset_s) > MOST_OFFSET_S:
        raise ValueError("must have an offset that exists")
    whole = (parsed - START) // timedelta(seconds=1) - offset_s
    return whole * NS + int((fraction or "0").ljust(9, "0"))
