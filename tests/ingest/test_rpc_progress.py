"""The estimate of what is left of an ingest."""

from __future__ import annotations

import pytest

from ingest.rpc import progress
from ingest.rpc.progress import MIN_S, WINDOW_CHUNKS, Meter


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_the_rest_takes_as_long_as_the_speed_so_far_says(clock):
    meter = Meter(1000)
    for _ in range(10):
        clock[0] += 1
        told = meter.add(0, 10, 3, 2)
    assert (told.done_blocks, told.total_blocks, told.logs, told.transactions) == (100, 1000, 30, 20)
    assert told.elapsed_s == 10
    assert told.remaining_s == pytest.approx((90, 90))


def test_a_change_of_speed_widens_the_estimate(clock):
    meter = Meter(10_000)
    for _ in range(50):
        clock[0] += 0.1
        meter.add(0, 10, 0, 0)  # 100 blocks a second
    for _ in range(WINDOW_CHUNKS):
        clock[0] += 1
        told = meter.add(0, 10, 0, 0)  # 10 blocks a second
    left = 10_000 - 500 - 10 * WINDOW_CHUNKS
    assert told.remaining_s == pytest.approx((left * (5 + WINDOW_CHUNKS) / (500 + 10 * WINDOW_CHUNKS), left / 10))


def test_there_is_no_estimate_before_there_is_something_to_go_by(clock):
    meter = Meter(1000)
    clock[0] += MIN_S / 2
    assert meter.add(0, 10, 0, 0).remaining_s is None
    clock[0] += MIN_S
    assert meter.add(0, 10, 0, 0).remaining_s is not None


def test_when_all_is_done_nothing_is_left(clock):
    meter = Meter(10)
    clock[0] += 5
    assert meter.add(9, 10, 0, 0).remaining_s == (0, 0)
