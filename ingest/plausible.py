"""What no Uniswap pool can have reported: checked for every event, so that a damaged file is not taken for history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.pool_state import MAX_TICK, TICK_BASE_LOG, TICK_SLACK

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.records import Pool
    from ingest.sequence import Sequenced

PRICED_KINDS = ("swap", "initialize")
MIN_SWAPS_FOR_PRICE = 10
MIN_AMOUNT_FOR_PRICE = 1000  # below, rounding to whole units blurs the price
TYPICAL_FACTOR = 3
RANGED_KINDS = ("mint", "burn", "collect")


def require_plausible(ordered: Sequenced, pool: Pool) -> None:
    """Checks signs, prices against ticks, and ranges.

    Raises:
        InputError: An event that the pool's own code could not have produced.
    """
    kinds = ordered.column("kind")
    is_swap = _true(pc.equal(kinds, "swap"))
    sign0, sign1 = (_signs(ordered.column(name)) for name in ("amount0", "amount1"))
    if pool.kind == "v2":
        ordered.require(~is_swap | (sign0 >= 0) | (sign1 >= 0), "amount0", "a swap that pays out both tokens")
        return
    ordered.require(~is_swap | (sign0 * sign1 <= 0), "amount0", "a swap with both amounts on the same side")
    priced = _true(pc.is_in(kinds, pa.array(PRICED_KINDS)))
    price, tick = (_floats(ordered.column(name)) for name in ("sqrt_price_x96", "tick"))
    ordered.require(~priced | (np.abs(tick) <= MAX_TICK + 1), "tick", "lies outside Uniswap's ticks")
    _require_typical_price(ordered, is_swap, price)
    exact = 2 * (np.log(np.maximum(price, 1.0)) - 96 * np.log(2)) / TICK_BASE_LOG
    fits = (exact >= tick - TICK_SLACK) & (exact <= tick + 1 + TICK_SLACK)
    ordered.require(~priced | fits, "sqrt_price_x96", "the price does not lie in the tick given")
    ranged = _true(pc.is_in(kinds, pa.array(RANGED_KINDS)))
    lower, upper = (_floats(ordered.column(name)) for name in ("tick_lower", "tick_upper"))
    inside = (lower < upper) & (lower >= -MAX_TICK) & (upper <= MAX_TICK)
    ordered.require(~ranged | inside, "tick_lower", "the range is empty or lies outside Uniswap's ticks")
    spaced = (lower % pool.tick_spacing == 0) & (upper % pool.tick_spacing == 0)
    message = f"the range is no multiple of the pool's tick spacing {pool.tick_spacing}"
    ordered.require(~ranged | spaced, "tick_lower", message)


def _require_typical_price(
    ordered: Sequenced, is_swap: npt.NDArray[np.bool_], sqrt_price_x96: npt.NDArray[np.float64]
) -> None:
    """Amounts and prices must tell the same story over the swaps as a whole: else two columns are exchanged.

    One swap alone may move a thin pool's price by any factor; the median of many does not.
    """
    amounts = [np.abs(_floats(ordered.column(name))) for name in ("amount0", "amount1")]
    telling = is_swap & (np.minimum(*amounts) >= MIN_AMOUNT_FOR_PRICE) & (sqrt_price_x96 > 0)
    if telling.sum() < MIN_SWAPS_FOR_PRICE:
        return
    paid = np.log(amounts[1][telling]) - np.log(amounts[0][telling])
    after = 2 * (np.log(sqrt_price_x96[telling]) - 96 * np.log(2))
    if abs(float(np.median(paid - after))) > np.log(TYPICAL_FACTOR):
        ordered.fail(
            int(np.argmax(telling)), "amount0", "the amounts do not fit the prices; are two columns exchanged?"
        )


def _true(values: pa.Array) -> npt.NDArray[np.bool_]:
    return np.asarray(values, dtype=np.bool_)


def _signs(values: pa.Array) -> npt.NDArray[np.int8]:
    """The sign of decimal texts; null counts as 0."""
    text = values.fill_null("0")
    negative = _true(pc.starts_with(text, "-"))
    return np.where(negative, -1, np.where(_true(pc.equal(text, "0")), 0, 1)).astype(np.int8)


def _floats(values: pa.Array) -> npt.NDArray[np.float64]:
    """Decimal texts as doubles, null as 0: for plausibility only, never for amounts."""
    doubles: npt.NDArray[np.float64] = pc.cast(values.fill_null("0"), pa.float64()).to_numpy()
    return doubles
