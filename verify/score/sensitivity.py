"""Verdicts from frames: the headline's, at other gas prices, and those of replays under other conventions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from verify.score import verdict, welfare
from verify.score.evidence import (
    MEASURES,
    Evidence,
    M,
    VerdictClass,
    evidence,
    joint_gains,
    resamples_for,
    verdict_class,
)
from verify.score.frame import Frame, Rows, column, frame, rows_by_part
from verify.score.gates import first_failure, gates
from verify.score.metrics import NO_GAS_MONEY
from verify.score.ratios import net_mechanism

if TYPE_CHECKING:
    from verify.outcomes import Outcomes
    from verify.score.bootstrap import Draws, Resamples
    from verify.score.verdict import Judgement

GAS_SCALES = {"gas price: 0": 0, "gas price: double": 2}
"""The gas prices beside the real one that every report gives the result at."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict with what it rests on; without evidence where there is nothing to judge."""

    judgement: Judgement
    evidence: Evidence | None


def judge_frame(
    heldout: Frame, rows: Rows, outcomes: Outcomes, flow_class: VerdictClass, resamples: Resamples, tests: int
) -> tuple[Judged, dict[str, Judged]]:
    """The verdict on a held-out frame, and the verdicts at other gas prices by name.

    Args:
        heldout: The frame, with the metrics of `evidence.MEASURES` at least.
        rows: What it was made from.
        outcomes: The replay it belongs to.
        flow_class: The class of the judged orders.
        resamples: The frame's resamples.
        tests: k, as in `evidence.evidence`.
    """
    joint = joint_gains(heldout, flow_class, outcomes.unit)

    def at(gas_scale: int) -> Judged:
        m = column(heldout.orders, net_mechanism(gas_scale))
        found = evidence(heldout, m, gas_scale, flow_class, joint, resamples, tests)
        return Judged(_judgement(found, heldout, rows, outcomes, flow_class, gas_scale), found)

    return at(1), {name: at(scale) for name, scale in GAS_SCALES.items()}


def judge_outcomes(outcomes: Outcomes, tests: int, draws: Draws) -> Judged:
    """The verdict on a whole replay, gates first, without its tables."""
    rows = rows_by_part(outcomes)
    orders = [order for part in rows.values() for order in part.orders]
    batches = [batch for part in rows.values() for batch in part.batches]
    if failure := first_failure(gates(orders, batches)):
        return Judged(verdict.rejected(failure), None)
    if not rows["heldout"].orders:
        return Judged(verdict.unscored(why_empty(rows["heldout"])), None)
    welfare.check(batches)
    heldout = frame(rows["heldout"], outcomes.unit, MEASURES)
    flow_class = verdict_class(orders)
    resamples = resamples_for(heldout, flow_class, draws)
    joint = joint_gains(heldout, flow_class, outcomes.unit)
    found = evidence(heldout, heldout.measures[M], 1, flow_class, joint, resamples, tests)
    return Judged(_judgement(found, heldout, rows["heldout"], outcomes, flow_class, 1), found)


def why_empty(rows: Rows) -> str:
    """Why a held-out part has nothing to score."""
    if not rows.unscored_orders:
        return "no order falls into the held-out part of the history"
    reasons = "; ".join(sorted({batch.unscored for batch in rows.unscored_batches}))
    return f"no held-out batch has a sound outcome ({reasons})"


def _judgement(
    found: Evidence | None, heldout: Frame, rows: Rows, outcomes: Outcomes, flow_class: VerdictClass, gas_scale: int
) -> Judgement:
    if found is not None:
        return verdict.judge(
            found,
            numeraire=outcomes.numeraire,
            unscored_share=rows.unscored_share,
        )
    if gas_scale and not heldout.gas_known:
        return verdict.unscored(NO_GAS_MONEY)
    who = "a user" if flow_class == "user" else "a trader"
    return verdict.unscored(f"no held-out order of {who} is worth anything and has an outcome to compare with")
