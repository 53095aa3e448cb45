"""The chain store's tables, as numbered steps, and the queries that fill and read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from ingest.chain_tables import LOGS

if TYPE_CHECKING:
    import duckdb

STORED_LOGS = pa.schema(
    [*(field for field in LOGS if field.name != "block_ts"), pa.field("block_hash", pa.binary(32), nullable=False)]
)
"""Logs as they are stored: with the hash of their block; its time is the block's."""


def m001_chain(connection: duckdb.DuckDBPyConnection) -> None:
    """Logs, blocks, transactions, marks, and what is known of pools and tokens."""
    connection.execute(
        """
        CREATE TABLE log (
            chain_id BIGINT NOT NULL, block_number BIGINT NOT NULL, tx_hash BLOB NOT NULL, tx_index BIGINT NOT NULL,
            log_index BIGINT NOT NULL, address BLOB NOT NULL, topic0 BLOB, topic1 BLOB, topic2 BLOB, topic3 BLOB,
            data BLOB NOT NULL, block_hash BLOB NOT NULL
        );
        CREATE TABLE block (
            chain_id BIGINT NOT NULL, block_number BIGINT NOT NULL, block_hash BLOB NOT NULL,
            parent_hash BLOB NOT NULL, block_ts BIGINT NOT NULL, base_fee_wei BIGNUM
        );
        CREATE TABLE transaction_of (
            chain_id BIGINT NOT NULL, tx_hash BLOB NOT NULL, block_number BIGINT NOT NULL, tx_index BIGINT NOT NULL,
            sender BLOB NOT NULL, to_address BLOB, value_wei BIGNUM NOT NULL, input BLOB NOT NULL,
            succeeded BOOLEAN, gas_used BIGINT, gas_price_wei BIGNUM
        );
        CREATE TABLE complete (
            chain_id BIGINT NOT NULL, filter VARCHAR NOT NULL, first_block BIGINT NOT NULL, last_block BIGINT NOT NULL
        );
        CREATE TABLE pool (
            chain_id BIGINT NOT NULL, pool VARCHAR NOT NULL, created_block BIGINT, facts VARCHAR NOT NULL
        );
        """
    )


def m002_roles(connection: duckdb.DuckDBPyConnection) -> None:
    """What the user told of a chain's contracts."""
    connection.execute(
        "CREATE TABLE contract_role (chain_id BIGINT NOT NULL, address VARCHAR NOT NULL, role VARCHAR NOT NULL)"
    )


def m003_marks_of_looks(connection: duckdb.DuckDBPyConnection) -> None:
    """Blocks were marked as looked at where headers did not tell what is in them: what was is to be shown again."""
    connection.execute("DELETE FROM complete WHERE filter LIKE '%/headers' OR filter LIKE '%/receipts'")


MIGRATIONS = (m001_chain, m002_roles, m003_marks_of_looks)

BLOCK_CHECK = """
SELECT min(new.block_number) FROM new_blocks new JOIN block old
ON old.chain_id = $chain AND old.block_number BETWEEN $first - 1 AND $last + 1 AND (
    (old.block_number = new.block_number AND old.block_hash != new.block_hash)
    OR (old.block_number = new.block_number - 1 AND old.block_hash != new.parent_hash)
    OR (old.block_number = new.block_number + 1 AND old.parent_hash != new.block_hash)
)"""
LOG_CHECK = """
SELECT min(new.block_number) FROM new_logs new JOIN log old
ON old.chain_id = $chain AND old.block_number BETWEEN $first AND $last
    AND old.block_number = new.block_number AND old.log_index = new.log_index
    AND (old.tx_hash, old.address, old.data, old.topic0, old.topic1, old.topic2, old.topic3)
        IS DISTINCT FROM (new.tx_hash, new.address, new.data, new.topic0, new.topic1, new.topic2, new.topic3)"""
ADD_BLOCKS = """
INSERT INTO block SELECT $chain, block_number, block_hash, parent_hash, block_ts, CAST(base_fee_wei AS BIGNUM)
FROM new_blocks new WHERE block_number NOT IN (
    SELECT block_number FROM block WHERE chain_id = $chain AND block_number BETWEEN $first AND $last)
ORDER BY block_number"""
ADD_TRANSACTIONS = """
INSERT INTO transaction_of SELECT $chain, tx_hash, block_number, tx_index, sender, to_address,
    CAST(value_wei AS BIGNUM), input, succeeded, gas_used, CAST(gas_price_wei AS BIGNUM)
FROM new_transactions new WHERE (block_number, tx_index) NOT IN (
    SELECT (block_number, tx_index) FROM transaction_of
    WHERE chain_id = $chain AND block_number BETWEEN $first AND $last)
ORDER BY block_number, tx_index"""
ADD_LOGS = """
INSERT INTO log SELECT $chain, block_number, tx_hash, tx_index, log_index, address, topic0, topic1, topic2, topic3,
    data, block_hash
FROM new_logs new WHERE (block_number, log_index) NOT IN (
    SELECT (block_number, log_index) FROM log WHERE chain_id = $chain AND block_number BETWEEN $first AND $last)
ORDER BY block_number, log_index"""

JOINED_MARKS = """
SELECT key, least($first, min(first_block)), greatest($last, max(last_block))
FROM (SELECT unnest($keys) AS key) LEFT JOIN complete ON filter = key AND chain_id = $chain
    AND first_block <= $last + 1 AND last_block >= $first - 1
GROUP BY key"""
DROP_JOINED_MARKS = """
DELETE FROM complete WHERE chain_id = $chain AND list_contains($keys, filter)
    AND first_block <= $last + 1 AND last_block >= $first - 1"""
ADD_MARKS = "INSERT INTO complete SELECT $chain, unnest($keys), unnest($firsts), unnest($lasts)"

LOG_PAGE = """
SELECT l.block_number, b.block_ts, l.tx_hash, l.tx_index, l.log_index, l.address, l.topic0, l.topic1, l.topic2,
    l.topic3, l.data
FROM log l LEFT JOIN block b ON b.chain_id = l.chain_id AND b.block_number = l.block_number
    AND b.block_number BETWEEN $first AND $last
WHERE l.chain_id = $chain AND l.block_number BETWEEN $first AND $last
    AND (l.block_number > $block OR (l.block_number = $block AND l.log_index > $place)) AND ({wanted})
ORDER BY l.block_number, l.log_index LIMIT $rows"""
IN_COMPLETE = """
EXISTS (SELECT 1 FROM complete c WHERE c.chain_id = l.chain_id AND c.filter = {key}
    AND l.block_number BETWEEN c.first_block AND c.last_block)"""
BLOCK_PAGE = """
SELECT block_number, block_hash, parent_hash, block_ts, CAST(base_fee_wei AS VARCHAR) AS base_fee_wei FROM block
WHERE chain_id = $chain AND block_number BETWEEN $first AND $last AND block_number > $block AND $place IS NOT NULL
ORDER BY block_number LIMIT $rows"""
TRANSACTION_PAGE = """
SELECT tx_hash, block_number, tx_index, sender, to_address, CAST(value_wei AS VARCHAR) AS value_wei, input, succeeded,
    gas_used, CAST(gas_price_wei AS VARCHAR) AS gas_price_wei FROM transaction_of
WHERE chain_id = $chain AND block_number BETWEEN $first AND $last
    AND (block_number > $block OR (block_number = $block AND tx_index > $place))
ORDER BY block_number, tx_index LIMIT $rows"""
