"""The black-box search: CMA-ES over the order of the batch and the attacker's amounts, knowing nothing of attacks.

It is there to say how much the structured search may have missed: two that find the same were found by different ways.
"""

from __future__ import annotations

import math
import random
import warnings
from typing import TYPE_CHECKING

from verify.adversary.plays import Own, Play, Trade
from verify.adversary.structured import Best, Budget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from verify.adversary.arena import Arena
    from verify.adversary.plays import Step

OWN_ORDERS = 2
"""Orders of the attacker's in the batch that it may place."""

DECADES = 6.0
"""Amounts from a millionth of the capital up; a coordinate's sign is the direction, its size the amount's logarithm."""

IDLE = 0.1
"""A coordinate smaller than that is no trade."""

SPREAD = 0.4
LEAST_DIMENSIONS = 2  # that CMA-ES searches; a coordinate that nothing is read from does no harm
RESTARTS = 4
"""So many at least share the plays; each but the first begins somewhere else."""


def blackbox(arena: Arena, budget: Budget) -> Best:
    """The best play that random restarts of CMA-ES come to within the budget's plays.

    A point has a key for each honest order and each own one, in whose order they stand, an amount for each own order,
    and one for a trade before on each venue. It censors nobody, and makes no more plays than it may; fewer than one
    generation are none.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it could not plot
        import cma  # noqa: PLC0415 -- with numpy, half a second: only where this search runs

    space = _Space(arena, budget)
    best = Best(*arena.best_after(Play.honest(len(arena.intents))))
    chances = random.Random(budget.seed)  # noqa: S311 - a search, no secret
    start, left, restart = [0.0] * space.dimensions, budget.plays, 0
    while True:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            options = {"verbose": -9, "seed": budget.seed + restart, "bounds": [-1, 1]}
            search = cma.CMAEvolutionStrategy(start, SPREAD, options)
            for _ in range(max(1, budget.plays // RESTARTS // search.popsize)):
                if left < search.popsize:
                    return best
                points = search.ask()
                found = [Best(*arena.best_after(space.play(point.tolist()))) for point in points]
                left -= len(points)
                best = max(best, *found, key=lambda one: one.wealth)
                search.tell(points, [-_scaled(float(one.wealth)) for one in found])
                if search.stop():
                    break
        start, restart = [chances.uniform(-1, 1) for _ in start], restart + 1


def _scaled(wealth: float) -> float:
    """Keeps the order and tames the size: what is won or lost may differ by many powers of ten."""
    return math.copysign(math.log1p(abs(wealth)), wealth)


class _Space:
    """How points are read as plays."""

    def __init__(self, arena: Arena, budget: Budget) -> None:
        self._honest = len(arena.intents)
        self._venues = min(len(arena.world.venues), budget.insertions)
        self._own = min(OWN_ORDERS, budget.insertions - self._venues)
        self._capital = budget.capital
        self.dimensions = max(self._honest + 2 * self._own + self._venues, LEAST_DIMENSIONS)

    def play(self, point: Sequence[float]) -> Play:
        """The play that a point stands for."""
        honest, own = self._honest, self._own
        keys, amounts = point[: honest + own], point[honest + own :]
        steps: list[tuple[float, Step]] = [(key, i) for i, key in enumerate(keys[:honest])]
        for key, coordinate in zip(keys[honest:], amounts[:own], strict=True):
            amount, sells_token0 = self._amount(coordinate)
            if amount:
                steps.append((key, Own(sells_token0, amount)))
        before = []
        for place, coordinate in enumerate(amounts[own : own + self._venues]):
            amount, sells_token0 = self._amount(coordinate)
            if amount:
                before.append(Trade(place, sells_token0, amount))
        return Play(tuple(step for _, step in sorted(steps, key=lambda one: one[0])), tuple(before))

    def _amount(self, coordinate: float) -> tuple[int, bool]:
        size = abs(coordinate)
        if size < IDLE:
            return 0, True
        sells_token0 = coordinate > 0
        part = 10 ** (-DECADES * (1 - min(size, 1.0)) / (1 - IDLE))
        return int(self._capital[not sells_token0] * part), sells_token0
