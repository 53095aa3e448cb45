"""A short market to search on, kept in a store of the test's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ingest.content import content_id
from ingest.store import Store

BLOCKS = 180


@pytest.fixture(scope="session")
def market_history(simulated):
    """A market whose training part has settlements enough for bounds at every window that is searched."""
    return simulated("demo-v3", blocks=BLOCKS, seed=5)


@pytest.fixture
def store(tmp_path, market_history):
    """An empty store but for the history."""
    made = Store(tmp_path / "store")
    made.write_history(market_history)
    return made


@pytest.fixture(scope="session")
def changed_later():
    """A function that changes what a history tells after a block: half of the events are gone, and so is the price."""

    def change(history, block):
        events = tuple(event for event in history.events if event.block_number <= block)
        rest = history.events[len(events) :]
        later = tuple(reversed(rest[::-2]))  # the last one stays, and so the blocks
        made = replace(
            history,
            events=tuple(replace(event, seq=place) for place, event in enumerate((*events, *later))),
            labels={seq: label for seq, label in history.labels.items() if seq < len(events)},
            known_limits={seq: limit for seq, limit in history.known_limits.items() if seq < len(events)},
            prices=tuple(
                point if point.ts <= events[-1].block_ts else replace(point, price="1") for point in history.prices
            ),
        )
        return replace(made, content_id=content_id(made))

    return change
