"""How a reference price serves a history: how fine it is, how old at use, and whether its times can be right."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from statistics import fmean, median
from typing import TYPE_CHECKING

from ingest.prices import median_step
from ingest.records import Swap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.records import History

OWN = "the pool's own price before each block's first event"
FRESH_SHARE = 10  # of a step: so near to a price's time must the pool have traded, to be compared with it
FRESH_S = 60
LEAST_COMPARED = 8
LEAST_Z = 2.0  # standard deviations; of right series none of 13 parts of a real one comes to 0
MOST_RATIO = 0.75
BPS = 10_000


@dataclass(frozen=True, slots=True)
class PriceUse:
    """The reference price of a history, where its swaps use it. Ages and steps are in seconds.

    Args:
        source: What it is; the pool's own price where there is no series.
        points: How many prices the series has.
        step_s: The median step from one to the next; None for fewer than two.
        swaps: All swaps.
        swaps_covered: Those whose price is known.
        oldest_s: The age of the oldest price used.
        mean_age_s: The mean age.
        older_than_step: The share of the swaps covered whose price was older than one step.
        misfit: What speaks against the meaning of the series' times; empty where nothing clearly does.
    """

    source: str
    points: int
    step_s: int | None
    swaps: int
    swaps_covered: int
    oldest_s: int | None
    mean_age_s: float | None
    older_than_step: float | None
    misfit: str

    def sentence(self) -> str:
        """Source, resolution and age in words."""
        said = [self.source]
        if self.step_s is not None:
            said.append(f"one price every {self.step_s:,} s")
        if self.mean_age_s is not None:
            said.append(f"{self.mean_age_s:,.0f} s old on average when used, at most {self.oldest_s:,} s")
        if self.older_than_step is not None:
            said.append(f"{self.older_than_step:.1%} of swaps at a price older than one step")
        if self.points and self.swaps_covered < self.swaps:
            said.append(f"{self.swaps - self.swaps_covered:,} swaps without a price")
        return "; ".join([*said, *([self.misfit] if self.misfit else [])])


def price_use(history: History) -> PriceUse:
    """How a history's reference price serves its swaps, each at its block's time."""
    swaps = history.swaps
    if not history.prices:
        ages = _own_ages(history)
        return PriceUse(OWN, 0, None, len(swaps), len(swaps), *_summary(ages), None, "")
    times = [point.ts for point in history.prices]
    places = [bisect_right(times, swap.block_ts) - 1 for swap in swaps]
    ages = [swap.block_ts - times[place] for swap, place in zip(swaps, places, strict=True) if place >= 0]
    step = median_step(times)
    older = sum(age > step for age in ages) / len(ages) if ages and step is not None else None
    misfit = better_times(history, step) if step else ""
    return PriceUse(history.price_source, len(times), step, len(swaps), len(ages), *_summary(ages), older, misfit)


def _summary(ages: Sequence[int]) -> tuple[int | None, float | None]:
    return (max(ages), fmean(ages)) if ages else (None, None)


def _own_ages(history: History) -> list[int]:
    """How long before each swap's block the pool's price was last told; not where it was not told before."""
    ages: list[int] = []
    before: int | None = None
    here: int | None = None
    block = -1
    for event in history.events:
        if event.block_number != block:
            block, before, here = event.block_number, before if here is None else here, None
        if isinstance(event, Swap) and before is not None:
            ages.append(event.block_ts - before)
        if event.sqrt_price_x96 or event.reserve0:
            here = event.block_ts
    return ages


def better_times(history: History, step_s: int) -> str:
    """Says so where the series, taken one step earlier or later, fits the pool's own prices clearly better.

    A price is compared with the pool's last one at the time from which it is known, if the pool traded shortly before;
    the same with that time shifted. The median of the differences must be clearly smaller, and their sum over all
    prices smaller than chance makes it, were the sign of every price's gain a coin's. Empty where that is not so, or
    too little can be compared.
    """
    given, earlier, later = _differences(history, step_s)
    if len(given) < LEAST_COMPARED:
        return ""
    shifted, way, told = min(
        (earlier, "earlier", "close"), (later, "later", "open"), key=lambda entry: median(entry[0])
    )
    gains = [one - other for one, other in zip(given, shifted, strict=True)]
    chance = math.sqrt(sum(gain**2 for gain in gains))
    if sum(gains) <= LEAST_Z * chance or median(shifted) > MOST_RATIO * median(given):
        return ""
    return (
        f"the series fits the pool's prices better one step ({step_s:,} s) {way}: {median(shifted) * BPS:.0f} bps off "
        f"in the median instead of {median(given) * BPS:.0f}, over {len(given):,} prices; are its times those at which "
        f"candles {told}?"
    )


def _differences(history: History, step_s: int) -> tuple[list[float], list[float], list[float]]:
    """How far the series' logarithms are from the pool's: at their times, one step earlier, and one step later."""
    times, logs = _pool_logs(history)
    fresh_s = max(step_s // FRESH_SHARE, FRESH_S)
    found: tuple[list[float], list[float], list[float]] = ([], [], [])
    for point in history.prices:
        places = [bisect_right(times, point.ts + shift) - 1 for shift in (0, -step_s, step_s)]
        ages = [point.ts + shift - times[place] for place, shift in zip(places, (0, -step_s, step_s), strict=True)]
        if min(places) >= 0 and max(ages) <= fresh_s:
            ratio = Fraction(point.price)
            price = math.log(ratio.numerator) - math.log(ratio.denominator)
            for differences, place in zip(found, places, strict=True):
                differences.append(abs(logs[place] - price))
    return found


def _pool_logs(history: History) -> tuple[list[int], list[float]]:
    """Times and logarithms of the pool's price, of whole tokens, after each event that tells it."""
    times: list[int] = []
    logs: list[float] = []
    scale = (history.pool.token0.decimals - history.pool.token1.decimals) * math.log(10)
    for event in history.events:
        if event.sqrt_price_x96:
            logs.append(2 * math.log(event.sqrt_price_x96) - 192 * math.log(2) + scale)
        elif event.reserve0 and event.reserve1:
            logs.append(math.log(event.reserve1) - math.log(event.reserve0) + scale)
        else:
            continue
        times.append(event.block_ts)
    return times, logs
