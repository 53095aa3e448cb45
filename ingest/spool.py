"""Events on their way from files to the store: a temporary DuckDB database, which moves to disk what memory can't hold.

Readers add rows in any order. ``put_in_order`` (``ingest.sequence``) makes of them the table ``ordered``, from which
everything later reads: its row numbers are the order of execution.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import duckdb
import numpy as np
import pyarrow as pa

from ingest import sidecars
from ingest.bignum import BIGNUM
from ingest.content import RowsDigest
from ingest.errors import InputError
from ingest.event_table import COLUMNS, SCHEMA, SWAP, to_bytes, to_events
from ingest.records import Swap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ingest.records import Event
    from ingest.sources.base import ParsedRows
    from ingest.sources.text import Int64s

MEMORY = "96MB"
BATCH_ROWS = 1 << 16
FLUSH_ROWS = 122_880  # a row group of DuckDB's, which is written where it stays, without a log
PLACE = ("file", "line", "key0", "key1")
MAX_LOOKED_UP = 1000


def sql_type(of_type: pa.DataType) -> str:
    """The DuckDB type of an event column."""
    if of_type == BIGNUM:
        return "BIGNUM"
    return {pa.string(): "VARCHAR", pa.binary(): "BLOB", pa.int64(): "BIGINT"}[of_type]


class Spool:
    """One ingest's events.

    ``files`` are the files' names, ``fields`` for each the names of its columns' fields. A source that is no file has
    no fields; its rows' lines are their block numbers. ``digest`` is that of the events as they were given; whoever
    changes or drops some of them, or their order, makes it None.
    """

    def __init__(self) -> None:
        self.files: list[str] = []
        self.fields: list[dict[str, str] | None] = []
        self.ascending = True
        self.digest: RowsDigest | None = RowsDigest()
        self._last = (-1, -1)
        self._waiting: list[pa.Table] = []
        folder = tempfile.mkdtemp(prefix="pactsmith-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.connection = duckdb.connect(
            f"{folder}/spool.duckdb",
            config={
                "memory_limit": MEMORY,
                "temp_directory": folder,
                "threads": "1",
                "checkpoint_threshold": "1TB",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            },
        )
        self.connection.execute("SET force_compression = 'uncompressed'")
        columns = ", ".join(f"{field.name} {sql_type(field.type)}" for field in SCHEMA)
        places = ", ".join(f"{name} BIGINT" for name in PLACE)
        self.connection.execute(f"CREATE TABLE given ({places}, {columns})")
        sidecars.create_tables(self)

    def open_file(self, name: str, fields: dict[str, str] | None) -> None:
        """Says which file the rows that follow are from."""
        self.files.append(name)
        self.fields.append(fields)

    def add(self, parsed: ParsedRows) -> None:
        """Takes rows of the file opened last."""
        sidecars.add(self, parsed)
        events, rows = parsed.events, parsed.events.num_rows
        if not rows:
            return
        if parsed.order is not None:
            keys = parsed.order, np.zeros(rows, np.int64)
        else:
            keys = events["block_number"].to_numpy(), events["log_index"].to_numpy()
        places = (np.full(rows, len(self.files) - 1), parsed.lines, *keys)
        self._watch(*keys)
        if self.digest is not None and self.ascending:
            for batch in events.to_batches():
                self.digest.update(batch)
        self._waiting.append(
            pa.table([pa.array(place, pa.int64()) for place in places] + events.columns, [*PLACE, *COLUMNS])
        )
        if sum(table.num_rows for table in self._waiting) >= FLUSH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Writes what waits to be written in one piece, which takes half the time of many."""
        if not self._waiting:
            return
        self.connection.register("incoming", pa.concat_tables(self._waiting))
        self.connection.execute("INSERT INTO given SELECT * FROM incoming")
        self.connection.unregister("incoming")
        self._waiting.clear()

    def _watch(self, key0: Int64s, key1: Int64s) -> None:
        """Notes whether all rows so far came in strictly ascending order: then nothing has to be sorted."""
        first, last = (int(key0[0]), int(key1[0])), (int(key0[-1]), int(key1[-1]))
        steps = np.diff(key0)
        inside = (steps > 0) | ((steps == 0) & (np.diff(key1) > 0))
        self.ascending &= first > self._last and bool(inside.all())
        self._last = last

    def batches(self, columns: Iterable[str]) -> Iterator[pa.RecordBatch]:
        """Some columns of all events in order, in batches: DuckDB scans a table in the order of its row numbers."""
        query = f"SELECT {', '.join(columns)} FROM ordered"
        yield from self.connection.cursor().sql(query).to_arrow_reader(BATCH_ROWS)

    def rows(self, query: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """What a query gives."""
        return self.connection.execute(query, parameters or []).fetchall()

    def events(self) -> tuple[Event, ...]:
        """All events as records, numbered by their place."""
        return to_events(pa.Table.from_batches(self.batches(COLUMNS), SCHEMA))

    def each_event(self) -> Iterator[Event]:
        """The same, one after the other, without holding all; numbered within its batch only."""
        for batch in self.batches(COLUMNS):
            yield from to_events(pa.Table.from_batches([batch], SCHEMA))

    def first_swap(self) -> Swap | None:
        """The first swap, if there is one."""
        return next(
            self._swaps(f"SELECT *, rowid AS place FROM ordered WHERE kind = '{SWAP}' ORDER BY rowid LIMIT 1"), None
        )

    def swaps_of(self, tx_hashes: Iterable[str]) -> Iterator[Swap]:
        """The swaps of some transactions, in order, numbered by their place among all events."""
        wanted = [to_bytes(tx_hash) for tx_hash in dict.fromkeys(tx_hashes)]
        self.connection.register("wanted", pa.table({"tx_hash": pa.array(wanted, pa.binary())}))
        yield from self._swaps(
            "SELECT * FROM (SELECT *, row_number() OVER (ORDER BY rowid) - 1 AS place FROM ordered) "
            f"SEMI JOIN wanted USING (tx_hash) WHERE kind = '{SWAP}' ORDER BY place"
        )
        self.connection.unregister("wanted")

    def _swaps(self, query: str) -> Iterator[Swap]:
        found = self.connection.sql(query).to_arrow_table()
        for place, swap in zip(found["place"].to_pylist(), to_events(found.select(COLUMNS)), strict=True):
            if isinstance(swap, Swap):
                yield replace(swap, seq=place)

    def place(self, file: int, line: int) -> str:
        """Where an event came from, for a message about two of them."""
        return f"{self.files[file]}, {'block' if self.fields[file] is None else 'line'} {line}"

    def fail(self, file: int, line: int, column: str, message: str) -> NoReturn:
        """Raises an ``InputError`` that points at one event's line, and at the field that its column came from.

        Raises:
            InputError: Always.
        """
        fields = self.fields[file]
        if fields is None:
            raise InputError(message, file=self.place(file, line), field=column)
        raise InputError(message, file=self.files[file], line=line, field=fields.get(column, column))
