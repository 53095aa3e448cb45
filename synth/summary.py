"""What `synth` says at its end: what was tried, who was put forward, and how it fared beside what people wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from synth.finalists import Champion
    from synth.options import SynthOptions
    from synth.records import Searched, Tried

Json = dict[str, Any]

NOBODY = "none of its candidates has a score to be chosen by"
ALL_ATTACKED = "every finalist gives an attacker more than the AMM does"


def summary(
    run_id: str,
    history: str,
    options: SynthOptions,
    searched: Searched,
    champions: Mapping[str, Champion],
    judged: Json,
) -> Json:
    """The document of `pactsmith synth` (DESIGN.md section 8).

    ``best`` is the champion that surely gained most on training blocks, and ``verdict`` what held-out blocks say of
    it. ``beats_by_hand`` says whether it is none of the hand-written rules and its mean there is above theirs: a
    comparison of point estimates, whose intervals stand beside them.
    """
    cards = {(card["candidate_id"], card["window_blocks"]): card for card in judged["candidates"]}
    put_forward = [each.tried for each in champions.values() if each.tried is not None]
    best = max(put_forward, key=lambda one: (one.trial.lower or 0.0, -one.number), default=None)
    by_hand = [_held_out(one, cards) for one in searched.by_hand()]
    tried = [one for name in options.proposers for one in searched.by(name)]
    return {
        "run_id": run_id,
        "history": history,
        "seed": options.evaluation.seed,
        "spent": searched.spent | {"candidates": len(tried)},
        "compile_at_1": _share(tried, _compiled),
        "gate_pass": _share(tried, _passed),
        "best": None if best is None else best.proposal.candidate_id,
        **_verdict(best, cards, by_hand),
        "proposers": {
            name: _proposer(searched.by(name), searched.ended[name], champions[name], cards)
            | ({"replies": dict(searched.replies[name])} if name in searched.replies else {})
            for name in options.proposers
        },
        "by_hand": by_hand,
        "judged": judged["run_id"],
        "heldout_ledger_rows": judged["heldout"]["ledger_rows"],
    }


def _verdict(best: Tried | None, cards: Mapping[tuple[str, int], Json], by_hand: Sequence[Json]) -> Json:
    if best is None:
        return {"verdict": "no improvement", "verdict_why": "Nothing was put forward.", "beats_by_hand": False}
    card = cards[best.proposal.key]
    is_new = all(best.proposal.key != (row["candidate_id"], row["window_blocks"]) for row in by_hand)
    own = card["metrics"]["heldout"]["net_mechanism_bps"].get("mean")
    others = [row["heldout"]["mean"] for row in by_hand if "mean" in row["heldout"]]
    return {
        "verdict": card["verdict"],
        "verdict_why": card["verdict_why"],
        "beats_by_hand": is_new and own is not None and all(own > other for other in others),
    }


def _proposer(tried: Sequence[Tried], ended: str, found: Champion, cards: Mapping[tuple[str, int], Json]) -> Json:
    counts = {status: sum(one.trial.status == status for one in tried) for status in ("scored", "rejected", "unscored")}
    why_none = ALL_ATTACKED if found.attacks else NOBODY
    return {
        "candidates": len(tried),
        **counts,
        "compile_at_1": _share(tried, _compiled),
        "gate_pass": _share(tried, _passed),
        "ended": ended,
        "champion": {"status": "none", "reason": why_none} if found.tried is None else _held_out(found.tried, cards),
        "attacks": list(found.attacks),
        "tried": [one.to_json() for one in tried],
    }


def _held_out(one: Tried, cards: Mapping[tuple[str, int], Json]) -> Json:
    """A candidate that was judged: how it was chosen, and what held-out blocks say."""
    card = cards[one.proposal.key]
    return one.to_json() | {
        "title": one.title,
        "heldout": card["metrics"]["heldout"]["net_mechanism_bps"],
        "gas_per_order": card["gas_per_order"],
        "verdict": card["verdict"],
        "verdict_why": card["verdict_why"],
        "provisional": card["provisional"],
    }


def _compiled(one: Tried) -> bool:
    return not any(finding.stage == "compile" for finding in one.trial.findings)


def _passed(one: Tried) -> bool:
    return one.trial.status != "rejected"


def _share(tried: Sequence[Tried], holds: Callable[[Tried], bool]) -> float | None:
    return sum(map(holds, tried)) / len(tried) if tried else None
