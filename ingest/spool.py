"""Events on their way from files to the store: Arrow batches in a temporary file, so that no memory has to hold them.

Readers add rows in any order; ``put_in_order`` (``ingest.sequence``) makes of them the order of execution. What has to
sort or to join loads the rows into a temporary DuckDB database, which moves to disk what memory can't hold, and the
spool takes the result. Rows that came in order, almost all, never take that detour.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest import sidecars
from ingest.content import RowsDigest, events_digest
from ingest.errors import InputError
from ingest.event_table import COLUMNS, SCHEMA, SWAP, to_bytes, to_events
from ingest.records import Swap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ingest.records import Event
    from ingest.sources.base import ParsedRows
    from ingest.sources.text import Int64s

MEMORY = "96MB"
BATCH_ROWS = 1 << 15
PLACE = ("file", "line", "key0", "key1")
SPOOLED = pa.schema([*(pa.field(name, pa.int64()) for name in PLACE), *SCHEMA])


class Spool:
    """One ingest's events.

    ``files`` are the files' names, ``fields`` for each the names of its columns' fields. A source that is no file has
    no fields; its rows' lines are their block numbers. ``ascending`` and ``timed`` tell whether all rows were added in
    strictly ascending order, and with their block's time.
    """

    def __init__(self) -> None:
        self.files: list[str] = []
        self.fields: list[dict[str, str] | None] = []
        self.ascending = True
        self.timed = True
        self.num_rows = 0
        self._last = (-1, -1)
        self._dropped = 0
        self._digest: RowsDigest | None = RowsDigest()
        self._waiting: list[pa.Table] = []
        folder = tempfile.mkdtemp(prefix="pactsmith-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._path = Path(folder) / "given.arrow"
        self._writer: pa.RecordBatchFileWriter | None = pa.ipc.new_file(self._path, SPOOLED)
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
        self._watch(*keys)
        self.timed &= not events["block_ts"].null_count
        if not (self.ascending and self.timed):
            self._digest = None
        if self._digest is not None:
            for batch in events.to_batches():
                self._digest.update(batch)
        places = (np.full(rows, len(self.files) - 1), parsed.lines, *keys)
        self._waiting.append(pa.table([*(pa.array(place, pa.int64()) for place in places), *events.columns], SPOOLED))
        self.num_rows += rows
        if sum(table.num_rows for table in self._waiting) >= BATCH_ROWS // 2:
            self._flush()

    def _flush(self) -> None:
        """Writes what waits, as few batches: small ones would cost more than their rows."""
        if self._waiting and self._writer is not None:
            self._writer.write_table(pa.concat_tables(self._waiting).combine_chunks(), BATCH_ROWS)
            self._waiting.clear()

    def _watch(self, key0: Int64s, key1: Int64s) -> None:
        """Notes whether all rows so far came in strictly ascending order: then nothing has to be sorted."""
        first, last = (int(key0[0]), int(key1[0])), (int(key0[-1]), int(key1[-1]))
        steps = np.diff(key0)
        inside = (steps > 0) | ((steps == 0) & (np.diff(key1) > 0))
        self.ascending &= first > self._last and bool(inside.all())
        self._last = last

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Some columns of all events, in the order that they have now, in batches."""
        if self._writer is not None:
            self._flush()
            self._writer.close()
            self._writer = None
        before = self._dropped
        indices = [SPOOLED.get_field_index(name) for name in columns]
        with (
            pa.OSFile(str(self._path)) as file,
            pa.ipc.open_file(file, options=pa.ipc.IpcReadOptions(included_fields=indices)) as reader,
        ):
            for number in range(reader.num_record_batches):
                batch = reader.get_batch(number).select(list(columns))
                if before < batch.num_rows:
                    yield batch.slice(before)
                before = max(0, before - batch.num_rows)

    def drop(self, count: int) -> None:
        """Drops the first events."""
        if count:
            self._dropped += count
            self.num_rows -= count
            self._digest = None

    def load(self) -> None:
        """Makes the DuckDB table ``spooled`` of all events; its row numbers are their order."""
        reader = pa.RecordBatchReader.from_batches(SPOOLED, self.batches(SPOOLED.names))
        self.connection.register("incoming", reader)
        self.connection.execute("CREATE OR REPLACE TABLE spooled AS SELECT * FROM incoming")
        self.connection.unregister("incoming")

    def take(self, relation: str) -> None:
        """Takes the rows of a DuckDB table, or those that its WHERE leaves, in place of all events."""
        query = f"SELECT {', '.join(SPOOLED.names)} FROM {relation}"  # scanned in the order of its row numbers
        path = self._path.with_name("taken.arrow")
        self.num_rows = self._dropped = 0
        self._digest = None
        with pa.ipc.new_file(path, SPOOLED) as writer:
            for batch in self.connection.cursor().sql(query).to_arrow_reader(BATCH_ROWS):
                writer.write_batch(batch)
                self.num_rows += batch.num_rows
        self._path = path.replace(self._path)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query of DuckDB's tables gives."""
        return self.connection.execute(query).fetchall()

    def digest(self) -> str:
        """The digest of all events in their order, see ``ingest.content``."""
        return events_digest(self.batches(COLUMNS)) if self._digest is None else self._digest.hexdigest()

    def events(self) -> tuple[Event, ...]:
        """All events as records, numbered by their place."""
        return to_events(pa.Table.from_batches(self.batches(COLUMNS), SCHEMA))

    def each_event(self) -> Iterator[Event]:
        """The same, one after the other, without holding all; numbered within its batch only."""
        for batch in self.batches(COLUMNS):
            yield from to_events(pa.Table.from_batches([batch], SCHEMA))

    def first_swap(self) -> Swap | None:
        """The first swap, if there is one."""
        return next((event for event in self.each_event() if isinstance(event, Swap)), None)

    def swaps_of(self, tx_hashes: Iterable[str]) -> Iterator[Swap]:
        """The swaps of some transactions, in order, numbered by their place among all events."""
        wanted = pa.array({to_bytes(tx_hash) for tx_hash in tx_hashes}, pa.binary())
        first = 0
        for batch in self.batches(COLUMNS):
            of_these = pc.and_(pc.is_in(batch["tx_hash"], wanted), pc.equal(batch["kind"], SWAP))
            places = np.flatnonzero(np.asarray(of_these, np.bool_))
            found = to_events(pa.Table.from_batches([batch.take(pa.array(places))], SCHEMA))
            for place, swap in zip(places.tolist(), found, strict=True):
                if isinstance(swap, Swap):
                    yield replace(swap, seq=first + place)
            first += batch.num_rows

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
