"""What agents answer with: transactions that they would like to see in the block. They touch nothing themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.records import FlowClass


@dataclass(frozen=True, slots=True)
class Trade:
    """Sell exactly ``amount_in`` for at least ``min_out``, else not at all; both in smallest units.

    Args:
        flow_class: The ground truth that goes into the label file.
        why: The same in words.
        contract: Who calls the pool: a router, or the trader's own contract.
        trader: The account behind a router's trade, which also receives; None where the contract is the trader.
    """

    flow_class: FlowClass
    why: str
    contract: str
    trader: str | None
    zero_for_one: bool
    amount_in: int
    min_out: int


@dataclass(frozen=True, slots=True)
class Provide:
    """Put liquidity into a range: ``liquidity`` units of v3, or v2's amounts (the range is then of no meaning)."""

    contract: str
    tick_lower: int
    tick_upper: int
    liquidity: int
    amount0: int = 0
    amount1: int = 0


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take liquidity out again: v3's units, or v2's shares."""

    contract: str
    tick_lower: int
    tick_upper: int
    liquidity: int


Wish = Trade | Provide | Withdraw


@dataclass(frozen=True, slots=True)
class Order:
    """A trade that somebody has signed: it waits for its block, and whether bots see it while it waits."""

    trade: Trade
    block_number: int
    is_public: bool
    is_user: bool
