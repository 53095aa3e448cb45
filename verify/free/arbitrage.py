"""The arbitrageur's best response to a price from outside, pool by pool.

With an outside market at P any pool's trade is worth the same whatever the others do, so each pool is brought to P by
itself: to where its next unit, fee included, costs P. Beyond that a unit loses; gas is the same for any size, so it
decides whether to trade and not how much.

Prices are token1 for one token0 in smallest units; roots of prices are times 2**96.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

from verify.abi import selector, word
from verify.evm import ExecutionError, Slots
from verify.free.live import pool_balances
from verify.free.records import Arbitrage
from verify.slots import V2_RESERVES, v2_reserves
from verify.venues import OPERATOR
from verify.venues.v2 import amount_out, driver_swap
from verify.venues.v3 import MAX_PRICE_X96, MIN_PRICE_X96

if TYPE_CHECKING:
    from verify.reference import Moment
    from verify.venues import Venue
    from verify.world import World

PIPS = 10**6
_Q192 = 1 << 192
_SWAP = selector("swap(bool,int256,uint160)")
_UNLIMITED = 2**255 - 1


class Arbitrageur(Protocol):
    """Whoever trades at the top of a block."""

    def respond(self, world: World, moment: Moment, gas_price_wei: int) -> list[Response]:
        """What it does now, each trade on another pool; changes nothing in the world. Outside an anchor."""
        ...


@dataclass(frozen=True, slots=True)
class Response:
    """A trade that pays, and every slot that it changes."""

    trade: Arbitrage
    changed: Slots


class BestResponse:
    """Brings every pool to the outside price where that pays after gas; a transaction a pool."""

    def respond(self, world: World, moment: Moment, gas_price_wei: int) -> list[Response]:
        """See `Arbitrageur`."""
        found = []
        for place in range(len(world.venues)):
            response = to_price(world, place, moment.price, gas_price_wei)
            if response is not None and profit(moment, [response.trade]) > 0:
                found.append(response)
        return found


def profit(moment: Moment, trades: list[Arbitrage]) -> Fraction:
    """What trades are worth at the moment's prices after gas, in the numeraire's smallest unit, exactly.

    Gas counts nothing where it has no price.
    """
    gain = Fraction(0)
    for trade in trades:
        paid, got = (moment.value0, moment.value1) if trade.zero_for_one else (moment.value1, moment.value0)
        gain += trade.received * got - trade.spent * paid
        if moment.token1_per_wei is not None:
            gain -= trade.gas * trade.gas_price_wei * moment.token1_per_wei * moment.value1
    return gain


def to_price(world: World, place: int, price: Fraction, gas_price_wei: int) -> Response | None:
    """The trade that brings one pool to a price, executed and undone; None where it is within its fee of it already.

    The gas is that of the transaction on cold state. Outside an anchor.
    """
    venue, fee_pips = world.venues[place], world.fees[place]
    if venue.kind == "v2":
        found = _v2_call(reserves_of(world, place), price, fee_pips)
    else:
        found = _walk_call(venue, price, fee_pips)
    return None if found is None else _execute(world, place, *found, gas_price_wei)


def _execute(world: World, place: int, zero_for_one: bool, call: bytes, gas_price_wei: int) -> Response | None:
    """The driver's call, made and undone; what it traded is what the pool's balances say."""
    evm, venue = world.evm, world.venues[place]
    keys = pool_balances(world, place)
    before = [evm.storage(*key) for key in keys]
    mark = venue.mark()
    with evm.anchor():
        try:
            evm.call(venue.driver, call, sender=OPERATOR)
        except ExecutionError:
            return None  # a pool at its very end, or more than a pair can hold
        gas = evm.gas_used
        changed = venue.changed_by_swap(mark, zero_for_one)
    change = [changed[key] - held for key, held in zip(keys, before, strict=True)]
    spent, received = (change[0], -change[1]) if zero_for_one else (change[1], -change[0])
    fee = -(-spent * world.fees[place] // PIPS)
    trade = Arbitrage(evm.block_number, place, zero_for_one, spent, received, fee, gas, gas_price_wei)
    return Response(trade, changed)


# ---------------------------------------------------------------------- v2: closed form


def reserves_of(world: World, place: int) -> tuple[int, int]:
    """A v2 pair's reserves."""
    return v2_reserves(world.evm.storage(world.venues[place].pool, V2_RESERVES))


def v2_optimum(reserve0: int, reserve1: int, price: Fraction, fee_pips: int) -> tuple[bool, int]:
    """(sells token0, input) of the most profitable trade on x·y = k, rounded down to whole units; input 0 for none.

    Maximises w·out(in) − in, where out(in) = γ·in·y/(x + γ·in), x is the reserve of what is paid, y of what is got,
    w what a unit of y is worth in units of x, γ = 1 − fee. The derivative is 0 at x + γ·in = √(γ·w·x·y), and falls.
    """
    kept = PIPS - fee_pips
    for sells_token0, held, other, worth in (
        (True, reserve0, reserve1, 1 / price),
        (False, reserve1, reserve0, price),
    ):
        # in = (√(γ·w·x·y) − x)/γ, with numerator and denominator times PIPS so that only the end is rounded.
        square = kept * PIPS * held * other * worth.numerator // worth.denominator
        amount_in = (math.isqrt(square) - PIPS * held) // kept
        if amount_in > 0:
            return sells_token0, amount_in
    return False, 0


def _v2_call(reserves: tuple[int, int], price: Fraction, fee_pips: int) -> tuple[bool, bytes] | None:
    reserve0, reserve1 = reserves
    zero_for_one, amount_in = v2_optimum(reserve0, reserve1, price, fee_pips)
    received = amount_out(amount_in, *((reserve0, reserve1) if zero_for_one else (reserve1, reserve0)))
    if not received or amount_in >> 112:
        return None
    return zero_for_one, driver_swap(zero_for_one, amount_in, received)


# ---------------------------------------------------------------------- v3 and v4: the pool walks its own ticks


def quiet_range(price: Fraction, fee_pips: int) -> tuple[int, int]:
    """The lowest and highest root of a pool's price at which no trade with it gains against an outside price.

    Selling token0 brings p·γ of token1 a unit: it pays above P/γ. Buying it costs p/γ: it pays below P·γ.
    """
    kept = PIPS - fee_pips
    low = price * kept / PIPS
    high = price * PIPS / kept
    root_low = math.isqrt(low.numerator * _Q192 // low.denominator)
    if root_low * root_low * low.denominator != low.numerator * _Q192:
        root_low += 1
    return root_low, math.isqrt(high.numerator * _Q192 // high.denominator)


def _walk_call(venue: Venue, price: Fraction, fee_pips: int) -> tuple[bool, bytes] | None:
    """A swap without end that stops exactly at the price where the next unit gains nothing.

    The pool itself takes its ticks one by one until there: its own arithmetic, to the unit.
    """
    root = venue.price()
    lowest, highest = quiet_range(price, fee_pips)
    if not root or lowest <= root <= highest:
        return None
    zero_for_one = root > highest
    limit = max(highest, MIN_PRICE_X96 + 1) if zero_for_one else min(lowest, MAX_PRICE_X96 - 1)
    if root == limit:
        return None
    return zero_for_one, _SWAP + word(zero_for_one) + word(_UNLIMITED) + word(limit)
