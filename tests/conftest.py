"""Fixtures that every test may use."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings

from ingest.files import read_history
from verify.market import load_config, simulate

# Where a run decides whether a change lands, the same examples every time; at the desk, new ones.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

EMBEDDED = Path(__file__).resolve().parents[1] / "data" / "embedded.toml"
SHARED = Path(__file__).resolve().parents[2] / "shared"


def _shared(folder: str) -> Path:
    path = SHARED / folder
    if path.is_dir():
        return path
    reason = f"the real data that this test reads is not at {path}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real chain data."""
    return _shared("data")


@pytest.fixture(scope="session")
def shared_chats() -> Path:
    """The folder with real chat exports."""
    return _shared("chats")


@pytest.fixture(scope="session")
def simulated(tmp_path_factory):
    """A function that makes a simulated history: (market, blocks, seed, changes of config) → History."""
    configs = load_config(EMBEDDED)

    def make(market="demo-v3", *, blocks=60, seed=1, **changes):
        config = replace(configs[market], blocks=blocks, seed=seed, **changes)
        files = simulate(config, tmp_path_factory.mktemp("market"))
        return read_history(
            files.events,
            initial_state=files.initial_state,
            name=f"{market}-{seed}",
            labels=files.labels,
            prices=files.prices,
            source="simulated",
        )

    return make
