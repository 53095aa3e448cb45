"""MidpointCrossing: the lighter side at the price before; the heavier one shares that and what the pool pays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch import NOTHING, PIPS, Order, Outcome, Quotes, Venue, outcome, servable, up, worth_at

if TYPE_CHECKING:
    from uniswap_v2 import Pair
    from uniswap_v3 import Pool


@dataclass(frozen=True)
class Rule:
    """The rule with its parameters, on the one venue that there is."""

    light_fee_pips: int = 0
    donation_pips: int = 0

    def clear(self, orders: list[Order], pool: Pair | Pool) -> Outcome:
        """One batch."""
        venue = Venue(pool)
        start, quotes = venue.price, Quotes(venue)
        inside = servable(orders)
        while inside:
            heavy0 = self._heavy0([orders[i] for i in inside], start)
            heavy = [i for i in inside if orders[i].sells0 == heavy0]
            light = [i for i in inside if orders[i].sells0 != heavy0]
            crossed = {i: self._crossed(orders[i], start) for i in light}
            broken = [i for i in light if crossed[i] < self._before(orders[i].wanted)]
            if not broken:
                sold, brought = (sum(orders[i].amount for i in side) for side in (heavy, light))
                wanted = {i: self._before(orders[i].wanted) for i in heavy}
                least = max(up(wanted[i] * sold, orders[i].amount) for i in heavy)
                rest = sold - sum(crossed.values())
                if rest:
                    received = venue.trade(heavy0, rest, max(least - brought, 0))
                else:
                    received = 0 if least <= brought else None
                if received is not None:
                    shares = {i: orders[i].amount * (brought + received) // sold for i in heavy}
                    return self._paid(orders, crossed | shares, heavy0, venue)
                spent, received, _ = (quotes.of(heavy0, rest) if rest else None) or (0, 0, 0)
                if spent == rest:
                    broken = [i for i in heavy if orders[i].amount * (brought + received) // sold < wanted[i]]
                else:
                    most = max(orders[i].amount for i in heavy)
                    broken = [i for i in heavy if orders[i].amount == most]
            inside = [i for i in inside if i not in broken]
        return outcome(orders, [NOTHING] * len(orders), venue)

    @staticmethod
    def _heavy0(orders: list[Order], start: int) -> bool:
        """Whether those who sell token0 sell more, at the price before the batch; equal sides: they are."""
        total0, total1 = (sum(o.amount for o in orders if o.sells0 == of0) for of0 in (True, False))
        return total0 > 0 and worth_at(total0, start, of0=True) >= total1

    def _crossed(self, order: Order, start: int) -> int:
        return worth_at(order.amount, start, of0=order.sells0) * (PIPS - self.light_fee_pips) // PIPS

    def _before(self, wanted: int) -> int:
        """What must be bought before the donation."""
        return up(wanted * PIPS, PIPS - self.donation_pips)

    def _paid(self, orders: list[Order], gross: dict[int, int], heavy0: bool, venue: Venue) -> Outcome:
        fees, fills = [0, 0], []
        for i, order in enumerate(orders):
            if i not in gross:
                fills.append(NOTHING)
                continue
            net = gross[i] * (PIPS - self.donation_pips) // PIPS
            fees[order.sells0] += gross[i] - net
            fills.append((order.amount, net))
        for of0 in (heavy0, not heavy0):
            if fees[not of0]:
                venue.donate(of0, fees[not of0])
        return outcome(orders, fills, venue)
