"""What happened in blocks as far as it tells who is behind a trade: trades, liquidity moves, liquidations, callers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.blocks.liquidations import Liquidation, liquidations_of_block, liquidations_of_logs
from ingest.blocks.liquidity import LiquidityMove, liquidity_of_block, liquidity_of_logs
from ingest.blocks.log_trades import read_trades_of_logs
from ingest.blocks.trace_trades import read_trades_of_block

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from ingest.blocks.log_trades import Tokens
    from ingest.blocks.trades import TradesRead
    from ingest.records import Trade
    from ingest.traces import Block


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a transaction, and to which contract; None where it created one."""

    account: str
    contract: str | None


@dataclass(frozen=True, slots=True)
class Activity:
    """One or more blocks' trades (with fees on transfers), liquidity moves and liquidations in execution order.

    ``callers`` are by transaction hash, for as many transactions as the source tells.
    """

    traded: TradesRead
    moves: tuple[LiquidityMove, ...]
    liquidations: tuple[Liquidation, ...]
    callers: Mapping[str, Caller]

    @property
    def trades(self) -> tuple[Trade, ...]:
        """The trades alone."""
        return self.traded.trades


def activity_of_block(block: Block) -> Activity:
    """The activity in a block of call traces."""
    owned = ((transaction.tx_hash, transaction.own) for transaction in block.transactions)
    callers = {tx_hash: Caller(own.sender, own.to) for tx_hash, own in owned if own is not None}
    return Activity(read_trades_of_block(block), liquidity_of_block(block), liquidations_of_block(block), callers)


def activity_of_logs(
    logs: pa.Table, transactions: pa.Table | None = None, tokens: Mapping[str, Tokens] | None = None
) -> Activity:
    """The activity in tables of logs and transactions (``ingest.chain_tables``).

    Args:
        logs: All logs of the blocks; see ``trades_of_logs``.
        transactions: Who sent them, where it is known.
        tokens: (token0, token1) of pools known from elsewhere.
    """
    callers = {} if transactions is None else _callers(transactions)
    return Activity(read_trades_of_logs(logs, tokens), liquidity_of_logs(logs), liquidations_of_logs(logs), callers)


def _callers(transactions: pa.Table) -> dict[str, Caller]:
    columns = (transactions[name].to_pylist() for name in ("tx_hash", "sender", "to_address"))
    return {
        f"0x{tx_hash.hex()}": Caller(f"0x{sender.hex()}", None if to is None else f"0x{to.hex()}")
        for tx_hash, sender, to in zip(*columns, strict=True)
    }
