"""How far a free-running replay has come from the anchored one: order by order, and in a few figures.

Two things differ: the world that the orders met, which the AMM's outcomes show by themselves, and with it what the
mechanism made of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from verify.outcomes import Outcomes

BPS = 10_000


@dataclass(frozen=True, slots=True)
class OrderDivergence:
    """One order's outcomes in the free-running world against the anchored ones, in bps; None where either is 0.

    ``outcome_bps`` is of what the order was credited, ``amm_bps`` of what the AMM alone gave it.
    """

    seq: int
    value: int
    outcome_bps: Fraction | None
    amm_bps: Fraction | None
    filled_anchored: bool
    filled_free: bool


def divergence(anchored: Outcomes, free: Outcomes) -> tuple[OrderDivergence, ...]:
    """Every order of an anchored replay with what the free-running one made of it; the same orders, aligned."""
    return tuple(
        OrderDivergence(
            seq=before.seq,
            value=before.value,
            outcome_bps=_bps(after.bought, before.bought),
            amm_bps=_bps(after.amm_out, before.amm_out),
            filled_anchored=before.filled,
            filled_free=after.filled,
        )
        for before, after in zip(anchored.orders, free.orders, strict=True)
    )


def summary(rows: Sequence[OrderDivergence]) -> dict[str, Any]:
    """The figures that a report gives, as JSON values: means, quantiles and the farthest order of both differences."""
    return {
        "orders": len(rows),
        "filled_only_anchored": sum(row.filled_anchored and not row.filled_free for row in rows),
        "filled_only_free_running": sum(row.filled_free and not row.filled_anchored for row in rows),
        "outcome_bps": _figures([(row.seq, row.value, row.outcome_bps) for row in rows]),
        "amm_bps": _figures([(row.seq, row.value, row.amm_bps) for row in rows]),
    }


def _bps(after: int, before: int) -> Fraction | None:
    return Fraction(BPS * (after - before), before) if after and before else None


def _figures(entries: Sequence[tuple[int, int, Fraction | None]]) -> dict[str, Any]:
    known = [(seq, value, float(bps)) for seq, value, bps in entries if bps is not None]
    found: dict[str, Any] = {"orders": len(known)}
    if not known:
        return found
    ordered = sorted(bps for _, _, bps in known)
    weight = sum(value for _, value, _ in known)
    farthest = max(known, key=lambda entry: (abs(entry[2]), -entry[0]))
    found |= {
        "mean": sum(ordered) / len(ordered),
        "value_weighted_mean": sum(value * bps for _, value, bps in known) / weight if weight else None,
        "p5": ordered[int(0.05 * (len(ordered) - 1))],
        "median": median(ordered),
        "p95": ordered[int(0.95 * (len(ordered) - 1))],
        "farthest": {"seq": farthest[0], "bps": farthest[2]},
    }
    return found
