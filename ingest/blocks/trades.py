"""What readers of blocks hand over about trades."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from ingest.records import Trade


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What one swap exchanged, and for whom: the part of a trade that does not depend on where it stands."""

    venue: str
    pool: str
    recipient: str
    token_in: str
    token_out: str
    amount_in: int
    amount_out: int


@dataclass(frozen=True, slots=True)
class TradesRead:
    """The trades of blocks in execution order.

    ``transfer_fees`` are the largest shares of a transfer that were seen not to arrive, by token: what takes a fee on
    its transfers.
    """

    trades: tuple[Trade, ...]
    transfer_fees: Mapping[str, Fraction]
