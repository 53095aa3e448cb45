"""The reference price: an outside series that says what the pool's token0 was worth in token1 at a time.

Prices are exact: decimal text, or a fraction ``n/d`` where a series had to be turned over or divided by another.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median_low
from typing import TYPE_CHECKING

from ingest.errors import InputError
from ingest.price_files import PriceFile, PriceTable, read_price_file
from ingest.records import PoolState, PricePoint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.records import Event, Pool

INVERT_FACTOR = 3


def pool_price(pool: Pool, at: PoolState | Event) -> Fraction:
    """A pool's marginal price without fee, in whole token1 for one whole token0, in a state or right after an event.

    v3: (sqrtPriceX96 / 2**96)**2; v2: reserve1 / reserve0; times 10**(decimals0 − decimals1).

    Raises:
        ValueError: The state or the event tells no price.
    """
    scale = Fraction(10) ** (pool.token0.decimals - pool.token1.decimals)
    if at.sqrt_price_x96:
        return Fraction(at.sqrt_price_x96**2, 1 << 192) * scale
    if at.reserve0 and at.reserve1:
        return Fraction(at.reserve1, at.reserve0) * scale
    raise ValueError("neither a price nor reserves are known here")


def read_prices(
    file: PriceFile | Path,
    *,
    pool: Pool,
    first_ts: int,
    last_ts: int,
    near: Fraction | None,
    invert: bool | None,
    per: PriceFile | Path | None = None,
) -> tuple[tuple[PricePoint, ...], str]:
    """Reads the reference price for a history from ``first_ts`` to ``last_ts``.

    Args:
        file: The file of prices, see ``ingest.price_files``.
        pool: Whose price it is.
        first_ts: Time of the history's first event.
        last_ts: Time of its last event.
        near: The pool's own price at the first event, in whole token1 for one whole token0, if it is known.
        invert: True: the file gives token0 for one token1; False: token1 for one token0; None: whichever lies
            within a factor of 3 of the pool's price, if only one does. What is told must lie within it as well.
        per: Another file, by whose prices those of the first are divided: dollars for a token of each pool's side
            give the price of one in the other.

    Returns:
        The points, and a sentence that says what they are.

    Raises:
        InputError: A file is malformed, what its times mean is not plain, it does not overlap the history, which
            way round its prices are cannot be told, or they are far from the pool's own.
    """
    files = [PriceFile(one) if isinstance(one, Path) else one for one in (file, per) if one is not None]
    tables = [read_price_file(one) for one in files]
    for one, table in zip(files, tables, strict=True):
        if not table.times or table.times[-1] < first_ts or table.times[0] > last_ts:
            raise InputError("its prices do not overlap the history in time", file=one.path, field=table.field)
    found = tables[0] if per is None else _divided(*tables)
    path = files[0].path
    if not found.times:
        raise InputError("the two files have no prices at the same time", file=files[-1].path, field=tables[-1].field)
    turned = _is_inverted(path, found, first_ts, near, invert)
    points = tuple(
        PricePoint(ts, str(1 / Fraction(text)) if turned else text)
        for ts, text in zip(found.times, found.prices, strict=True)
    )
    way = (pool.token0.symbol, pool.token1.symbol) if turned else (pool.token1.symbol, pool.token0.symbol)
    how = "as told" if invert is not None else "found from the pool's first price"
    name = " / ".join(one.path.name for one in files)
    return points, f"{name}: {way[0]} per {way[1]} ({how}), {found.meaning}"


def median_step(times: Sequence[int]) -> int | None:
    """The usual number of seconds from one price to the next; None of fewer than two."""
    steps = [later - earlier for earlier, later in pairwise(times)]
    return median_low(steps) if steps else None


def _divided(above: PriceTable, below: PriceTable) -> PriceTable:
    """One series by another, as exact fractions, whenever the one with the longer steps has a new price.

    The other's last price then must not be older than one such step; so a quotient is as fresh as its time says.
    """
    steps = [median_step(table.times) or 0 for table in (above, below)]
    coarse, fine = (above, below) if steps[0] >= steps[1] else (below, above)
    times: list[int] = []
    prices: list[str] = []
    for ts, text in zip(coarse.times, coarse.prices, strict=True):
        place = bisect_right(fine.times, ts) - 1
        if place < 0 or ts - fine.times[place] > max(steps):
            continue
        ratio = Fraction(text) / Fraction(fine.prices[place])
        times.append(ts)
        prices.append(str(ratio if coarse is above else 1 / ratio))
    if above.meaning == below.meaning:
        return replace(above, times=times, prices=prices)
    return PriceTable(times, prices, above.field, f"{above.meaning} / {below.meaning}")


def _is_inverted(path: Path, found: PriceTable, first_ts: int, near: Fraction | None, told: bool | None) -> bool:
    if near is None:
        if told is not None:
            return told
        message = "the pool's own price is not known here; say which way round the file is"
        raise InputError(message, file=path, field="invert")
    price = Fraction(found.prices[max(bisect_right(found.times, first_ts) - 1, 0)])
    straight, turned = (near / INVERT_FACTOR <= value <= near * INVERT_FACTOR for value in (price, 1 / price))
    if told is not None and (turned if told else straight):
        return told
    if told is None and straight != turned:
        return turned
    start = f"the price {float(price):.6g} at the history's start and the pool's {float(near):.6g}"
    if straight and turned:
        why = f"{start} fit both ways round; say which way round the file is"
    elif straight or turned:
        why = f"{start} fit the other way round, not as told"
    else:
        why = (
            f"{start} differ by more than a factor of {INVERT_FACTOR} either way round: perhaps the series is another "
            "pair's, or has to be divided by a second one (--prices-per)"
        )
    raise InputError(why, file=path, field="invert")
