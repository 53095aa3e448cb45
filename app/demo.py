"""The embedded history: two simulated markets on genuine Uniswap bytecode, made anew from their description."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from app.settings import embedded_market
from app.stored import Stored
from ingest.files import ingest_files
from verify.market import load_config, simulate

if TYPE_CHECKING:
    from app.progress import ProgressReport
    from ingest.store import Store
    from verify.market import MarketConfig


def ingest_embedded(store: Store, progress: ProgressReport) -> list[Stored]:
    """Simulates the embedded markets and stores their histories; the same description gives the same histories.

    Raises:
        InputError: The store has a history of one's own under one of their names.
    """
    markets = load_config(embedded_market())
    replaceable = {summary.name for summary in store.list_histories() if summary.source == "simulated"}
    found = []
    for place, config in enumerate(markets.values()):
        progress.step("simulate", place, len(markets), config.name)
        found.append(_ingest(store, config, replace=config.name in replaceable))
    progress.step("simulate", len(markets), len(markets))
    return found


def _ingest(store: Store, config: MarketConfig, *, replace: bool) -> Stored:
    with TemporaryDirectory(prefix="pactsmith-market-") as folder:
        files = simulate(config, Path(folder))
        ingested = ingest_files(
            files.events,
            initial_state=files.initial_state,
            name=config.name,
            labels=files.labels,
            prices=files.prices,
            source="simulated",
        )
    return Stored(ingested, store.write_ingested(ingested, replace=replace))
