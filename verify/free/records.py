"""What a free-running replay leaves behind: integers only, nothing judged.

Records of which there are thousands are named tuples: they are quick to make and to send to another process.

Amounts are in the token's smallest unit, gas in units of gas. Flows are what a party received, negative what it paid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from ingest.records import FlowClass
    from verify.outcomes import Flow

Way = Literal["mechanism", "fallback", "amm"]
"""How an order was served: by the mechanism; as a market order after a settlement that left it; or its trader went to
the AMM in the order's own block."""

PARTIES = ("users", "unknown", "arbitrageurs", "liquidity_providers", "residue")
"""Whose flows sum to zero in every block; the liquidity providers' fees are part of theirs."""


class Arbitrage(NamedTuple):
    """One trade of the arbitrageur's on one pool; ``place`` is the pool's among the world's venues.

    ``fee`` is the part of ``spent`` that is the pool's fee, rounded up.
    """

    block_number: int
    place: int
    zero_for_one: bool
    spent: int
    received: int
    fee: int
    gas: int
    gas_price_wei: int


class FreeOrder(NamedTuple):
    """What became of one order.

    ``bought`` is what it really got. ``outside_out`` is what the AMM of this world would have given it in its own
    block, orders before it having gone there too; ``delay_out`` the same at the settlement. ``settle_block`` is where
    it was served. ``gas`` is its own transaction's, or its share of the settlement's.
    """

    seq: int
    block_number: int
    settle_block: int
    flow_class: FlowClass
    sells_token0: bool
    sell_amount: int
    way: Way
    bought: int
    outside_out: int
    delay_out: int
    gas: int
    gas_price_wei: int


class FreeBlock(NamedTuple):
    """One block in which tokens moved: each party's flow, and the liquidity providers' fees and donations within it."""

    number: int
    flows: dict[str, Flow]
    lp_fees: Flow


class Settlement(NamedTuple):
    """One call of the kernel: its gas, how many of how many orders it filled, and the rounds until nobody left."""

    window: int
    settle_block: int
    gas: int
    filled: int
    order_count: int
    dropped: int
    rounds: int


@dataclass(frozen=True, slots=True)
class Unapplied:
    """A liquidity event of history that could not happen in this world."""

    place: int
    seq: int
    block_number: int
    tx_hash: str
    why: str


@dataclass(frozen=True, slots=True)
class FreeRun:
    """A whole free-running replay; ``window_blocks`` is 0 for the world without a mechanism.

    ``unscored`` gives, by block, why it has no sound outcome. ``reserves`` are (block, reserve0, reserve1) of the pool
    behind each looked-at block's arbitrage, for a v2 pair alone; empty for other worlds.
    """

    window_blocks: int
    elasticity: float
    orders: tuple[FreeOrder, ...]
    blocks: tuple[FreeBlock, ...]
    arbitrages: tuple[Arbitrage, ...]
    settlements: tuple[Settlement, ...]
    unapplied: tuple[Unapplied, ...]
    unscored: dict[int, str]
    reserves: tuple[tuple[int, int, int], ...]
