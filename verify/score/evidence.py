"""What the verdict rests on: the held-out numbers with their bounds, at the level that pays for all that was tried."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from verify.score.bootstrap import RESAMPLES, TAIL, Bounds, Draws, Group, Resamples, block_length, resample_count
from verify.score.frame import column
from verify.score.metrics import effective_n, group
from verify.score.ratios import BPS, Measure, amm_gas, bots_removed, mechanism, net_mechanism
from verify.score.welfare import ONE, gains_over_amm, gas_saved, prices

if TYPE_CHECKING:
    from collections.abc import Iterable

    from verify.outcomes import OrderOutcome
    from verify.score.frame import BoolArray, FloatArray, Frame

VerdictClass = Literal["user", "unknown"]

M = "net_mechanism_bps"
CAP_QUANTILE = 0.99

MEASURES: dict[str, Measure] = {M: net_mechanism(1), "bots_removed_bps": bots_removed}
"""The metrics that a verdict needs of a frame."""

PAYERS = ("users", "unknown", "liquidity_providers", "sandwichers", "arbitrageurs")


@dataclass(frozen=True, slots=True)
class Figures:
    """The verdict's numbers with their bounds at one level, in bps of the judged orders' value.

    ``m`` and ``m_capped`` are the verdict's M with weights as they are and capped at their 99th percentile;
    ``together`` is what the judged traders and the liquidity providers gained over the AMM, gas included, ``everyone``
    the same with all other traders.
    """

    m: Bounds
    m_capped: Bounds
    together: Bounds
    everyone: Bounds
    bots_removed: Bounds


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that `verdict.judge` looks at.

    ``plain`` has one-sided 95 % bounds. ``strict`` has them at 0.05/``tests``; it is None where it could not change
    the verdict, since the plain bounds already hold 0 and the strict ones are wider. ``payers`` are the parties that
    lost against the AMM, the largest loss first, in whole units of the numeraire.
    """

    flow_class: VerdictClass
    orders: int
    batches: int
    effective_n: float
    tests: int
    resamples: int
    plain: Figures
    strict: Figures | None
    payers: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class JointGains:
    """Per batch, in the numeraire's smallest unit: what traders and liquidity providers gained over the AMM.

    Gas saved is apart, at the gas price as it was; zero where gas money has no price.
    """

    together: FloatArray
    everyone: FloatArray
    together_gas: FloatArray
    everyone_gas: FloatArray
    payers: tuple[tuple[str, float], ...]


def verdict_class(orders: Iterable[OrderOutcome]) -> VerdictClass:
    """Whose gain is judged: users; the unknown traders where the whole history has no user."""
    return "user" if any(order.flow_class == "user" for order in orders) else "unknown"


def class_mask(frame: Frame, flow_class: VerdictClass) -> BoolArray:
    """The frame's orders of one class."""
    return frame.user if flow_class == "user" else ~frame.user


def resamples_for(frame: Frame, flow_class: VerdictClass, draws: Draws) -> Resamples:
    """The resamples of a frame's batches, in blocks as long as any of the judged orders' series asks for.

    The series are M (`mechanism` where gas has no price), and the two that no candidate can move: what the bots'
    absence is worth, and what the AMM's gas costs. Because of the latter two, most candidates over one history share
    their blocks, and what has nothing to do with a candidate has the same bounds on its scorecard as on the next one.
    """
    columns = [frame.measures[M] if frame.gas_known else column(frame.orders, mechanism)]
    columns += [frame.measures["bots_removed_bps"]]
    columns += [column(frame.orders, amm_gas)] if frame.gas_known else []
    lengths = [
        block_length(group(frame, frame.value, [series], _judged(frame, series, flow_class))) for series in columns
    ]
    return Resamples(len(frame.batches), max(lengths), draws)


