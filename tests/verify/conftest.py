"""Histories to replay: small simulated ones, and the real day."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ingest.content import content_id
from ingest.files import read_history
from ingest.store import Store


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
