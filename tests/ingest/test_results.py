"""Result files: whole or absent, also when damaged, killed, written twice or read meanwhile."""

from __future__ import annotations

import logging
import multiprocessing
import os
import time

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import StoreError
from ingest.store import Store

WORKERS = multiprocessing.get_context("forkserver")
WORKERS.set_forkserver_preload(["ingest.store"])  # each worker starts in milliseconds
TABLE = pa.table({"seq": [1, 2], "bought": [str((1 << 256) - 1), str(-(1 << 255))]})


def test_what_was_put_is_got(tmp_path):
    store = Store(tmp_path)
    assert store.get_result("key") is None
    store.put_result("key", {"orders": TABLE}, {"verdict": "no improvement", "n": 2})
    result = store.get_result("key")
    assert (result.key, result.document) == ("key", {"verdict": "no improvement", "n": 2})
    assert result.table("orders") == TABLE
    with pytest.raises(KeyError):
        result.table("fills")
    store.put_result("another", {}, {})
    assert [found.key for found in store.results()] == ["another", "key"]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-(1 << 255), (1 << 256) - 1), max_size=5))
def test_amounts_round_trip_through_result_tables_and_documents(tmp_path_factory, amounts):
    store = Store(tmp_path_factory.mktemp("results"))
    texts = [str(amount) for amount in amounts]
    store.put_result("key", {"t": pa.table({"amount": pa.array(texts, pa.string())})}, {"amounts": amounts})
    result = store.get_result("key")
    assert [int(text) for text in result.table("t")["amount"].to_pylist()] == amounts
    assert result.document["amounts"] == amounts


def test_a_sound_result_stays_when_it_is_put_again(tmp_path):
    store = Store(tmp_path)
    store.put_result("key", {}, {"run": 1})
    store.put_result("key", {}, {"run": 2})
    assert store.get_result("key").document == {"run": 1}


def damage_cut(folder):
    path = folder / "orders.parquet"
    path.write_bytes(path.read_bytes()[:-7])


def damage_flip(folder):
    path = folder / "document.json"
    path.write_bytes(path.read_bytes().replace(b"1", b"2"))


def damage_missing(folder):
    (folder / "orders.parquet").unlink()


def damage_manifest(folder):
    (folder / "manifest.json").write_text("[")


@pytest.mark.parametrize("damage", [damage_cut, damage_flip, damage_missing, damage_manifest])
def test_a_damaged_result_is_absent_and_said_and_can_be_put_anew(tmp_path, caplog, damage):
    store = Store(tmp_path)
    store.put_result("key", {"orders": TABLE}, {"run": 1})
    damage(tmp_path / "results" / "key")
    with caplog.at_level(logging.WARNING, "pactsmith.store"):
        assert store.get_result("key") is None
    assert "is damaged and is not used" in caplog.text
    assert list(store.results()) == []
    store.put_result("key", {"orders": TABLE}, {"run": 3})
    assert store.get_result("key").document == {"run": 3}
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["key"]


@pytest.mark.parametrize("key", ["", "../x", "a/b", ".hidden", "a b", "x" * 129])
def test_a_key_cannot_leave_the_folder(tmp_path, key):
    with pytest.raises(ValueError, match="key"):
        Store(tmp_path).put_result(key, {}, {})
    with pytest.raises(ValueError, match="key"):
        Store(tmp_path).get_result(key)


def put_for_ever(root, started):
    store = Store(root)
    for number in range(10**9):
        store.put_result(f"k{number}", {"orders": pa.concat_tables([TABLE] * 500)}, {"number": number})
        started.set()


def test_a_writer_killed_at_any_moment_leaves_only_whole_results(tmp_path, caplog):
    store = Store(tmp_path)
    for kill in range(6):
        started = WORKERS.Event()
        writer = WORKERS.Process(target=put_for_ever, args=(tmp_path, started), daemon=True)
        writer.start()
        assert started.wait(60)
        time.sleep(0.007 * kill)
        writer.kill()
        writer.join()
        found = list(store.results())
        assert found
        for result in found:
            assert result.document == {"number": int(result.key[1:])}
            assert result.table("orders").num_rows == 1000
    assert "damaged" not in caplog.text


def test_what_killed_writers_left_is_swept_after_a_day(tmp_path):
    store = Store(tmp_path)
    left = tmp_path / "results" / ".tmp-key-old"
    fresh = tmp_path / "results" / ".tmp-key-new"
    for folder in (left, fresh):
        folder.mkdir(parents=True)
    os.utime(left, (0, 0))
    store.put_result("key", {}, {})
    assert not left.exists()
    assert fresh.exists()


def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path):
    (tmp_path / "results").write_text("a file is in the way")
    with pytest.raises(StoreError, match="cannot be stored"):
        Store(tmp_path).put_result("key", {}, {})
