"""The leaderboard: gates first, then the Pareto front; never one blended number."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from verify.score.evidence import M
from verify.score.metrics import unscored

if TYPE_CHECKING:
    from collections.abc import Sequence

Json = dict[str, Any]

VERDICT_ORDER = ("improvement", "protects", "transfer", "no improvement", "worse", "unscored", "rejected")
MARKOUT = "lp_markout_net_bps"
NOT_YET = {
    "bad_ev": "it takes an attack run",
    "regret_p99_bps": "it takes an attack run",
}
"""Axes of the front that no scorecard has yet: they are listed, and nobody is ahead on them."""


def rank(cards: Sequence[Json]) -> list[Json]:
    """Sorts scorecards of one history for a leaderboard.

    The axes are the lower bound of M and the liquidity providers' markout with fees (more is better), the blocks waited
    and the gas per order (less is better), all held out. A card is on the front where no other is at least as good on
    every axis and better on one. Where the markout cannot be told, nobody is ahead on it.

    Returns:
        One row a card, the best first: by verdict, then the front before the rest, then by the lower bound of M.
        ``place`` counts from 1; ``pareto`` is None for a card without an M.
    """
    axes = [_axes(card) for card in cards]
    order = sorted(range(len(cards)), key=lambda i: _key(cards[i], axes[i], axes))
    return [
        {
            "place": place,
            "name": cards[i]["name"],
            "candidate_id": cards[i]["candidate_id"],
            "window_blocks": cards[i]["window_blocks"],
            "verdict": cards[i]["verdict"],
            "provisional": cards[i]["provisional"],
            "pareto": _on_front(axes[i], axes),
            "axes": _axes_json(cards[i], axes[i]),
        }
        for place, i in enumerate(order, start=1)
    ]


Axes = tuple[float, float, float, float] | None
"""Lower bound of M, markout, minus blocks waited, minus gas per order; None without an M."""


def _axes(card: Json) -> Axes:
    heldout = card["metrics"]["heldout"]
    if card["status"] != "scored" or "mean" not in heldout[M]:
        return None
    lower, markout = heldout[M]["lower95"], heldout[MARKOUT].get("mean", -math.inf)
    return -math.inf if lower is None else lower, markout, -heldout["latency_blocks"]["mean"], -card["gas_per_order"]


def _on_front(own: Axes, everyone: Sequence[Axes]) -> bool | None:
    if own is None:
        return None
    return not any(
        other is not None and other != own and all(a >= b for a, b in zip(other, own, strict=True))
        for other in everyone
    )


def _key(card: Json, own: Axes, everyone: Sequence[Axes]) -> tuple[int, bool, float, str, int, str]:
    return (
        VERDICT_ORDER.index(card["verdict"]),
        not _on_front(own, everyone),
        math.inf if own is None else -own[0],
        card["name"],
        card["window_blocks"],
        card["candidate_id"],
    )


def _axes_json(card: Json, own: Axes) -> Json:
    later = {name: unscored(reason) for name, reason in NOT_YET.items()}
    if own is None:
        nothing = unscored(card["verdict_why"])
        return dict.fromkeys(("net_mechanism_lower95_bps", MARKOUT, "latency_blocks", "gas_per_order"), nothing) | later
    return {
        "net_mechanism_lower95_bps": unscored("too few settlements for bounds") if math.isinf(own[0]) else own[0],
        MARKOUT: card["metrics"]["heldout"][MARKOUT] if math.isinf(own[1]) else own[1],
        "latency_blocks": -own[2],
        "gas_per_order": -own[3],
    } | later
