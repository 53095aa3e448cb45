"""The ``Trade`` logs of CoW Protocol's settlement contract, held against the trades of the call that made them.

Both must tell the same order and the same amounts. The log's id commits to all of the order that the call states, and
to its owner, who signed it; its amounts follow from the order and the clearing prices, with nothing left to choose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.calldata.abi import WORD, Args
from ingest.cow_orders import Executed, RefusedBySettlementError, executed_at, signer_of, uid_of
from ingest.rpc.queries import COW_TRADE

if TYPE_CHECKING:
    from ingest.cow_calls import CalledTrade

TRADE = bytes.fromhex(COW_TRADE[2:])
TRADE_WORDS = 9  # seven fields, the last of which points at the id; its length, and two words for the id itself
UID_BYTES = 56
OWNER = slice(32, 52)  # of an id: the order's digest, its owner, and until when it is valid
PADDING_BYTES = 2 * WORD - UID_BYTES


class ContradictionError(Exception):
    """What was told of a settlement cannot all be true; the text says why."""


@dataclass(frozen=True, slots=True)
class TradeLog:
    """A ``Trade`` event. ``sell_amount`` counts the fee in where the trade was settled, not where it was swapped."""

    owner: str
    sell_token: str
    buy_token: str
    sell_amount: int
    buy_amount: int
    fee_amount: int
    uid: bytes

    @property
    def valid_to(self) -> int:
        """Until when its order is valid, in Unix seconds."""
        return int.from_bytes(self.uid[OWNER.stop :], "big")


def trade_log(row: dict[str, Any]) -> TradeLog:
    """A ``Trade`` log from a row of LOGS.

    Raises:
        ContradictionError: It is not as the contract writes it, which has one way only.
        CallDataError: One of its tokens is no address.
    """
    data, args, owner = row["data"], Args(row["data"]), row["topic1"]
    canonical = (
        len(data) == TRADE_WORDS * WORD
        and (row["topic0"], row["topic2"], row["topic3"]) == (TRADE, None, None)
        and owner is not None
        and not any(owner[:12])
        and (args.uint(5), args.uint(6)) == (6 * WORD, UID_BYTES)
        and not any(data[-PADDING_BYTES:])
    )
    uid = data[-2 * WORD : -PADDING_BYTES]
    if not canonical or uid[OWNER] != owner[12:]:
        raise ContradictionError(f"log {row['log_index']} is no Trade of the settlement contract")
    amounts = args.uint(2), args.uint(3), args.uint(4)
    return TradeLog("0x" + owner[12:].hex(), args.address(0), args.address(1), *amounts, uid)


def proven(trade: CalledTrade, log: TradeLog, domain: bytes, block_ts: int | None) -> Executed:
    """What a trade came to, which its call and its log must agree on.

    Args:
        trade: The call's.
        log: The contract's.
        domain: The settlement contract's EIP-712 domain.
        block_ts: When it was settled.

    Raises:
        ContradictionError: They do not agree.
    """
    _require_order(trade, log, domain)
    if block_ts is not None and log.valid_to < block_ts:
        raise ContradictionError("the order had expired")
    if trade.prices is None:
        return _swapped(trade, log)
    try:
        executed = executed_at(trade.order, trade.executed_amount, *trade.prices)
    except RefusedBySettlementError as error:
        raise ContradictionError(str(error)) from None
    told = Executed(log.sell_amount - log.fee_amount, log.buy_amount, log.fee_amount)
    if executed != told:
        raise ContradictionError(f"by the call's prices {executed} was executed, by the log {told}")
    return executed


def by_log_alone(log: TradeLog, *, lone: bool) -> Executed | None:
    """What a trade came to by its log; None where that depends on whether it was settled or swapped.

    A settlement of several trades is no swap (not ``lone``), and without a fee the two are the same.

    Raises:
        ContradictionError: The fee is above what was sold.
    """
    if lone and log.fee_amount:
        return None
    if log.fee_amount > log.sell_amount:
        raise ContradictionError("the fee is above what was sold")
    return Executed(log.sell_amount - log.fee_amount, log.buy_amount, log.fee_amount)


def _require_order(trade: CalledTrade, log: TradeLog, domain: bytes) -> None:
    order = trade.order
    if (order.sell_token, order.buy_token) != (log.sell_token, log.buy_token):
        raise ContradictionError("the call and the log name different tokens")
    digest = order.digest(domain)
    if uid_of(digest, log.owner, order.valid_to) != log.uid:
        raise ContradictionError("the call's order is not the one whose id the log has")
    if signer_of(digest, trade.scheme, trade.signature) != log.owner:
        raise ContradictionError("the order's signature is not its owner's")


def _swapped(trade: CalledTrade, log: TradeLog) -> Executed:
    """What Balancer gave for all of an order, whose limit the call may have tightened."""
    order = trade.order
    if order.kind == "sell":
        fits = log.sell_amount == order.sell_amount and log.buy_amount >= max(order.buy_amount, trade.executed_amount)
    else:
        fits = log.buy_amount == order.buy_amount and log.sell_amount <= min(order.sell_amount, trade.executed_amount)
    if not fits or log.fee_amount != order.fee_amount:
        raise ContradictionError("the log's amounts are not those that the swap had to give")
    return Executed(log.sell_amount, log.buy_amount, log.fee_amount)
