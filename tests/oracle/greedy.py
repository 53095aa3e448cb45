"""GreedySequencing: the greedy sequencing rule of Ferreira and Parkes (arXiv 2209.15569)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from batch import NOTHING, Order, Outcome, Venue, outcome

if TYPE_CHECKING:
    from uniswap_v2 import Pair
    from uniswap_v3 import Pool


def clear(orders: list[Order], pool: Pair | Pool) -> Outcome:
    """Sales of token0 while the price is above the start, of token1 below it, the first given at it; then the rest."""
    venue = Venue(pool)
    fills = [NOTHING] * len(orders)
    sales0 = deque(i for i, order in enumerate(orders) if order.sells0)
    sales1 = deque(i for i, order in enumerate(orders) if not order.sells0)
    while sales0 or sales1:
        if sales0 and sales1:
            above = venue.price - pool.price
            sell0 = above > 0 or (above == 0 and sales0[0] < sales1[0])
        else:
            sell0 = bool(sales0)
        i = (sales0 if sell0 else sales1).popleft()
        received = venue.trade(orders[i].sells0, orders[i].amount, orders[i].wanted)
        if received is not None:
            fills[i] = (orders[i].amount, received)
    return outcome(orders, fills, venue)
