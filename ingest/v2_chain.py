"""Follows a v2 pair through its reserves, and notes where an event does not come out of the one before it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.errors import InputError
from ingest.gaps import Findings, start_of
from ingest.records import Swap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.gaps import Gap, Mark
    from ingest.records import Event, PoolState

PIPS = 10**6
SIGNS = {"mint": 1, "burn": -1, "sync": 1}


class V2Chain:
    """A pair's reserves, event by event, and what was found wrong on the way.

    Every event tells the reserves after it (its ``Sync``): they are those before it and its amounts, or something is
    missing in between. The one exception is a burn, which also pays out of what somebody sent to the pair before
    without a ``Sync``: where one reserve alone is above what the events make it, that is a doubt.
    """

    def __init__(self, state: PoolState) -> None:
        self._given = state
        self._reserves = state.reserve0, state.reserve1
        self._last = start_of(state)
        self._gaps, self._doubts = Findings(), Findings()
        self.moves = self.fitting = 0

    def follow(self, event: Event) -> None:
        """Takes the next event.

        Raises:
            InputError: The event does not tell the reserves after it.
        """
        sign = 1 if isinstance(event, Swap) else SIGNS.get(event.kind)
        if sign is None:
            return
        reserve0, reserve1 = event.reserve0, event.reserve1
        if reserve0 is None or reserve1 is None:
            message = "it tells no reserves; from such events nothing proves that none is missing"
            raise InputError(message, field=f"event in block {event.block_number}, transaction {event.tx_hash}")
        before, last = self._reserves, self._last
        self._reserves, self._last = (reserve0, reserve1), last.next(event)
        self.moves += 1
        off0 = reserve0 - before[0] - sign * event.amount0
        off1 = reserve1 - before[1] - sign * event.amount1
        if off0 or off1:
            sent = sign < 0 and min(off0, off1) == 0
            found = self._doubts if sent else self._gaps
            why = f"the reserves are off by {off0:+d} and {off1:+d} from what the events make them"
            found.add(last, self._last, f"{why}, or somebody sent it to the pair" if sent else why)
        elif isinstance(event, Swap) and not keeps_k(before, event):
            self._doubts.add(last, self._last, f"the swap gets more than a fee of {event.fee_pips} pips leaves")
        else:
            self.fitting += 1

    def finish(self) -> None:
        """Nothing is left open: every event stands by itself."""

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Where events are missing."""
        return self._gaps.as_tuple()

    @property
    def doubts(self) -> tuple[Gap, ...]:
        """Where they may be, or the fee is not what it was taken for."""
        return self._doubts.as_tuple()

    def state(self) -> PoolState:
        """The pair after the last event."""
        after = self._last.position() if self._last.number else self._given.after
        return replace(self._given, after=after, reserve0=self._reserves[0], reserve1=self._reserves[1])

    @property
    def proven(self) -> Mark:
        """The last place at which the reserves were told."""
        return self._last

    def known_ticks(self) -> tuple[int, int]:
        """A pair has no ticks."""
        return 0, 0

    def last_there(self, ticks: Iterable[int]) -> Mark:  # noqa: ARG002 - the chains answer the same questions
        """As ``proven``."""
        return self._last


def keeps_k(before: tuple[int, int], swap: Swap) -> bool:
    """Whether the reserves after a swap, less the fee on what was paid in, have at least the product of those before.

    UniswapV2Pair's rule, in pips. The event has net amounts: what was paid in and out of one token at once is not
    seen, and makes the rule here weaker, never stricter.
    """
    (before0, before1), fee = before, swap.fee_pips
    left0 = (before0 + swap.amount0) * PIPS - max(swap.amount0, 0) * fee
    left1 = (before1 + swap.amount1) * PIPS - max(swap.amount1, 0) * fee
    return left0 * left1 >= before0 * before1 * PIPS**2
