"""The reference price: an outside series that says what the pool's token0 was worth in token1 at a time.

What a file's time means must be plain from its columns, because an hour's difference turns a result around:

- ``ts,price``: Unix seconds (or a UTC time) from which on the price is known;
- ``open_time_utc,close``: candles by the time they open; the close is known from the candle's END on, its length
  being the smallest step between two candles.

Prices are exact: decimal text, or a fraction ``n/d`` where a series had to be turned over.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from ingest.errors import InputError
from ingest.records import PoolState, PricePoint
from ingest.sources.text import TextTable, by_distinct, header_of, matching, read_bytes, read_table, utc_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ingest.records import Pool, Swap
    from ingest.sources.text import Int64s

KNOWN_FROM = ("ts", "price")
CANDLES = ("open_time_utc", "close")
INVERT_FACTOR = 3
PRICE_PATTERN = r"[0-9]{1,40}(\.[0-9]{1,40})?"


@dataclass(frozen=True, slots=True)
class PriceAt:
    """The price in force at a time: whole token1 for one whole token0, and how old it was."""

    price: Fraction
    age_s: int


class PriceSeries:
    """Looks prices up by time."""

    def __init__(self, points: Sequence[PricePoint]) -> None:
        self.times = [point.ts for point in points]
        self.prices = [Fraction(point.price) for point in points]

    def at(self, ts: int) -> PriceAt | None:
        """The last price at or before a time, or None before the first."""
        place = bisect_right(self.times, ts) - 1
        return None if place < 0 else PriceAt(self.prices[place], ts - self.times[place])


def pool_price(pool: Pool, at: PoolState | Swap) -> Fraction:
    """A pool's marginal price without fee, in whole token1 for one whole token0, in a state or right after a swap.

    v3: (sqrtPriceX96 / 2**96)**2; v2: reserve1 / reserve0; times 10**(decimals0 − decimals1).

    Raises:
        ValueError: The state or the swap tells no price.
    """
    scale = Fraction(10) ** (pool.token0.decimals - pool.token1.decimals)
    if at.sqrt_price_x96:
        return Fraction(at.sqrt_price_x96**2, 1 << 192) * scale
    if at.reserve0 and at.reserve1:
        return Fraction(at.reserve1, at.reserve0) * scale
    raise ValueError("neither a price nor reserves are known here")


def read_prices(
    path: Path, *, pool: Pool, first_ts: int, last_ts: int, near: Fraction | None, invert: bool | None
) -> tuple[tuple[PricePoint, ...], str]:
    """Reads a price file for a history from ``first_ts`` to ``last_ts``; see the module for its columns.

    Args:
        path: The file, CSV, plain or gzip.
        pool: Whose price it is.
        first_ts: Time of the history's first event.
        last_ts: Time of its last event.
        near: The pool's own price at the first event, in whole token1 for one whole token0, if it is known.
        invert: True: the file gives token0 for one token1; False: token1 for one token0; None: whichever lies
            within a factor of 3 of the pool's price, if only one does.

    Returns:
        The points, and a sentence that says what they are.

    Raises:
        InputError: The file is malformed, its times are ambiguous, it does not overlap the history, or which way
            round its prices are cannot be told.
    """
    content = read_bytes(path)
    columns = _columns(path, header_of(content))
    table = read_table(path, content, columns)
    times = by_distinct(table, columns[0], _seconds)
    message = "must be a positive price, written out as a decimal number"
    table.require(matching(table.columns[columns[1]], PRICE_PATTERN), columns[1], message)
    known, step = _by_time(table, columns, times)
    if not known or known[-1][0] < first_ts or known[0][0] > last_ts:
        raise InputError("its prices do not overlap the history in time", file=path, field=columns[0])
    turned = _is_inverted(path, known, first_ts, near) if invert is None else invert
    points = tuple(PricePoint(ts, _turned(text) if turned else text) for ts, text in known)
    way = (pool.token0.symbol, pool.token1.symbol) if turned else (pool.token1.symbol, pool.token0.symbol)
    meaning = f"closes of candles of {step} s, known from their end on" if columns == CANDLES else "known from ts on"
    how = "as told" if invert is not None else "found from the pool's first price"
    return points, f"{path.name}: {way[0]} per {way[1]} ({how}), {meaning}"


def _columns(path: Path, names: list[str]) -> tuple[str, str]:
    fitting = [pair for pair in (KNOWN_FROM, CANDLES) if set(pair) <= set(names)]
    if len(fitting) != 1:
        raise InputError(
            f"must have either the columns {', '.join(KNOWN_FROM)} (known from then on) or {', '.join(CANDLES)} "
            f"(candles), so that the meaning of its times is plain; it has {', '.join(names) or 'no header'}",
            file=path,
            line=1,
        )
    return fitting[0]


def _seconds(text: str) -> int:
    return int(text) if re.fullmatch(r"[1-9][0-9]{0,11}", text) else utc_seconds(text)


def _by_time(table: TextTable, columns: tuple[str, str], times: Int64s) -> tuple[list[tuple[int, str]], int]:
    """(known from, price text) by time, once each, and the candles' length (0 where these are none)."""
    texts = table.columns[columns[1]].to_pylist()
    given: dict[int, str] = {}
    for row, (ts, text) in enumerate(zip(times.tolist(), texts, strict=True)):
        if Fraction(text) <= 0:
            table.fail(row, columns[1], "must be above 0")
        if Fraction(given.setdefault(ts, text)) != Fraction(text):
            table.fail(row, columns[0], f"this time has another price already ({given[ts]})")
    ordered = sorted(given.items())
    if columns == KNOWN_FROM:
        return ordered, 0
    steps = [later - earlier for (earlier, _), (later, _) in pairwise(ordered)]
    if not steps:
        raise InputError("one candle alone does not tell how long it is", file=table.file, field=columns[0])
    return [(ts + min(steps), text) for ts, text in ordered], min(steps)


def _is_inverted(path: Path, known: list[tuple[int, str]], first_ts: int, near: Fraction | None) -> bool:
    if near is None:
        message = "the pool's own price is not known here; say which way round the file is"
        raise InputError(message, file=path, field="invert")
    earlier = [text for ts, text in known if ts <= first_ts]
    price = Fraction(earlier[-1] if earlier else known[0][1])
    straight, turned = (near / INVERT_FACTOR <= value <= near * INVERT_FACTOR for value in (price, 1 / price))
    if straight == turned:
        why = "both ways round fit" if straight else "neither way round fits"
        raise InputError(
            f"the price {price} at the history's start cannot be compared with the pool's {float(near):.6g}: {why}; "
            "say which way round the file is",
            file=path,
            field="invert",
        )
    return turned


def _turned(text: str) -> str:
    return str(1 / Fraction(text))
