"""What a node told, kept: logs, blocks and transactions, and which blocks are known completely for which filter.

One DuckDB file beside the histories. A chunk of blocks is written with its mark in one transaction, so that a mark
never promises more than there is; rows that are there already stay as they are. A log counts for a filter only where
the filter's blocks are marked: the other logs of a transaction are kept as well, and promise nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.chain_schema import (
    ADD_BLOCKS,
    ADD_LOGS,
    ADD_MARKS,
    ADD_TRANSACTIONS,
    BLOCK_CHECK,
    BLOCK_PAGE,
    DROP_JOINED_MARKS,
    IN_COMPLETE,
    JOINED_MARKS,
    LOG_CHECK,
    LOG_PAGE,
    MIGRATIONS,
    TRANSACTION_PAGE,
)
from ingest.chain_tables import BLOCKS, LOGS, TRANSACTIONS
from ingest.database import WAIT_S, reading, writing
from ingest.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import duckdb
    import pyarrow as pa

DATABASE = "chain.duckdb"
PAGE_ROWS = 50_000
NO_PLACE = (-1, -1)

BlockRange = tuple[int, int]  # the first and the last block, both included


class ForkedError(StoreError):
    """A chunk's blocks and the stored ones do not lie on one chain; ``block_number`` is where they part."""

    def __init__(self, block_number: int) -> None:
        self.block_number = block_number
        super().__init__(f"block {block_number} is not on the same chain as the stored blocks beside it")


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which logs of a contract are wanted; lower-case ``0x`` text.

    ``topic0`` are the events wanted (empty: all); ``topic1`` is what the first indexed argument must be, as a v4
    pool's id.
    """

    address: str
    topic0: tuple[str, ...] = ()
    topic1: str | None = None

    @property
    def key(self) -> str:
        """Under which its complete blocks are marked."""
        return "/".join((self.address, self.topic1 or "", *sorted(self.topic0))).rstrip("/")


@dataclass(frozen=True, slots=True)
class Chunk:
    """All that was fetched of the blocks from ``first_block`` to ``last_block``, complete for the filters.

    ``logs`` has the columns STORED_LOGS, ``blocks`` BLOCKS, ``transactions`` TRANSACTIONS.
    """

    chain_id: int
    filters: tuple[LogFilter, ...]
    first_block: int
    last_block: int
    logs: pa.Table
    blocks: pa.Table
    transactions: pa.Table


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """The number and hash of a stored block."""

    block_number: int
    block_hash: bytes


def missing(complete: Sequence[BlockRange], first_block: int, last_block: int) -> list[BlockRange]:
    """The ranges between two blocks that are not among the complete ones, ascending."""
    found: list[BlockRange] = []
    start = first_block
    for first, last in complete:
        if first > last_block:
            break
        if first > start:
            found.append((start, first - 1))
        start = max(start, last + 1)
    if start <= last_block:
        found.append((start, last_block))
    return found


class ChainStore:
    """The chain store in a folder. It keeps no connection; every call waits for the lock at most ``wait_s``."""

    def __init__(self, root: Path, wait_s: float = WAIT_S) -> None:
        self.database = root / DATABASE
        self.wait_s = wait_s

    def write(self, *chunks: Chunk) -> None:
        """Adds what is new of chunks, and marks their blocks complete for their filters, in one transaction.

        Raises:
            ForkedError: Their blocks are not on the stored blocks' chain; nothing was written.
            StoreError: One of their logs contradicts the stored one, or they cannot be written.
        """
        with writing(self.database, self.wait_s, MIGRATIONS) as connection:
            for chunk in chunks:
                self._write(connection, chunk)

    def _write(self, connection: duckdb.DuckDBPyConnection, chunk: Chunk) -> None:
        bounds = {"chain": chunk.chain_id, "first": chunk.first_block, "last": chunk.last_block}
        connection.register("new_blocks", chunk.blocks)
        connection.register("new_logs", chunk.logs)
        connection.register("new_transactions", chunk.transactions)
        if (block := _one(connection, BLOCK_CHECK, bounds)) is not None:
            raise ForkedError(block)
        if (block := _one(connection, LOG_CHECK, bounds)) is not None:
            raise StoreError(
                f"{self.database}: in block {block} another log is stored at the same place of the same block. The "
                "node answered wrongly now or then; ask another one, and fill a new store"
            )
        for query in (ADD_BLOCKS, ADD_TRANSACTIONS, ADD_LOGS):
            connection.execute(query, bounds)
        _mark(connection, [one.key for one in chunk.filters], bounds)

    def complete(self, chain_id: int, filters: Sequence[LogFilter]) -> dict[LogFilter, tuple[BlockRange, ...]]:
        """For each filter the ranges of blocks whose logs are all there: ascending, with gaps between them."""
        rows = self._rows(
            "SELECT filter, first_block, last_block FROM complete WHERE chain_id = ? ORDER BY first_block", [chain_id]
        )
        found: dict[str, list[BlockRange]] = {}
        for key, first, last in rows:
            found.setdefault(key, []).append((first, last))
        return {one: tuple(found.get(one.key, ())) for one in filters}

    def forget(self, chain_id: int, filters: Sequence[LogFilter], first_block: int, last_block: int) -> None:
        """Takes back the marks of some blocks, so that they are fetched again; the rows stay."""
        if not self.database.exists():
            return
        with writing(self.database, self.wait_s, MIGRATIONS) as connection:
            for one in filters:
                _unmark(connection, chain_id, one.key, first_block, last_block)

    def drop_above(self, chain_id: int, block_number: int) -> int:
        """Removes everything above a block, in one transaction: the chain has replaced it.

        Returns:
            How many stored blocks were removed.
        """
        with writing(self.database, self.wait_s, MIGRATIONS) as connection:
            above = [chain_id, block_number]
            query = "SELECT count(*) FROM block WHERE chain_id = ? AND block_number > ?"
            dropped: int = connection.execute(query, above).fetchall()[0][0]
            for table in ("log", "block", "transaction_of"):
                connection.execute(f"DELETE FROM {table} WHERE chain_id = ? AND block_number > ?", above)
            connection.execute("DELETE FROM pool WHERE chain_id = ? AND created_block > ?", above)
            connection.execute("DELETE FROM complete WHERE chain_id = ? AND first_block > ?", above)
            connection.execute(
                "UPDATE complete SET last_block = ? WHERE chain_id = ? AND last_block > ?",
                [block_number, chain_id, block_number],
            )
        return dropped

    def hashes(self, chain_id: int, first_block: int, last_block: int) -> list[StoredBlock]:
        """The stored blocks between two numbers, ascending."""
        query = (
            "SELECT block_number, block_hash FROM block WHERE chain_id = ? AND block_number BETWEEN ? AND ? ORDER BY 1"
        )
        rows = self._rows(query, [chain_id, first_block, last_block])
        return [StoredBlock(number, bytes(block_hash)) for number, block_hash in rows]

    def newest(self, chain_id: int, at_most: int) -> StoredBlock | None:
        """The highest stored block up to a number."""
        where = "WHERE chain_id = ? AND block_number <= ? ORDER BY 1 DESC LIMIT 1"
        rows = self._rows(f"SELECT block_number, block_hash FROM block {where}", [chain_id, at_most])
        return StoredBlock(rows[0][0], bytes(rows[0][1])) if rows else None

    def logs(
        self, chain_id: int, filters: Sequence[LogFilter], first_block: int, last_block: int, rows: int = PAGE_ROWS
    ) -> Iterator[pa.Table]:
        """The logs that filters ask for, where their blocks are complete: tables of LOGS, in the chain's order."""
        wanted, values = _wanted(filters)
        query = LOG_PAGE.format(wanted=wanted)
        return self._pages(query, LOGS, "log_index", chain_id, (first_block, last_block), rows, values)

    def all_logs(self, chain_id: int, first_block: int, last_block: int, rows: int = PAGE_ROWS) -> Iterator[pa.Table]:
        """All logs that are kept, those of other contracts in the same transactions included; tables of LOGS."""
        query = LOG_PAGE.format(wanted="true")
        return self._pages(query, LOGS, "log_index", chain_id, (first_block, last_block), rows)

    def blocks(self, chain_id: int, first_block: int, last_block: int, rows: int = PAGE_ROWS) -> Iterator[pa.Table]:
        """The stored blocks as tables of BLOCKS, ascending."""
        return self._pages(BLOCK_PAGE, BLOCKS, None, chain_id, (first_block, last_block), rows)

    def transactions(
        self, chain_id: int, first_block: int, last_block: int, rows: int = PAGE_ROWS
    ) -> Iterator[pa.Table]:
        """The stored transactions as tables of TRANSACTIONS, in the chain's order."""
        return self._pages(TRANSACTION_PAGE, TRANSACTIONS, "tx_index", chain_id, (first_block, last_block), rows)

    def keep_pool(self, chain_id: int, pool: str, created_block: int | None, facts: str) -> None:
        """Keeps what was found out about a pool, as text; what was kept before is replaced."""
        with writing(self.database, self.wait_s, MIGRATIONS) as connection:
            connection.execute("DELETE FROM pool WHERE chain_id = ? AND pool = ?", [chain_id, pool])
            connection.execute("INSERT INTO pool VALUES (?, ?, ?, ?)", [chain_id, pool, created_block, facts])

    def kept_pool(self, chain_id: int, pool: str) -> str | None:
        """What was kept about a pool."""
        rows = self._rows("SELECT facts FROM pool WHERE chain_id = ? AND pool = ?", [chain_id, pool])
        return rows[0][0] if rows else None

    def keep_roles(self, chain_id: int, roles: Mapping[str, str]) -> None:
        """Keeps what the user told of some contracts, by their addresses; what was kept of them before is replaced."""
        with writing(self.database, self.wait_s, MIGRATIONS) as connection:
            for address, role in roles.items():
                connection.execute("DELETE FROM contract_role WHERE chain_id = ? AND address = ?", [chain_id, address])
                connection.execute("INSERT INTO contract_role VALUES (?, ?, ?)", [chain_id, address, role])

    def kept_roles(self, chain_id: int) -> dict[str, str]:
        """What the user told of contracts, in the order in which it was told."""
        query = "SELECT address, role FROM contract_role WHERE chain_id = ? ORDER BY rowid"
        return dict(self._rows(query, [chain_id]))

    def _rows(self, query: str, values: list[Any]) -> list[tuple[Any, ...]]:
        if not self.database.exists():
            return []
        with reading(self.database, self.wait_s, MIGRATIONS) as connection:
            return connection.execute(query, values).fetchall()

    def _pages(
        self,
        query: str,
        schema: pa.Schema,
        place: str | None,
        chain_id: int,
        bounds: BlockRange,
        rows: int,
        values: dict[str, Any] | None = None,
    ) -> Iterator[pa.Table]:
        """Pages of a query, each over a connection of its own, so that a slow reader keeps no writer waiting."""
        after = NO_PLACE
        while self.database.exists():
            first = max(bounds[0], after[0])
            named = {"chain": chain_id, "first": first, "last": bounds[1], "block": after[0], "place": after[1]}
            with reading(self.database, self.wait_s, MIGRATIONS) as connection:
                page = connection.sql(query, params=named | {"rows": rows} | (values or {})).to_arrow_table()
            if page.num_rows:
                yield page.cast(schema)
            if page.num_rows < rows:
                return
            last = page.slice(page.num_rows - 1)
            after = (last["block_number"][0].as_py(), last[place][0].as_py() if place else 0)


