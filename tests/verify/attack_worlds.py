"""Small arenas for attack tests: a v2 pair without batching, at any state, with orders of any size and limit."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ingest.records import Intent, Pool, PoolState, Token
from verify.adversary.arena import AmmArena, Market
from verify.reference import Moment
from verify.world import World

USD = Token("0x" + "a0" * 20, "USD", 18)
ETH = Token("0x" + "c0" * 20, "ETH", 18)
PAIR = Pool("v2", 1, "0x" + "11" * 20, USD, ETH, 3000, 0)


@dataclass(frozen=True)
class Batch:
    """As much of a prepared batch as an arena needs."""

    intents: tuple[Intent, ...]
    limits: tuple[int, ...]


def order(sells_token0, amount, limit, seq=0):
    return Intent(seq, sells_token0, amount, limit, block_number=1, placed_ts=12)


def pair_arena(reserve0, reserve1, orders, price=None):
    """An arena of orders (sells token0, amount, slippage as a fraction) on a pair; gas is free.

    Wealth is counted in token1 at ``price``, by default the pair's own.
    """
    world = World.build(PoolState(PAIR, None, reserve0=reserve0, reserve1=reserve1))
    price = Fraction(reserve1, reserve0) if price is None else price
    intents, limits = [], []
    for seq, (sells_token0, amount, slippage) in enumerate(orders):
        limit = int(world.quote(sells_token0, amount).received * (1 - slippage))
        intents.append(order(sells_token0, amount, limit, seq))
        limits.append(limit)
    market = Market(Moment(price, price, Fraction(1), None, None), 0)
    return AmmArena(world, Batch(tuple(intents), tuple(limits)), market, 0)
