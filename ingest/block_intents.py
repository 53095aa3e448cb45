"""What traders called for in whole blocks, and what they got: from call traces, or from transactions and their logs.

Only a transaction's own call of a known router is read. One that reverted is an intent as well, with nothing executed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ingest.blocks.logs import Log, select
from ingest.calldata.decode import KNOWN_ROUTERS, Router, Undecodable, decode_call
from ingest.calldata.outcome import EVENTS, Executed, logged, traced
from ingest.records import UserIntent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ingest.calldata.trades import Trade
    from ingest.records import IntentStatus
    from ingest.traces import Block


@dataclass(frozen=True, slots=True)
class RouterCall:
    """A transaction that calls a router. What the source does not tell is None, such as whether it ``succeeded``."""

    tx_hash: str
    block_number: int
    block_ts: int | None
    tx_index: int
    sender: str
    to: str
    value_wei: int
    data: bytes
    succeeded: bool | None
    gas_used: int | None
    gas_price_wei: int | None


@dataclass(frozen=True, slots=True)
class UnreadCall:
    """A call of a known router that is read as no intent, and why."""

    venue: str
    call: RouterCall
    reason: str


def block_intents(
    block: Block, *, wrapped_native: str, routers: Mapping[str, Router] = KNOWN_ROUTERS
) -> tuple[UserIntent, ...]:
    """The intents of a block of call traces, by transaction, each with what it came to; see ``outcome.traced``.

    Args:
        block: The block.
        wrapped_native: The chain's wrapped native token, for which its native coin counts.
        routers: The routers to know, by address.
    """
    traces = {transaction.tx_hash: transaction.calls for transaction in block.transactions}
    found: list[UserIntent] = []
    for call in calls_in_block(block, routers):
        trades = _decoded(call, wrapped_native, routers)
        if isinstance(trades, Undecodable):
            continue
        outcomes = [Executed()] * len(trades)
        if call.succeeded:
            outcomes = traced(
                trades, traces[call.tx_hash], trader=call.sender, router=call.to, wrapped_native=wrapped_native
            )
        found += _intents(call, routers[call.to].name, trades, outcomes)
    return tuple(found)


def intents_of_transactions(
    transactions: pa.Table,
    logs: pa.Table,
    *,
    wrapped_native: str,
    blocks: pa.Table | None = None,
    routers: Mapping[str, Router] = KNOWN_ROUTERS,
) -> tuple[UserIntent, ...]:
    """The intents among transactions, in their order, each with what it came to by their logs; see ``outcome.logged``.

    Where the logs of a token are missing, its amount is None. An intent is ``open`` where the source tells neither
    that its transaction succeeded nor anything that it moved.

    Args:
        transactions: ``chain_tables.TRANSACTIONS``.
        logs: ``chain_tables.LOGS`` of the same blocks, with ERC-20 transfers and the wrapped token's deposits and
            withdrawals.
        wrapped_native: The chain's wrapped native token, for which its native coin counts.
        blocks: ``chain_tables.BLOCKS``, for the times of blocks that have no log.
        routers: The routers to know, by address.
    """
    calls = calls_in_tables(transactions, logs, blocks=blocks, routers=routers)
    moves = _logs_of(calls, logs)
    found: list[UserIntent] = []
    for call in calls:
        trades = _decoded(call, wrapped_native, routers)
        if isinstance(trades, Undecodable):
            continue
        outcomes = [Executed()] * len(trades)
        if call.succeeded is not False:
            outcomes = logged(
                trades,
                moves[call.tx_hash],
                trader=call.sender,
                router=call.to,
                wrapped_native=wrapped_native,
                pays_native=call.value_wei > 0,
                custodian=routers[call.to].family != "v2",
            )
        found += _intents(call, routers[call.to].name, trades, outcomes)
    return tuple(found)


def unread_calls(
    calls: Iterable[RouterCall], *, wrapped_native: str, routers: Mapping[str, Router] = KNOWN_ROUTERS
) -> tuple[UnreadCall, ...]:
    """The calls whose data is damaged, hostile, or says something else than a trade of one token for another."""
    decoded = ((call, _decoded(call, wrapped_native, routers)) for call in calls)
    return tuple(
        UnreadCall(routers[call.to].name, call, trades.reason)
        for call, trades in decoded
        if isinstance(trades, Undecodable)
    )


def calls_in_block(block: Block, routers: Mapping[str, Router] = KNOWN_ROUTERS) -> tuple[RouterCall, ...]:
    """The transactions of a block of call traces that call a router."""
    return tuple(
        RouterCall(
            tx_hash=transaction.tx_hash,
            block_number=block.number,
            block_ts=block.block_ts,
            tx_index=transaction.tx_index,
            sender=own.sender,
            to=own.to,
            value_wei=own.value_wei,
            data=own.data,
            succeeded=not own.failed,
            gas_used=transaction.gas_used,
            gas_price_wei=transaction.gas_price_wei,
        )
        for transaction in block.transactions
        if (own := transaction.own) is not None and own.to in routers
    )


def calls_in_tables(
    transactions: pa.Table,
    logs: pa.Table,
    *,
    blocks: pa.Table | None = None,
    routers: Mapping[str, Router] = KNOWN_ROUTERS,
) -> tuple[RouterCall, ...]:
    """The transactions of a table that call a router; see ``intents_of_transactions``."""
    targets = pa.array([bytes.fromhex(address[2:]) for address in routers], pa.binary(20))
    chosen = transactions.filter(pc.is_in(transactions["to_address"], value_set=targets))
    times: dict[int, int] = {}
    for table in (logs, blocks):
        if table is not None:
            known = table.select(["block_number", "block_ts"]).filter(pc.is_valid(table["block_ts"]))
            known = known.group_by("block_number").aggregate([("block_ts", "min")])
            times |= zip(known["block_number"].to_pylist(), known["block_ts_min"].to_pylist(), strict=True)
    return tuple(
        RouterCall(
            tx_hash=f"0x{row['tx_hash'].hex()}",
            block_number=row["block_number"],
            block_ts=times.get(row["block_number"]),
            tx_index=row["tx_index"],
            sender=f"0x{row['sender'].hex()}",
            to=f"0x{row['to_address'].hex()}",
            value_wei=int(row["value_wei"]),
            data=row["input"],
            succeeded=row["succeeded"],
            gas_used=row["gas_used"],
            gas_price_wei=None if row["gas_price_wei"] is None else int(row["gas_price_wei"]),
        )
        for row in chosen.to_pylist()
    )


def _logs_of(calls: Sequence[RouterCall], logs: pa.Table) -> dict[str, list[Log]]:
    """The calls' logs that tell of movements, in execution order."""
    hashes = pa.array([bytes.fromhex(call.tx_hash[2:]) for call in calls], pa.binary(32))
    found: dict[str, list[Log]] = defaultdict(list)
    for log in select(logs.filter(pc.is_in(logs["tx_hash"], value_set=hashes)), EVENTS):
        found[log.tx_hash].append(log)
    return found


