"""Bounds of a ratio of sums over dependent, heavy-tailed batches: the stationary block bootstrap.

Politis and Romano (1994): blocks of geometric length from random starts, the series closed to a circle. The statistic
is Σ numerator / Σ denominator over the batches. The bounds are one-sided, and the wider of the percentile bound and
the studentised one (Hall 1988, with the standard error of a ratio estimator in each resample): the percentile bound
alone finds "improvements" three times too often where small gains hide rare large losses (docs/design/scoring.md).

Bit for bit the same on every machine: the columns are scaled to integers so small that their sums are exact in
doubles whatever the order of adding, so that neither the matrix library nor its threads can move a result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from verify.score.frame import FloatArray

CountArray = npt.NDArray[np.unsignedinteger[Any]]

TAIL = 0.05
"""One-sided tail of the published bounds."""
RESAMPLES = 2_000
RESAMPLES_PER_TEST = 200
"""A tail of 0.05/k is read off at least 200·k resamples, which is ten resamples beyond the bound."""
MIN_BATCHES = 20
"""Below this many batches with weight there are no bounds: a bootstrap of so few never sees what it does not hold."""
CHUNK = 256
"""Resamples drawn at a time; what a chunk is multiplied with stays in the processor's cache."""
TILE_RESAMPLES, TILE = 64, 4096
"""Products are made of tiles of so many resamples by so many numbers, small enough that the matrix library does each on
the calling thread: its own threads wait for each other, which on cores that other workers keep busy takes ten times as
long as the product."""
KEPT_BYTES = 256 * 1024**2
"""What a run's resamples may take: a byte for each batch of each, so 2,000 of 130,000 batches."""
EXACT_BITS = 53
SERIES_BITS = 20


@dataclass(frozen=True, slots=True)
class Group:
    """Ratios with a common denominator: per-batch sums, ``numerators`` of shape (batches, ratios)."""

    denominator: FloatArray
    numerators: FloatArray


@dataclass(frozen=True, slots=True)
class Bounds:
    """A ratio with its one-sided bounds; a bound is None where the data give none."""

    estimate: float
    lower: float | None
    upper: float | None


def resample_count(tests: int) -> int:
    """How many resamples a level of 0.05/``tests`` is read off."""
    return max(RESAMPLES, RESAMPLES_PER_TEST * tests)


def block_length(group: Group) -> int:
    """The mean block length for a series' ratio: automatic, never below n^(1/3).

    Politis and White (2004) with the correction of Patton, Politis and White (2009) for the stationary bootstrap, of
    the ratio's influence series, whose flat-top bandwidth is twice the first lag after which the correlations stay
    insignificant. At most min(3√n, n/3), and rounded up to whole batches.
    """
    n = len(group.denominator)
    total = math.fsum(group.denominator)
    if n < MIN_BATCHES or total <= 0:
        return 1
    numerator = group.numerators[:, 0]
    influence = numerator - math.fsum(numerator) / total * group.denominator
    automatic = _politis_white(influence)
    return math.ceil(min(max(automatic, math.cbrt(n)), 3 * math.sqrt(n), n / 3) - 1e-9)


def _politis_white(series: FloatArray) -> float:
    """The automatic block length of a series whose mean is 0."""
    n = len(series)
    largest = np.abs(series).max()
    if largest == 0:
        return 1.0
    series = np.rint(series * (2**SERIES_BITS / largest))  # whole steps: sums of products are exact
    run = max(5, math.ceil(math.sqrt(math.log10(n))))
    max_lag = min(math.ceil(math.sqrt(n)) + run, n - 1)
    covariance = np.array([float(series[: n - lag] @ series[lag:]) / n for lag in range(max_lag + 1)])
    small = np.abs(covariance[1:] / covariance[0]) < 2 * math.sqrt(math.log10(n) / n)
    starts = range(max(max_lag - run + 1, 0))
    last_significant = next((lag for lag in starts if small[lag : lag + run].all()), max_lag)
    bandwidth = min(2 * max(last_significant, 1), max_lag)
    lags = np.arange(1, bandwidth + 1)
    window = np.clip(2 * (1 - lags / bandwidth), 0, 1) * covariance[1 : bandwidth + 1]
    spectrum = covariance[0] + 2 * window.sum()
    slope = 2 * (lags * window).sum()
    if spectrum <= 0:
        return 1.0
    return math.cbrt(slope**2 / spectrum**2 * n)


