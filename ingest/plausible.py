"""What no Uniswap pool can have reported: checked for every event, so that a damaged file is not taken for history."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.bignum import floats, signs
from ingest.pool_state import MAX_TICK, TICK_BASE_LOG, TICK_SLACK

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.records import Pool

PRICED_KINDS = ("swap", "initialize")
MIN_SWAPS_FOR_PRICE = 10
SWAPS_FOR_PRICE = 1000  # of each batch: enough for a median
MIN_AMOUNT_FOR_PRICE = 1000  # below, rounding to whole units blurs the price
TYPICAL_FACTOR = 3
RANGED_KINDS = ("mint", "burn", "collect")


class Fail(Protocol):
    """Raises an ``InputError`` that points at one event's line and at the field that its column came from."""

    def __call__(self, row: int, column: str, message: str) -> NoReturn:
        """Never returns."""


def require_plausible(events: pa.Table, pool: Pool, fail: Fail) -> None:
    """Checks signs, prices against ticks, and ranges of some events, each by itself.

    Raises:
        InputError: An event that the pool's own code could not have produced.
    """

    def require(ok: npt.ArrayLike, column: str, message: str) -> None:
        good = np.asarray(ok, dtype=np.bool_)
        if not good.all():
            fail(int(np.argmin(good)), column, message)

    events = events.combine_chunks()
    kinds = events["kind"]
    is_swap = _true(pc.equal(kinds, "swap"))
    sign0, sign1 = (signs(_one(events[name])) for name in ("amount0", "amount1"))
    if pool.kind == "v2":
        require(~is_swap | (sign0 >= 0) | (sign1 >= 0), "amount0", "a swap that pays out both tokens")
        return
    require(~is_swap | (sign0 * sign1 <= 0), "amount0", "a swap with both amounts on the same side")
    priced = _true(pc.is_in(kinds, pa.array(PRICED_KINDS)))
    price, tick = floats(_one(events["sqrt_price_x96"])), _numbers(events["tick"])
    require(~priced | (np.abs(tick) <= MAX_TICK + 1), "tick", "lies outside Uniswap's ticks")
    if not _is_typical(events, is_swap, price):
        fail(int(np.argmax(is_swap)), "amount0", "the amounts do not fit the prices; are two columns exchanged?")
    exact = 2 * (np.log(np.maximum(price, 1.0)) - 96 * np.log(2)) / TICK_BASE_LOG
    fits = (exact >= tick - TICK_SLACK) & (exact <= tick + 1 + TICK_SLACK)
    require(~priced | fits, "sqrt_price_x96", "the price does not lie in the tick given")
    ranged = _true(pc.is_in(kinds, pa.array(RANGED_KINDS)))
    lower, upper = (_numbers(events[name]) for name in ("tick_lower", "tick_upper"))
    inside = (lower < upper) & (lower >= -MAX_TICK) & (upper <= MAX_TICK)
    require(~ranged | inside, "tick_lower", "the range is empty or lies outside Uniswap's ticks")
    spaced = (lower % pool.tick_spacing == 0) & (upper % pool.tick_spacing == 0)
    require(~ranged | spaced, "tick_lower", f"the range is no multiple of the pool's tick spacing {pool.tick_spacing}")


def _is_typical(events: pa.Table, is_swap: npt.NDArray[np.bool_], sqrt_price_x96: npt.NDArray[np.float64]) -> bool:
    """Whether amounts and prices tell the same story over the swaps as a whole: else two columns are exchanged.

    One swap alone may move a thin pool's price by any factor; the median of many does not.
    """
    some = np.flatnonzero(is_swap)[:SWAPS_FOR_PRICE]
    amounts = [np.abs(floats(_one(events[name].take(pa.array(some))))) for name in ("amount0", "amount1")]
    price = sqrt_price_x96[some]
    telling = (np.minimum(*amounts) >= MIN_AMOUNT_FOR_PRICE) & (price > 0)
    if telling.sum() < MIN_SWAPS_FOR_PRICE:
        return True
    paid = np.log(amounts[1][telling]) - np.log(amounts[0][telling])
    after = 2 * (np.log(price[telling]) - 96 * np.log(2))
    return bool(abs(np.median(paid - after)) <= np.log(TYPICAL_FACTOR))


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _true(values: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    return np.asarray(values, dtype=np.bool_)


def _numbers(values: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """A column of counters, null as 0."""
    numbers: npt.NDArray[np.int64] = values.fill_null(0).to_numpy()
    return numbers
