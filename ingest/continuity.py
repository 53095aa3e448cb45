"""Whether a pool's events follow on one another, to the wei: shown from the events alone, by following its state.

A v2 pair is followed through its reserves, a v3 or v4 pool through price, liquidity and ticks. What leaves no trace in
that state is not seen to be missing: collects, flash loans, burns of nothing, and events that undo each other, as a
mint and the burn of all of it. What the price has not come to since, and what comes after the last swap, is only seen
beside a state that was read from a node at the end. Liquidity so thin that what the price takes out of it rounds to
nothing may be noticed later than that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.gaps import Gap, start_of
from ingest.v2_chain import V2Chain
from ingest.v3_chain import V3Chain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.records import Event, PoolState

SHOWN_TICKS = 4


@dataclass(frozen=True, slots=True)
class Continuity:
    """What following a pool's events showed.

    Args:
        gaps: Where events are missing. Of each hole, where it was noticed first.
        doubts: Where they may be missing, but something else explains it as well: liquidity that is only inferred
            (a reconstructed tick table; beyond its ends; after a gap, until the price has been there), another fee,
            tokens sent to a v2 pair before a burn.
        state: The pool after the last event, with its whole tick table; after a gap, and from a reconstructed one, it
            is called reconstructed.
        moves: The events that move a pool: swaps, mints and burns of something, syncs, the initialisation.
        fitting: Those of them that come out of what was before, to the wei.
    """

    gaps: tuple[Gap, ...]
    doubts: tuple[Gap, ...]
    state: PoolState
    moves: int
    fitting: int
    _chain: V2Chain | V3Chain = field(repr=False, compare=False)

    def check_tail(self, observed: PoolState) -> Gap | None:
        """Compares the pool after the last event with the state read from a node at the end of the blocks asked for.

        Shows events that are missing after the last swap, and mints and burns that the price has not come to since.
        Ticks are compared as far as the table is proven.

        Raises:
            ValueError: The state is of another pool, or does not come after the events.
        """
        computed = self.state
        if computed.pool.address != observed.pool.address or computed.pool.kind != observed.pool.kind:
            raise ValueError("two states of different pools")
        if observed.after is None or observed.after.block_number < start_of(computed).block_number:
            raise ValueError("the observed state must stand after the events")
        since, until = self._chain.proven, observed.after.block_number
        if off := _standing_off(computed, observed):
            why = f"at the end the pool is not where the last event leaves it: {off}"
        elif ticks := _other_ticks(computed, observed, self._chain.known_ticks()):
            since = self._chain.last_there(ticks)
            shown = ", ".join(map(str, ticks[:SHOWN_TICKS])) + (" …" if len(ticks) > SHOWN_TICKS else "")
            why = f"at the end the liquidity at {len(ticks)} ticks ({shown}) is not what the events make it"
        else:
            return None
        return Gap(since.block_number, until, why, since.log_index)


def follow(state: PoolState, events: Iterable[Event]) -> Continuity:
    """Follows a pool from a state through the events after it, each looked at once and none kept.

    Raises:
        InputError: An event does not tell what the proof needs (v2: reserves after it; else price, liquidity and tick
            after a swap, the range of a mint or burn), or tells what no pool can have.
    """
    chain = V2Chain(state) if state.pool.kind == "v2" else V3Chain(state)
    take = chain.follow
    for event in events:
        take(event)
    chain.finish()
    return Continuity(chain.gaps, chain.doubts, chain.state(), chain.moves, chain.fitting, chain)


def _standing_off(computed: PoolState, observed: PoolState) -> str:
    """By how much reserves, price, tick and liquidity differ; empty where they do not."""
    told = ("reserve0", "reserve1") if computed.pool.kind == "v2" else ("sqrt_price_x96", "tick", "liquidity")
    off = {name: getattr(observed, name) - getattr(computed, name) for name in told}
    return ", ".join(f"{name} {change:+d}" for name, change in off.items() if change)


def _other_ticks(computed: PoolState, observed: PoolState, known: tuple[int, int]) -> list[int]:
    """The ticks, ascending, that have another net liquidity, of those inside what is known."""
    ours, theirs = ({entry.tick: entry.liquidity_net for entry in state.ticks} for state in (computed, observed))
    differing = (tick for tick in ours.keys() | theirs.keys() if ours.get(tick, 0) != theirs.get(tick, 0))
    return sorted(tick for tick in differing if known[0] < tick < known[1])
