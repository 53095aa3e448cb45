"""Order flow: what traders wanted and got, from sources that do not hold a pool's whole chain of events.

An ``OrderFlow`` is never replayed: events between its trades are missing, or its amounts are not the exact ones. It
says of itself why.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ingest.records import Coverage, Label, Trade, UserIntent

Unit = Literal["smallest units", "whole tokens"]
Origin = Literal["file", "chain"]


@dataclass(frozen=True, slots=True)
class FlowTrade:
    """One executed trade as far as its source tells of it; None is what it does not tell.

    ``token_in`` was sold, ``token_out`` bought: an address in lower-case hex, or a symbol where the source knows no
    address. Where not ``sides_told``, which of the two was sold is not known. An ``aggregate`` consists of other trades
    that may stand in the flow as well, so that no total counts it. ``amount_usd`` is the source's estimate as decimal
    text. The ``queried_reserves`` are the pool's when the source was asked, not at the trade. ``place`` orders the
    trades of one transaction. Amounts are in the flow's unit, see ``OrderFlow``.
    """

    venue: str
    token_in: str | None
    token_out: str | None
    amount_in: int | None
    amount_out: int | None
    sides_told: bool = True
    aggregate: bool = False
    amount_usd: str | None = None
    queried_reserve_in: int | None = None
    queried_reserve_out: int | None = None
    pool: str | None = None
    sender: str | None = None
    recipient: str | None = None
    block_number: int | None = None
    block_ts: int | None = None
    tx_hash: str | None = None
    tx_index: int | None = None
    place: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderFlow:
    """Trades and intents in the order of the chain as far as the source tells it, else in an order of its own.

    Amounts are integers: of ``unit`` where ``amount_places`` is 0, else whole tokens times ``10**amount_places``.
    ``exact``: they are the chain's own; else they went through rounding. ``labels`` are by transaction. ``lacks`` is
    why the flow cannot be replayed, ``caveats`` what else its source cannot give; every view repeats both. ``counts``
    are what was noticed while reading, by name. ``coverage`` is known where it came from a node. ``content_id`` is the
    SHA-256 of all that is not name or words.
    """

    name: str
    content_id: str
    source: Origin
    formats: tuple[str, ...]
    unit: Unit
    amount_places: int
    exact: bool
    lacks: str
    trades: tuple[FlowTrade, ...] = ()
    intents: tuple[UserIntent, ...] = ()
    labels: dict[str, Label] = field(default_factory=dict)
    caveats: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    coverage: Coverage | None = None


def flow_trade(trade: Trade) -> FlowTrade:
    """A trade of whole blocks as one of a flow; nothing of it is lost."""
    return FlowTrade(
        venue=trade.venue,
        token_in=trade.token_in,
        token_out=trade.token_out,
        amount_in=trade.amount_in,
        amount_out=trade.amount_out,
        pool=trade.pool,
        sender=trade.sender,
        recipient=trade.recipient,
        block_number=trade.block_number,
        block_ts=trade.block_ts,
        tx_hash=trade.tx_hash,
        tx_index=trade.tx_index,
        place=trade.place,
    )