def _decoded(call: RouterCall, wrapped_native: str, routers: Mapping[str, Router]) -> tuple[Trade, ...] | Undecodable:
    return (
        decode_call(call.to, call.data, call.value_wei, call.sender, wrapped_native=wrapped_native, routers=routers)
        or ()
    )


def _intents(
    call: RouterCall, venue: str, trades: Sequence[Trade], outcomes: Sequence[Executed]
) -> Iterable[UserIntent]:
    for place, (trade, outcome) in enumerate(zip(trades, outcomes, strict=True)):
        yield UserIntent(
            venue=venue,
            method=trade.method,
            kind=trade.kind,
            status=_status(call, trade, outcome),
            path=trade.path,
            amount_in=trade.amount_in,
            amount_out=trade.amount_out,
            executed_in=outcome.amount_in,
            executed_out=outcome.amount_out,
            fees_pips=trade.fees_pips,
            partially_fillable=trade.partially_fillable,
            trader=call.sender,
            recipient=trade.recipient,
            deadline_ts=trade.deadline_ts,
            block_number=call.block_number,
            block_ts=call.block_ts,
            tx_hash=call.tx_hash,
            tx_index=call.tx_index,
            place=place,
            gas_used=call.gas_used,
            gas_price_wei=call.gas_price_wei,
        )


def _status(call: RouterCall, trade: Trade, outcome: Executed) -> IntentStatus:
    if call.succeeded is False or (call.succeeded and trade.may_fail and outcome.idle):
        return "reverted"
    told = call.succeeded or outcome.amount_in is not None or outcome.amount_out is not None
    return "filled" if told else "open"
