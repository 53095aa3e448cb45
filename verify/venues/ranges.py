"""From a table of ticks, or from a history's mints and burns, to the positions that a real pool must hold."""

from __future__ import annotations

from collections import defaultdict
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from ingest.errors import InputError
from ingest.records import LiquidityEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingest.records import Event, PoolState, TickLiquidity

Range = tuple[int, int, int]
"""(tick_lower, tick_upper, liquidity)."""


def positions_needed(state: PoolState, events: Iterable[Event]) -> tuple[Range, ...]:
    """The positions that must exist by themselves before a history's first event: its burns minus its mints.

    Owners are not told apart: the world's driver holds all liquidity of a range in one position. Empty for v2 and
    for a pool from its creation.
    """
    if not state.ticks:
        return ()
    held: dict[tuple[int, int], int] = defaultdict(int)
    lowest: dict[tuple[int, int], int] = defaultdict(int)
    for event in events:
        if isinstance(event, LiquidityEvent) and event.tick_lower is not None and event.tick_upper is not None:
            key = (event.tick_lower, event.tick_upper)
            if event.kind == "mint":
                held[key] += event.liquidity
            elif event.kind == "burn":
                held[key] -= event.liquidity
                lowest[key] = min(lowest[key], held[key])
    return tuple((lower, upper, -deficit) for (lower, upper), deficit in sorted(lowest.items()) if deficit)


def liquidity_ranges(
    ticks: Sequence[TickLiquidity], separate: Iterable[Range], *, artificial_ends: bool
) -> tuple[Range, ...]:
    """Positions that give a pool exactly these ticks.

    One for each separate position, and one for each run of equal liquidity in what is left of the table. A tick
    where what is left does not change gets no boundary, so that it is initialised by separate positions alone and
    vanishes with them.

    Args:
        ticks: Net liquidity by tick, ascending.
        separate: Positions that must exist by themselves.
        artificial_ends: The table's two outermost ticks stand for all that lies beyond them, so that a separate
            position may reach further.

    Raises:
        InputError: The separate positions hold more than the table has.
    """
    separate = tuple(separate)
    if not ticks:
        return separate
    net: dict[int, int] = defaultdict(int)
    for entry in ticks:
        net[entry.tick] += entry.liquidity_net
    for lower, upper, liquidity in separate:
        net[lower] -= liquidity
        net[upper] += liquidity
    places = sorted(tick for tick, change in net.items() if change)
    left = []
    first, last = ticks[0].tick, ticks[-1].tick
    for (lower, upper), level in zip(pairwise(places), accumulate(net[tick] for tick in places), strict=False):
        if level > 0:
            left.append((lower, upper, level))
        elif level < 0 and not (artificial_ends and (upper <= first or lower >= last)):
            raise InputError(
                f"from tick {lower} to {upper} the history removes {-level} more liquidity than the state has there",
                field="ticks",
            )
    return (*separate, *left)
