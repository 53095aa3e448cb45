"""What an ingest did, as a record that can be shown and written as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from app.words import pool_name

if TYPE_CHECKING:
    from ingest.ingested import Ingested
    from ingest.store import Written


@dataclass(frozen=True, slots=True)
class Stored:
    """A history that was read, and what the store did with it."""

    ingested: Ingested
    written: Written

    def to_json(self) -> dict[str, Any]:
        """The record as JSON values."""
        history, ordered, told = self.ingested, self.ingested.ordered, self.ingested.told
        pool = history.initial_state.pool
        return {
            "history": history.name,
            "source": history.source,
            "written": self.written,
            "content_id": history.content_id,
            "pool": pool_name(pool.kind, pool.token0.symbol, pool.token1.symbol, pool.fee_pips),
            "formats": list(history.formats),
            "events": sum(ordered.counts.events.values()),
            "first_block": ordered.blocks[0],
            "last_block": ordered.blocks[1],
            "labels": len(told.labels),
            "known_limits": len(told.known_limits),
            "prices": len(told.prices),
            "price_source": told.price_source,
            "counts": asdict(ordered.counts) | {"unmatched_labels": told.unmatched_labels},
            "caveats": list(told.caveats),
        }
