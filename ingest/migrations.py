"""The store's schema, as numbered steps in one list: a step that was released is never changed, only followed.

Every integer that a record holds is a BIGNUM: exact at any size, and it compares and adds up as a number in SQL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from ingest.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    Migration = Callable[[duckdb.DuckDBPyConnection], None]


def m001_history_and_ledger(connection: duckdb.DuckDBPyConnection) -> None:
    """Histories with their events, labels, limits and prices, and the ledger of what was judged held out."""
    connection.execute(
        """
        CREATE TABLE history (
            history_id BIGINT NOT NULL, name VARCHAR NOT NULL, content_id VARCHAR NOT NULL, source VARCHAR NOT NULL,
            pool_kind VARCHAR NOT NULL, chain_id BIGNUM NOT NULL, pool_address VARCHAR NOT NULL,
            token0_symbol VARCHAR NOT NULL, token1_symbol VARCHAR NOT NULL, fee_pips BIGNUM NOT NULL,
            state VARCHAR NOT NULL, price_source VARCHAR NOT NULL, caveats VARCHAR NOT NULL,
            events BIGINT NOT NULL, swaps BIGINT NOT NULL, first_block BIGNUM, last_block BIGNUM,
            created_ts BIGNUM NOT NULL
        );
        CREATE TABLE event (
            history_id BIGINT NOT NULL, seq BIGINT NOT NULL, kind VARCHAR NOT NULL,
            block_number BIGNUM NOT NULL, block_ts BIGNUM NOT NULL, tx_hash VARCHAR NOT NULL,
            tx_index BIGNUM NOT NULL, log_index BIGNUM NOT NULL,
            sender VARCHAR, recipient VARCHAR, owner VARCHAR,
            amount0 BIGNUM, amount1 BIGNUM, fee_pips BIGNUM, sqrt_price_x96 BIGNUM, liquidity BIGNUM, tick BIGNUM,
            reserve0 BIGNUM, reserve1 BIGNUM, gas_used BIGNUM, gas_price_wei BIGNUM,
            tick_lower BIGNUM, tick_upper BIGNUM
        );
        CREATE TABLE label (
            history_id BIGINT NOT NULL, seq BIGINT NOT NULL, flow_class VARCHAR NOT NULL, rule VARCHAR NOT NULL
        );
        CREATE TABLE known_limit (history_id BIGINT NOT NULL, seq BIGINT NOT NULL, min_buy_amount BIGNUM NOT NULL);
        CREATE TABLE price (
            history_id BIGINT NOT NULL, place BIGINT NOT NULL, ts BIGNUM NOT NULL, price VARCHAR NOT NULL
        );
        CREATE TABLE heldout_ledger (
            market VARCHAR NOT NULL, history_content_id VARCHAR NOT NULL,
            first_block BIGNUM NOT NULL, last_block BIGNUM NOT NULL,
            candidate_id VARCHAR NOT NULL, window_blocks BIGNUM NOT NULL, added_ts BIGNUM NOT NULL
        );
        """
    )


MIGRATIONS: tuple[Migration, ...] = (m001_history_and_ledger,)
VERSION_TABLE = "schema_version"


def version_of(connection: duckdb.DuckDBPyConnection) -> int:
    """The number of the last step that was applied; 0 for a new, empty file.

    Raises:
        StoreError: The file is a database, but not a store of Pactsmith.
    """
    try:
        return int(connection.execute(f"SELECT version FROM {VERSION_TABLE}").fetchall()[0][0])  # noqa: S608 - a constant
    except duckdb.CatalogException:
        if not connection.execute("SELECT 1 FROM duckdb_tables() LIMIT 1").fetchall():
            return 0
    raise StoreError("this database holds tables, but none of Pactsmith's; choose another folder for the store")


def needs_migration(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether steps are missing.

    Raises:
        StoreError: A newer Pactsmith wrote this store.
    """
    version = version_of(connection)
    if version > len(MIGRATIONS):
        raise StoreError(
            f"this store was written by a newer Pactsmith (schema {version}, this one knows {len(MIGRATIONS)}); "
            "upgrade Pactsmith or choose another folder for the store"
        )
    return version < len(MIGRATIONS)


def migrate(connection: duckdb.DuckDBPyConnection) -> None:
    """Applies the missing steps, all or none."""
    if not needs_migration(connection):
        return
    version = version_of(connection)
    connection.execute("BEGIN")
    try:
        for step in MIGRATIONS[version:]:
            step(connection)
        connection.execute(f"CREATE TABLE IF NOT EXISTS {VERSION_TABLE} (version INTEGER NOT NULL)")
        connection.execute(f"DELETE FROM {VERSION_TABLE}")  # noqa: S608 - a constant
        connection.execute(f"INSERT INTO {VERSION_TABLE} VALUES (?)", [len(MIGRATIONS)])  # noqa: S608 - a constant
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
