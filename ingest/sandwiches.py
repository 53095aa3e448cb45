"""Finds, from one pool's events alone, sandwiches and just-in-time liquidity: both live within one block."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from ingest.records import LiquidityEvent
from ingest.routers import ROUTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingest.records import History, Swap

SOLD_BACK_WITHIN_PERCENT = 2
MAX_SWAPS_A_BLOCK = 2000  # pairs are compared; a block of any chain holds far fewer swaps of one pool


@dataclass(frozen=True, slots=True)
class Sandwich:
    """A front and a back swap of one party around the swaps of others that paid for it."""

    front: Swap
    back: Swap
    victims: tuple[Swap, ...]


def sandwiches(swaps: Iterable[Swap]) -> tuple[Sandwich, ...]:
    """Sandwiches among swaps in execution order.

    One party's swap (the front), others' swaps in the same direction (the victims), then the party's opposite swap
    (the back), in three transactions of one block, selling what the front bought to within 2 %. The party is known
    by a sender that is no public router, or by a recipient that is none: two users of one router are not one party.
    A swap is front or back of one sandwich only.
    """
    found: list[Sandwich] = []
    for _, block in groupby(swaps, key=lambda swap: swap.block_number):
        inside = list(block)[:MAX_SWAPS_A_BLOCK]
        used: set[int] = set()
        for place, front in enumerate(inside):
            if front.seq in used:
                continue
            for reach, back in enumerate(inside[place + 2 :], place + 2):
                if back.seq in used or not _closes(front, back):
                    continue
                victims = tuple(swap for swap in inside[place + 1 : reach] if _is_victim(front, back, swap))
                if victims:
                    found.append(Sandwich(front, back, victims))
                    used |= {front.seq, back.seq}
                    break
    return tuple(found)


def _closes(front: Swap, back: Swap) -> bool:
    bought, sold = front.amount_out, back.amount_in
    return (
        front.tx_hash != back.tx_hash
        and front.zero_for_one != back.zero_for_one
        and 100 * abs(bought - sold) <= SOLD_BACK_WITHIN_PERCENT * max(bought, sold)
        and _one_party(front, back)
    )


def _is_victim(front: Swap, back: Swap, swap: Swap) -> bool:
    own = swap.tx_hash in (front.tx_hash, back.tx_hash) or _one_party(front, swap)
    return not own and swap.zero_for_one == front.zero_for_one


def _one_party(one: Swap, other: Swap) -> bool:
    return any(
        here is not None and here == there and here not in ROUTERS
        for here, there in ((one.sender, other.sender), (one.recipient, other.recipient))
    )


def jit_events(history: History) -> frozenset[int]:
    """The ``seq`` of liquidity events that are just-in-time: a range minted, and burnt again in the same block.

    The same owner, where the source names him; the mint comes first (the other way round is a rebalancing), and the
    burn takes out exactly what was put in. The collect of the same range in that block belongs to it.
    """
    liquidity = (event for event in history.events if isinstance(event, LiquidityEvent))
    found: set[int] = set()
    for _, block in groupby(liquidity, key=lambda event: event.block_number):
        inside = list(block)
        for place, mint in enumerate(inside):
            if mint.kind == "mint" and mint.tick_lower is not None and mint.liquidity:
                found |= _same_position(mint, inside[place + 1 :])
    return frozenset(found)


def _same_position(mint: LiquidityEvent, later: Sequence[LiquidityEvent]) -> set[int]:
    own = [
        event
        for event in later
        if (event.tick_lower, event.tick_upper) == (mint.tick_lower, mint.tick_upper)
        and (event.owner == mint.owner or event.owner is None or mint.owner is None)
    ]
    burnt = any(event.kind == "burn" and event.liquidity == mint.liquidity for event in own)
    return {mint.seq} | {event.seq for event in own if event.kind in ("burn", "collect")} if burnt else set()
