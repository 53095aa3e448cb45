"""How much: the amount that pays most, found without derivatives, because a limit that breaks is a cliff."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

GRID = 20
"""Amounts that are tried first, from `SMALLEST` of the capital up to all of it, each larger by the same factor."""

SMALLEST = 1e-6
PEAKS = 2
"""So many of the grid's best amounts are looked at more closely: several cliffs make several peaks."""

NARROWINGS = 26
"""Golden sections of one bracket: it is then 4·10⁻⁶ of what it was."""

_GOLDEN = (math.sqrt(5) - 1) / 2


def best_amount(worth: Callable[[int], float], capital: int) -> tuple[int, float]:
    """The amount from 0 to ``capital`` that is worth most, and what it is worth.

    Exact to a few millionths where what it is worth rises to one peak, a cliff included, and then falls; of several
    peaks the two highest on a grid are followed.
    """
    tried = {0: worth(0)}
    factor = SMALLEST ** (1 / (GRID - 1))
    grid = sorted({0, *(int(capital * factor**i) for i in range(GRID))})
    for amount in grid[1:]:
        tried[amount] = worth(amount)
    for peak in sorted(grid, key=lambda amount: -tried[amount])[:PEAKS]:
        place = grid.index(peak)
        _narrow(worth, grid[max(place - 1, 0)], grid[min(place + 1, len(grid) - 1)], tried)
    found = max(tried, key=lambda amount: (tried[amount], -amount))
    return found, tried[found]


def _narrow(worth: Callable[[int], float], low: int, high: int, tried: dict[int, float]) -> None:
    """Golden sections between two amounts; notes all that it tries."""

    def at(amount: float) -> float:
        whole = round(amount)
        if whole not in tried:
            tried[whole] = worth(whole)
        return tried[whole]

    a, b = float(low), float(high)
    left, right = b - _GOLDEN * (b - a), a + _GOLDEN * (b - a)
    for _ in range(NARROWINGS):
        if b - a < 1:
            return
        if at(left) >= at(right):
            b, right = right, left
            left = b - _GOLDEN * (b - a)
        else:
            a, left = left, right
            right = a + _GOLDEN * (b - a)


def best_amounts(
    worth: Callable[[Sequence[int]], float], capitals: Sequence[int], sweeps: int = 2
) -> tuple[tuple[int, ...], float]:
    """Several amounts, each in turn while the others stay, so many times or until nothing is gained."""
    amounts, best = [0] * len(capitals), worth([0] * len(capitals))
    for _ in range(sweeps if len(capitals) > 1 else 1):
        before = best
        for i, capital in enumerate(capitals):

            def one(amount: int, i: int = i) -> float:
                return worth([*amounts[:i], amount, *amounts[i + 1 :]])

            amount, found = best_amount(one, capital)
            if found > best:
                amounts[i], best = amount, found
        if best <= before:
            break
    return tuple(amounts), best
