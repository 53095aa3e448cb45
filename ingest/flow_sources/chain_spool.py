"""Tables of the chain on their way to whole blocks: a temporary DuckDB database that takes rows in any order."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from ingest.chain_tables import BLOCKS, LOGS, TRANSACTIONS
from ingest.errors import InputError
from ingest.sources.chain_rows import RECEIPTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.sources.chain_rows import ChainRows

SCHEMAS = {"logs": LOGS, "transactions": TRANSACTIONS, "blocks": BLOCKS, "receipts": RECEIPTS}
KEYS = {
    "logs": ("block_number", "log_index"),
    "transactions": ("tx_hash",),
    "blocks": ("block_number",),
    "receipts": ("tx_hash",),
}
WINDOW_LOGS = 50_000
WITH_RECEIPTS = """
SELECT t.* REPLACE (coalesce(r.succeeded, t.succeeded) AS succeeded, coalesce(r.gas_used, t.gas_used) AS gas_used,
    coalesce(r.gas_price_wei, t.gas_price_wei) AS gas_price_wei)
FROM kept_transactions t LEFT JOIN kept_receipts r ON r.tx_hash = t.tx_hash AND r.block_number = t.block_number"""
TIMED_LOGS = """
SELECT l.* REPLACE (coalesce(l.block_ts, b.block_ts) AS block_ts)
FROM kept_logs l LEFT JOIN kept_blocks b ON b.block_number = l.block_number"""


class ChainSpool:
    """The tables of the chain that some files hold; ``rows`` counts what each gave, those of no use included."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.rows: dict[str, int] = {}
        folder = tempfile.mkdtemp(prefix="pactsmith-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        config: dict[str, Any] = {
            "memory_limit": "256MB",
            "temp_directory": folder,
            "threads": "1",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
        self.connection = duckdb.connect(config=config)
        for table, schema in SCHEMAS.items():
            columns = ", ".join(f"{field.name} {_sql_type(field.type)}" for field in schema)
            self.connection.execute(f"CREATE TABLE {table} (file BIGINT, line BIGINT, {columns})")

    def open_file(self, path: Path) -> None:
        """Says which file the rows that follow are from."""
        self.files.append(str(path))

    def add(self, rows: ChainRows) -> None:
        """Takes rows of the file opened last; token transfers are only counted, their logs tell the same."""
        self.rows[rows.kind] = self.rows.get(rows.kind, 0) + rows.table.num_rows
        if rows.kind not in SCHEMAS or not rows.table.num_rows:
            return
        file = pa.array([len(self.files) - 1] * rows.table.num_rows, pa.int64())
        columns = [file, pa.array(rows.lines, pa.int64()), *rows.table.columns]
        self.connection.register("incoming", pa.table(columns, ["file", "line", *rows.table.column_names]))
        self.connection.execute(f"INSERT INTO {rows.kind} SELECT * FROM incoming")
        self.connection.unregister("incoming")

    def settle(self) -> None:
        """Keeps each row once.

        Raises:
            InputError: Two rows for one place of the chain say different things.
        """
        for table, schema in SCHEMAS.items():
            key, names = ", ".join(KEYS[table]), ", ".join(schema.names)
            query = (
                f"SELECT {key} FROM (SELECT DISTINCT {names} FROM {table}) GROUP BY {key} HAVING count(*) > 1 LIMIT 1"
            )
            if found := self.connection.execute(query).fetchall():
                self._refuse(table, list(found[0]))
            query = f"SELECT {names} FROM {table} QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {names}) = 1"
            self.connection.execute(f"CREATE TABLE kept_{table} AS {query}")
            self.connection.execute(f"DROP TABLE {table}")

    def _refuse(self, table: str, key: list[Any]) -> None:
        same = " AND ".join(f"{name} = ?" for name in KEYS[table])
        query = f"SELECT min((file, line)), max((file, line)) FROM {table} WHERE {same}"
        ((first, last),) = self.connection.execute(query, key).fetchall()
        where = f"{self.files[first[0]]}, line {first[1]}"
        message = f"this row of {table} stands in {where}, too, and says something else there"
        raise InputError(message, file=self.files[last[0]], line=last[1])

    def emitters(self, among: list[bytes] | None = None) -> list[bytes]:
        """The contracts that logs are of: two at most, or those among some."""
        if among is None:
            rows = self.connection.execute("SELECT DISTINCT address FROM kept_logs LIMIT 2").fetchall()
        else:
            self.connection.register("wanted", pa.table({"address": pa.array(among, pa.binary())}))
            rows = self.connection.execute(
                "SELECT DISTINCT address FROM kept_logs SEMI JOIN wanted USING (address)"
            ).fetchall()
            self.connection.unregister("wanted")
        return [bytes(row[0]) for row in rows]

    def windows(self) -> Iterator[tuple[pa.Table, pa.Table, pa.Table]]:
        """Logs, transactions and blocks in the chain's order, some whole blocks at a time."""
        for first, last in self._ranges():
            where = f"block_number BETWEEN {first} AND {last}"
            yield (
                self._table(f"SELECT * FROM ({TIMED_LOGS}) WHERE {where} ORDER BY block_number, log_index", LOGS),
                self._table(
                    f"SELECT * FROM ({WITH_RECEIPTS}) WHERE {where} ORDER BY block_number, tx_index", TRANSACTIONS
                ),
                self._table(f"SELECT * FROM kept_blocks WHERE {where} ORDER BY block_number", BLOCKS),
            )

    def _ranges(self) -> list[tuple[int, int]]:
        """Ranges of blocks with about ``WINDOW_LOGS`` logs or transactions each."""
        query = (
            "SELECT block_number, sum(rows) FROM ("
            "SELECT block_number, count(*) AS rows FROM kept_logs GROUP BY ALL UNION ALL "
            "SELECT block_number, count(*) FROM kept_transactions GROUP BY ALL) GROUP BY ALL ORDER BY 1"
        )
        found: list[tuple[int, int]] = []
        first, rows = None, 0
        last = 0
        for block, more in self.connection.execute(query).fetchall():
            if first is not None and rows + more > WINDOW_LOGS:
                found.append((first, last))
                first, rows = None, 0
            first = block if first is None else first
            last, rows = block, rows + int(more)
        return found if first is None else [*found, (first, last)]

    def _table(self, query: str, schema: pa.Schema) -> pa.Table:
        return self.connection.sql(query).to_arrow_table().select(schema.names).cast(schema)


def _sql_type(of_type: pa.DataType) -> str:
    if pa.types.is_fixed_size_binary(of_type) or pa.types.is_binary(of_type):
        return "BLOB"
    return {pa.string(): "VARCHAR", pa.int64(): "BIGINT", pa.bool_(): "BOOLEAN"}[of_type]