def _one(connection: duckdb.DuckDBPyConnection, query: str, values: dict[str, Any]) -> int | None:
    found: int | None = connection.execute(query, values).fetchall()[0][0]
    return found


def _wanted(filters: Sequence[LogFilter]) -> tuple[str, dict[str, Any]]:
    """The condition of logs that lie in the complete blocks of one of the filters."""
    parts: list[str] = []
    values: dict[str, Any] = {}
    for place, one in enumerate(filters):
        values |= {f"a{place}": bytes.fromhex(one.address[2:]), f"k{place}": one.key}
        part = [f"l.address = $a{place}", IN_COMPLETE.format(key=f"$k{place}")]
        if one.topic1 is not None:
            values[f"t{place}"] = bytes.fromhex(one.topic1[2:])
            part.append(f"l.topic1 = $t{place}")
        if one.topic0:
            events = {f"e{place}_{rank}": bytes.fromhex(topic[2:]) for rank, topic in enumerate(one.topic0)}
            values |= events
            part.append(f"l.topic0 IN ({', '.join(f'${name}' for name in events)})")
        parts.append(f"({' AND '.join(part)})")
    return " OR ".join(parts) or "false", values


def _mark(connection: duckdb.DuckDBPyConnection, keys: list[str], bounds: dict[str, Any]) -> None:
    """Adds a range for some filters, joined with those it overlaps or touches."""
    values = bounds | {"keys": keys}
    rows = connection.execute(JOINED_MARKS, values).fetchall()
    connection.execute(DROP_JOINED_MARKS, values)
    names, firsts, lasts = ([row[place] for row in rows] for place in range(3))
    connection.execute(ADD_MARKS, {"chain": bounds["chain"], "keys": names, "firsts": firsts, "lasts": lasts})


def _unmark(connection: duckdb.DuckDBPyConnection, chain_id: int, key: str, first: int, last: int) -> None:
    """Cuts a range out of those it overlaps."""
    overlapping = [chain_id, key, last, first]
    where = "WHERE chain_id = ? AND filter = ? AND first_block <= ? AND last_block >= ?"
    rows = connection.execute(f"SELECT first_block, last_block FROM complete {where}", overlapping).fetchall()
    connection.execute(f"DELETE FROM complete {where}", overlapping)
    for start, end in rows:
        for kept in ((start, first - 1), (last + 1, end)):
            if kept[0] <= kept[1]:
                connection.execute("INSERT INTO complete VALUES (?, ?, ?, ?)", [chain_id, key, *kept])
