"""What a mechanism's designer would ask of a history, from its training part alone: compact, and the same again."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from verify.conventions import HEADLINE
from verify.plan import batches
from verify.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.records import Intent
    from synth.records import Tried
    from verify.jobs import Plan

Json = dict[str, Any]

SYMBOL = re.compile(r"[A-Za-z0-9.]{1,12}")
QUANTILES = (5, 25, 50, 75, 90, 99)
BPS = 10_000


def brief(plan: Plan, windows: Sequence[int], by_hand: Sequence[Tried]) -> Json:
    """The brief as JSON values.

    Args:
        plan: The training part.
        windows: Window lengths that may be proposed.
        by_hand: What became of the hand-written rules there.
    """
    history = plan.history
    reading = plan.readings[HEADLINE.labelling]
    reference = Reference(history, plan.native_price)
    orders = [reading.orders[seq] for seq in sorted(reading.orders)]
    values = {seq: _value(order, reference) for seq, order in reading.orders.items()}
    blocks = history.events[-1].block_number - history.events[0].block_number + 1
    return {
        "pool": _pool(plan),
        "other_pools": [
            {"kind": other.history.pool.kind, "fee_pips": other.history.pool.fee_pips} for other in plan.beside
        ],
        "blocks": blocks,
        "swaps_by_class": dict(sorted(Counter(reading.classes.values()).items())),
        "orders": {
            "count": len(orders),
            "value_quantiles": _quantiles(list(values.values()), reference.unit),
            "share_selling_token0": _round(
                Fraction(sum(values[o.seq] for o in orders if o.sells_token0), max(sum(values.values()), 1))
            ),
        },
        "by_window": [_window(plan, reading.orders, values, window) for window in windows],
        "price_move_per_block_bps": _moves(reference, history.events[0].block_number, blocks),
        "hand_written": [_row(one) for one in by_hand],
    }


def _pool(plan: Plan) -> Json:
    """Token symbols are a stranger's text: only what could be nothing else is told."""
    pool = plan.history.pool
    names = [
        token.symbol if SYMBOL.fullmatch(token.symbol) else f"token{i}"
        for i, token in enumerate((pool.token0, pool.token1))
    ]
    return {"kind": pool.kind, "fee_pips": pool.fee_pips, "token0": names[0], "token1": names[1]}


def _value(order: Intent, reference: Reference) -> int:
    """In the numeraire's smallest unit, rounded down."""
    return int(order.sell_amount * reference.values(order.block_number)[not order.sells_token0])


def _window(plan: Plan, orders: Any, values: dict[int, int], window: int) -> Json:
    """How many orders meet in a window, and how much of their value wants the opposite of the rest."""
    cut = batches(plan.history, plan.readings[HEADLINE.labelling], window, HEADLINE.anchor)
    sizes = Counter(min(len(batch.orders), 10) for batch in cut)
    met = total = 0
    for batch in cut:
        sides = [0, 0]
        for seq in batch.orders:
            sides[orders[seq].sells_token0] += values[seq]
        met += 2 * min(sides)
        total += sum(sides)
    return {
        "blocks": window,
        "settlements": len(cut),
        "orders_each": {str(size) if size < 10 else "10+": sizes[size] for size in sorted(sizes)},
        "share_of_value_that_could_cross": _round(Fraction(met, max(total, 1))),
    }


def _moves(reference: Reference, first: int, blocks: int) -> Json:
    """Quantiles of the price's absolute moves from block to block."""
    prices = [_price(reference, first + i) for i in range(blocks)]
    moves = [abs(BPS * (after - before) / before) for before, after in itertools.pairwise(prices)]
    return {f"p{q}": _round(_quantile(sorted(moves), q)) for q in QUANTILES} if moves else {}


def _price(reference: Reference, block: int) -> Fraction:
    value0, value1 = reference.values(block)
    return value0 / value1


def _row(one: Tried) -> Json:
    score = one.trial.score
    told: Json = {
        "rule": one.proposal.name,
        "window_blocks": one.proposal.window_blocks,
        "parameters": dict(one.proposal.parameters),
        "status": one.trial.status,
    }
    if score is None:
        return told | {"reason": one.trial.reason[:300]}
    return told | {
        "net_gain_bps": round(score.m.estimate, 2),
        "surely_bps": None if one.trial.lower is None else round(one.trial.lower, 2),
        "before_gas_bps": round(score.mechanism_bps, 2),
        "gas_per_order": round(score.gas_per_order),
        "amm_gas_per_order": round(score.amm_gas_per_order),
        "wait_blocks": round(score.latency_blocks, 2),
    }


def _quantiles(amounts: list[int], unit: int) -> Json:
    ordered = sorted(Fraction(amount, unit) for amount in amounts)
    return {f"p{q}": _round(_quantile(ordered, q)) for q in QUANTILES} if ordered else {}


def _quantile(ordered: Sequence[Fraction], percent: int) -> Fraction:
    """The smallest value that so many percent do not exceed."""
    return ordered[max(-(-len(ordered) * percent // 100) - 1, 0)]


def _round(value: Fraction) -> float:
    return float(f"{float(value):.4g}")
