"""Checked answers as the columns of the chain store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from ingest.chain_schema import STORED_LOGS
from ingest.chain_store import Chunk
from ingest.chain_tables import BLOCKS, TRANSACTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.chain_store import LogFilter
    from ingest.rpc.answers import Header, Log, Receipt, Transaction


@dataclass(frozen=True, slots=True)
class Mined:
    """What was read of the blocks up to ``last_block``; ``transactions`` by hash, one for each receipt.

    ``looked_at``: as closely as was asked for, which takes headers that tell which blocks may hold a log.
    """

    last_block: int
    headers: Sequence[Header]
    receipts: Sequence[Receipt]
    transactions: dict[bytes, Transaction]
    looked_at: bool


def chunk_of(chain_id: int, filters: tuple[LogFilter, ...], first_block: int, mined: Mined) -> Chunk:
    """A chunk for the store: all logs of all the transactions, whoever emitted them."""
    return Chunk(
        chain_id=chain_id,
        filters=filters,
        first_block=first_block,
        last_block=mined.last_block,
        logs=_logs([log for receipt in mined.receipts for log in receipt.logs]),
        blocks=_blocks(mined.headers),
        transactions=_transactions([(one, mined.transactions[one.tx_hash]) for one in mined.receipts]),
    )


def _logs(logs: Sequence[Log]) -> pa.Table:
    columns = {
        name: [getattr(log, name) for log in logs]
        for name in ("block_number", "tx_hash", "tx_index", "log_index", "address", "data", "block_hash")
    }
    for place in range(4):
        columns[f"topic{place}"] = [log.topics[place] if place < len(log.topics) else None for log in logs]
    return pa.table({name: columns[name] for name in STORED_LOGS.names}, schema=STORED_LOGS)


def _blocks(headers: Sequence[Header]) -> pa.Table:
    names = ("block_number", "block_hash", "parent_hash", "block_ts")
    columns = {name: [getattr(header, name) for header in headers] for name in names}
    columns["base_fee_wei"] = [None if one.base_fee_wei is None else str(one.base_fee_wei) for one in headers]
    return pa.table(columns, schema=BLOCKS)


def _transactions(pairs: Sequence[tuple[Receipt, Transaction]]) -> pa.Table:
    prices = [one.gas_price_wei if one.gas_price_wei is not None else tx.gas_price_wei for one, tx in pairs]
    columns = {
        "tx_hash": [tx.tx_hash for _, tx in pairs],
        "block_number": [tx.block_number for _, tx in pairs],
        "tx_index": [tx.tx_index for _, tx in pairs],
        "sender": [tx.sender for _, tx in pairs],
        "to_address": [tx.to_address for _, tx in pairs],
        "value_wei": [str(tx.value_wei) for _, tx in pairs],
        "input": [tx.input for _, tx in pairs],
        "succeeded": [one.succeeded for one, _ in pairs],
        "gas_used": [one.gas_used for one, _ in pairs],
        "gas_price_wei": [None if price is None else str(price) for price in prices],
    }
    return pa.table({name: columns[name] for name in TRANSACTIONS.names}, schema=TRANSACTIONS)
