"""What other tables of the chain add to events: the times of blocks, and what transactions cost.

Exporters write logs, blocks, transactions and receipts to files of their own, which may come in any order and more
than once. So they are kept beside the events in the spool, and joined when all was read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc

from ingest.errors import InputError
from ingest.event_table import SWAP

if TYPE_CHECKING:
    from ingest.sources.base import ParsedRows
    from ingest.spool import Spool

UNTIMED = (
    "no file tells when block {block} was; add the exporter's file of blocks "
    "(cryo: the dataset blocks; ethereum-etl: blocks.csv)"
)

FILL = f"""
    CREATE TABLE filled AS
    SELECT g.* REPLACE (
        coalesce(g.block_ts, b.block_ts) AS block_ts,
        if(g.kind = '{SWAP}', coalesce(g.gas_used, c.gas_used), NULL) AS gas_used,
        if(g.kind = '{SWAP}', coalesce(g.gas_price_wei, c.gas_price_wei), NULL) AS gas_price_wei
    )
    FROM spooled g LEFT JOIN told_time b USING (block_number) LEFT JOIN told_cost c USING (tx_hash)
    ORDER BY g.rowid;
    DROP TABLE spooled;
    ALTER TABLE filled RENAME TO spooled
"""


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


def has_sidecars(spool: Spool) -> bool:
    """Whether anything was told beside the events."""
    return bool(spool.rows("SELECT 1 FROM block_time UNION ALL SELECT 1 FROM cost LIMIT 1"))


def fill_in(spool: Spool) -> None:
    """Gives events that have no time their block's, and swaps that have no gas their transaction's.

    A receipt knows the price that was paid: where one tells it, it counts more than what the transaction says.

    Raises:
        InputError: Two times or costs contradict each other.
    """
    _gather_times(spool)
    _gather_costs(spool)
    spool.connection.execute(FILL)


def require_times(spool: Spool) -> None:
    """Every event's block must have a time.

    Raises:
        InputError: Nothing tells one's.
    """
    query = "SELECT file, line, block_number FROM spooled WHERE block_ts IS NULL ORDER BY block_number, rowid LIMIT 1"
    for file, line, block in spool.rows(query):
        spool.fail(file, line, "block_ts", UNTIMED.format(block=block))


def swaps_without_gas(spool: Spool) -> tuple[int, int]:
    """How many swaps' gas nothing tells, and how many swaps there are."""
    without = swaps = 0
    for batch in spool.batches(("kind", "gas_used")):
        gas_used = batch.filter(pc.equal(batch["kind"], SWAP))["gas_used"]
        without += gas_used.null_count
        swaps += len(gas_used)
    return without, swaps


def _gather_times(spool: Spool) -> None:
    spool.connection.execute(
        """
        CREATE TEMP TABLE told_time AS
        SELECT block_number, min(block_ts) AS block_ts, max(block_ts) AS most
        FROM block_time SEMI JOIN spooled USING (block_number) GROUP BY block_number
        """
    )
    _require_none(
        spool,
        None,
        "another time is told of the same block",
        "block_time b JOIN told_time t USING (block_number) WHERE t.block_ts <> t.most AND b.block_ts <> t.block_ts",
    )
    _require_none(
        spool,
        "block_ts",
        "another file tells another time of this block",
        "spooled g JOIN told_time t USING (block_number) WHERE g.block_ts <> t.block_ts",
    )


def _gather_costs(spool: Spool) -> None:
    spool.connection.execute(
        """
        CREATE TEMP TABLE told_cost AS
        SELECT
            tx_hash, min(gas_used) AS gas_used, max(gas_used) AS most_gas,
            min(gas_price_wei) FILTER (gas_used IS NOT NULL) AS paid,
            max(gas_price_wei) FILTER (gas_used IS NOT NULL) AS most_paid,
            CAST(coalesce(paid, min(gas_price_wei)) AS BIGNUM) AS gas_price_wei
        FROM cost SEMI JOIN spooled USING (tx_hash) GROUP BY tx_hash
        """
    )
    for name, least, most in (("gas_used", "gas_used", "most_gas"), ("gas_price_wei", "paid", "most_paid")):
        _require_none(
            spool,
            None,
            f"another {name} is told of the same transaction",
            f"(SELECT * FROM cost WHERE gas_used IS NOT NULL) c JOIN told_cost t USING (tx_hash) "
            f"WHERE t.{least} <> t.{most} AND c.{name} <> t.{least}",
        )


def _require_none(spool: Spool, column: str | None, message: str, contradicting: str) -> None:
    """Fails at the first of some rows, if there is one; ``column`` is an event's, None where it is no event."""
    for file, line in spool.rows(f"SELECT file, line FROM {contradicting} ORDER BY file, line LIMIT 1"):
        if column is None:
            raise InputError(message, file=spool.files[file], line=line)
        spool.fail(file, line, column, message)
