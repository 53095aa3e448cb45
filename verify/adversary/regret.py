"""Whether misreporting pays: what one trader, or two together, could gain by another order than their true one."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product
from typing import TYPE_CHECKING

from verify.adversary.plays import MOST_OWN, Own

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from verify.adversary.arena import Arena
    from verify.adversary.plays import Step

BPS = 10_000

LIMITS = tuple(Fraction(part, 1000) for part in (0, 900, 950, 990, 995, 999, 1001, 1005, 1010, 1050, 1100))
"""Of the true limit."""

SIZES = tuple(Fraction(part, 100) for part in (10, 25, 50, 75, 90, 110, 125, 150, 200))
"""Of the true amount. What is sold beyond it is worth to its trader what the market pays, if that is more."""

FAKES = tuple(Fraction(part, 100) for part in (10, 50, 100, 200))
"""Opposite orders, of what the true amount is worth at the market's price."""

SPLITS = range(2, MOST_OWN + 1)


@dataclass(frozen=True, slots=True)
class Deviation:
    """What a trader does instead of the true order, and what it gains by it.

    ``orders`` stand in the true order's place; ``instead_of`` are the true orders' places in the batch. ``gain_bps`` is
    the gain in utility over what the trader's true orders sell for at their limits.
    """

    kind: str
    instead_of: tuple[int, ...]
    orders: tuple[Own, ...]
    gain_bps: Fraction


def regret(arena: Arena, place: int) -> Deviation:
    """The misreport of one order that pays its trader most; the true order itself, with gain 0, where none pays."""
    truth = Deviation("truth", (place,), (true_order(arena, place),), Fraction(0))
    tried = [
        Deviation(kind, (place,), orders, _gain(arena, {place: orders})) for kind, orders in misreports(arena, place)
    ]
    return max((truth, *tried), key=lambda found: found.gain_bps)


def collusion(arena: Arena, places: Sequence[int]) -> Deviation | None:
    """The joint misreport of amounts and limits by which two traders together gain most; None for fewer than two."""
    found = []
    for pair in combinations(places, 2):
        for orders in product(*(_joint(true_order(arena, place)) for place in pair)):
            instead = {place: (own,) for place, own in zip(pair, orders, strict=True)}
            found.append(Deviation("collusion", pair, orders, _gain(arena, instead)))
    return max(found, key=lambda one: one.gain_bps, default=None)


def utility(arena: Arena, place: int) -> Fraction:
    """What an order's trader has of the honest batch, in the token that it buys."""
    return _utility(arena, place, arena.fills(range(len(arena.intents)))[place])


def delay(arena: Arena, place: int, later: Fraction) -> Deviation:
    """Waiting for the next batch, where the same order has a utility of ``later``."""
    gain = BPS * (later - utility(arena, place)) / _stake(arena, place)
    return Deviation("delay", (place,), (true_order(arena, place),), gain)


def utility_of_joining(arena: Arena, own: Own, floor: Fraction) -> Fraction:
    """What the trader of an order has of a batch that it joins, behind all of it; a unit sold must bring ``floor``."""
    sold, bought = arena.fills((*range(len(arena.intents)), own))[-1]
    return bought - sold * floor


def floor_of(arena: Arena, place: int) -> Fraction:
    """What a unit that is sold must bring: the true limit, or the market's price where none is known."""
    intent, limit = arena.intents[place], arena.limits[place]
    known = intent.min_buy_amount is not None and limit > 0
    return Fraction(limit, intent.sell_amount) if known else _price(arena, place)


def true_order(arena: Arena, place: int) -> Own:
    """An honest order, as one that the attacker's accounts could give."""
    intent = arena.intents[place]
    return Own(intent.sells_token0, intent.sell_amount, arena.limits[place])


