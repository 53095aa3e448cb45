"""Order flow on its way from files to the store: a temporary DuckDB database, which moves to disk what it can't hold.

Readers add rows in any order. ``settle`` makes of them the tables ``trade``, ``intent`` and ``label``: without
duplicates, in order, with amounts as whole numbers. Their row numbers are the order.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from ingest.bignum import BIGNUM
from ingest.content import events_digest
from ingest.errors import InputError
from ingest.flow_table import AMOUNTS, SCHEMAS, given_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ingest.sources.text import Int64s

MEMORY = "256MB"
BATCH_ROWS = 1 << 16
TYPES = {pa.string(): "VARCHAR", pa.binary(): "BLOB", pa.int64(): "BIGINT", pa.bool_(): "BOOLEAN", BIGNUM: "BIGNUM"}
PLACE = "list_transform(string_split(nullif(place, ''), '/'), lambda step: CAST(step AS BIGINT))"
ORDER = {
    "trade": f"block_number, block_ts, tx_index, tx_hash, {PLACE}, ",
    "intent": "block_number, block_ts, tx_index, tx_hash, place, ",
    "label": "",
}


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a row the same as another: being equal in ``key``. All else must be equal then, but for ``loose``.

    Rows in which the text column ``needs`` is empty have no such identity.
    """

    key: tuple[str, ...]
    loose: tuple[str, ...] = ()
    needs: str | None = None

    @property
    def applies(self) -> str:
        """The condition, as SQL, under which a row has this identity."""
        return "true" if self.needs is None else f"coalesce({self.needs}, '') <> ''"


@dataclass(frozen=True, slots=True)
class Settled:
    """What was found while rows were put in order.

    ``out_of_order`` are those that came later than a row of a higher block or time. ``alike`` are rows that their
    file holds twice where nothing tells whether they are one or two; they were kept.
    """

    amount_places: int
    duplicates: int
    alike: int
    out_of_order: int


