"""Finds sandwiches and just-in-time liquidity: both live within one block.

A sandwich is looked for among the swaps of one pool, whether only that pool is known or all pools of the block.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby
from typing import TYPE_CHECKING, Generic, TypeVar

from ingest.records import LiquidityEvent, Swap, Trade
from ingest.routers import ROUTERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.records import History

SOLD_BACK_WITHIN = Fraction(2, 100)
MOST_FEE = Fraction(25, 100)  # on a transfer; what seems to lose more is a token that counts in other units
TELLING_DIGITS = 6  # an amount with fewer significant digits is met by chance
MAX_SWAPS_A_BLOCK = 1000  # each is compared with those behind it; a block holds far fewer swaps of one pool

T = TypeVar("T", Swap, Trade)
Closes = Callable[["Leg[T]", "Leg[T]", "Sequence[Leg[T]]"], "str | None"]


@dataclass(frozen=True, slots=True)
class Sandwich(Generic[T]):
    """A front and a back swap around the swaps of others that paid for it, and what tells that the two are one's."""

    front: T
    back: T
    victims: tuple[T, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Leg(Generic[T]):
    """A swap of one pool with what is known about it.

    Args:
        swap: The swap.
        sells: Which of the pool's two tokens it sold.
        parties: Who may be behind it: addresses that serve nobody else.
        nets: What its whole transaction gained (or lost) of each token, where other pools are known too.
        fees: The share of a transfer that is lost, for tokens that take a fee on transfers.
    """

    swap: T
    sells: str
    parties: frozenset[str]
    nets: Mapping[str, int] = field(default_factory=dict)
    fees: Mapping[str, Fraction] = field(default_factory=dict)


def sandwiches(swaps: Iterable[Swap]) -> tuple[Sandwich[Swap], ...]:
    """Sandwiches among one pool's swaps in execution order; see ``sandwiches_of_pool``.

    A party is known by a sender that is no public router, or by a recipient that is none: two users of one router are
    not one party.
    """
    found: list[Sandwich[Swap]] = []
    for _, block in groupby(swaps, key=lambda swap: swap.block_number):
        found += sandwiches_of_pool(
            [
                Leg(swap, "token0" if swap.zero_for_one else "token1", parties(swap.sender, swap.recipient))
                for swap in block
            ]
        )
    return tuple(found)


def parties(*addresses: str | None) -> frozenset[str]:
    """The addresses that are known and no public router."""
    return frozenset(address for address in addresses if address is not None and address not in ROUTERS)


def sandwiches_of_pool(legs: Sequence[Leg[T]]) -> list[Sandwich[T]]:
    """Sandwiches among the swaps of one pool in one block, in execution order.

    One party's swap (the front), others' swaps in the same direction (the victims), then the party's opposite swap
    (the back), in three transactions, selling what the front bought to within 2 %: in this pool, or over all pools of
    its transactions. A fee that the token takes on transfers is allowed for.

    Where no address shows that front and back are one party's, the amounts may: the back sells what the front bought
    to the last unit, an amount of six significant digits or more, for more than the front paid, and the transactions
    of front, victims and back follow upon one another with no other between.

    A swap is front or back of one sandwich only. Only the first 1,000 swaps are compared, each with those behind it: a
    million comparisons at most.
    """
    found: list[Sandwich[T]] = []
    used: set[int] = set()
    inside = legs[:MAX_SWAPS_A_BLOCK]
    for closes in (_by_party, _by_amounts):
        for place in range(len(inside)):
            if place in used:
                continue
            closed = _closed(inside, place, used, closes)
            if closed is not None:
                reach, sandwich = closed
                found.append(sandwich)
                used |= {place, reach}
    return sorted(found, key=lambda one: (one.front.tx_index, one.back.tx_index))


def _closed(legs: Sequence[Leg[T]], place: int, used: set[int], closes: Closes[T]) -> tuple[int, Sandwich[T]] | None:
    """The sandwich that the swap at ``place`` opens, with the place of its back: the nearest that closes it."""
    front = legs[place]
    victims: list[Leg[T]] = []
    for reach, leg in enumerate(legs[place + 1 :], place + 1):
        if leg.swap.tx_hash == front.swap.tx_hash:
            continue
        if leg.sells == front.sells:
            if not front.parties & leg.parties:
                victims.append(leg)
        elif victims and reach not in used and victims[0].swap.tx_hash != leg.swap.tx_hash:
            why = closes(front, leg, victims)
            if why:
                others = tuple(victim.swap for victim in victims if victim.swap.tx_hash != leg.swap.tx_hash)
                return reach, Sandwich(front.swap, leg.swap, others, why)
    return None


def _by_party(front: Leg[T], back: Leg[T], _: Sequence[Leg[T]]) -> str | None:
    common = front.parties & back.parties
    if not common:
        return None
    here = _sells_back(front.swap.amount_out, back.swap.amount_in, front.fees.get(back.sells))
    elsewhere = (
        _sells_back(gained, -back.nets.get(token, 0), front.fees.get(token)) for token, gained in front.nets.items()
    )
    return f"both by {min(common)}" if here or any(elsewhere) else None


def _sells_back(bought: int, sold: int, fee: Fraction | None) -> bool:
    """Whether all that was bought is sold again, to within 2 % and what two transfers with a fee take from it."""
    if bought <= 0 or sold <= 0:
        return False
    lost = 2 * fee if fee is not None and fee <= MOST_FEE and sold < bought else 0
    return abs(bought - sold) <= (SOLD_BACK_WITHIN + lost) * max(bought, sold)


def _by_amounts(front: Leg[T], back: Leg[T], victims: Sequence[Leg[T]]) -> str | None:
    first, last = front.swap, back.swap
    if first.amount_out != last.amount_in or last.amount_out <= first.amount_in:
        return None
    if len(str(last.amount_in).rstrip("0")) < TELLING_DIGITS:
        return None
    between = last.tx_index - first.tx_index - 1
    if len(victims) < between or any(back.parties & victim.parties for victim in victims):
        return None
    if len({victim.swap.tx_index for victim in victims}) != between:
        return None
    return "the back sells to the last unit what the front bought, right around them"


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
