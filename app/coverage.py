"""What a stored history covers: how much, how densely, of which classes, with which limits and prices."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from app.words import pool_name
from ingest.confusion import confusion, fits
from ingest.continuity import follow
from ingest.labels import CONVENTIONS, label_swaps
from ingest.price_use import price_use
from ingest.records import FLOW_CLASSES, Swap

if TYPE_CHECKING:
    from ingest.labels import Convention
    from ingest.records import History

LONGEST_GAPS = 5


def coverage(history: History) -> dict[str, Any]:
    """The history's description as JSON values; times are Unix seconds, gaps are runs of blocks without an event."""
    pool, events = history.pool, history.events
    kinds = Counter("swap" if isinstance(event, Swap) else event.kind for event in events)
    blocks = sorted({event.block_number for event in events})
    gaps = sorted(
        ({"after_block": a, "blocks": b - a - 1} for a, b in pairwise(blocks)), key=lambda gap: -gap["blocks"]
    )
    return {
        "history": history.name,
        "source": history.source,
        "pool": pool_name(pool.kind, pool.token0.symbol, pool.token1.symbol, pool.fee_pips),
        "chain_id": pool.chain_id,
        "pool_address": pool.address,
        "content_id": history.content_id,
        "events": dict(sorted(kinds.items())),
        "first_block": blocks[0] if blocks else None,
        "last_block": blocks[-1] if blocks else None,
        "first_ts": events[0].block_ts if events else None,
        "last_ts": events[-1].block_ts if events else None,
        "blocks_with_events": len(blocks),
        "longest_gaps": [gap for gap in gaps[:LONGEST_GAPS] if gap["blocks"]],
        "flow": {convention: _flow(history, convention) for convention in CONVENTIONS},
        "labels_from_source": len(history.labels),
        "known_limits": len(history.known_limits),
        "gas_prices": sum(swap.gas_price_wei is not None for swap in history.swaps),
        "prices": _prices(history),
        "caveats": list(history.caveats),
        "rules_against_truth": _rules_against_truth(history),
        "coverage": covered(history),
        "continuity": continuity(history),
    }


def _rules_against_truth(history: History) -> dict[str, Any] | None:
    """How well the rules find the classes that a simulated market knows for certain; None for other histories."""
    if history.source != "simulated":
        return None
    found = label_swaps(replace(history, labels={}), "rules")
    matrix = confusion(history.labels, found)
    return {
        "matrix": {truth: dict(row) for truth, row in matrix.items()},
        "fits": {
            flow_class: {"precision": fit.precision, "recall": fit.recall} for flow_class, fit in fits(matrix).items()
        },
    }


def covered(history: History) -> dict[str, Any] | None:
    """Which blocks a node was asked for, and how far it is shown that nothing is missing; None for other histories."""
    return None if history.coverage is None else asdict(history.coverage)


def continuity(history: History) -> dict[str, Any]:
    """Whether the events follow on one another without a gap, as JSON values; see ``ingest.continuity``."""
    shown = follow(history.initial_state, history.events)
    return {
        "gaps": [asdict(gap) for gap in shown.gaps],
        "doubts": len(shown.doubts),
        "moves": shown.moves,
        "fitting": shown.fitting,
    }


def _flow(history: History, convention: Convention) -> dict[str, int]:
    """Swaps by class under one labelling."""
    found = Counter(label.flow_class for label in label_swaps(history, convention).values())
    return {flow_class: found[flow_class] for flow_class in FLOW_CLASSES}


def _prices(history: History) -> dict[str, Any]:
    """What the reference price is, how fine, and how old where the swaps use it; ages and steps in seconds."""
    use = price_use(history)
    return {
        "source": use.sentence(),
        "points": use.points,
        "step_s": use.step_s,
        "swaps_covered": use.swaps_covered,
        "oldest_used_s": use.oldest_s,
        "mean_age_s": use.mean_age_s,
        "older_than_step": use.older_than_step,
        "misfit": use.misfit,
    }
