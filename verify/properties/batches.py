"""Batches that rules are tried on: hand-picked, or drawn from a seed; one that fails is shrunk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

HUGE = 10**30
"""More of a token than any of the pools here holds."""

MOST_DRAWN = 6
"""Orders in a drawn batch."""

MOST_SHRINKS = 200
"""Simplifications that are tried at each step of shrinking, and steps."""

SCALES = 10**8
"""Drawn amounts are so many parts of the pool's depth, from one to a tenth of all."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What one trader wants: to sell ``amount`` for at least ``limit``, both in smallest units."""

    sells_token0: bool
    amount: int
    limit: int = 0
    partially_fillable: bool = False


Batch = tuple[Ask, ...]

Depths = tuple[int, int]
"""How much of token0 and of token1 a pool holds at its price, in smallest units."""


def mixed(depths: Depths, count: int = 4, share: int = 400) -> Batch:
    """Orders of both sides, from one ``share``-th of the depth down, all of different sizes and without limits."""
    return tuple(
        Ask(i % 2 == 0, max(1, depths[i % 2] * (20 + 7 * i) // (20 * share * (1 + i))), partially_fillable=i % 3 == 1)
        for i in range(count)
    )


def small(depths: Depths, count: int) -> Batch:
    """So many orders of both sides, together a thousandth of the depth: nobody moves the price."""
    return tuple(Ask(i % 2 == 0, max(1, depths[i % 2] * (7 + i % 5) // (10_000 * count))) for i in range(count))


def scales(depths: Depths) -> dict[str, Batch]:
    """By name: the sizes that a market has to live with."""
    usual = mixed(depths)
    some0, some1 = (max(1, depth // 1000) for depth in depths)
    return {
        "a single order": usual[:1],
        "a single order of the other side": usual[1:2],
        "orders of one side": tuple(ask for ask in mixed(depths, 6) if ask.sells_token0),
        "orders of the other side": tuple(ask for ask in mixed(depths, 6) if not ask.sells_token0),
        "equal orders": (Ask(True, some0), Ask(False, some1)) * 3,
        "dust": (Ask(True, 1), Ask(False, 1), Ask(True, 2), Ask(False, 3)),
        "dust beside orders": (Ask(True, 1), *usual, Ask(False, 1)),
        "10**30 beside orders": (*usual, Ask(True, HUGE), Ask(False, HUGE + 1)),
        "limits that nobody can meet": (*usual, Ask(True, some0, HUGE), Ask(False, some1, HUGE)),
        "partially fillable orders": tuple(replace(ask, partially_fillable=True) for ask in usual),
    }


def drawn(depths: Depths, alone: Callable[[Ask], int], random: Random) -> Batch:
    """A batch of both sides; ``alone`` is what the pool gives for an order by itself, from which limits are made."""
    batch = []
    for _ in range(random.randint(1, MOST_DRAWN)):
        sells_token0 = random.random() < 1 / 2
        part = random.randint(1, 10) * 10 ** random.randint(0, 6)
        wanted = Ask(sells_token0, max(1, depths[not sells_token0] * part // SCALES), 0, random.random() < 1 / 2)
        slack_bps = random.choice((10_000, 10_000, 300, 50, 1, 0, -20))
        batch.append(replace(wanted, limit=alone(wanted) * (10_000 - slack_bps) // 10_000))
    return tuple(batch)


def shrunk(batch: Batch, still_fails: Callable[[Batch], bool]) -> Batch:
    """The smallest batch near this one that still fails: fewer orders, plainer ones, rounder amounts.

    It is one of which no single simplification fails, or what `MOST_SHRINKS` tries came to.
    """
    for _ in range(MOST_SHRINKS):
        simpler = next((each for each in islice(_simplifications(batch), MOST_SHRINKS) if still_fails(each)), None)
        if simpler is None:
            return batch
        batch = simpler
    return batch


def _simplifications(batch: Batch) -> Iterator[Batch]:
    for i in range(len(batch) if len(batch) > 1 else 0):
        yield batch[:i] + batch[i + 1 :]
    for i, ask in enumerate(batch):
        digits = 10 ** max(0, len(str(ask.amount)) - 1)
        plainer = (
            replace(ask, limit=0),
            replace(ask, partially_fillable=False),
            replace(ask, amount=ask.amount // digits * digits),
        )
        for each in plainer:
            if each != ask:
                yield (*batch[:i], each, *batch[i + 1 :])
