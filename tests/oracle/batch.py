"""What a rule works on, in plain integers: orders, one pool behind the kernel, and what came of a batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from uniswap_v2 import Pair

if TYPE_CHECKING:
    from uniswap_v3 import Pool

NOTHING = (0, 0)


@dataclass(frozen=True)
class Order:
    """To sell ``amount`` of token0 (or token1), all or nothing, for at least ``limit`` of the other token."""

    sells0: bool
    amount: int
    limit: int = 0

    @property
    def wanted(self) -> int:
        """An order without a limit still wants something."""
        return max(self.limit, 1)


@dataclass
class Venue:
    """A pool as a rule meets it: what the kernel refuses answers None and changes nothing."""

    pool: Pair | Pool
    paid: list[int] = field(default_factory=lambda: [0, 0])
    """What it took in trades, by token."""
    given: list[int] = field(default_factory=lambda: [0, 0])
    donated: list[int] = field(default_factory=lambda: [0, 0])

    @property
    def price(self) -> int:
        """Root of the marginal price before fee."""
        return self.pool.price

    @property
    def fee_pips(self) -> int:
        """In 1e-6 of an input."""
        return self.pool.fee_pips

    def quote(self, sells0: bool, amount: int) -> tuple[int, int, int] | None:
        """(spent, received, price after it)."""
        if not self._can_take(sells0, amount):
            return None
        after, spent, received = self.pool.sell(sells0, amount)
        return spent, received, after.price

    def trade(self, sells0: bool, amount: int, least: int) -> int | None:
        """What comes back: all of the amount is taken and no less than ``least`` given, or nothing happens."""
        if not self._can_take(sells0, amount):
            return None
        after, spent, received = self.pool.sell(sells0, amount)
        if spent != amount or received < least:
            return None
        self.pool = after
        self.paid[not sells0] += spent
        self.given[sells0] += received
        return received

    def donate(self, of0: bool, amount: int) -> None:
        """A pair keeps it in its reserves; a pool owes it to the liquidity at its price, and needs some."""
        if isinstance(self.pool, Pair):
            if not self._can_take(of0, amount):
                return
            self.pool = self.pool.with_more(*((amount, 0) if of0 else (0, amount)))
        elif not self.pool.liquidity:
            return
        self.donated[not of0] += amount

    def _can_take(self, of0: bool, amount: int) -> bool:
        return not isinstance(self.pool, Pair) or self.pool.takes(of0, amount)


@dataclass(frozen=True)
class Outcome:
    """(sold, bought) in the order given, what went through the pool and what stayed behind, by token, and the pool."""

    fills: tuple[tuple[int, int], ...]
    traded_in: tuple[int, int]
    received: tuple[int, int]
    donated: tuple[int, int]
    residue: tuple[int, int]
    pool: Pair | Pool


def outcome(orders: list[Order], fills: list[tuple[int, int]], venue: Venue) -> Outcome:
    """Everything that came in and did not go out again stayed behind."""
    residue = [venue.given[i] - venue.paid[i] - venue.donated[i] for i in (0, 1)]
    for order, (sold, bought) in zip(orders, fills, strict=True):
        residue[not order.sells0] += sold
        residue[order.sells0] -= bought
    amounts = (tuple(pair) for pair in (venue.paid, venue.given, venue.donated, residue))
    return Outcome(tuple(fills), *amounts, venue.pool)


# ---------------------------------------------------------------------- what the batch auctions share


MOST_SOLD, MOST_WANTED = (1 << 112) - 1, (1 << 128) - 1
MOST_QUOTES = 16
PIPS = 10**6


def up(numerator: int, denominator: int) -> int:
    """The quotient rounded up."""
    return -(-numerator // denominator)


def servable(orders: list[Order]) -> list[int]:
    """Amounts that some pool could hold, and limits that could be met."""
    return [i for i, order in enumerate(orders) if order.amount <= MOST_SOLD and order.limit <= MOST_WANTED]


def worth_at(amount: int, root: int, of0: bool) -> int:
    """``amount`` at the price root² / 2**192, rounded down; a square above 256 bits loses its lowest 64 first."""
    bits, square = 192, root * root
    if root >= 1 << 128:
        bits, square = 128, square >> 64
    return amount * square >> bits if of0 else (amount << bits) // square


@dataclass(frozen=True)
class Sides:
    """``heavy`` and ``light`` are what either side sells; at most ``bound`` of the heavy token goes to the pool."""

    heavy0: bool
    heavy: int
    light: int
    bound: int

    def bought(self, order: Order, paid: int) -> int:
        """At the price paid / heavy, rounded down."""
        if order.sells0 == self.heavy0:
            return order.amount * paid // self.heavy
        return order.amount * self.heavy // paid


def weigh(orders: list[Order], venue: Venue, price: int) -> Sides:
    """Heavy is the side with more than the other takes at the pool's bid or ask; of one side alone all is sold."""
    total0 = sum(order.amount for order in orders if order.sells0)
    total1 = sum(order.amount for order in orders if not order.sells0)
    if not total0 or not total1:
        return Sides(not total1, total0 + total1, 0, total0 + total1)
    kept = PIPS - venue.fee_pips
    taken0 = worth_at(total1, price, of0=False) * PIPS // kept + 1
    taken1 = worth_at(total0, price, of0=True) * PIPS // kept + 1
    if total0 > taken0:
        return Sides(True, total0, total1, total0 - taken0)
    return Sides(False, total1, total0, max(total1 - taken1, 0))


class Quotes:
    """The pool's quotes for a batch: 16 of them."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._left = MOST_QUOTES

    def of(self, sells0: bool, amount: int) -> tuple[int, int, int] | None:
        """None where the quote fails or is one too many."""
        if not self._left:
            return None
        self._left -= 1
        return self._venue.quote(sells0, amount)
