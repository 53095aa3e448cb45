"""A candidate's score over the blocks that it may be chosen by: figures to choose by, never a verdict."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.score import describe
from verify.score.bootstrap import Bounds
from verify.score.evidence import MEASURES, M, class_mask, evidence, joint_gains, resamples_for, verdict_class
from verify.score.frame import frame, whole
from verify.score.gates import first_failure, gates
from verify.score.metrics import NO_GAS_MONEY, weighted_mean
from verify.score.ratios import latency_blocks, mechanism
from verify.score.sensitivity import why_empty
from verify.score.verdict import MAX_UNSCORED_SHARE, Judgement, rejected, unscored

if TYPE_CHECKING:
    from verify.outcomes import BatchOutcome, Outcomes
    from verify.score.bootstrap import Draws
    from verify.score.evidence import Evidence, VerdictClass
    from verify.score.frame import Frame

Json = dict[str, Any]

NOTHING_TO_JUDGE = "no judged order is worth anything and has an outcome to compare with"


@dataclass(frozen=True, slots=True)
class Score:
    """What a candidate did for the judged traders over its training blocks, in bps of their value where not said else.

    ``m`` and ``m_capped`` are the verdict's M as in `verify.score.evidence.Figures`, ``together`` what traders and
    liquidity providers gained over the AMM between them. ``free_m`` is M in the free-running replay, None where that
    was not run. ``gas_per_order`` and ``amm_gas_per_order`` are in units of gas. ``fees_spared`` is the share of what
    the AMM would pay its liquidity providers in fees that they do not get, donations included. ``worst`` describes
    the order with the lowest M.
    """

    m: Bounds
    m_capped: Bounds
    together: Bounds
    free_m: Bounds | None
    mechanism_bps: float
    latency_blocks: float
    gas_per_order: float
    amm_gas_per_order: float
    fill_rate: float
    fees_spared: float
    orders: int
    batches: int
    worst: Json

    @property
    def lower(self) -> float | None:
        """What is surely gained: the lowest of M's lower bounds, plain, capped and free-running; None where one is."""
        bounds = [self.m.lower, self.m_capped.lower, *([] if self.free_m is None else [self.free_m.lower])]
        sure = [bound for bound in bounds if bound is not None]
        return min(sure) if len(sure) == len(bounds) else None

    def to_json(self) -> Json:
        """The score as JSON values."""
        return asdict(self)

    @classmethod
    def of_json(cls, content: Json) -> Score:
        """The score that `to_json` wrote."""
        bounds = {name: Bounds(**content[name]) for name in ("m", "m_capped", "together")}
        free = content["free_m"]
        return cls(**content | bounds | {"free_m": None if free is None else Bounds(**free)})


def score(headline: Outcomes, free: Outcomes | None, draws: Draws) -> Score | Judgement:
    """Scores a candidate's replay over the whole of a (training) history.

    Args:
        headline: The anchored replay.
        free: The free-running one, where it was run.
        draws: All resampling of the run.

    Returns:
        The score; or why there is none: it is rejected at a gate, or unscored on data that do not bear a score.
    """
    if failure := broken_gate(headline) or (broken_gate(free) if free is not None else ""):
        return rejected(failure)
    rows = whole(headline)
    if not rows.orders:
        return unscored(why_empty(rows))
    if rows.unscored_share > MAX_UNSCORED_SHARE:
        return unscored(f"{rows.unscored_share:.0%} of the value could not be replayed soundly")
    flow_class = verdict_class(rows.orders)
    measured = frame(rows, headline.unit, MEASURES | {"mechanism_bps": mechanism, "latency_blocks": latency_blocks})
    found = _evidence(measured, flow_class, headline.unit, draws)
    if found is None:
        return unscored(NOTHING_TO_JUDGE if measured.gas_known else NO_GAS_MONEY)
    mask = class_mask(measured, flow_class)
    gas = describe.gas(measured)
    return Score(
        m=found.plain.m,
        m_capped=found.plain.m_capped,
        together=found.plain.together,
        free_m=None if free is None else _free_m(free, flow_class, draws),
        mechanism_bps=weighted_mean(measured, "mechanism_bps", mask) or 0.0,
        latency_blocks=weighted_mean(measured, "latency_blocks", mask) or 0.0,
        gas_per_order=gas["per_order"],
        amm_gas_per_order=gas["amm_per_order"],
        fill_rate=describe.fills(measured)["fill_rate_by_value"],
        fees_spared=_fees_spared(rows.batches),
        orders=int(np.count_nonzero(mask)),
        batches=len(rows.batches),
        worst=describe.worst_order(measured, mask, headline.unit),
    )


def broken_gate(outcomes: Outcomes) -> str:
    """The first gate that a replay failed, in words; empty where it passed all."""
    rows = whole(outcomes)
    return first_failure(gates(rows.orders, rows.batches))


def _free_m(outcomes: Outcomes, flow_class: VerdictClass, draws: Draws) -> Bounds | None:
    found = _evidence(frame(whole(outcomes), outcomes.unit, MEASURES), flow_class, outcomes.unit, draws)
    return None if found is None else found.plain.m


def _evidence(measured: Frame, flow_class: VerdictClass, unit: int, draws: Draws) -> Evidence | None:
    joint = joint_gains(measured, flow_class, unit)
    resamples = resamples_for(measured, flow_class, draws)
    return evidence(measured, measured.measures[M], 1, flow_class, joint, resamples, 1)


def _fees_spared(batches: tuple[BatchOutcome, ...]) -> float:
    """One minus what the liquidity providers got in fees, as a share of what the AMM pays them; not below 0."""

    def fees(world: str) -> float:
        paid = [batch.lp_fees[world] for batch in batches]
        values = zip(paid, batches, strict=True)
        return float(sum(fee.token0 * batch.value0 + fee.token1 * batch.value1 for fee, batch in values))

    of_amm = fees("amm")
    return max(0.0, 1 - fees("candidate") / of_amm) if of_amm else 0.0