class FlowSpool:
    """One ingest's rows. ``lined``: their places in a file are lines, not items of a list."""

    def __init__(self, *, lined: bool = True) -> None:
        self.lined = lined
        self.files: list[str] = []
        self._waiting: dict[str, list[pa.Table]] = {table: [] for table in SCHEMAS}
        folder = tempfile.mkdtemp(prefix="pactsmith-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.connection = duckdb.connect(
            config={
                "memory_limit": MEMORY,
                "temp_directory": folder,
                "threads": "1",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            }
        )
        for table in SCHEMAS:
            columns = ", ".join(f"{field.name} {TYPES[field.type]}" for field in given_schema(table))
            self.connection.execute(f"CREATE TABLE given_{table} (file BIGINT, line BIGINT, {columns})")

    def open_file(self, name: str) -> None:
        """Says which file the rows that follow are from."""
        self.files.append(name)

    def add(self, table: str, rows: pa.Table, lines: Int64s) -> None:
        """Takes rows (``flow_table.given_schema``) of the file opened last, with their lines or numbers in it."""
        if not rows.num_rows:
            return
        file = pa.array([len(self.files) - 1] * rows.num_rows, pa.int64())
        places = pa.table({"file": file, "line": pa.array(lines, pa.int64())})
        waiting = self._waiting[table]
        waiting.append(pa.table([*places.columns, *rows.columns], [*places.column_names, *rows.column_names]))
        if sum(one.num_rows for one in waiting) >= BATCH_ROWS:
            self._flush(table)

    def _flush(self, table: str) -> None:
        if self._waiting[table]:
            self.connection.register("incoming", pa.concat_tables(self._waiting[table]))
            self.connection.execute(f"INSERT INTO given_{table} SELECT * FROM incoming")
            self.connection.unregister("incoming")
            self._waiting[table].clear()

    def settle(self, identities: Mapping[str, Identity]) -> Settled:
        """Drops duplicates, puts the rows in order and their amounts on one number of places.

        Args:
            identities: What identifies a table's rows. Of those without, as many equal ones stay as one file holds:
                files that overlap double nothing, and a row that its file holds twice stays twice.

        Raises:
            InputError: Two rows of one identity say different things.
        """
        duplicates = alike = out_of_order = 0
        for table in SCHEMAS:
            self._flush(table)
            kept, twice = self._keep_once(table, identities.get(table))
            duplicates += self._one(f"SELECT count(*) FROM given_{table}") - kept
            alike += twice
        for table in ("trade", "intent"):
            out_of_order += self._out_of_order(table)
        places = max(self._places(table) for table in SCHEMAS)
        for table in SCHEMAS:
            self._put_in_order(table, places)
        return Settled(places, duplicates, alike, out_of_order)

    def _keep_once(self, table: str, identity: Identity | None) -> tuple[int, int]:
        """Makes ``kept_…`` of what stays; returns how many rows that are, and how many of them are alike."""
        names = ", ".join(SCHEMAS[table].names)
        key = names if identity is None else ", ".join(identity.key)
        if not self._rows(f"SELECT 1 FROM given_{table} GROUP BY {key} HAVING count(*) > 1 LIMIT 1"):
            self.connection.execute(f"CREATE VIEW kept_{table} AS SELECT * FROM given_{table}")
            return self._one(f"SELECT count(*) FROM kept_{table}"), 0
        others = "" if identity is None else f"WHERE NOT ({identity.applies})"
        per_file = f"SELECT file, {names}, count(*) AS times FROM given_{table} {others} GROUP BY ALL"
        query = f"SELECT {names}, unnest(range(max(times))) AS time FROM ({per_file}) GROUP BY {names}"
        self.connection.execute(f"CREATE TABLE once_{table} AS {query}")
        alike = self._one(f"SELECT count(*) FROM once_{table} WHERE time > 0")
        if identity is not None:
            self._require_agreement(table, identity)
            first = f"row_number() OVER (PARTITION BY {key} ORDER BY {names}) = 1"
            query = f"SELECT {names}, 0 FROM given_{table} WHERE {identity.applies} QUALIFY {first}"
            self.connection.execute(f"INSERT INTO once_{table} {query}")
        self.connection.execute(f"CREATE VIEW kept_{table} AS SELECT * FROM once_{table}")
        return self._one(f"SELECT count(*) FROM kept_{table}"), alike

    def _require_agreement(self, table: str, identity: Identity) -> None:
        key = ", ".join(identity.key)
        strict = ", ".join(name for name in SCHEMAS[table].names if name not in identity.loose)
        distinct = f"SELECT DISTINCT {strict} FROM given_{table} WHERE {identity.applies}"
        found = self._rows(f"SELECT {key} FROM ({distinct}) GROUP BY {key} HAVING count(*) > 1 LIMIT 1")
        if not found:
            return
        same = " AND ".join(f"{name} IS NOT DISTINCT FROM ?" for name in identity.key)
        query = f"SELECT min((file, line)), max((file, line)) FROM given_{table} WHERE {same}"
        (first, last), *_ = self._rows(query, list(found[0]))
        message = f"this {table} stands in {self._place(*first)}, too, and says something else there"
        line = last[1] if self.lined else None
        raise InputError(message, file=self.files[last[0]], line=line, field=None if self.lined else f"[{last[1]}]")

    def _place(self, file: int, line: int) -> str:
        return f"{self.files[file]}, {'line' if self.lined else 'item'} {line}"

    def _out_of_order(self, table: str) -> int:
        before = "coalesce(block_number, block_ts)"
        return self._one(
            f"SELECT count(*) FROM (SELECT {before} < lag({before}) OVER (PARTITION BY file ORDER BY line) AS late "
            f"FROM given_{table}) WHERE late"
        )

    def _places(self, table: str) -> int:
        lengths = [f"max(length(split_part({name}, '.', 2)))" for name in AMOUNTS[table]]
        return self._one(f"SELECT coalesce(greatest(0, {', '.join(lengths)}), 0) FROM kept_{table}") if lengths else 0

    def _put_in_order(self, table: str, places: int) -> None:
        def chosen(name: str) -> str:
            if name not in AMOUNTS[table]:
                return name
            padded = f"replace({name}, '.', '') || repeat('0', {places} - length(split_part({name}, '.', 2)))"
            return f"CAST({padded} AS BIGNUM) AS {name}"

        columns = ", ".join(map(chosen, SCHEMAS[table].names))
        names = ", ".join(SCHEMAS[table].names)
        self.connection.execute(
            f"CREATE TABLE {table} AS SELECT * FROM (SELECT {columns} FROM kept_{table}) ORDER BY {ORDER[table]}{names}"
        )
        self.connection.execute(f"DROP VIEW kept_{table}")
        for name in (f"once_{table}", f"given_{table}"):
            self.connection.execute(f"DROP TABLE IF EXISTS {name}")

    def batches(self, table: str) -> Iterator[pa.RecordBatch]:
        """A table's rows in order, in batches of ``SCHEMAS``: DuckDB scans a table in the order of its row numbers."""
        query = f"SELECT {', '.join(SCHEMAS[table].names)} FROM {table}"
        yield from self.connection.cursor().sql(query).to_arrow_reader(BATCH_ROWS)

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return self._one(f"SELECT count(*) FROM {table}")

    def content_id(self, unit: str, amount_places: int, *, exact: bool) -> str:
        """SHA-256 in hex over all rows and what their amounts mean."""
        digests = {table: events_digest(self.batches(table), schema) for table, schema in SCHEMAS.items()}
        document = {"unit": unit, "amount_places": amount_places, "exact": exact} | digests
        return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()

    def _rows(self, query: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        return self.connection.execute(query, parameters or []).fetchall()

    def _one(self, query: str) -> int:
        return int(self._rows(query)[0][0])
