"""Settled CoW Protocol orders out of the chain store: what each trader wanted, and what one settlement gave.

A settlement's call has the orders with their limits; its logs have what was executed. Where the two do not fit in every
number, the settlement is left out with the reason; what only logs tell of has no limit.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal

from ingest.calldata.abi import CallDataError
from ingest.chain_history import whole_blocks
from ingest.cow_calls import SWAP, CalledTrade, calls_inside, trades_of_call
from ingest.cow_orders import NATIVE_COIN, TO_OWNER, Executed, domain_of
from ingest.cow_trades import ContradictionError, TradeLog, by_log_alone, proven, trade_log
from ingest.records import UserIntent
from ingest.rpc.queries import COW_SETTLEMENT, cow_filter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ingest.chain_store import BlockRange, ChainStore

VENUE = "CoW Protocol"
LOG_ALONE = "Trade"
SETTLEMENT = bytes.fromhex(COW_SETTLEMENT[2:])

Known = Literal["settle", "swap", "inside", "logs"]
"""What a settlement is known by beside its logs: the contract's method that the transaction calls; ``settle`` inside
the data of another contract's call; nothing else."""
Row = dict[str, Any]
Told = tuple[TradeLog, CalledTrade | None, Executed | None]  # None is what the log alone does not tell


@dataclass(frozen=True, slots=True)
class Settlement:
    """One settlement. ``contradiction`` is why its call and its logs cannot both be true; then it has no intents."""

    block_number: int
    tx_hash: str
    known: Known
    intents: tuple[UserIntent, ...]
    contradiction: str = ""


def settlements_of(
    store: ChainStore, chain_id: int, settlement: str, blocks: BlockRange, wrapped_native: str
) -> Iterator[Settlement]:
    """The settlements in some complete blocks, in the chain's order.

    Args:
        store: Holds the logs of ``cow_filter(settlement)``.
        chain_id: Which chain.
        settlement: The contract, lower-case.
        blocks: The first and the last block.
        wrapped_native: The token that the chain's native coin counts as.
    """
    reader = SettlementReader(chain_id, settlement, wrapped_native)
    for whole in whole_blocks(store, chain_id, cow_filter(settlement), blocks):
        transactions = {row["tx_hash"]: row for row in whole.transactions.to_pylist()}
        for tx_hash, logs in groupby(whole.logs.to_pylist(), itemgetter("tx_hash")):
            yield from reader.read(transactions.get(tx_hash), list(logs))


def intents_of_settlements(
    store: ChainStore, chain_id: int, settlement: str, blocks: BlockRange, wrapped_native: str
) -> Iterator[UserIntent]:
    """What traders wanted in some complete blocks and got: one intent for each order and settlement of it.

    Several settlements may fill parts of one order: their intents have the ``order_id`` and the whole order's limits in
    common, and each has its own executed amounts. An intent whose ``method`` is ``Trade`` is known by its log alone: a
    sale without a limit, whatever it truly was. Contradictory settlements are left out; see ``settlements_of``.
    """
    for one in settlements_of(store, chain_id, settlement, blocks, wrapped_native):
        yield from one.intents


