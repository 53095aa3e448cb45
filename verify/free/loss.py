"""What liquidity providers lose to arbitrage in a free-running world, and what the closed form says of it.

Loss versus rebalancing (Milionis, Moallemi, Roughgarden and Zhang, arXiv 2208.06046): against a price of volatility σ,
liquidity on x·y = k that only arbitrage trades with loses σ²/8 of its value per unit of time, before fees.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from verify.flows import taken
from verify.score.welfare import ONE

if TYPE_CHECKING:
    from verify.free.records import FreeRun
    from verify.reference import Reference


@dataclass(frozen=True, slots=True)
class ArbitrageLoss:
    """In the numeraire's smallest unit, each trade at its own block's price.

    ``before_fees`` is what the liquidity providers lost but for the fees that they were paid, ``fees`` those;
    ``closed_form`` is σ²/8 of a v2 pair's value, summed over the replay with the price's own realised variance; None
    for other pools, or several of them.
    """

    before_fees: Fraction
    fees: Fraction
    closed_form: float | None


def arbitrage_loss(run: FreeRun, reference: Reference) -> ArbitrageLoss:
    """The loss over a whole replay."""
    lost = fees = 0
    for trade in run.arbitrages:
        values = [value.numerator * ONE // value.denominator for value in reference.values(trade.block_number)]
        gained = taken(trade.zero_for_one, trade.spent, trade.received)
        fee = trade.fee * values[not trade.zero_for_one]
        lost += gained.token0 * values[0] + gained.token1 * values[1] + fee
        fees += fee
    return ArbitrageLoss(Fraction(lost, ONE), Fraction(fees, ONE), _closed_form(run, reference))


def _closed_form(run: FreeRun, reference: Reference) -> float | None:
    """Σ (ln P′/P)²/8 · V, V the pair's value after arbitrage at P; statistics, so in doubles."""
    if not run.reserves:
        return None
    found = 0.0
    for (block, reserve0, reserve1), (after, _, _) in pairwise(run.reserves):
        moment = reference.at(block)
        move = math.log(reference.price(after) / moment.price)
        found += move * move / 8 * float(reserve0 * moment.value0 + reserve1 * moment.value1)
    return found
