"""Sequential: every order as a swap of its own, in the order given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch import NOTHING, Order, Outcome, Venue, outcome

if TYPE_CHECKING:
    from uniswap_v2 import Pair
    from uniswap_v3 import Pool


def clear(orders: list[Order], pool: Pair | Pool) -> Outcome:
    """A swap that would break its limit, or that the pool cannot take in full, is skipped."""
    venue = Venue(pool)
    fills = []
    for order in orders:
        received = venue.trade(order.sells0, order.amount, order.wanted)
        fills.append(NOTHING if received is None else (order.amount, received))
    return outcome(orders, fills, venue)
