"""What a report says of a candidate's free-running replay, as plain JSON."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from verify.free.divergence import divergence, summary
from verify.free.loss import arbitrage_loss
from verify.free.outcomes import ledger
from verify.score.welfare import decimal_text

if TYPE_CHECKING:
    from verify.free.records import FreeRun
    from verify.outcomes import Outcomes
    from verify.reference import Reference

Json = dict[str, Any]

MOST_NAMED = 100
"""Liquidity events that could not happen, by name; beyond only their number is told."""


def free_json(scored: Outcomes, run: FreeRun, plain: FreeRun, anchored: Outcomes, reference: Reference) -> Json:
    """Who was served how, the ledger, the divergence, arbitrage in both worlds, and what could not be replayed.

    Amounts of money are decimal text in whole units of the numeraire.

    Args:
        scored: What `verify.free.outcomes.outcomes` gave for the others.
        run: The candidate's replay.
        plain: The AMM's.
        anchored: The candidate's anchored replay.
        reference: Prices and times.
    """
    return {
        "window_blocks": run.window_blocks,
        "elasticity": run.elasticity,
        "served_by": dict(sorted(Counter(order.way for order in run.orders).items())),
        "got_less_than_outside": sum(order.bought < order.outside_out for order in run.orders),
        "rounds": {str(rounds): n for rounds, n in sorted(Counter(each.rounds for each in run.settlements).items())},
        "ledger": ledger(scored, run, plain, reference),
        "divergence": summary(divergence(anchored, scored)),
        "arbitrage": {"mechanism": _arbitrage(run, reference), "amm": _arbitrage(plain, reference)},
        "unscored_windows": sum(bool(batch.unscored) for batch in scored.batches),
        "unapplied": len(run.unapplied),
        "unapplied_events": [
            {"block": each.block_number, "tx": each.tx_hash, "why": each.why} for each in run.unapplied[:MOST_NAMED]
        ],
    }


def _arbitrage(run: FreeRun, reference: Reference) -> Json:
    loss = arbitrage_loss(run, reference)
    return {
        "trades": len(run.arbitrages),
        "gas": sum(trade.gas for trade in run.arbitrages),
        "lost_before_fees": decimal_text(int(loss.before_fees), reference.unit),
        "fees": decimal_text(int(loss.fees), reference.unit),
        "closed_form": None if loss.closed_form is None else loss.closed_form / reference.unit,
    }
