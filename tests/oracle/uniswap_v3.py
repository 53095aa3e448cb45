"""A Uniswap v3 pool in plain integers: its swaps, written from what the protocol defines.

A swap is a walk over stretches of constant liquidity. A stretch ends at the next initialised tick, at the end of the
256 tick places that the pool looks through at once, or where the swap stops. Amounts of each stretch are rounded for
the pool: what is paid in up, what is given out down, the price against the trader.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tick_prices import HIGHEST_PRICE, HIGHEST_TICK, LOWEST_PRICE, LOWEST_TICK, price_at, tick_at

if TYPE_CHECKING:
    from collections.abc import Mapping

Q96 = 1 << 96
PIPS = 10**6
PLACES = 256


def up(numerator: int, denominator: int) -> int:
    """The quotient rounded up."""
    return -(-numerator // denominator)


@dataclass(frozen=True)
class Pool:
    """``ticks`` has for every initialised tick (liquidity that refers to it, liquidity added on crossing it up)."""

    fee_pips: int
    spacing: int
    price: int
    tick: int
    liquidity: int
    ticks: Mapping[int, tuple[int, int]]

    @property
    def stands(self) -> tuple[int, int, int]:
        """Everything that a swap changes."""
        return self.price, self.tick, self.liquidity

    # ------------------------------------------------------------------ swaps

    def sell(self, sells0: bool, amount: int) -> tuple[Pool, int, int]:
        """(the pool after it, spent, received) of an exact input; less is spent where the liquidity ends."""
        if not amount or self.price == last_price(sells0):
            return self, 0, 0
        return self.swap(sells0, amount)

    def swap(self, sells0: bool, amount: int, limit: int | None = None) -> tuple[Pool, int, int]:
        """(the pool after it, spent, received) of an exact input, or an exact output where ``amount`` is negative."""
        limit = last_price(sells0) if limit is None else limit
        pool, left, spent, received = self, amount, 0, 0
        while left and pool.price != limit:
            stop = pool._next_stop(sells0)
            edge = price_at(stop)
            end, paid, got = pool._stretch(max(edge, limit) if sells0 else min(edge, limit), left, sells0)
            left += got if amount < 0 else -paid
            spent, received = spent + paid, received + got
            pool = pool._moved(end, stop if end == edge else None, sells0)
        return pool, spent, received

    def _stretch(self, target: int, left: int, sells0: bool) -> tuple[int, int, int]:
        """(price at its end, paid with its fee, given) of one stretch towards ``target``."""
        if left > 0:
            net = left * (PIPS - self.fee_pips) // PIPS
            reaches = net >= self._input(target, sells0)
            end = target if reaches else self._pushed_by(net, sells0)
        else:
            reaches = -left >= self._output(target, sells0)
            end = target if reaches else self._pulled_by(-left, sells0)
        paid, given = self._input(end, sells0), self._output(end, sells0)
        if left < 0:
            given = min(given, -left)
        if left > 0 and not reaches:
            return end, left, given  # the fee is all that did not move the price
        return end, paid + up(paid * self.fee_pips, PIPS - self.fee_pips), given

    def _input(self, end: int, sells0: bool) -> int:
        if sells0:
            return up(self.liquidity * Q96 * (self.price - end), self.price * end)
        return up(self.liquidity * (end - self.price), Q96)

    def _output(self, end: int, sells0: bool) -> int:
        if sells0:
            return self.liquidity * (self.price - end) // Q96
        return self.liquidity * Q96 * (end - self.price) // (self.price * end)

    def _pushed_by(self, paid: int, sells0: bool) -> int:
        """1/√P grows by paid/L, or √P does, rounded towards the start."""
        if not sells0:
            return self.price + paid * Q96 // self.liquidity
        whole = self.liquidity * Q96  # within a stretch no product comes near the 256 bits where the pool rounds more
        return up(whole * self.price, whole + paid * self.price)

    def _pulled_by(self, given: int, sells0: bool) -> int:
        """√P falls by given/L, or 1/√P does, rounded away from the start."""
        if sells0:
            return self.price - up(given * Q96, self.liquidity)
        whole = self.liquidity * Q96
        return up(whole * self.price, whole - given * self.price)

    def _next_stop(self, sells0: bool) -> int:
        """The next initialised tick, or the last place of the 256 that are looked through."""
        place = self.tick // self.spacing
        block = (place if sells0 else place + 1) // PLACES
        first, last = block * PLACES, block * PLACES + PLACES - 1
        found = self._places
        if sells0:
            stop = max((p for p in found if first <= p <= place), default=first)
        else:
            stop = min((p for p in found if place < p <= last), default=last)
        return min(max(stop * self.spacing, LOWEST_TICK), HIGHEST_TICK)

    @functools.cached_property
    def _places(self) -> tuple[int, ...]:
        return tuple(tick // self.spacing for tick in self.ticks)

    def _moved(self, price: int, edge: int | None, sells0: bool) -> Pool:
        """At a price; ``edge`` is the tick that begins exactly there, where the stretch went to its end."""
        if edge is None:
            return replace(self, price=price, tick=tick_at(price) if price != self.price else self.tick)
        _, net = self.ticks.get(edge, (0, 0))
        tick, change = (edge - 1, -net) if sells0 else (edge, net)
        return replace(self, price=price, tick=tick, liquidity=self.liquidity + change)

    # ------------------------------------------------------------------ positions

    def with_position(self, lower: int, upper: int, change: int) -> Pool:
        """After a mint, or with a negative change a burn."""
        ticks = dict(self.ticks)
        for tick, added in ((lower, change), (upper, -change)):
            gross, net = ticks.pop(tick, (0, 0))
            if gross + change:
                ticks[tick] = gross + change, net + added
        here = change if lower <= self.tick < upper else 0
        return replace(self, ticks=ticks, liquidity=self.liquidity + here)


def last_price(sells0: bool) -> int:
    """How far a swap without a limit may push the price: one inside the pool's own ends."""
    return LOWEST_PRICE + 1 if sells0 else HIGHEST_PRICE - 1


def fresh_pool(fee_pips: int, spacing: int, price: int, positions: list[tuple[int, int, int]]) -> Pool:
    """A pool at a price with positions (lower tick, upper tick, liquidity)."""
    pool = Pool(fee_pips, spacing, price, tick_at(price), 0, {})
    for lower, upper, liquidity in positions:
        pool = pool.with_position(lower, upper, liquidity)
    return pool
