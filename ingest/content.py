"""A history's identity: the hash of everything that a result may depend on."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from ingest.event_table import COLUMNS, as_text, from_events
from ingest.pool_state import pool_state_document

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from ingest.records import History, Label, PoolState, PricePoint


def content_id(history: History) -> str:
    """The identity of a history's content, whatever ``history.content_id`` says."""
    table = from_events(history.events)
    return content_id_of(history.initial_state, table, history.labels, history.known_limits, history.prices)


def content_id_of(
    state: PoolState,
    events: pa.Table,
    labels: Mapping[int, Label],
    known_limits: Mapping[int, int],
    prices: Sequence[PricePoint],
) -> str:
    """SHA-256 in hex over a canonical form of state, events, labels, limits and prices.

    Neither the name, nor where it was read from, nor the caveats change it. Events are hashed column by column: each
    value as text and a line feed, null as nothing (no value is empty text), so that a million take a second.
    """
    digest = hashlib.sha256()
    for part in (
        pool_state_document(state),
        [[seq, label.flow_class, label.rule] for seq, label in sorted(labels.items())],
        [[seq, str(limit)] for seq, limit in sorted(known_limits.items())],
        [[point.ts, point.price] for point in prices],
    ):
        digest.update(json.dumps(part, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    for name, column in zip(COLUMNS, as_text(events).select(COLUMNS).itercolumns(), strict=True):
        digest.update(f"{name} {len(column)}\n".encode())
        digest.update("\n".join([value or "" for value in column.to_pylist()]).encode() + b"\n")
    return digest.hexdigest()
