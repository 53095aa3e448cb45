"""FunctionMaximizing: everybody at the pool's marginal price m(n) after the net amount n, the surplus to the pool.

H is what the heavier side sells, Y the lighter one, r(n) what the pool pays for n; m(n) is after the pool's fee. The
definition of n is `Pass.excess` and `Pass.tolerance`; which n within the tolerance it is depends on the search, so the
search is followed step by step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch import NOTHING, PIPS, Order, Outcome, Quotes, Sides, Venue, outcome, servable, up, weigh, worth_at

if TYPE_CHECKING:
    from uniswap_v2 import Pair
    from uniswap_v3 import Pool

Q96 = 1 << 96


def clear(orders: list[Order], pool: Pair | Pool) -> Outcome:
    """Leaves out, pass by pass, whose limit breaks or what the pool cannot take."""
    venue, fills = Venue(pool), [NOTHING] * len(orders)
    inside, quotes = servable(orders), Quotes(venue)
    for _ in orders:
        if not inside:
            break
        batch = [orders[i] for i in inside]
        attempt = Pass(quotes, weigh(batch, venue, venue.price), venue)
        at = attempt.searched()
        paid = attempt.paid(at)
        keeps = [k for k, order in enumerate(batch) if paid and attempt.sides.bought(order, paid) >= order.wanted]
        if attempt.ran_out:
            keeps = attempt.without_largest(batch, at)
        elif len(keeps) == len(batch):
            if attempt.executes(at, paid):
                for i in inside:
                    fills[i] = orders[i].amount, attempt.sides.bought(orders[i], paid)
            break
        inside = [inside[k] for k in keeps]
    return outcome(orders, fills, venue)


@dataclass(frozen=True)
class Point:
    """After n the pool has paid ``received``, and its marginal price makes ``worth`` of the whole heavier side."""

    n: int
    received: int
    worth: int


NOWHERE = Point(0, 0, 0)


class Pass:
    """One pass: the search for n among those who are still in."""

    def __init__(self, quotes: Quotes, sides: Sides, venue: Venue) -> None:
        self.quotes, self.sides, self.venue = quotes, sides, venue
        self.start = venue.price
        self.ran_out = False

    # ------------------------------------------------------------------ the definition

    def excess(self, at: Point) -> int:
        """H − n − Y/m(n), where it can be paid; what is not negative is feasible."""
        if not at.worth:
            return -self.sides.heavy
        excess = self.sides.heavy - at.n - up(self.sides.light * self.sides.heavy, at.worth)
        return -1 if excess >= 0 and self.paid(at) > self.sides.light + at.received else excess

    def paid(self, at: Point) -> int:
        """What the heavier side gets in all: the price is this over H."""
        if not self.sides.light:
            return min(at.worth, at.received)
        return up(self.sides.light * self.sides.heavy, self.sides.heavy - at.n)

    def tolerance(self, at: Point) -> int:
        """Four units of either token, and 2**−24 of the side."""
        return 4 + 4 * (self.sides.heavy // max(at.worth, 1) + 1) + self.sides.heavy // 2**24

    # ------------------------------------------------------------------ the search

    def searched(self) -> Point:
        """The n that the price is made of."""
        sides, nothing = self.sides, Point(0, 0, self.sides.light)
        if not sides.bound:
            return nothing
        high, price = self._quote(sides.bound)
        if not sides.light:
            self.ran_out = high.n < sides.heavy
            return high
        if self.ran_out:
            return nothing
        if high.n == sides.bound:
            return high if self.excess(high) >= 0 else self._narrowed(high, self._on_one_curve(price))
        # Past the last liquidity the marginal price is nothing: what counts is the price just before.
        if high.n:
            high, _ = self._quote(high.n - 1)
        if self.ran_out:
            return nothing
        self.ran_out = self.excess(high) >= 0
        return high if self.ran_out else self._narrowed(high, high.n // 2)

    def _narrowed(self, high: Point, guess: int) -> Point:
        """Illinois' regula falsi on the excess by quotes, a unit of either token below its line."""
        at, above, below = Point(0, 0, self.sides.light), self.sides.bound, -self.excess(high)
        last = ""
        while high.n - at.n > 1:
            guess = max(guess - 2 - self.sides.heavy // max(high.worth, 1), 0)
            found, _ = self._quote(min(max(guess, at.n + 1), high.n - 1))
            if self.ran_out:
                break
            excess = self.excess(found)
            if excess < 0:
                high, below = found, -excess
                above = above // 2 if last == "high" else above
                last = "high"
            else:
                at, above = found, excess
                if excess <= self.tolerance(at):
                    break
                below = below // 2 if last == "low" else below
                last = "low"
            guess = at.n + (high.n - at.n) * above // max(above + below, 1)
        return at

    def _on_one_curve(self, price: int) -> int:
        """√(m(0)/m(n)) = 1 + e·n/bound, so that bound − n = K·((1 + e·n/bound)² − 1) with K = H − bound."""
        moved, end = abs(price - self.start), price if self.sides.heavy0 else self.start
        e = moved * Q96 // end
        bound = self.sides.bound
        if e >= Q96:
            return bound // 2
        k_e = (self.sides.heavy - bound) * e // Q96
        linear = bound + 2 * k_e
        return 2 * bound * bound // (linear + math.isqrt(linear * linear + 4 * bound * (k_e * e // Q96)))

    def _quote(self, amount: int) -> tuple[Point, int]:
        found = self.quotes.of(self.sides.heavy0, amount)
        self.ran_out = found is None
        if found is None:
            return NOWHERE, 0
        spent, received, price = found
        worth = worth_at(self.sides.heavy, price, of0=self.sides.heavy0)
        return Point(spent, received, worth * (PIPS - self.venue.fee_pips) // PIPS), price

    # ------------------------------------------------------------------ the outcome

    def executes(self, at: Point, paid: int) -> bool:
        """Sells n and gives what the pool paid beyond the price back to it."""
        if at.n and self.venue.trade(self.sides.heavy0, at.n, at.received) is None:
            return False
        surplus = self.sides.light + at.received - paid
        if surplus:
            self.venue.donate(not self.sides.heavy0, surplus)
        return True

    def without_largest(self, orders: list[Order], at: Point) -> list[int]:
        """Places of all but the heavier side's largest, equal ones together, until the pool takes the rest."""
        sides, stay = self.sides, list(range(len(orders)))
        while True:
            amounts = [orders[k].amount for k in stay if orders[k].sells0 == sides.heavy0]
            largest = max(amounts, default=0)
            stay = [k for k in stay if orders[k].sells0 != sides.heavy0 or orders[k].amount != largest]
            rest = sum(a for a in amounts if a != largest) - at.n
            if rest <= 0 or (sides.light and rest * at.worth // sides.heavy <= sides.light):
                return stay
