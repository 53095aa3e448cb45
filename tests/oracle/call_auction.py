"""CallAuction: everybody at the price (Y + r(n)) / H, with n the net amount that the pool takes.

H is what the heavier side sells, Y the lighter one, r(n) what the pool pays for n. The definition of n is `Pass.excess`
and `Pass.tolerance`; which n within the tolerance it is depends on the search, so the search is followed step by step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch import NOTHING, PIPS, Order, Outcome, Quotes, Sides, Venue, outcome, servable, up, weigh, worth_at

if TYPE_CHECKING:
    from uniswap_v2 import Pair
    from uniswap_v3 import Pool

MOST_STEPS = 8


def clear(orders: list[Order], pool: Pair | Pool) -> Outcome:
    """A batch of one is a swap."""
    venue = Venue(pool)
    if len(orders) == 1:
        received = venue.trade(orders[0].sells0, orders[0].amount, orders[0].wanted)
        fills = [NOTHING if received is None else (orders[0].amount, received)]
    else:
        fills = auction(orders, venue).fills(orders)
    return outcome(orders, fills, venue)


@dataclass(frozen=True)
class Auction:
    """Who is in, and the price paid / heavy; nobody where ``inside`` is empty."""

    inside: list[int]
    sides: Sides
    paid: int

    def fills(self, orders: list[Order]) -> list[tuple[int, int]]:
        """Everybody inside in full at the one price, rounded down."""
        fills = [NOTHING] * len(orders)
        for i in self.inside:
            fills[i] = orders[i].amount, self.sides.bought(orders[i], self.paid)
        return fills


NOBODY = Auction([], Sides(True, 0, 0, 0), 0)


def auction(orders: list[Order], venue: Venue, kept_pips: int = PIPS) -> Auction:
    """Leaves out, pass by pass, whose limit breaks or what the pool cannot take; sells the net amount on the venue.

    A fee of 1e6 − ``kept_pips`` is taken from what is bought afterwards, and limits hold after it.
    """
    inside, quotes = servable(orders), Quotes(venue)
    wanted = [up(order.wanted * PIPS, kept_pips) for order in orders]
    for _ in orders:
        if not inside:
            break
        batch = [orders[i] for i in inside]
        attempt = Pass(venue, quotes, weigh(batch, venue, venue.price), batch, [wanted[i] for i in inside])
        if attempt.settles():
            return Auction(inside, attempt.sides, attempt.paid)
        stay = attempt.without_largest() if attempt.ran_out else attempt.without_broken()
        inside = [inside[k] for k in stay]
    return NOBODY


class Pass:
    """One pass: the net amount that is sold, or at which the price was found, among those who are still in."""

    def __init__(self, venue: Venue, quotes: Quotes, sides: Sides, orders: list[Order], wanted: list[int]) -> None:
        self.venue, self.quotes, self.sides, self.orders, self.wanted = venue, quotes, sides, orders, wanted
        self.start = venue.price
        self.net = self.received = 0
        self.ran_out = False
        heavy = [(o, w) for o, w in zip(orders, wanted, strict=True) if o.sells0 == sides.heavy0]
        light = [(o, w) for o, w in zip(orders, wanted, strict=True) if o.sells0 != sides.heavy0]
        # The whole payment Y + r keeps everybody's limit from `least_paid` to `most_paid`.
        self.least_paid = max((up(w * sides.heavy, o.amount) for o, w in heavy), default=0)
        self.most_paid = min((o.amount * sides.heavy // w for o, w in light), default=None)

    @property
    def paid(self) -> int:
        """What the heavier side gets in all."""
        return self.sides.light + self.received

    # ------------------------------------------------------------------ the definition

    def excess(self, n: int, r: int) -> int:
        """H − n − Y·n/r: what of H stays unclaimed at r/n; n is feasible where this is not negative."""
        if not r:
            return -self.sides.heavy if n else 0
        return self.sides.heavy - n - up(self.sides.light * n, r)

    def slack(self, n: int, r: int) -> int:
        """What stays unclaimed at the price (Y + r)/H, from the excess."""
        return self.excess(n, r) * r // (self.sides.light + r) if r else 0

    def tolerance(self, n: int, r: int) -> int:
        """Two units of either token, and 2**−24 of the side."""
        return 2 + 2 * (n // max(r, 1) + 1) + self.sides.heavy // 2**24

    def near_enough(self, n: int, r: int) -> bool:
        return self.slack(n, r) <= self.tolerance(n, r)

    def margin(self, n: int, r: int) -> int:
        """What n must stay below the root for a unit of either token not to make it infeasible."""
        return up((n // r + 1) * (self.sides.light + r), r)

    # ------------------------------------------------------------------ the search

    def settles(self) -> bool:
        """Whether everybody's limit holds; then the net amount is sold."""
        sides = self.sides
        if not sides.bound:
            return self._suits(0)
        if not sides.light:
            return self._settles_one_side()
        if self._sells_most():
            self._sell_rest()
            return True
        net, received = self._searched()
        if not self.ran_out and self._suits(received) and (not net or self._sell(net, received)):
            return True
        self.net, self.received = net, received
        return False

    def _suits(self, received: int) -> bool:
        paid = self.sides.light + received
        return self.least_paid <= paid and (self.most_paid is None or paid <= self.most_paid)

    def _settles_one_side(self) -> bool:
        if self._sell(self.sides.heavy, self.least_paid):
            return True
        spent, self.received = self._quote(self.sides.heavy)
        self.net = spent
        self.ran_out = self.ran_out or spent < self.sides.heavy
        return False

    def _sells_most(self) -> bool:
        """511/512 of the bound at once, where it is safe whatever comes: nobody's limit breaks even at the bid."""
        sides = self.sides
        most = sides.bound - sides.bound // 512 - 1
        at_bid = self._at_start(sides.bound + 1)
        room = -1 if self.most_paid is None else self.most_paid - sides.light
        if not most or at_bid + (at_bid >> 32) > room:
            return False
        return self._sell(most, max(self._least_for(most), self.least_paid - sides.light))

    def _sell_rest(self) -> None:
        """Along the straight line of the excess through the last two points, less if the pool refuses."""
        n, excess = 0, self.sides.bound
        refusals = 0
        for _ in range(MOST_STEPS):
            here = self.excess(self.net, self.received)
            if self.near_enough(self.net, self.received) or excess <= here:
                return
            step = (self.net - n) * here // (excess - here)
            step = max(step - self.margin(self.net, self.received), 0)
            step = step - step // 256 if refusals == 1 else step >> refusals
            if not step:
                return
            before = self.net
            if self._sell(step, max(self._least_for(before + step) - self.received, 0)):
                n, excess, refusals = before, here, 0
            else:
                refusals += 1

    def _searched(self) -> tuple[int, int]:
        """Illinois' regula falsi on the excess by quotes, between 0 and the bound."""
        spent, paid = self._quote(self.sides.bound)
        if self.ran_out:
            return 0, 0
        if self.excess(spent, paid) >= 0:
            self.ran_out = spent < self.sides.bound and not self.near_enough(spent, paid)
            return spent, paid
        low, received, above = 0, 0, self.sides.bound
        high, below = spent, -self.excess(spent, paid)
        last = ""
        while high - low > 1:
            n = self._between(low, high, above, below)
            _, paid = self._quote(n)
            if self.ran_out:
                break
            if self.excess(n, paid) < 0:
                high, below = n, -self.excess(n, paid)
                above = above // 2 if last == "high" else above
                last = "high"
                continue
            low, received, above = n, paid, self.excess(n, paid)
            if self.near_enough(n, paid):
                break
            below = below // 2 if last == "low" else below
            last = "low"
        return low, received

    def _between(self, low: int, high: int, above: int, below: int) -> int:
        step = (high - low) * above // max(above + below, 1)
        margin = self.margin(low + step, self._at_start(low + step))
        return min(low + max(step - margin, 1), high - 1)

    def _at_start(self, amount: int) -> int:
        """What the pool would pay if its price did not move, rounded up."""
        kept = up(amount * (PIPS - self.venue.fee_pips), PIPS)
        return 1 + worth_at(kept, self.start, of0=self.sides.heavy0)

    def _least_for(self, n: int) -> int:
        """The least r that makes n feasible."""
        return up(self.sides.light * n, self.sides.heavy - n)

    # ------------------------------------------------------------------ the pool

    def _quote(self, amount: int) -> tuple[int, int]:
        found = self.quotes.of(self.sides.heavy0, amount)
        self.ran_out = found is None
        return found[:2] if found else (0, 0)

    def _sell(self, amount: int, least: int) -> bool:
        received = self.venue.trade(self.sides.heavy0, amount, least)
        if received is None:
            return False
        self.net, self.received = self.net + amount, self.received + received
        return True

    # ------------------------------------------------------------------ who is left out

    def without_broken(self) -> list[int]:
        """Places of those whose limit the price keeps."""
        return [
            k
            for k, order in enumerate(self.orders)
            if self.paid and self.sides.bought(order, self.paid) >= self.wanted[k]
        ]

    def without_largest(self) -> list[int]:
        """Places of all but the heavier side's largest, equal ones together, until the pool takes the rest."""
        stay = list(range(len(self.orders)))
        while True:
            amounts = [self.orders[k].amount for k in stay if self.orders[k].sells0 == self.sides.heavy0]
            largest = max(amounts, default=0)
            stay = [k for k in stay if self.orders[k].sells0 != self.sides.heavy0 or self.orders[k].amount != largest]
            rest = sum(a for a in amounts if a != largest) - self.net
            if rest <= 0 or (self.sides.light and rest * self.received // self.sides.light <= self.net):
                return stay