def misreports(arena: Arena, place: int) -> Iterator[tuple[str, tuple[Own, ...]]]:
    """(kind, the orders that a trader gives instead of its true one)."""
    true = true_order(arena, place)
    for part in LIMITS:
        yield "limit", (_changed(true, limit=part),)
    for part in SIZES:
        yield "size", (_changed(true, size=part),)
    for count in SPLITS:
        amount, rest = divmod(true.amount, count)
        parts = [amount + (i < rest) for i in range(count)]
        yield "split", tuple(Own(true.sells_token0, part, true.limit * part // true.amount) for part in parts if part)
    for part in FAKES:
        fake = Own(not true.sells_token0, int(true.amount * _price(arena, place) * part))
        if fake.amount:
            yield "fake opposite", (true, fake)
            yield "fake opposite", (fake, true)
            unreachable = Own(fake.sells_token0, fake.amount, 2 * true.amount)
            yield "fake opposite", (true, unreachable)
    yield "cancel", ()


def _joint(true: Own) -> Iterator[Own]:
    """What one of two colluders may give: fewer, or at another limit."""
    for size, limit in product((Fraction(1), *SIZES[2:5]), (Fraction(1), LIMITS[0], LIMITS[7])):
        yield _changed(true, size=size, limit=limit)


def _gain(arena: Arena, instead: Mapping[int, tuple[Own, ...]]) -> Fraction:
    """What traders gain together by giving other orders in the places of their true ones, in bps of their stakes.

    All is counted in the token that the first of them buys.
    """
    first = min(instead)
    honest = list(range(len(arena.intents)))
    batch: list[Step] = []
    owners: list[int | None] = []
    for place in honest:
        steps = instead.get(place)
        batch += (place,) if steps is None else steps
        owners += (None,) if steps is None else (place,) * len(steps)
    true = [place if place in instead else None for place in honest]
    gained = _worth(arena, first, batch, owners) - _worth(arena, first, honest, true)
    stakes = sum(_in_bought(arena, first, place, _stake(arena, place)) for place in instead)
    return BPS * gained / stakes


def _worth(arena: Arena, first: int, batch: Sequence[Step], owners: Sequence[int | None]) -> Fraction:
    """The utility of those who own steps of a batch."""
    worth = Fraction(0)
    for step, owner, (sold, bought) in zip(batch, owners, arena.fills(batch), strict=True):
        if owner is None:
            continue
        if arena.sells_token0(step) == arena.sells_token0(owner):
            worth += _in_bought(arena, first, owner, _utility(arena, owner, (sold, bought)))
        else:  # a fake: what it trades counts at the market's price
            worth -= _in_bought(arena, first, owner, sold - bought * _price(arena, owner))
    return worth


def _utility(arena: Arena, place: int, fill: tuple[int, int]) -> Fraction:
    """What a trader has of a fill: what it bought less what it sold, at its limit; 0 for none.

    Of more than it truly wanted to sell it must get what the market pays: else all would ask for more.
    """
    sold, bought = fill
    floor = floor_of(arena, place)
    beyond = max(0, sold - arena.intents[place].sell_amount)
    return bought - (sold - beyond) * floor - beyond * max(floor, _price(arena, place))


def _stake(arena: Arena, place: int) -> Fraction:
    """The least that a trader's true order asks for."""
    return floor_of(arena, place) * arena.intents[place].sell_amount


def _price(arena: Arena, place: int) -> Fraction:
    """What an order's sold token is worth in the token that it buys, at the market's price."""
    price = arena.market.moment.price
    return price if arena.sells_token0(place) else 1 / price


def _in_bought(arena: Arena, first: int, place: int, amount: Fraction) -> Fraction:
    """An amount of the token that one order buys, in the token that the first buys."""
    return amount if arena.sells_token0(first) == arena.sells_token0(place) else amount * _price(arena, first)


def _changed(true: Own, *, size: Fraction = Fraction(1), limit: Fraction = Fraction(1)) -> Own:
    return Own(true.sells_token0, max(1, int(true.amount * size)), int(true.limit * size * limit))
