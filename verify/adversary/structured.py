"""The structured search: the attacks that are known, each at the sizes that pay most, over the orders of the batch.

Known are the back-run, the front-run and the sandwich (a trade before, the best answer after), the same with an order
of one's own in the batch, and both at once; censoring; and putting the batch into another order.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from verify.adversary.plays import Own, Play, Trade
from verify.adversary.sizes import best_amount, best_amounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from fractions import Fraction

    from verify.adversary.arena import Arena
    from verify.adversary.plays import Step

ALL_ORDERS_UP_TO = 7
"""Batches of so many orders are tried in every order: 5,040 of them."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a search may use.

    Args:
        orders: How many orders of a larger batch are tried.
        censored: How many orders may be left out.
        insertions: How many trades before the batch and orders in it may be the attacker's. The answers after it, at
            most one on each venue, are not counted.
        plays: How many plays the black-box search makes.
        seed: Of what is drawn.
        capital: The most of token0 and of token1, in smallest units, that one trade or order may sell.
    """

    orders: int = 200
    censored: int = 1
    insertions: int = 4
    plays: int = 2_000
    seed: int = 1
    capital: tuple[int, int] = (0, 0)


class Best(NamedTuple):
    """The play that brings most, and what it brings, in the numeraire's smallest unit."""

    play: Play
    wealth: Fraction


class Shape(NamedTuple):
    """An attack but for its sizes: which tokens it sells, and the play that amounts of them make."""

    sells_token0: tuple[bool, ...]
    make: Callable[[Sequence[int], tuple[Step, ...]], Play]


def structured(arena: Arena, budget: Budget) -> Best:
    """The best of the known attacks on a batch; where none pays, the honest batch with the best answer after it.

    First each attack at its best sizes on the batch as it is; then, with these, every order of it and every censoring;
    then the attacks again on what that made of the batch.
    """
    honest = tuple(range(len(arena.intents)))
    shapes = [shape for shape in _shapes(arena) if len(shape.sells_token0) <= budget.insertions]
    best = Best(*arena.best_after(Play(honest)))
    best = max([best, *(_sized(arena, shape, honest, budget) for shape in shapes)], key=_wealth)
    for batch in _arranged(best.play.batch, budget):
        best = max(best, Best(*arena.best_after(Play(batch, best.play.before))), key=_wealth)
    left = tuple(step for step in best.play.batch if not isinstance(step, Own))
    if left != honest:
        best = max([best, *(_sized(arena, shape, left, budget) for shape in shapes)], key=_wealth)
    return best


def _arranged(batch: tuple[Step, ...], budget: Budget) -> Iterator[tuple[Step, ...]]:
    """Other orders of a batch, and it without some of its honest orders."""
    yield from orders_of(batch, budget)
    honest = [step for step in batch if not isinstance(step, Own)]
    for count in range(1, min(budget.censored, len(honest)) + 1):
        for gone in itertools.combinations(honest, count):
            yield tuple(step for step in batch if step not in gone)


def flat_sandwich(arena: Arena, place: int, sells_token0: bool, batch: tuple[Step, ...], capital: int) -> Best:
    """The sandwich that keeps nothing: what the trade before bought is sold after, whatever the price."""

    def played(amount: int) -> Best:
        return Best(*arena.flat_after(Play(batch, _trades(place, sells_token0, amount)), place, not sells_token0))

    amount, _ = best_amount(lambda amount: float(played(amount).wealth), capital)
    return played(amount)


def orders_of(batch: Sequence[Step], budget: Budget) -> Iterator[tuple[Step, ...]]:
    """Every order of a small batch; of a larger one its reverse and a sample."""
    if len(batch) <= ALL_ORDERS_UP_TO:
        yield from itertools.permutations(batch)
        return
    yield tuple(reversed(batch))
    chances = random.Random(budget.seed)  # noqa: S311 - a search, no secret
    for _ in range(budget.orders):
        yield tuple(chances.sample(batch, len(batch)))


def _wealth(best: Best) -> Fraction:
    return best.wealth


def _sized(arena: Arena, shape: Shape, batch: tuple[Step, ...], budget: Budget) -> Best:
    """A shape at the sizes that pay most."""

    def worth(amounts: Sequence[int]) -> float:
        return float(arena.best_after(shape.make(amounts, batch))[1])

    capitals = [budget.capital[not sells_token0] for sells_token0 in shape.sells_token0]
    amounts, _ = best_amounts(worth, capitals)
    return Best(*arena.best_after(shape.make(amounts, batch)))


def _shapes(arena: Arena) -> Iterator[Shape]:
    for sells_token0 in (True, False):
        for place in range(len(arena.world.venues)):
            yield _front(place, sells_token0)
            yield _front_and_own(place, sells_token0)
        for first in (True, False):
            yield _own(sells_token0, first=first)
        yield _both_ways(arena, sells_token0)


def _front(place: int, sells_token0: bool) -> Shape:
    """A trade before the batch; with the best answer after it this is the sandwich."""

    def make(amounts: Sequence[int], batch: tuple[Step, ...]) -> Play:
        return Play(batch, _trades(place, sells_token0, amounts[0]))

    return Shape((sells_token0,), make)


def _own(sells_token0: bool, *, first: bool) -> Shape:
    """An order in the batch, before or behind all others."""

    def make(amounts: Sequence[int], batch: tuple[Step, ...]) -> Play:
        own = _orders(sells_token0, amounts[0])
        return Play((*own, *batch) if first else (*batch, *own))

    return Shape((sells_token0,), make)


def _front_and_own(place: int, sells_token0: bool) -> Shape:
    """A trade that moves the venue's price, and an order in the batch that sells into it."""

    def make(amounts: Sequence[int], batch: tuple[Step, ...]) -> Play:
        own = _orders(not sells_token0, amounts[1])
        return Play((*batch, *own), _trades(place, sells_token0, amounts[0]))

    return Shape((sells_token0, not sells_token0), make)


def _both_ways(arena: Arena, sells_token0: bool) -> Shape:
    """A trade before those who sell the one token, an order behind them that is before those who sell the other."""

    def make(amounts: Sequence[int], batch: tuple[Step, ...]) -> Play:
        along = [step for step in batch if arena.sells_token0(step) == sells_token0]
        against = [step for step in batch if arena.sells_token0(step) != sells_token0]
        turn = _orders(not sells_token0, amounts[1])
        return Play((*along, *turn, *against), _trades(0, sells_token0, amounts[0]))

    return Shape((sells_token0, not sells_token0), make)


def _trades(place: int, sells_token0: bool, amount: int) -> tuple[Trade, ...]:
    return (Trade(place, sells_token0, amount),) if amount else ()


def _orders(sells_token0: bool, amount: int) -> tuple[Own, ...]:
    return (Own(sells_token0, amount),) if amount else ()
