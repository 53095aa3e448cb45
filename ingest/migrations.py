"""A store's schema, as numbered steps in one list: a step that was released is never changed, only followed.

Amounts are BIGNUM: exact at any size, and they compare and add up as numbers in SQL. What no chain can exceed (places
in the chain, seconds, fees, ticks, gas) is BIGINT in the table of events; hashes and addresses there are bytes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import duckdb

from ingest.content import content_id_of, events_digest
from ingest.errors import StoreError
from ingest.event_table import COLUMNS
from ingest.pool_state import parse_pool_state
from ingest.records import Label, PricePoint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.records import PoolState

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


def m002_events_as_bytes_and_counters(connection: duckdb.DuckDBPyConnection) -> None:
    """Hashes and addresses become bytes, places and other small numbers BIGINT; content is identified anew.

    A history may say which blocks a node was asked for.
    """
    connection.execute("ALTER TABLE history ADD COLUMN coverage VARCHAR")
    hexes = ("tx_hash", "sender", "recipient", "owner")
    counters = (
        "block_number", "block_ts", "tx_index", "log_index", "fee_pips", "tick", "tick_lower", "tick_upper", "gas_used"
    )  # fmt: skip
    changes = [f"{name} TYPE BLOB USING unhex(substr({name}, 3))" for name in hexes]
    changes += [f"{name} TYPE BIGINT" for name in counters]
    for change in changes:
        connection.execute(f"ALTER TABLE event ALTER {change}")
    for history_id, old, state in connection.execute("SELECT history_id, content_id, state FROM history").fetchall():
        new = _content_id(connection, history_id, parse_pool_state(json.loads(state)))
        connection.execute("UPDATE history SET content_id = ? WHERE history_id = ?", [new, history_id])
        connection.execute(
            "UPDATE heldout_ledger SET history_content_id = $1, market = replace(market, $2, $1) "
            "WHERE history_content_id = $2",
            [new, old],
        )


def _content_id(connection: duckdb.DuckDBPyConnection, history_id: int, state: PoolState) -> str:
    def rows(query: str) -> list[tuple[Any, ...]]:
        return connection.execute(query, [history_id]).fetchall()

    query = f"SELECT {', '.join(COLUMNS)} FROM event WHERE history_id = ? ORDER BY seq"
    labels = rows("SELECT seq, flow_class, rule FROM label WHERE history_id = ?")
    limits = rows("SELECT seq, CAST(min_buy_amount AS VARCHAR) FROM known_limit WHERE history_id = ?")
    prices = rows("SELECT CAST(ts AS VARCHAR), price FROM price WHERE history_id = ? ORDER BY place")
    return content_id_of(
        state,
        events_digest(connection.sql(query, params=[history_id]).to_arrow_reader(1 << 16)),
        {seq: Label(flow_class, rule) for seq, flow_class, rule in labels},
        {seq: int(limit) for seq, limit in limits},
        [PricePoint(int(ts), price) for ts, price in prices],
    )


def m003_order_flow(connection: duckdb.DuckDBPyConnection) -> None:
    """Order flows: what traders wanted and got where no pool's whole history is known."""
    connection.execute(
        """
        CREATE TABLE flow (
            flow_id BIGINT NOT NULL, name VARCHAR NOT NULL, content_id VARCHAR NOT NULL, source VARCHAR NOT NULL,
            formats VARCHAR NOT NULL, unit VARCHAR NOT NULL, amount_places BIGINT NOT NULL, exact BOOLEAN NOT NULL,
            lacks VARCHAR NOT NULL, caveats VARCHAR NOT NULL, counts VARCHAR NOT NULL,
            trades BIGINT NOT NULL, aggregates BIGINT NOT NULL, intents BIGINT NOT NULL,
            first_block BIGINT, last_block BIGINT, first_ts BIGINT, last_ts BIGINT, created_ts BIGINT NOT NULL
        );
        CREATE TABLE flow_trade (
            flow_id BIGINT NOT NULL, seq BIGINT NOT NULL, venue VARCHAR NOT NULL,
            token_in VARCHAR, token_out VARCHAR, amount_in BIGNUM, amount_out BIGNUM,
            sides_told BOOLEAN NOT NULL, aggregate BOOLEAN NOT NULL, amount_usd VARCHAR,
            queried_reserve_in BIGNUM, queried_reserve_out BIGNUM, pool BLOB, sender BLOB, recipient BLOB,
            block_number BIGINT, block_ts BIGINT, tx_hash BLOB, tx_index BIGINT, place VARCHAR
        );
        CREATE TABLE flow_intent (
            flow_id BIGINT NOT NULL, seq BIGINT NOT NULL, venue VARCHAR NOT NULL, method VARCHAR NOT NULL,
            kind VARCHAR NOT NULL, status VARCHAR NOT NULL, path VARCHAR NOT NULL,
            amount_in BIGNUM, amount_out BIGNUM, executed_in BIGNUM, executed_out BIGNUM, executed_fee BIGNUM NOT NULL,
            fees_pips VARCHAR NOT NULL, partially_fillable BOOLEAN NOT NULL, trader BLOB, recipient BLOB,
            deadline_ts BIGNUM, order_id VARCHAR, block_number BIGINT, block_ts BIGINT, tx_hash BLOB,
            tx_index BIGINT, place BIGINT NOT NULL, gas_used BIGINT, gas_price_wei BIGNUM
        );
        CREATE TABLE flow_label (
            flow_id BIGINT NOT NULL, seq BIGINT NOT NULL, tx_hash BLOB NOT NULL, flow_class VARCHAR NOT NULL,
            rule VARCHAR NOT NULL
        );
        """
    )


