"""Puts the events of one or several files into execution order, once each, and checks that they fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.errors import InputError
from ingest.event_table import COLUMNS, PLACE_COLUMNS, SCHEMA
from ingest.sidecars import fill_in, has_sidecars, require_times

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.sources.text import Bools
    from ingest.spool import Spool


def put_in_order(spool: Spool, *, numbered: bool) -> tuple[int, int]:
    """Sorts, drops exact duplicates, and requires the rest to be one consistent chain of blocks and transactions.

    Returns:
        How many duplicates were dropped, and how many events came later than one that they precede.

    Raises:
        InputError: There is no event; or a block's time is not told, two different events at one place, a number
            missing in a numbered series, a transaction in two places, a block with two times, or times that go
            backwards.
    """
    if not spool.num_rows:
        raise InputError("holds no event of the pool", file=spool.files[0])
    duplicates = out_of_order = 0
    tells_more = has_sidecars(spool)
    if tells_more or not (spool.ascending and spool.timed):
        spool.load()
        if tells_more:
            fill_in(spool)
        require_times(spool)
        if not spool.ascending:
            out_of_order = _out_of_order(spool)
            duplicates = _sort_once_each(spool)
        spool.take("spooled")
        spool.connection.execute("DROP TABLE spooled")
    if numbered:
        _require_no_gap(spool)
    transactions = sum(_require_chain(spool, rows) for rows in _with_the_row_before(spool, PLACE_COLUMNS)) + 1
    if _distinct_hashes(spool) != transactions:
        _require_one_place(spool)
    return duplicates, out_of_order


def _out_of_order(spool: Spool) -> int:
    """How many rows have a key below one that came earlier."""
    query = """
        SELECT count(*) FROM (
            SELECT row(key0, key1) AS key, max(row(key0, key1)) OVER (ORDER BY rowid ROWS UNBOUNDED PRECEDING) AS most
            FROM spooled
        ) WHERE key < most
    """
    return int(spool.rows(query)[0][0])


def _sort_once_each(spool: Spool) -> int:
    """Sorts the table and leaves duplicates out; returns how many there were."""
    spool.connection.execute(
        "CREATE TABLE sorted AS SELECT * FROM spooled ORDER BY key0, key1, rowid; DROP TABLE spooled"
    )
    again = "FROM sorted a JOIN sorted b ON a.rowid = b.rowid + 1 WHERE a.key0 = b.key0 AND a.key1 = b.key1"
    for name in COLUMNS:  # every row at the place of the one before it must equal it
        query = f"SELECT a.file, a.line, b.file, b.line {again} AND a.{name} IS DISTINCT FROM b.{name} "
        for file, line, other_file, other_line in spool.rows(query + "ORDER BY a.rowid LIMIT 1"):
            place = spool.place(other_file, other_line)
            spool.fail(file, line, name, f"another event stands at the same place ({place}) with a different {name}")
    duplicates = int(spool.rows(f"SELECT count(*) {again}")[0][0])
    if duplicates:
        once = f"SELECT * FROM sorted WHERE rowid NOT IN (SELECT a.rowid {again}) ORDER BY rowid"
        spool.connection.execute(f"CREATE TABLE spooled AS {once}; DROP TABLE sorted")
    else:
        spool.connection.execute("ALTER TABLE sorted RENAME TO spooled")
    return duplicates


def _with_the_row_before(spool: Spool, columns: Sequence[str]) -> Iterator[pa.Table]:
    """The places of all events and some columns, in batches that each begin with the last row of the one before."""
    before: list[pa.RecordBatch] = []
    for batch in spool.batches(("file", "line", "tx_hash", *columns)):
        yield pa.Table.from_batches([*before, batch]).combine_chunks()
        before = [batch.slice(batch.num_rows - 1)]


def _require_no_gap(spool: Spool) -> None:
    for rows in _with_the_row_before(spool, ("key0",)):
        numbers = rows["key0"].to_numpy()
        gaps = np.flatnonzero(np.diff(numbers) != 1)
        if len(gaps):
            before, after = gaps[0].item(), gaps[0].item() + 1
            message = f"events are missing: number {numbers[after]} follows on {numbers[before]}"
            spool.fail(rows["file"][after].as_py(), rows["line"][after].as_py(), "seq", message)


def _require_chain(spool: Spool, rows: pa.Table) -> int:
    """Blocks, transactions and times must be those of one chain; returns how many transactions follow the first."""
    block, time, tx, log = (rows[name].to_numpy() for name in PLACE_COLUMNS)
    tx_hash = rows["tx_hash"]
    new_hash = np.asarray(pc.not_equal(tx_hash.slice(1), tx_hash.slice(0, len(tx_hash) - 1)), np.bool_)
    new_block = np.diff(block) > 0
    new_tx = new_block | (np.diff(tx) > 0)

    def require(ok: Bools, column: str, message: str) -> None:
        if not ok.all():
            row = int(np.argmin(ok)) + 1
            spool.fail(rows["file"][row].as_py(), rows["line"][row].as_py(), column, message)

    require(np.diff(block) >= 0, "block_number", "blocks go backwards from one numbered event to the next")
    require(new_block | (np.diff(time) == 0), "block_ts", "the same block has two different times")
    require(np.diff(time) >= 0, "block_ts", "this block is earlier than the one before it")
    require(new_block | (np.diff(tx) >= 0), "tx_index", "transactions go backwards within the block")
    require(new_tx | (np.diff(log) > 0), "log_index", "events go backwards within the transaction")
    require(new_hash == new_tx, "tx_hash", "hash and index of the transactions contradict each other")
    return int(new_tx.sum())


def _distinct_hashes(spool: Spool) -> int:
    """How many transactions there are by their hashes."""
    hashes = pa.RecordBatchReader.from_batches(pa.schema([SCHEMA.field("tx_hash")]), spool.batches(("tx_hash",)))
    spool.connection.register("incoming", hashes)
    ((count,),) = spool.rows("SELECT count(DISTINCT hash(tx_hash)) FROM incoming")
    spool.connection.unregister("incoming")
    return int(count)


def _require_one_place(spool: Spool) -> None:
    """No transaction stands in two blocks, or twice in one: looked for only where hashes are fewer than places."""
    spool.load()
    query = """
        SELECT file, line FROM spooled JOIN (
            SELECT tx_hash, min(row(block_number, tx_index)) AS first FROM spooled GROUP BY tx_hash
            HAVING min(block_number) <> max(block_number) OR min(tx_index) <> max(tx_index)
        ) USING (tx_hash) WHERE row(block_number, tx_index) <> first ORDER BY spooled.rowid LIMIT 1
    """
    for file, line in spool.rows(query):
        spool.fail(file, line, "tx_hash", "this transaction stands at two places")
