"""The metric table: mean, bounds, median, tail and share below zero of each metric over each slice of the orders."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.score.bootstrap import RESAMPLES, TAIL, Bounds, Group, Resamples
from verify.score.ratios import GAS_PRICED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from verify.score.frame import BoolArray, FloatArray, Frame

Json = dict[str, Any]

DECILES = 10
LARGEST_LEFT_OUT = 10
NO_GAS_MONEY = "what gas money is worth in the bought token is not known for this history"


def unscored(reason: str) -> Json:
    """What stands in a scorecard where a number could not be measured."""
    return {"status": "unscored", "reason": reason}


@dataclass(frozen=True, slots=True)
class Slice:
    """A named choice of a frame's orders."""

    name: str
    mask: BoolArray


@dataclass(frozen=True, slots=True)
class _Cell:
    """One metric over one slice, before its bounds are known."""

    slice_name: str
    metric: str
    values: FloatArray
    dust: BoolArray


def tables(frame: Frame, slices: Sequence[Slice], resamples: Resamples) -> dict[str, Json]:
    """Every metric of the frame over every slice: {slice: {metric: table or unscored}}."""
    found: dict[str, Json] = {piece.name: dict.fromkeys(frame.measures) for piece in slices}
    groups: list[Group] = []
    cells: list[list[_Cell]] = []
    for piece in slices:
        for mask, metrics in _by_definedness(frame, piece.mask).items():
            defined = np.frombuffer(mask, np.bool_)
            weight = frame.value[defined]
            if not weight.any():
                for metric in metrics:
                    found[piece.name][metric] = unscored(why_undefined(frame, piece.mask, metric))
                continue
            columns = [frame.measures[metric] for metric in metrics]
            groups.append(group(frame, frame.value, columns, defined))
            dust = frame.dust[defined]
            cells.append(
                [_Cell(piece.name, m, column[defined], dust) for m, column in zip(metrics, columns, strict=True)]
            )
    for row, bounded in zip(cells, resamples.bounds(groups, (TAIL,), RESAMPLES)[0], strict=True):
        for cell, bounds in zip(row, bounded, strict=True):
            found[cell.slice_name][cell.metric] = _table(cell, bounds)
    return found


def group(frame: Frame, weight: FloatArray, columns: Sequence[FloatArray], mask: BoolArray) -> Group:
    """The weighted means of several metrics over the masked orders, as ratios of per-batch sums."""
    sums = [frame.per_batch(weight * column, mask) for column in columns]
    return Group(frame.per_batch(weight, mask), np.column_stack(sums))


def size_deciles(frame: Frame, mask: BoolArray) -> list[Slice]:
    """Ten slices of equal number by value, smallest first, without dust; some are empty where there are few orders."""
    kept = np.flatnonzero(mask & ~frame.dust)
    ordered = kept[np.lexsort((kept, frame.value[kept]))]
    found = []
    for i in range(DECILES):
        chosen = np.zeros(len(mask), np.bool_)
        chosen[ordered[i * len(ordered) // DECILES : (i + 1) * len(ordered) // DECILES]] = True
        found.append(Slice(str(i + 1), chosen))
    return found


def effective_n(frame: Frame, mask: BoolArray) -> float:
    """(Σ v)² / Σ v²: how many equal orders would weigh as evenly."""
    weight = frame.value[mask]
    squares = math.fsum(weight**2)
    return math.fsum(weight) ** 2 / squares if squares else 0.0


def without_largest(frame: Frame, mask: BoolArray) -> BoolArray:
    """The mask without its ten orders of largest value; among equals the later ones stay."""
    kept = np.flatnonzero(mask)
    largest_first = kept[np.lexsort((kept, -frame.value[kept]))]
    left = mask.copy()
    left[largest_first[:LARGEST_LEFT_OUT]] = False
    return left


def weighted_mean(frame: Frame, metric: str, mask: BoolArray) -> float | None:
    """The value-weighted mean over the masked orders; None where there is none."""
    defined = mask & ~np.isnan(frame.measures[metric])
    weight = frame.value[defined]
    total = math.fsum(weight)
    return math.fsum(weight * frame.measures[metric][defined]) / total if total else None


def distribution(values: FloatArray) -> Mapping[str, float]:
    """Unweighted median, 5th percentile (both with linear interpolation) and the share below 0."""
    median, p5 = np.quantile(values, (0.5, 0.05))
    return {"median": float(median), "p5": float(p5), "share_below_zero": float(np.mean(values < 0))}


def _table(cell: _Cell, bounds: Bounds) -> Json:
    counted = cell.values[~cell.dust]
    unweighted = distribution(counted) if len(counted) else dict.fromkeys(("median", "p5", "share_below_zero"))
    return {
        "mean": bounds.estimate,
        "lower95": bounds.lower,
        "upper95": bounds.upper,
        **unweighted,
        "n": len(cell.values),
    }


def _by_definedness(frame: Frame, mask: BoolArray) -> dict[bytes, list[str]]:
    """The metrics by the set of orders that they are defined for: one set, in all but odd cases."""
    found: dict[bytes, list[str]] = {}
    for metric, column in frame.measures.items():
        found.setdefault((mask & ~np.isnan(column)).tobytes(), []).append(metric)
    return found


def why_undefined(frame: Frame, mask: BoolArray, metric: str) -> str:
    """Why a metric has no value over the masked orders, in words."""
    if not mask.any():
        return "no order of this kind"
    if metric in GAS_PRICED and not frame.gas_known:
        return NO_GAS_MONEY
    if not frame.value[mask].any():
        return "the orders of this kind are worth nothing in the numeraire"
    return "no order of this kind has an outcome to compare with"
