"""Liquidity providers' markout: what their side of the trades is worth a while later, fees apart.

Σ (Δ0·v0(t + τ) + Δ1·v1(t + τ)) over the batches: Δ is the pools' change of inventory before fees, v the tokens' worth
in the numeraire by the reference price, t the settlement's time. Fees are valued at the same moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from verify.score.bootstrap import RESAMPLES, TAIL, Group
from verify.score.metrics import distribution, unscored
from verify.score.welfare import ONE, WORLDS, decimal_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from verify.outcomes import BatchOutcome
    from verify.score.bootstrap import Resamples
    from verify.score.frame import Frame

Json = dict[str, Any]

BPS = 10_000
METRICS = ("lp_markout_bps", "lp_markout_net_bps")
"""At the longest horizon, over what the orders sold: before fees, and with them."""

PAST_THE_PRICES = "the reference price ends before that"


def markouts(batches: Sequence[BatchOutcome], reasons: Mapping[int, str], unit: int) -> Json:
    """By horizon in seconds: {world: {inventory, fees}} as decimal text in whole numeraire units, and the batches.

    Args:
        batches: Those with a sound outcome.
        reasons: By horizon why it cannot be told; empty where it can.
        unit: As in `verify.outcomes.Outcomes`.
    """
    found: Json = {}
    for seconds, reason in reasons.items():
        told = [batch for batch in batches if seconds in batch.later]
        if reason or not told:
            found[str(seconds)] = unscored(reason or (PAST_THE_PRICES if batches else "no batch"))
            continue
        found[str(seconds)] = {"batches": len(told)} | {
            world: dict(
                zip(
                    ("inventory", "fees"),
                    (decimal_text(sum(each) // ONE, unit) for each in zip(*_worths(told, seconds, world), strict=True)),
                    strict=True,
                )
            )
            for world in WORLDS
        }
    return found


def tables(frame: Frame, reasons: Mapping[int, str], resamples: Resamples) -> Json:
    """The candidate's markouts of `METRICS` as metrics over the frame's batches, weighted by what their orders sold."""
    seconds = max(reasons)
    told = np.array([seconds in batch.later for batch in frame.batches], np.bool_)
    value = np.where(told, frame.per_batch(frame.value, np.ones(len(frame.orders), np.bool_)), 0.0)
    if reasons[seconds] or not value.any():
        return dict.fromkeys(METRICS, unscored(reasons[seconds] or PAST_THE_PRICES))
    worths = np.zeros((len(frame.batches), 2))
    for i in np.flatnonzero(told).tolist():
        ((inventory, fees),) = _worths([frame.batches[i]], seconds, "candidate")
        worths[i] = BPS * inventory / ONE, BPS * (inventory + fees) / ONE
    ((bounds,),) = resamples.bounds([Group(value, worths)], (TAIL,), RESAMPLES)
    found = {}
    for column, (name, bound) in enumerate(zip(METRICS, bounds, strict=True)):
        each = worths[:, column][value > 0] / value[value > 0]
        found[name] = {
            "mean": bound.estimate,
            "lower95": bound.lower,
            "upper95": bound.upper,
            **distribution(each),
            "n": len(each),
        }
    return found


def _worths(batches: Sequence[BatchOutcome], seconds: int, world: str) -> list[tuple[int, int]]:
    """Each batch's inventory before fees, and fees, in the numeraire's smallest unit times `ONE`."""
    found = []
    for batch in batches:
        value0, value1 = (value.numerator * ONE // value.denominator for value in batch.later[seconds])
        flow, fees = getattr(batch, world)["liquidity_providers"], batch.lp_fees[world]
        worth, earned = (token0 * value0 + token1 * value1 for token0, token1 in (flow, fees))
        found.append((worth - earned, earned))
    return found
