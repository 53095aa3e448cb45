"""From what a swap did to what its trader wanted: to sell exactly its input, for at least the limit if it is known.

Logs show only what succeeded, and an exact-output swap looks like any other: it too becomes a sale of its input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.records import FlowClass, Intent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.records import History, Label, Swap

ORDER_CLASSES: tuple[FlowClass, ...] = ("user", "unknown")
NEWS_CLASSES: tuple[FlowClass, ...] = ("arbitrage", "liquidation")
"""Swaps that bring what happened elsewhere into the pool: a price, or a debt that has to be paid."""


LEAST_OUT = 10
"""Smallest units that a swap must have bought: below, rounding alone moves the outcome by more than a tenth, and a pool
may give nothing at all for the same input."""


def intent_of(swap: Swap, min_buy_amount: int | None) -> Intent | None:
    """The intent behind a swap, or None where it paid nothing or got next to nothing: there is no price to compare."""
    if swap.amount_in <= 0 or swap.amount_out < LEAST_OUT:
        return None
    return Intent(
        seq=swap.seq,
        sells_token0=swap.zero_for_one,
        sell_amount=swap.amount_in,
        min_buy_amount=min_buy_amount,
        block_number=swap.block_number,
        placed_ts=swap.block_ts,
    )


def orders(history: History, labels: Mapping[int, Label]) -> tuple[Intent, ...]:
    """The intents of all swaps that a labelling calls orders, in historical order."""
    wanted = (swap for swap in history.swaps if labels[swap.seq].flow_class in ORDER_CLASSES)
    found = (intent_of(swap, history.known_limits.get(swap.seq)) for swap in wanted)
    return tuple(intent for intent in found if intent is not None)
