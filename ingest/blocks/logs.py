"""Event logs of many contracts as records, those with the wanted events only, in execution order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterable

TOPICS = ("topic0", "topic1", "topic2", "topic3")
PLACE = ("block_number", "tx_index", "log_index")


@dataclass(frozen=True, slots=True)
class Log:
    """One event log; see ``ingest.chain_tables.LOGS``. ``topics`` after the first one, those that it has."""

    block_number: int
    block_ts: int | None
    tx_hash: str
    tx_index: int
    log_index: int
    emitter: str
    event: bytes
    topics: tuple[bytes, ...]
    data: bytes


def select(logs: pa.Table, events: Iterable[bytes]) -> list[Log]:
    """The logs whose first topic is one of ``events``, by block, transaction and log index."""
    wanted = pc.is_in(logs["topic0"], value_set=pa.array(list(events), pa.binary(32)))
    chosen = logs.filter(wanted).sort_by([(name, "ascending") for name in PLACE])
    columns = (chosen[name].to_pylist() for name in ("block_ts", "tx_hash", "address", *TOPICS, "data", *PLACE))
    return [
        Log(
            block_number,
            block_ts,
            f"0x{tx_hash.hex()}",
            tx_index,
            log_index,
            f"0x{emitter.hex()}",
            event,
            tuple(topic for topic in topics if topic is not None),
            data,
        )
        for block_ts, tx_hash, emitter, event, *topics, data, block_number, tx_index, log_index in zip(
            *columns, strict=True
        )
    ]
