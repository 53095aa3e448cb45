"""Arbitrage between the pools alone, for where no price from outside is known.

Who brings every pool to one common price λ buys token0 where it is cheap and sells it where it is dear. The token0 that
is left over grows with λ; at the λ where none is, what remains is profit in token1. By the Lagrangian of "most token1,
no token0 short" that is the best response, and λ takes the place of the outside price.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from verify.free.arbitrage import Response, profit, to_price

if TYPE_CHECKING:
    from verify.reference import Moment
    from verify.world import World

_Q192 = 1 << 192
_STEPS = 128
_PRECISION_BITS = 60
"""λ's root is known to one part in 2**60: what token0 is left over is far below a unit of any trade that pays."""

_TRANSACTION_GAS = 21_000


class BetweenPools:
    """Trades the pools against each other in one transaction; needs at least two of them."""

    def respond(self, world: World, moment: Moment, gas_price_wei: int) -> list[Response]:
        """See `verify.free.arbitrage.Arbitrageur`: all trades of one cycle, which never ends short of a token."""
        roots = [venue.price() for venue in world.venues]
        low, high = min(roots), max(roots)
        if len(roots) < 2 or not low:
            return []
        if _left_over(_to_root(world, high, gas_price_wei)) < 0:
            return []
        for _ in range(_STEPS):
            if high - low <= high >> _PRECISION_BITS:
                break
            middle = (low + high) // 2
            if _left_over(_to_root(world, middle, gas_price_wei)) >= 0:
                high = middle
            else:
                low = middle
        found = _one_transaction(_to_root(world, high, gas_price_wei))
        trades = [response.trade for response in found]
        token1 = sum(trade.received if trade.zero_for_one else -trade.spent for trade in trades)
        return found if token1 >= 0 and trades and profit(moment, trades) > 0 else []


def _to_root(world: World, root: int, gas_price_wei: int) -> list[Response]:
    price = Fraction(root * root, _Q192)
    found = (to_price(world, place, price, gas_price_wei) for place in range(len(world.venues)))
    return [response for response in found if response is not None]


def _left_over(responses: list[Response]) -> int:
    """Token0 bought less token0 sold."""
    trades = [response.trade for response in responses]
    return sum(-trade.spent if trade.zero_for_one else trade.received for trade in trades)


def _one_transaction(responses: list[Response]) -> list[Response]:
    """The same trades with a transaction's own gas counted once."""
    return [
        replace(response, trade=response.trade._replace(gas=response.trade.gas - (_TRANSACTION_GAS if i else 0)))
        for i, response in enumerate(responses)
    ]
