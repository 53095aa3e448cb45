"""Random pools as the oracle describes them, and the same pools with genuine bytecode."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from batch import Order
from hypothesis import strategies as st
from tick_prices import HIGHEST_TICK, price_at
from uniswap_v2 import LARGEST_RESERVE, Pair
from uniswap_v3 import Pool, fresh_pool

from ingest.records import Pool as Record
from ingest.records import PoolState, TickLiquidity, Token

if TYPE_CHECKING:
    from verify.world import World

LEAST_SHARES = 1001
"""A pair locks a thousand shares for ever, and must have one more."""

MOST = 1 << 120
"""No trader of the worlds has much more."""


def state_of(pool: Pair | Pool) -> PoolState:
    """What a world is built from."""
    tokens = Token("0x" + "a0" * 20, "AAA", 18), Token("0x" + "b1" * 20, "BBB", 18)
    address = "0x" + "c2" * 20
    if isinstance(pool, Pair):
        record = Record("v2", 1, address, *tokens, pool.fee_pips, 0)
        return PoolState(record, None, reserve0=pool.reserve0, reserve1=pool.reserve1)
    record = Record("v3", 1, address, *tokens, pool.fee_pips, pool.spacing)
    ticks = tuple(TickLiquidity(tick, net) for tick, (_, net) in sorted(pool.ticks.items()))
    return PoolState(record, None, pool.price, pool.tick, pool.liquidity, ticks)


def pool_of(state: PoolState) -> Pair | Pool:
    """What the oracle makes of a recorded state; an initialised tick refers to as much liquidity as it must."""
    if state.pool.kind == "v2":
        return Pair(state.reserve0, state.reserve1)
    ticks = {tick.tick: (abs(tick.liquidity_net), tick.liquidity_net) for tick in state.ticks}
    record = state.pool
    return Pool(record.fee_pips, record.tick_spacing, state.sqrt_price_x96, state.tick, state.liquidity, ticks)


def stands(world: World) -> tuple[int, ...]:
    """A pair's reserves; a pool's price, tick and liquidity."""
    if world.state.pool.kind == "v2":
        with world.evm.peek():
            return world.venue.reserves()
    return world.price(), world.tick(), world.liquidity()


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    """Reserves of any size, some next to the most that a pair can hold."""
    size = st.one_of(
        st.integers(4, 111).flatmap(lambda bits: st.integers(1 << bits, (2 << bits) - 1)),
        st.integers(0, 1000).map(lambda less: LARGEST_RESERVE - less),
    )
    pair = Pair(draw(size), draw(size))
    if pair.reserve0 * pair.reserve1 >= LEAST_SHARES**2:
        return pair
    return Pair(pair.reserve0 * LEAST_SHARES, pair.reserve1 * LEAST_SHARES)


@st.composite
def pools(draw: st.DrawFn, spacings: tuple[int, ...] = (10, 60, 200)) -> Pool:
    """One to six positions: near the price, far from it, over everything; with gaps, steps and ends."""
    spacing = draw(st.sampled_from(spacings))
    fee_pips = draw(st.sampled_from([1, 100, 500, 3000, 10_000, 123_456]))
    most = HIGHEST_TICK // spacing
    tick = draw(st.one_of(st.integers(-500, 500), st.integers(-300_000, 300_000), st.integers(-800_000, 800_000)))
    low, high = price_at(tick), price_at(tick + 1)
    price = low + draw(st.integers(0, high - low - 1))
    centre = tick // spacing
    positions: dict[tuple[int, int], int] = {}
    for _ in range(draw(st.integers(1, 6))):
        span = draw(st.sampled_from([3, 20, 400, 5000]))
        lower = max(centre + draw(st.integers(-span, span)), -most)
        upper = min(lower + draw(st.integers(1, span)), most)
        if draw(st.integers(0, 4)) == 0:
            lower, upper = -most, most
        lower = min(lower, upper - 1)
        bits = draw(st.integers(30, 90))
        positions[lower * spacing, upper * spacing] = draw(st.integers(1 << bits, (2 << bits) - 1))
    pool = fresh_pool(fee_pips, spacing, price, [(*ends, liquidity) for ends, liquidity in positions.items()])
    # A world is built from net liquidity, so that a tick where it does not change is not initialised there.
    return replace(pool, ticks={tick: change for tick, change in pool.ticks.items() if change[1]})


# Strategies are made once, for pools of any depth: hypothesis takes longer to make one than to draw from it.
_SHARE = st.tuples(st.integers(1, 999), st.integers(2, 10))
_POWER = st.integers(0, 112).map(lambda bits: 1 << bits)
_SIZE = st.one_of(st.integers(1, 5), st.integers(1, 10_000), _SHARE, _SHARE, _SHARE, _POWER)
_SLACK_BPS = st.sampled_from([-300, -20, 0, 1, 4, 10, 50, 300, 10_000])
_LIMIT = st.one_of(*[_SLACK_BPS.map(lambda bps: (bps, 0))] * 8, st.integers(0, 140).map(lambda bits: (0, 1 << bits)))
_ORDER = st.tuples(st.booleans(), _SIZE, _LIMIT)
_ORDERS = {most: st.lists(_ORDER, min_size=1, max_size=most) for most in range(1, 10)}
SALE = st.tuples(st.booleans(), _SIZE)


def amount_of(pool: Pair | Pool, sells0: bool, size: int | tuple[int, int]) -> int:
    """A number of units, or a share of the pool's depth: from 1e-10 of it to ten times as much."""
    if isinstance(size, int):
        return size
    if isinstance(pool, Pair):
        depth = pool.reserve0 if sells0 else pool.reserve1
    else:
        liquidity = pool.liquidity or max(abs(net) for _, net in pool.ticks.values())
        depth = (liquidity << 96) // pool.price if sells0 else liquidity * pool.price >> 96
    share, zeros = size
    return min(max(1, depth * share // 10**zeros), MOST)


def batches(pool: Pair | Pool, most: int = 7) -> st.SearchStrategy[list[Order]]:
    """Limits are what the order alone would get now, less a slack, or now and then anything.

    A negative slack asks for more than the order alone would get.
    """
    return _ORDERS[most].map(lambda drawn: [_order(pool, *parts) for parts in drawn])


def _order(pool: Pair | Pool, sells0: bool, size: int | tuple[int, int], limit: tuple[int, int]) -> Order:
    amount = amount_of(pool, sells0, size)
    slack_bps, fixed = limit
    _, _, alone = pool.sell(sells0, amount)
    return Order(sells0, amount, fixed or alone * (10_000 - slack_bps) // 10_000)