def joint_gains(frame: Frame, flow_class: VerdictClass, unit: int) -> JointGains:
    """Values what the parties gained in each batch."""
    traders = "users" if flow_class == "user" else "unknown"
    gains = [dict(zip(PAYERS, gains_over_amm(batch, PAYERS), strict=True)) for batch in frame.batches]
    together = [(gain[traders] + gain["liquidity_providers"]) / ONE for gain in gains]
    everyone = [(gain["users"] + gain["unknown"] + gain["liquidity_providers"]) / ONE for gain in gains]
    price_of = [prices(batch) for batch in frame.batches]
    saved = np.zeros(len(frame.orders))
    if frame.gas_known:
        for i, order in enumerate(frame.orders):
            bought_price = price_of[frame.batch_of[i]][order.sells_token0]
            saved[i] = gas_saved(order, bought_price, order.gas_amm) / ONE
    losses = ((party, math.fsum(gain[party] / ONE for gain in gains) / unit) for party in PAYERS if party != traders)
    return JointGains(
        together=np.array(together),
        everyone=np.array(everyone),
        together_gas=frame.per_batch(saved, class_mask(frame, flow_class)),
        everyone_gas=frame.per_batch(saved, np.ones(len(saved), np.bool_)),
        payers=tuple(sorted(((party, gain) for party, gain in losses if gain < 0), key=lambda row: row[1])),
    )


def evidence(
    frame: Frame,
    m: FloatArray,
    gas_scale: int,
    flow_class: VerdictClass,
    joint: JointGains,
    resamples: Resamples,
    tests: int,
) -> Evidence | None:
    """Gathers a frame's evidence on the given column of M (at ``gas_scale`` times the gas price).

    Args:
        frame: The held-out part.
        m: M of each of its orders.
        gas_scale: The gas price that ``m`` was computed with, as a multiple of the real one.
        flow_class: The class of the judged orders.
        joint: The frame's joint gains.
        resamples: The frame's resamples.
        tests: k, how many evaluations on this held-out range the level has to pay for.

    Returns:
        The evidence, or None where no judged order has an M or the judged orders are worth nothing.
    """
    judged = _judged(frame, m, flow_class)
    if not frame.value[judged].any():
        return None
    ratios = group(frame, frame.value, [m, frame.measures["bots_removed_bps"]], judged)
    gains = [joint.together + gas_scale * joint.together_gas, joint.everyone + gas_scale * joint.everyone_gas]
    groups = (
        Group(ratios.denominator, np.column_stack((ratios.numerators, *(BPS * gain for gain in gains)))),
        group(frame, _capped(frame.value, judged), [m], judged),
    )
    count = resample_count(tests)
    if count == RESAMPLES:
        both = resamples.bounds(groups, (TAIL, TAIL / tests), count)
        plain, strict = _figures(both[0]), _figures(both[1])
    else:
        plain, strict = _figures(resamples.bounds(groups, (TAIL,), RESAMPLES)[0]), None
        if _may_clear(plain):
            strict = _figures(resamples.bounds(groups, (TAIL / tests,), count)[0])
    return Evidence(
        flow_class=flow_class,
        orders=int(judged.sum()),
        batches=int(np.count_nonzero(groups[0].denominator)),
        effective_n=effective_n(frame, judged),
        tests=tests,
        resamples=RESAMPLES if strict is None else count,
        plain=plain,
        strict=strict,
        payers=joint.payers,
    )


def above_zero(bounds: Bounds) -> bool:
    """Whether the lower bound is above 0."""
    return bounds.lower is not None and bounds.lower > 0


def below_zero(bounds: Bounds) -> bool:
    """Whether the upper bound is below 0."""
    return bounds.upper is not None and bounds.upper < 0


def _may_clear(plain: Figures) -> bool:
    return (above_zero(plain.m) and above_zero(plain.m_capped)) or below_zero(plain.m)


def _judged(frame: Frame, column: FloatArray, flow_class: VerdictClass) -> BoolArray:
    return class_mask(frame, flow_class) & ~np.isnan(column)


def _capped(value: FloatArray, judged: BoolArray) -> FloatArray:
    """Weights no larger than the judged orders' 99th percentile (the smallest value that 99 % do not exceed)."""
    return np.minimum(value, np.quantile(value[judged], CAP_QUANTILE, method="inverted_cdf"))


def _figures(bounded: list[list[Bounds]]) -> Figures:
    (m, bots, together, everyone), (m_capped,) = bounded
    return Figures(m=m, m_capped=m_capped, together=together, everyone=everyone, bots_removed=bots)
