"""What is reported beside the metrics: batch sizes, fills, gas, price uniformity, fairness, the worst order."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.score.metrics import NO_GAS_MONEY, unscored, why_undefined
from verify.score.ratios import charged_gas
from verify.score.welfare import decimal_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from verify.outcomes import BatchOutcome, OrderOutcome
    from verify.score.frame import BoolArray, FloatArray, Frame

Json = dict[str, Any]

DISTRIBUTED = ("improvement_bps", "net_mechanism_bps")


def batch_sizes(batches: Sequence[BatchOutcome]) -> dict[str, int]:
    """How many batches held so many orders, by that number as text, smallest first."""
    counts = Counter(batch.order_count for batch in batches)
    return {str(size): counts[size] for size in sorted(counts)}


def fills(frame: Frame) -> Json:
    """How much was filled, and what became of the rest; all classes."""
    orders = frame.orders
    left = [order for order in orders if not order.filled]
    value = sum(order.value for order in orders)
    filled_value = value - sum(order.value for order in left)
    return {
        "orders": len(orders),
        "filled": len(orders) - len(left),
        "fill_rate_by_value": filled_value / value if value else unscored("no order is worth anything"),
        "fallbacks": len(left),
        "fallbacks_below_limit": sum(order.bought < order.limit for order in left),
        "limits_unknown": sum(not order.limit_known for order in orders),
        "dropped": sum(batch.dropped for batch in frame.batches),
        "partial": sum(batch.partial for batch in frame.batches),
    }


def gas(frame: Frame) -> Json:
    """Gas per order beside what the AMM and history took, and per settlement by its number of orders; all classes."""
    if not frame.orders:
        return unscored("no order")
    by_size: dict[int, list[int]] = {}
    for batch in frame.batches:
        by_size.setdefault(batch.order_count, []).append(batch.settle_gas)
    return {
        "per_order": _mean([charged_gas(order) for order in frame.orders]),
        "amm_per_order": _mean([order.gas_amm for order in frame.orders]),
        "history_per_order": _mean([order.gas_history for order in frame.orders]),
        "per_settlement": {str(size): _mean(by_size[size]) for size in sorted(by_size)},
        "worst_settlement": max(batch.settle_gas for batch in frame.batches),
    }


def price_uniformity(frame: Frame) -> Json:
    """10⁴ (max price/min price − 1) within a directed pair, over the batches of two orders or more."""
    spreads = [batch.price_spread_bps for batch in frame.batches if batch.order_count > 1]
    if not spreads:
        return unscored("no batch held two orders")
    return {"median": float(np.median(spreads)), "max": max(spreads), "n": len(spreads)}


def fairness(frame: Frame, mask: BoolArray) -> Json:
    """How evenly the masked orders were served, dust left out.

    ``gini`` is of ŷ/y = 1 + D/10⁴, each order's outcome per unit that history gave it: D itself can be negative, where
    a Gini coefficient means nothing.
    """
    counted = mask & ~frame.dust
    orders = [frame.orders[i] for i in np.flatnonzero(counted)]
    if not orders:
        return unscored("no order beyond dust")
    improvement = frame.measures["improvement_bps"][counted]
    served = 1 + improvement[~np.isnan(improvement)] / 10_000
    return {
        "share_below_standalone": sum(order.bought < order.standalone_out for order in orders) / len(orders),
        "gini": _gini(served) if served.any() else unscored("no order got anything"),
        "n": len(orders),
    }


def distribution(frame: Frame, mask: BoolArray) -> Json:
    """For plots: the 0th, 5th, … 100th percentile of the main metrics over the masked orders, dust left out."""
    found: Json = {}
    for metric in DISTRIBUTED:
        column = frame.measures[metric]
        counted = column[mask & ~frame.dust & ~np.isnan(column)]
        steps = np.quantile(counted, np.linspace(0, 1, 21)).tolist() if len(counted) else None
        found[metric] = steps or unscored(why_undefined(frame, mask & ~frame.dust, metric))
    return found


def worst_order(frame: Frame, mask: BoolArray, unit: int) -> Json:
    """The masked order with the lowest M (mechanism, where gas has no price), dust left out; the earliest of equals."""
    metric = "net_mechanism_bps" if frame.gas_known else "mechanism_bps"
    column = frame.measures[metric]
    counted = np.flatnonzero(mask & ~frame.dust & ~np.isnan(column))
    if not len(counted):
        return unscored("no order beyond dust")
    worst = int(counted[np.argmin(column[counted])])
    order: OrderOutcome = frame.orders[worst]
    return {
        "seq": order.seq,
        "block_number": order.block_number,
        "value": decimal_text(order.value, unit),
        "by": metric,
        **{name: float(values[worst]) for name, values in frame.measures.items() if not np.isnan(values[worst])},
    } | ({} if frame.gas_known else {"net_mechanism_bps": unscored(NO_GAS_MONEY)})


def _mean(amounts: Sequence[int]) -> float:
    return sum(amounts) / len(amounts)


def _gini(amounts: FloatArray) -> float:
    ordered = np.sort(amounts)
    n = len(ordered)
    ranks = np.arange(1, n + 1)
    return float(np.sum((2 * ranks - n - 1) * ordered) / (n * np.sum(ordered)))
