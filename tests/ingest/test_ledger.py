"""The held-out ledger: everything ever tried on overlapping blocks of a market counts, once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ingest.content import content_id
from ingest.ledger import ledger_add, ledger_rows
from ingest.records import Label
from ingest.store import Store


@pytest.fixture
def history(build):
    return build.make_history([build.make_swap(0)])


def test_adding_the_same_again_changes_nothing(tmp_path, history):
    store = Store(tmp_path)
    assert ledger_rows(store, history, 0, 10**9) == 0
    for _ in range(2):
        ledger_add(store, history, 100, 200, [("a", 1), ("a", 5), ("b", 1), ("a", 1)])
    assert ledger_rows(store, history, 100, 200) == 3
    ledger_add(store, history, 100, 200, [])
    assert ledger_rows(store, history, 100, 200) == 3


def test_overlapping_ranges_count_together_and_a_pair_counts_once(tmp_path, history):
    store = Store(tmp_path)
    ledger_add(store, history, 100, 200, [("a", 1), ("b", 1)])
    ledger_add(store, history, 150, 250, [("a", 1), ("c", 1)])
    ledger_add(store, history, 300, 400, [("d", 1)])
    assert ledger_rows(store, history, 180, 190) == 3
    assert ledger_rows(store, history, 100, 149) == 2
    assert ledger_rows(store, history, 200, 300) == 4
    assert ledger_rows(store, history, 251, 299) == 0
    assert ledger_rows(store, history, 1, 10**80) == 4


def test_reading_the_same_blocks_with_other_labels_does_not_wipe_the_slate(tmp_path, history):
    store = Store(tmp_path)
    ledger_add(store, history, 100, 200, [("a", 1)])
    relabelled = replace(history, labels={0: Label("user", "r")})
    relabelled = replace(relabelled, content_id=content_id(relabelled))
    assert relabelled.content_id != history.content_id
    assert ledger_rows(store, relabelled, 100, 200) == 1


def test_other_pools_and_other_simulated_markets_do_not_count(tmp_path, build, history):
    store = Store(tmp_path)
    ledger_add(store, history, 100, 200, [("a", 1)])
    pool = replace(history.pool, chain_id=10)
    other = build.make_history(history.events, initial_state=build.make_state(pool=pool))
    assert ledger_rows(store, other, 100, 200) == 0
    one, two = (build.make_history([build.make_swap(0, amount0=amount)], source="simulated") for amount in (5, 6))
    ledger_add(store, one, 100, 200, [("a", 1)])
    assert (ledger_rows(store, one, 100, 200), ledger_rows(store, two, 100, 200)) == (1, 0)


def test_an_empty_range_is_refused(tmp_path, history):
    with pytest.raises(ValueError, match="is empty"):
        ledger_add(Store(tmp_path), history, 5, 4, [("a", 1)])
