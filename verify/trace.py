"""What the audit keeps of a history: each event's changed slots, so that any moment's state can be had at once."""

from __future__ import annotations

import bisect
from array import array
from itertools import accumulate, chain, islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from verify.evm import Slots

Key = tuple[str, int]

_WORD = 32
_STRIDE = 1024
"""A full state is kept about every so many events, so that a jump need not start from the beginning."""


class StateTrace:
    """Each event's changed slots, in order. Picklable; about 36 bytes a changed slot.

    ``base`` holds what every slot that ever changes had in the world as it was built for the initial state; states are
    given relative to it.

    Args:
        base: Slots of the built world.
        start: Those that must be another before the first event (a fee that is not the pool's first).
    """

    def __init__(self, base: Slots, start: Slots) -> None:
        self.base: Slots = dict(base)
        self._keys: list[Key] = list(base)
        self._ids: dict[Key, int] = {key: i for i, key in enumerate(self._keys)}
        self._changed_ids = array("I")
        self._changed_values = bytearray()
        self._ends = array("Q", [0])
        self._latest: Slots = base | start
        self._kept_seqs = [0]
        self._kept_states: list[Slots] = [self._differing(self._latest)]

    def __len__(self) -> int:
        """The number of events."""
        return len(self._ends) - 1

    def extend(self, changes: Sequence[Slots]) -> Slots:
        """Notes the next events' slots with their values after each; some may have kept their value.

        Returns:
            All of them together, with the values after the last event.
        """
        # Few steps in Python: this runs once for each of the history's events.
        keys = list(chain.from_iterable(changes))
        values = list(chain.from_iterable(map(dict.values, changes)))
        together = dict(zip(keys, values, strict=True))
        for key in together.keys() - self._ids.keys():
            self._ids[key] = len(self._keys)
            self._keys.append(key)
            self.base[key] = 0
        self._changed_ids.extend(map(self._ids.__getitem__, keys))
        self._changed_values += b"".join([value.to_bytes(_WORD, "big") for value in values])
        self._ends.extend(islice(accumulate(map(len, changes), initial=self._ends[-1]), 1, None))
        self._latest.update(together)
        if len(self) - self._kept_seqs[-1] >= _STRIDE:
            self._kept_seqs.append(len(self))
            self._kept_states.append(self._differing(self._latest))
        return together

    def _differing(self, state: Slots) -> Slots:
        base = self.base
        return {key: value for key, value in state.items() if value != base[key]}

    def changes(self, seq: int) -> Slots:
        """The slots that one event changed, with their values after it."""
        return dict(self._changes(seq, seq + 1))

    def at(self, seq: int) -> Slots:
        """The slots that differ from the base right before event ``seq``; ``len(self)`` is the end.

        Raises:
            IndexError: No such moment.
        """
        if not 0 <= seq <= len(self):
            raise IndexError(f"moment {seq} of a trace of {len(self)} events")
        place = bisect.bisect_right(self._kept_seqs, seq) - 1
        return self._differing(self._kept_states[place] | dict(self._changes(self._kept_seqs[place], seq)))

    def cursor(self) -> Cursor:
        """A walk through the trace, not begun yet."""
        return Cursor(self)

    def _changes(self, first: int, end: int) -> Iterator[tuple[Key, int]]:
        keys, ids, values = self._keys, self._changed_ids, self._changed_values
        for i in range(self._ends[first], self._ends[end]):
            yield keys[ids[i]], int.from_bytes(values[i * _WORD : (i + 1) * _WORD], "big")


class Cursor:
    """Walks a world through a trace: says which slots to write to get from one moment to another."""

    def __init__(self, trace: StateTrace) -> None:
        self._trace = trace
        self._state: Slots = {}
        self._seq = -1

    def value(self, key: Key) -> int:
        """What a slot holds at this moment; 0 for one that the history never changes."""
        return self._state.get(key, self._trace.base.get(key, 0))

    def move(self, seq: int) -> Slots:
        """Goes to the moment right before event ``seq``, and returns the slots that differ between the two moments.

        A slot that changed and changed back may be among them. The first move returns every slot that the history
        ever changes, so that it does not matter which of its moments the world was at.

        Raises:
            IndexError: No such moment.
        """
        trace = self._trace
        if 0 <= self._seq <= seq <= min(self._seq + _STRIDE, len(trace)):
            written = dict(trace._changes(self._seq, seq))
            self._state.update(written)
        else:
            state = trace.at(seq)
            written = trace.base | state
            if self._seq >= 0:
                written = {key: value for key, value in written.items() if value != self.value(key)}
            self._state = state
        self._seq = seq
        return written