class Draws:
    """All resampling of one run: what is drawn for one candidate serves the next.

    How often each batch occurs in each resample follows from the seed, the number of batches and the block length
    alone, and most candidates over one history share all three. Up to `KEPT_BYTES` are kept, the rest drawn anew.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._kept: dict[tuple[int, int, int], CountArray] = {}
        self._room = KEPT_BYTES

    def counts(self, chunk: int, batches: int, block_length: int) -> CountArray:
        """How often each batch occurs in each resample of a chunk, (batches, CHUNK)."""
        key = (chunk, batches, block_length)
        found = self._kept.get(key)
        if found is None:
            drawn = _counts(np.random.default_rng((self.seed, chunk)), batches, block_length)
            found = np.ascontiguousarray(drawn.T, np.min_scalar_type(int(drawn.max())))
            if found.nbytes <= self._room:
                self._kept[key] = found
                self._room -= found.nbytes
        return found


class Resamples:
    """A fixed sequence of resamples of ``batches`` batches, given by a run's draws.

    The first resamples are the same whatever number is asked for, and for every ratio: comparisons are paired.
    """

    def __init__(self, batches: int, block_length: int, draws: Draws) -> None:
        self.batches = batches
        self.block_length = block_length
        self._draws = draws

    def bounds(self, groups: Sequence[Group], tails: Sequence[float], resamples: int) -> list[list[list[Bounds]]]:
        """One-sided bounds, ``[tail][group][ratio]``, each of which misses its ratio with probability ``tail``.

        Time is O(resamples · batches · ratios), counting of each group's batches only those that add to its sums;
        memory O(resamples · ratios).
        """
        usable = [i for i, group in enumerate(groups) if np.count_nonzero(group.denominator) >= MIN_BATCHES]
        bounded = self._bounds([groups[i] for i in usable], tails, resamples) if usable else [[] for _ in tails]
        found = []
        for by_group in bounded:
            rows = [_without_bounds(group) for group in groups]
            for i, row in zip(usable, by_group, strict=True):
                rows[i] = row
            found.append(rows)
        return found

    def _bounds(self, groups: Sequence[Group], tails: Sequence[float], resamples: int) -> list[list[list[Bounds]]]:
        columns = [_Columns(group) for group in groups]
        chunks = -(-resamples // CHUNK)
        sums = [np.empty((len(column.summands), chunks * CHUNK)) for column in columns]
        for chunk in range(chunks):
            counts = self._draws.counts(chunk, self.batches, self.block_length)
            for column, found in zip(columns, sums, strict=True):
                found[:, chunk * CHUNK : (chunk + 1) * CHUNK] = _product(column.summands, counts[column.batches])
        drawn = [column.resampled(found[:, :resamples]) for column, found in zip(columns, sums, strict=True)]
        return [
            [column.bounds(*errors_and_ts, tail) for column, errors_and_ts in zip(columns, drawn, strict=True)]
            for tail in tails
        ]


def _counts(rng: np.random.Generator, n: int, mean_length: int) -> npt.NDArray[np.int64]:
    """Draws CHUNK resamples: at every place a new block starts with probability 1/mean_length."""
    restarts = rng.random((CHUNK, n), dtype=np.float32) < 1 / mean_length
    restarts[:, 0] = True
    places = np.flatnonzero(restarts)
    lengths = np.diff(places, append=CHUNK * n)
    rows = places // n * (n + 1)
    starts = rng.integers(0, n, len(places))
    ends = starts + lengths
    wraps = ends > n
    opened = np.concatenate((rows + starts, rows[wraps]))
    closed = rows + np.where(wraps, ends - n, ends)
    steps = np.bincount(opened, minlength=CHUNK * (n + 1)) - np.bincount(closed, minlength=CHUNK * (n + 1))
    return np.cumsum(steps.reshape(CHUNK, n + 1)[:, :n], axis=1)


def _product(columns: FloatArray, counts: CountArray) -> FloatArray:
    """Each column's sum over each resample: (columns, batches) times (batches, CHUNK)."""
    width, batches = columns.shape
    tiles = -(-batches * width // TILE)
    depth = -(-batches // tiles)
    left = np.zeros((width, tiles * depth))
    left[:, :batches] = columns
    right = np.zeros((tiles * depth, CHUNK))
    right[:batches] = counts
    sums = np.matmul(
        left.reshape(width, tiles, 1, depth).transpose(1, 2, 0, 3),
        right.reshape(tiles, depth, CHUNK // TILE_RESAMPLES, TILE_RESAMPLES).transpose(0, 2, 1, 3),
    ).sum(axis=0)
    product: FloatArray = sums.transpose(1, 0, 2).reshape(width, CHUNK)
    return product


def _exactly_summable(columns: FloatArray) -> FloatArray:
    """Rounds each column (of axis 0) to multiples of a power of two so that any resample's sum is exact in a double.

    A resample counts each of the n batches some number of times, n times in all: with every entry at most 2⁵³/n
    steps, no partial sum passes 2⁵³ steps.
    """
    largest = np.abs(columns).max(axis=0)
    bits = EXACT_BITS - 1 - math.ceil(math.log2(max(len(columns), 2)))
    _, exponent = np.frexp(np.where(largest > 0, largest, 1.0))
    shift = bits - exponent
    rounded: FloatArray = np.ldexp(np.rint(np.ldexp(columns, shift)), -shift)
    return rounded


class _Columns:
    """What has to be summed over a resample to get the group's ratios and their standard errors in it.

    ``summands`` are the sums' terms, (sums, batches), of those ``batches`` that have any that is not 0.
    """

    def __init__(self, group: Group) -> None:
        weight = group.denominator[:, None]
        total = math.fsum(group.denominator)
        self.estimates = np.array([math.fsum(column) / total for column in group.numerators.T])
        residuals = group.numerators - self.estimates * weight
        stacked = np.hstack((weight, weight**2, residuals, residuals**2, residuals * weight))
        self.batches = np.flatnonzero(stacked.any(axis=1))
        self.summands = np.ascontiguousarray(_exactly_summable(stacked)[self.batches].T)
        self._spread = np.array([math.sqrt(math.fsum(column)) / total for column in (residuals**2).T])
        self._ratios = residuals.shape[1]

    def resampled(self, sums: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Each ratio's error and its t-value in each resample, (ratios, resamples); NaN without any weight in it."""
        weight, weight2 = sums[:1], sums[1:2]
        residual, residual2, cross = np.split(sums[2:], 3)
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.where(weight > 0, residual / weight, np.nan)
            variance = np.maximum(residual2 - 2 * error * cross + error**2 * weight2, 0)
            t = np.where(error == 0, 0.0, error * weight / np.sqrt(variance))
        return error, np.where(weight > 0, t, np.nan)

    def bounds(self, errors: FloatArray, ts: FloatArray, tail: float) -> list[Bounds]:
        """The wider of both bounds on each side, never on the wrong side of the estimate."""
        least_error, most_error = _tails(errors, tail)
        least_t, most_t = _tails(ts, tail)
        found = []
        for i, estimate in enumerate(self.estimates):
            spread = self._spread[i]
            down = max(0.0, -least_error[i], most_t[i] * spread if spread else 0.0)
            up = max(0.0, most_error[i], -least_t[i] * spread if spread else 0.0)
            found.append(
                Bounds(
                    float(estimate),
                    float(estimate - down) if math.isfinite(down) else None,
                    float(estimate + up) if math.isfinite(up) else None,
                )
            )
        return found


def _tails(samples: FloatArray, tail: float) -> tuple[FloatArray, FloatArray]:
    """Each row's order statistics that cut off ``tail`` below and above, a NaN counting as the worst on either side."""
    count = samples.shape[1]
    rank = math.floor(tail * (count + 1) * (1 + 1e-12))
    if rank < 1:
        unbounded = np.full(len(samples), np.inf)
        return -unbounded, unbounded
    holes = np.isnan(samples)
    low, high = np.where(holes, -np.inf, samples), np.where(holes, np.inf, samples)
    return np.partition(low, rank - 1)[:, rank - 1], np.partition(high, count - rank)[:, count - rank]


def _without_bounds(group: Group) -> list[Bounds]:
    total = math.fsum(group.denominator)
    return [Bounds(math.fsum(column) / total if total else 0.0, None, None) for column in group.numerators.T]
