"""The initialised ticks of a pool with concentrated liquidity, and when the price was last near each of them."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from ingest.records import TickLiquidity
from ingest.swap_math import MAX_TICK, MIN_TICK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.gaps import Mark


class TickTable:
    """Net and gross liquidity by tick, and the next initialised tick as the pool's bitmap finds it.

    A state gives net liquidity alone. Gross is then the least that it can be, so that of two positions that end where
    two others begin one may be taken for the last: only a table followed from the pool's creation is certain of which
    ticks are initialised.
    """

    def __init__(self, spacing: int, ticks: Iterable[TickLiquidity] = ()) -> None:
        self.spacing = spacing
        self.nets: dict[int, int] = {}
        self._gross: dict[int, int] = {}
        self._words: dict[int, int] = {}
        for entry in ticks:
            self._put(entry.tick, entry.liquidity_net, max(abs(entry.liquidity_net), 1))

    def add_net(self, tick: int, net: int, gross: int) -> None:
        """Changes what the liquidity gains when the price crosses a tick upwards."""
        net += self.nets.get(tick, 0)
        self._put(tick, net, max(self._gross.get(tick, 0) + gross, abs(net)))

    def _put(self, tick: int, net: int, gross: int) -> None:
        place = tick // self.spacing
        word, bit = self._words.get(place >> 8, 0), 1 << (place & 255)
        if gross:
            self.nets[tick], self._gross[tick] = net, gross
            self._words[place >> 8] = word | bit
            return
        self.nets.pop(tick, None)
        self._gross.pop(tick, None)
        if word & ~bit:
            self._words[place >> 8] = word & ~bit
        else:
            self._words.pop(place >> 8, None)

    def next_below(self, tick: int) -> int:
        """The next initialised tick at or below one, or the end of the bitmap's word, where a swap's step ends too."""
        place = tick // self.spacing
        word = self._words.get(place >> 8, 0) & ((2 << (place & 255)) - 1)
        first = place >> 8 << 8
        return max((first + max(word.bit_length() - 1, 0)) * self.spacing, MIN_TICK)

    def next_above(self, tick: int) -> int:
        """The next initialised tick above one, or the end of the bitmap's word."""
        place = tick // self.spacing + 1
        word = self._words.get(place >> 8, 0) >> (place & 255)
        found = place + (word & -word).bit_length() - 1 if word else place | 255
        return min(found * self.spacing, MAX_TICK)

    def closed(self, tick: int, liquidity: int, known: tuple[int, int]) -> tuple[TickLiquidity, ...]:
        """The ticks with their net liquidity, outwards from a tick with its liquidity, as a table that a pool can have.

        It ends where the liquidity does, or would become negative; else at its outermost tick, but not inside of what
        is ``known``.
        """
        ordered = sorted(self.nets)
        split = bisect_right(ordered, tick)
        first, last = -(-MIN_TICK // self.spacing) * self.spacing, MAX_TICK // self.spacing * self.spacing
        above = _outwards(liquidity, [(at, self.nets[at]) for at in ordered[split:]])
        below = _outwards(liquidity, [(at, -self.nets[at]) for at in reversed(ordered[:split])])
        left_above, left_below = (liquidity + sum(change for _, change in part) for part in (above, below))
        nets = {at: -change for at, change in below} | dict(above)
        low, high = min([known[0], *nets]), max([known[1], *nets])
        low, high = max(low, first), min(high, last)
        nets[low] = nets.get(low, 0) + left_below
        nets[high] = nets.get(high, 0) - left_above
        return tuple(TickLiquidity(at, nets[at]) for at in sorted(nets) if nets[at])


def _outwards(liquidity: int, changes: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What the liquidity changes by at each tick, until it would become negative."""
    found = []
    for at, change in changes:
        liquidity += change
        if liquidity < 0:
            break
        found.append((at, change))
    return found


class LastSeen:
    """When the price was last at each interval of ticks, for an interval being ``tick // spacing``.

    The price moves continuously, so that two stacks hold it all: what lies below the present interval, and above it.
    An entry (interval, mark) stands for all intervals from it to the entry nearer to the present.
    """

    def __init__(self, interval: int, start: Mark) -> None:
        self._here = interval
        self._start = start
        self._below: list[tuple[int, Mark]] = []
        self._above: list[tuple[int, Mark]] = []

    def oldest(self, interval: int, now: Mark) -> Mark:
        """The least of the marks from the present interval, seen ``now``, to another."""
        if interval == self._here:
            return now
        rising = interval > self._here
        found = now
        for end, mark in reversed(self._above if rising else self._below):
            found = min(found, mark)
            if end >= interval if rising else end <= interval:
                return found
        return self._start

    def move(self, interval: int, mark: Mark) -> None:
        """The price goes to another interval; all on the way, the present one too, get the mark."""
        if interval == self._here:
            return
        rising = interval > self._here
        ahead, behind = (self._above, self._below) if rising else (self._below, self._above)
        while ahead and (ahead[-1][0] <= interval if rising else ahead[-1][0] >= interval):
            ahead.pop()
        behind.append((self._here, mark))
        self._here = interval
