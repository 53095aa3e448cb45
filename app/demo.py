"""The embedded history: a simulated market on genuine Uniswap bytecode, made anew and stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.progress import ProgressReport
    from app.stored import Stored
    from ingest.store import Store


def ingest_embedded(store: Store, progress: ProgressReport) -> list[Stored]:
    """Makes the simulated market and stores its histories."""
    raise NotImplementedError