def m004_coverage_of_flows(connection: duckdb.DuckDBPyConnection) -> None:
    """An order flow, too, may say which blocks a node was asked for."""
    connection.execute("ALTER TABLE flow ADD COLUMN coverage VARCHAR")


MIGRATIONS: tuple[Migration, ...] = (
    m001_history_and_ledger,
    m002_events_as_bytes_and_counters,
    m003_order_flow,
    m004_coverage_of_flows,
)
VERSION_TABLE = "schema_version"


def version_of(connection: duckdb.DuckDBPyConnection) -> int:
    """The number of the last step that was applied; 0 for a new, empty file.

    Raises:
        StoreError: The file is a database, but not a store of Pactsmith.
    """
    try:
        return int(connection.execute(f"SELECT version FROM {VERSION_TABLE}").fetchall()[0][0])
    except duckdb.CatalogException:
        if not connection.execute("SELECT 1 FROM duckdb_tables() LIMIT 1").fetchall():
            return 0
    raise StoreError("this database holds tables, but none of Pactsmith's; choose another folder for the store")


def needs_migration(connection: duckdb.DuckDBPyConnection, steps: Sequence[Migration] | None = None) -> bool:
    """Whether some of the steps (by default the history store's) are missing.

    Raises:
        StoreError: A newer Pactsmith wrote this store.
    """
    known = len(MIGRATIONS if steps is None else steps)
    version = version_of(connection)
    if version > known:
        raise StoreError(
            f"this store was written by a newer Pactsmith (schema {version}, this one knows {known}); "
            "upgrade Pactsmith or choose another folder for the store"
        )
    return version < known


def migrate(connection: duckdb.DuckDBPyConnection, steps: Sequence[Migration] | None = None) -> None:
    """Applies the missing steps (by default the history store's), all or none."""
    if not needs_migration(connection, steps):
        return
    known = MIGRATIONS if steps is None else steps
    version = version_of(connection)
    connection.execute("BEGIN")
    try:
        for step in known[version:]:
            step(connection)
        connection.execute(f"CREATE TABLE IF NOT EXISTS {VERSION_TABLE} (version INTEGER NOT NULL)")
        connection.execute(f"DELETE FROM {VERSION_TABLE}")
        connection.execute(f"INSERT INTO {VERSION_TABLE} VALUES (?)", [len(known)])
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