class SettlementReader:
    """Reads transactions one by one; see ``settlements_of``."""

    def __init__(self, chain_id: int, settlement: str, wrapped_native: str) -> None:
        self._contract = bytes.fromhex(settlement[2:])
        self._domain = domain_of(chain_id, settlement)
        self._wrapped_native = wrapped_native

    def read(self, transaction: Row | None, logs: Sequence[Row]) -> Iterator[Settlement]:
        """The settlements of a transaction, in their order.

        Args:
            transaction: A row of TRANSACTIONS; None where it is not known.
            logs: Rows of LOGS: all that the transaction has of the contract's trades and settlements, in their order.
        """
        block_number, tx_hash = logs[0]["block_number"], "0x" + logs[0]["tx_hash"].hex()
        if transaction is None:
            yield Settlement(block_number, tx_hash, "logs", (), "its transaction is not stored")
            return
        groups, place = _groups(logs), 0
        for group in groups:
            known, intents, contradiction = self._called(transaction), tuple[UserIntent, ...](), ""
            try:
                known, told = self._told(transaction, group, len(groups))
                intents = tuple(self._intent(transaction, group[0], place + n, *one) for n, one in enumerate(told))
            except (ContradictionError, CallDataError) as error:
                contradiction = str(error)
            yield Settlement(block_number, tx_hash, known, intents, contradiction)
            place += len(group) - 1

    def _called(self, transaction: Row) -> Known:
        if transaction["to_address"] != self._contract:
            return "logs"
        return "swap" if transaction["input"][:4] == SWAP else "settle"

    def _told(self, transaction: Row, group: Sequence[Row], groups: int) -> tuple[Known, list[Told]]:
        """What a settlement is known by, and its trades; its transaction has so many ``groups`` of logs."""
        if transaction["succeeded"] is False:
            raise ContradictionError("its transaction failed, yet has logs")
        if group[-1]["topic0"] != SETTLEMENT:
            raise ContradictionError("its Settlement log is missing")
        logs = [trade_log(row) for row in group[:-1]]
        called, data, block_ts = self._called(transaction), transaction["input"], group[0]["block_ts"]
        if called != "logs":
            if groups > 1:
                raise ContradictionError(f"its transaction calls the contract once, yet {groups} settlements have logs")
            return called, self._proven(trades_of_call(data, len(logs)), logs, block_ts)
        for trades in calls_inside(data, len(logs)):
            with contextlib.suppress(ContradictionError):
                return "inside", self._proven(trades, logs, block_ts)
        return "logs", [(log, None, by_log_alone(log, lone=len(logs) == 1)) for log in logs]

    def _proven(self, trades: Iterable[CalledTrade], logs: Iterable[TradeLog], block_ts: int | None) -> list[Told]:
        told: list[Told] = []
        for trade, log in zip(trades, logs, strict=True):
            try:
                told.append((log, trade, proven(trade, log, self._domain, block_ts)))
            except ContradictionError as error:
                raise ContradictionError(f"trade {len(told)}: {error}") from None
        return told

    def _intent(
        self,
        transaction: Row,
        row: Row,
        place: int,
        log: TradeLog,
        trade: CalledTrade | None,
        executed: Executed | None,
    ) -> UserIntent:
        gas_price = transaction["gas_price_wei"]
        intent = UserIntent(
            venue=VENUE,
            method=LOG_ALONE,
            kind="sell",
            status="filled",
            path=(self._token(log.sell_token), self._token(log.buy_token)),
            amount_in=None,
            amount_out=None,
            executed_in=None if executed is None else executed.sold,
            executed_out=log.buy_amount,
            executed_fee=log.fee_amount,
            trader=log.owner,
            deadline_ts=log.valid_to,
            order_id="0x" + log.uid.hex(),
            block_number=row["block_number"],
            block_ts=row["block_ts"],
            tx_hash="0x" + row["tx_hash"].hex(),
            tx_index=row["tx_index"],
            place=place,
            gas_used=transaction["gas_used"],
            gas_price_wei=None if gas_price is None else int(gas_price),
        )
        return intent if trade is None else _as_ordered(intent, trade)

    def _token(self, token: str) -> str:
        return self._wrapped_native if token == NATIVE_COIN else token


def _as_ordered(intent: UserIntent, trade: CalledTrade) -> UserIntent:
    """The intent with what only the order tells."""
    order = trade.order
    return replace(
        intent,
        method="swap" if trade.prices is None else "settle",
        kind=order.kind,
        amount_in=order.sell_amount,
        amount_out=order.buy_amount,
        partially_fillable=order.partially_fillable,
        recipient=intent.trader if order.receiver == TO_OWNER else order.receiver,
    )


def _groups(logs: Iterable[Row]) -> list[list[Row]]:
    """A transaction's logs by settlement, whose last log is ``Settlement``: the contract lets none begin within one."""
    groups: list[list[Row]] = [[]]
    for row in logs:
        groups[-1].append(row)
        if row["topic0"] == SETTLEMENT:
            groups.append([])
    return [group for group in groups if group]
