"""Histories to replay: small simulated ones, and the real day."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ingest.content import content_id
from ingest.files import read_history
from ingest.store import Store
from verify.market import load_config, simulate

EMBEDDED = Path(__file__).resolve().parents[2] / "data" / "embedded.toml"


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


@pytest.fixture(scope="session")
def mainnet_day(shared_data):
    """A whole real day of the 0.05 % pool."""
    folder = shared_data / "v3_usdc_weth_mainnet_20240105"
    return read_history(
        folder / "pool_88e6_fee500_raw_logs.csv.gz",
        initial_state=folder / "pool_88e6_fee500_initial_state.json",
        name="usdc-weth-day",
    )


@pytest.fixture(scope="session")
def mainnet_day_dearer(shared_data):
    """The same day of the 0.3 % pool."""
    folder = shared_data / "v3_usdc_weth_mainnet_20240105"
    return read_history(
        folder / "pool_8ad5_fee3000_raw_logs.csv.gz",
        initial_state=folder / "pool_8ad5_fee3000_initial_state.json",
        name="usdc-weth-day-dearer",
    )


@pytest.fixture(scope="session")
def mainnet_hour(mainnet_day):
    """The day's first events."""
    part = replace(mainnet_day, name="usdc-weth-hour", events=mainnet_day.events[:400])
    return replace(part, content_id=content_id(part))


@pytest.fixture
def store(tmp_path):
    """An empty store."""
    return Store(tmp_path / "store")
