"""A history's identity: the hash of everything that a result may depend on."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.event_table import SCHEMA, from_events
from ingest.pool_state import pool_state_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ingest.records import History, Label, PoolState, PricePoint


def content_id(history: History) -> str:
    """The identity of a history's content, whatever ``history.content_id`` says."""
    events = events_digest(from_events(history.events).to_batches())
    return content_id_of(history.initial_state, events, history.labels, history.known_limits, history.prices)


def content_id_of(
    state: PoolState,
    events: str,
    labels: Mapping[int, Label],
    known_limits: Mapping[int, int],
    prices: Sequence[PricePoint],
) -> str:
    """SHA-256 in hex over a canonical form of state, events (their digest), labels, limits and prices.

    Neither the name, nor where it was read from, nor the caveats change it.
    """
    parts = (
        pool_state_document(state),
        events,
        [[seq, label.flow_class, label.rule] for seq, label in sorted(labels.items())],
        [[seq, str(limit)] for seq, limit in sorted(known_limits.items())],
        [[point.ts, point.price] for point in prices],
    )
    lines = (json.dumps(part, sort_keys=True, separators=(",", ":")) + "\n" for part in parts)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


class RowsDigest:
    """SHA-256 over the columns of a schema, by default the events', however they are cut into batches.

    Each column is hashed by itself, its values' lengths (null: −1) apart from their bytes: so that nothing has to be
    put together, and a million events take a second.
    """

    def __init__(self, schema: pa.Schema = SCHEMA) -> None:
        self._columns = {name: (hashlib.sha256(), hashlib.sha256()) for name in schema.names}

    def update(self, batch: pa.RecordBatch) -> None:
        """Takes the next rows."""
        for name, (lengths, values) in self._columns.items():
            _update(batch.column(batch.schema.names.index(name)), lengths, values)

    def hexdigest(self) -> str:
        """The digest of all rows so far, in hex."""
        digest = hashlib.sha256()
        for name, parts in self._columns.items():
            for part in parts:
                digest.update(f"{name} {part.hexdigest()}\n".encode())
        return digest.hexdigest()


def events_digest(batches: Iterable[pa.RecordBatch], schema: pa.Schema = SCHEMA) -> str:
    """The digest of these rows, in hex; see ``RowsDigest``."""
    digest = RowsDigest(schema)
    for batch in batches:
        digest.update(batch)
    return digest.hexdigest()


def _update(column: pa.Array, lengths: Any, values: Any) -> None:
    storage = column.storage if isinstance(column, pa.ExtensionArray) else column
    if pa.types.is_boolean(storage.type):
        storage = pc.cast(storage, pa.int64())
    if pa.types.is_int64(storage.type):
        lengths.update(np.asarray(storage.is_valid()).tobytes())
        values.update(storage.drop_null().to_numpy().astype("<i8").tobytes())
        return
    lengths.update(pc.binary_length(storage).fill_null(-1).to_numpy().astype("<i4").tobytes())
    present = storage.drop_null()
    _, offsets, data = present.buffers()
    if data is not None:
        ends = np.frombuffer(offsets, np.int32, len(present) + 1, 4 * present.offset)
        values.update(memoryview(data)[ends[0] : ends[-1]])
