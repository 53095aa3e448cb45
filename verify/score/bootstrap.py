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
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from verify.score.frame import FloatArray

TAIL = 0.05
"""One-sided tail of the published bounds."""
RESAMPLES = 2_000
RESAMPLES_PER_TEST = 200
"""A tail of 0.05/k is read off at least 200·k resamples, which is ten resamples beyond the bound."""
MIN_BATCHES = 20
"""Below this many batches with weight there are no bounds: a bootstrap of so few never sees what it does not hold."""
CHUNK = 256
"""Resamples drawn at a time; a chunk's count matrix stays in the processor's cache."""
TILE_ROWS, TILE_DEPTH, TILE_COLUMNS = 64, 128, 32
"""Products are made of tiles this small, so that the matrix library does each on the calling thread: its own threads
wait for each other, which on cores that other workers keep busy takes ten times as long as the product."""
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


class Resamples:
    """A fixed sequence of resamples of ``batches`` batches, given by its seed.

    The first resamples are the same whatever number is asked for, and for every ratio: comparisons are paired.
    """

    def __init__(self, batches: int, block_length: int, seed: int) -> None:
        self.batches = batches
        self.block_length = block_length
        self._seed = seed
        self._kept: list[npt.NDArray[np.int16]] = []

    def bounds(self, groups: Sequence[Group], tails: Sequence[float], resamples: int) -> list[list[list[Bounds]]]:
        """One-sided bounds, ``[tail][group][ratio]``, each of which misses its ratio with probability ``tail``.

        Time is O(resamples · batches · ratios) in one matrix product; memory O(resamples · ratios).
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
        tiles = _tiled(np.hstack([_exactly_summable(column.stacked) for column in columns]))
        edges = np.cumsum([0, *(column.stacked.shape[1] for column in columns)])
        errors: list[list[FloatArray]] = [[] for _ in groups]
        ts: list[list[FloatArray]] = [[] for _ in groups]
        for counts in self._chunks(resamples):
            sums = _product(counts, tiles)
            for i, column in enumerate(columns):
                error, t = column.resampled(sums[:, edges[i] : edges[i + 1]])
                errors[i].append(error)
                ts[i].append(t)
        drawn = [
            (column, np.concatenate(errors[i])[:resamples], np.concatenate(ts[i])[:resamples])
            for i, column in enumerate(columns)
        ]
        return [[column.bounds(error, t, tail) for column, error, t in drawn] for tail in tails]

    def _chunks(self, resamples: int) -> Iterator[FloatArray]:
        """Count matrices, (CHUNK, batches): how often each batch occurs in each resample."""
        for i in range(-(-resamples // CHUNK)):
            if i < len(self._kept):
                yield self._kept[i].astype(np.float64)
                continue
            counts = _counts(np.random.default_rng((self._seed, i)), self.batches, self.block_length)
            if i * CHUNK < RESAMPLES:
                self._kept.append(counts.astype(np.int16))
            yield counts.astype(np.float64)


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


def _tiled(columns: FloatArray) -> FloatArray:
    """Cuts a matrix into tiles, (column tile, row tile, TILE_DEPTH, TILE_COLUMNS), padded with zeros."""
    height, width = (-(-size // tile) for size, tile in zip(columns.shape, (TILE_DEPTH, TILE_COLUMNS), strict=True))
    padded = np.zeros((height * TILE_DEPTH, width * TILE_COLUMNS))
    padded[: columns.shape[0], : columns.shape[1]] = columns
    return np.ascontiguousarray(padded.reshape(height, TILE_DEPTH, width, TILE_COLUMNS).transpose(2, 0, 1, 3))


def _product(counts: FloatArray, tiles: FloatArray) -> FloatArray:
    """The chunk's count matrix times the tiled columns; extra columns are zeros."""
    width, height = tiles.shape[:2]
    padded = np.zeros((CHUNK, height * TILE_DEPTH))
    padded[:, : counts.shape[1]] = counts
    rows = padded.reshape(CHUNK // TILE_ROWS, TILE_ROWS, height, TILE_DEPTH).transpose(0, 2, 1, 3)
    product = [np.matmul(row[None], tiles).sum(axis=1).transpose(1, 0, 2) for row in rows]
    return np.concatenate(product).reshape(CHUNK, width * TILE_COLUMNS)


def _exactly_summable(columns: FloatArray) -> FloatArray:
    """Rounds each column to multiples of a power of two so that any resample's sum is exact in a double.

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
    """What has to be summed over a resample to get the group's ratios and their standard errors in it."""

    def __init__(self, group: Group) -> None:
        weight = group.denominator[:, None]
        total = math.fsum(group.denominator)
        self.estimates = np.array([math.fsum(column) / total for column in group.numerators.T])
        residuals = group.numerators - self.estimates * weight
        self.stacked = np.hstack((weight, weight**2, residuals, residuals**2, residuals * weight))
        self._spread = np.array([math.sqrt(math.fsum(column)) / total for column in (residuals**2).T])
        self._ratios = residuals.shape[1]

    def resampled(self, sums: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Each ratio's error and its t-value in each resample; NaN where the resample holds no weight."""
        weight, weight2 = sums[:, :1], sums[:, 1:2]
        residual, residual2, cross = (sums[:, 2 + i * self._ratios : 2 + (i + 1) * self._ratios] for i in range(3))
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
    """The order statistics that cut off ``tail`` below and above, a NaN counting as the worst on either side."""
    count = len(samples)
    rank = math.floor(tail * (count + 1) * (1 + 1e-12))
    if rank < 1:
        unbounded = np.full(samples.shape[1], np.inf)
        return -unbounded, unbounded
    holes = np.isnan(samples)
    low, high = np.where(holes, -np.inf, samples), np.where(holes, np.inf, samples)
    return np.partition(low, rank - 1, axis=0)[rank - 1], np.partition(high, count - rank, axis=0)[count - rank]


def _without_bounds(group: Group) -> list[Bounds]:
    total = math.fsum(group.denominator)
    return [Bounds(math.fsum(column) / total if total else 0.0, None, None) for column in group.numerators.T]
