"""The chain's own tables as Arrow columns: what a node answers and what chain exporters write, in one form.

Hashes, addresses, topics and data are bytes. Places in the chain and Unix seconds are int64, because no chain's exceed
it; amounts are decimal text. What a source does not tell is null.
"""

from __future__ import annotations

import pyarrow as pa

_HASH = pa.binary(32)
_ADDRESS = pa.binary(20)

LOGS = pa.schema(
    [
        pa.field("block_number", pa.int64(), nullable=False),
        pa.field("block_ts", pa.int64()),
        pa.field("tx_hash", _HASH, nullable=False),
        pa.field("tx_index", pa.int64(), nullable=False),
        pa.field("log_index", pa.int64(), nullable=False),
        pa.field("address", _ADDRESS, nullable=False),
        pa.field("topic0", _HASH),
        pa.field("topic1", _HASH),
        pa.field("topic2", _HASH),
        pa.field("topic3", _HASH),
        pa.field("data", pa.binary(), nullable=False),
    ]
)
"""Event logs. ``log_index`` counts through the block."""

BLOCKS = pa.schema(
    [
        pa.field("block_number", pa.int64(), nullable=False),
        pa.field("block_hash", _HASH),
        pa.field("parent_hash", _HASH),
        pa.field("block_ts", pa.int64(), nullable=False),
        pa.field("base_fee_wei", pa.string()),
    ]
)
"""Block headers."""

TRANSACTIONS = pa.schema(
    [
        pa.field("tx_hash", _HASH, nullable=False),
        pa.field("block_number", pa.int64(), nullable=False),
        pa.field("tx_index", pa.int64(), nullable=False),
        pa.field("sender", _ADDRESS, nullable=False),
        pa.field("to_address", _ADDRESS),  # null where the transaction creates a contract
        pa.field("value_wei", pa.string(), nullable=False),
        pa.field("input", pa.binary(), nullable=False),
        pa.field("succeeded", pa.bool_()),
        pa.field("gas_used", pa.int64()),
        pa.field("gas_price_wei", pa.string()),  # the effective one
    ]
)
"""Transactions with what their receipts add."""
