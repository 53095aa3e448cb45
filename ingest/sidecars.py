"""What other tables of the chain add to events: the times of blocks, and what transactions cost.

Exporters write logs, blocks, transactions and receipts to files of their own, which may come in any order and more
than once. So they are kept beside the events in the spool, and joined when all was read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.event_table import SWAP

if TYPE_CHECKING:
    from ingest.sources.base import ParsedRows
    from ingest.spool import Spool

UNTIMED = (
    "no file tells when block {block} was; add the exporter's file of blocks "
    "(cryo: the dataset blocks; ethereum-etl: blocks.csv)"
)


def create_tables(spool: Spool) -> None:
    """Makes the spool's tables for what is told of blocks and transactions."""
    spool.connection.execute(
        "CREATE TABLE block_time (file BIGINT, line BIGINT, block_number BIGINT, block_ts BIGINT);"
        "CREATE TABLE cost (file BIGINT, line BIGINT, tx_hash BLOB, gas_used BIGINT, gas_price_wei VARCHAR)"
    )


def add(spool: Spool, parsed: ParsedRows) -> None:
    """Keeps what some rows of the file opened last tell."""
    file = len(spool.files) - 1
    for name, told in (("block_time", parsed.block_times), ("cost", parsed.costs)):
        if told is not None and told.num_rows:
            spool.connection.register("incoming", told)
            spool.connection.execute(f"INSERT INTO {name} BY NAME SELECT {file} AS file, * FROM incoming")
            spool.connection.unregister("incoming")


def fill_in(spool: Spool) -> None:
    """Gives events that have no time their block's, and swaps that have no gas their transaction's.

    A receipt knows the price that was paid: where one tells it, it counts more than what the transaction offered.

    Raises:
        InputError: Two times or costs contradict each other, or nothing tells the time of an event's block.
    """
    if spool.rows("SELECT 1 FROM block_time LIMIT 1"):
        _fill_in_times(spool)
    if spool.rows("SELECT 1 FROM cost LIMIT 1"):
        _fill_in_costs(spool)
    query = "SELECT file, line, block_number FROM given WHERE block_ts IS NULL ORDER BY block_number, rowid LIMIT 1"
    for file, line, block in spool.rows(query):
        spool.fail(file, line, "block_ts", UNTIMED.format(block=block))


def swaps_without_gas(spool: Spool) -> tuple[int, int]:
    """How many swaps' gas nothing tells, and how many swaps there are."""
    query = f"SELECT count(*) FILTER (gas_used IS NULL), count(*) FROM ordered WHERE kind = '{SWAP}'"
    ((without, swaps),) = spool.rows(query)
    return int(without), int(swaps)


def _fill_in_times(spool: Spool) -> None:
    spool.connection.execute(
        """
        CREATE TEMP TABLE told_time AS
        SELECT block_number, min(block_ts) AS block_ts, max(block_ts) AS most
        FROM block_time SEMI JOIN given USING (block_number) GROUP BY block_number
        """
    )
    _require_none(
        spool,
        "block_ts",
        "another time is told of the same block",
        "block_time b JOIN told_time t USING (block_number) WHERE t.block_ts <> t.most AND b.block_ts <> t.block_ts",
    )
    _require_none(
        spool,
        "block_ts",
        "the file of blocks tells another time of this block",
        "given g JOIN told_time t USING (block_number) WHERE g.block_ts <> t.block_ts",
    )
    spool.connection.execute(
        "UPDATE given SET block_ts = t.block_ts FROM told_time t "
        "WHERE given.block_number = t.block_number AND given.block_ts IS NULL"
    )


def _fill_in_costs(spool: Spool) -> None:
    spool.connection.execute(
        """
        CREATE TEMP TABLE told_cost AS
        SELECT
            tx_hash, min(gas_used) AS gas_used, max(gas_used) AS most_gas,
            min(gas_price_wei) FILTER (gas_used IS NOT NULL) AS paid,
            max(gas_price_wei) FILTER (gas_used IS NOT NULL) AS most_paid,
            CAST(coalesce(paid, min(gas_price_wei)) AS BIGNUM) AS gas_price_wei
        FROM cost SEMI JOIN given USING (tx_hash) GROUP BY tx_hash
        """
    )
    for name, least, most in (("gas_used", "gas_used", "most_gas"), ("gas_price_wei", "paid", "most_paid")):
        _require_none(
            spool,
            name,
            "something else is told of the same transaction",
            f"(SELECT * FROM cost WHERE gas_used IS NOT NULL) c JOIN told_cost t USING (tx_hash) "
            f"WHERE t.{least} <> t.{most} AND c.{name} <> t.{least}",
        )
    spool.connection.execute(
        "UPDATE given SET gas_used = coalesce(given.gas_used, t.gas_used), "
        "gas_price_wei = coalesce(given.gas_price_wei, t.gas_price_wei) "
        f"FROM told_cost t WHERE given.tx_hash = t.tx_hash AND given.kind = '{SWAP}'"
    )


def _require_none(spool: Spool, column: str, message: str, contradicting: str) -> None:
    """Fails at the first of some rows, if there is one."""
    for file, line in spool.rows(f"SELECT file, line FROM {contradicting} ORDER BY file, line LIMIT 1"):
        spool.fail(file, line, column, message)
