"""A world that goes from one moment of history to another: the states that baselines and candidates act on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from verify.beside import Beside
    from verify.evm import Slots
    from verify.plan import Place
    from verify.trace import StateTrace
    from verify.world import World


class Anchors:
    """A world that is moved from anchor to anchor of one history.

    Args:
        world: A world of the history's initial state, and of those of the pools beside it.
        trace: What the audit kept of the history.
        beside: The other pools, in the world's order.
    """

    def __init__(self, world: World, trace: StateTrace, beside: Sequence[Beside] = ()) -> None:
        self.world = world
        self.beside = tuple(beside)
        self._cursor = trace.cursor()
        self._cursors = [other.trace.cursor() for other in beside]
        self._over: set[tuple[str, int]] = set()

    def move(self, start_seq: int, place: Place, *, block: int, timestamp: int) -> None:
        """To the true state and fee right before an event, in a block; forgets what `overlay` wrote.

        The pools beside go to their state right before ``place``.
        """
        slots = {key: self._cursor.value(key) for key in self._over} | self._cursor.move(start_seq)
        for other, cursor in zip(self.beside, self._cursors, strict=True):
            slots |= cursor.move(other.moment(place))
        self.world.update(slots)
        self.world.evm.set_block(block, timestamp)
        self._over.clear()

    def unknown(self, place: Place) -> str:
        """Why another pool's state is not known there; empty where all are."""
        for other in self.beside:
            first, last = other.blocks
            if not first <= place[0] <= last:
                return f"the state of {other.history.name} is known from block {first} to {last} only"
        return ""

    def overlay(self, slots: Slots) -> None:
        """Writes slots over the true state until the next `move`."""
        self._over.update(slots)
        self.world.update(slots)
