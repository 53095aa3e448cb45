"""VolatilityDonation: a call auction, a fee of what is bought at its price, and the memory that sets the fee."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from batch import PIPS, Order, Outcome, Venue, outcome
from call_auction import auction

if TYPE_CHECKING:
    from uniswap_v2 import Pair
    from uniswap_v3 import Pool

ONE = 10**18
MOST_FEE_PIPS = 10_000
X64 = 1 << 64


def decay_of(half_life: int) -> int:
    """The largest d below 2**64 with (d / 2**64) ** half_life ≤ 1/2; powers are by squaring, each rounded down."""
    low, high = 0, X64
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _power(middle, half_life) <= X64 // 2 else (low, middle)
    return low


def _power(base: int, exponent: int) -> int:
    """From the lowest binary digit of the exponent up."""
    result, square = X64, base
    while exponent:
        exponent, digit = divmod(exponent, 2)
        if digit:
            result = result * square // X64
        square = square * square // X64
    return result


class Rule:
    """The rule with its parameters and its one word of state: the average squared move and the last price."""

    def __init__(self, base_fee_pips: int, gain_percent: int, half_life_batches: int) -> None:
        self.base, self.gain, self.decay = base_fee_pips, gain_percent, decay_of(half_life_batches)
        self.variance = self.last = 0

    @property
    def state(self) -> int:
        """The word: the variance above 160 bits of price."""
        return self.variance * 2**160 + self.last

    def fee_pips(self, price: int) -> int:
        """Takes the move since the last batch into the average; in 1e-6 of what is bought."""
        if self.last:
            move = min(2 * abs(price - self.last) * ONE // self.last, ONE)
            self.variance = (self.variance * self.decay + move**2 // ONE * (X64 - self.decay)) // X64
        volatility = math.isqrt(self.variance * ONE)
        return min(self.base + volatility * self.gain // 100 // 10**12, MOST_FEE_PIPS)

    def clear(self, orders: list[Order], pool: Pair | Pool) -> Outcome:
        """One batch; the rule remembers the price after it."""
        venue = Venue(pool)
        kept = PIPS - self.fee_pips(venue.price)
        auctioned = auction(orders, venue, kept)
        fees, fills = [0, 0], []
        for order, (sold, gross) in zip(orders, auctioned.fills(orders), strict=True):
            net = gross * kept // PIPS
            fees[order.sells0] += gross - net
            fills.append((sold, net))
        heavy0 = auctioned.sides.heavy0
        for of0 in (heavy0, not heavy0):
            if fees[not of0]:
                venue.donate(of0, fees[not of0])
        self.last = venue.price
        return outcome(orders, fills, venue)
