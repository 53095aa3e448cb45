"""The store when things go wrong in the middle: kill -9, a full disk, readers beside a writer."""

from __future__ import annotations

import multiprocessing
import resource
import signal
import threading
import time
from dataclasses import replace

import pytest

from ingest.content import content_id
from ingest.errors import StoreError
from ingest.store import Store

WORKERS = multiprocessing.get_context("forkserver")
WORKERS.set_forkserver_preload(["ingest.store"])  # each worker starts in milliseconds
KILLS = 10


def big_history(build, name: str, first_amount: int, events: int = 2000):
    swaps = [build.make_swap(seq, block=100 + seq, amount0=first_amount + seq) for seq in range(events)]
    return build.make_history(swaps, name=name)


def write_for_ever(root, histories, started) -> None:
    """Replaces one history by the other and back, until killed."""
    store = Store(root)
    while True:
        for history in histories:
            store.write_history(history, replace=True)
            started.set()


def test_a_writer_killed_at_any_moment_leaves_one_whole_history(build, tmp_path):
    store = Store(tmp_path)
    kept = big_history(build, "kept", 10**6)
    versions = [big_history(build, "changing", 1), big_history(build, "changing", 10**20)]
    store.write_history(kept)
    store.write_history(versions[0])
    seen = set()
    for kill in range(KILLS):
        started = WORKERS.Event()
        writer = WORKERS.Process(target=write_for_ever, args=(tmp_path, versions, started), daemon=True)
        writer.start()
        assert started.wait(60)
        time.sleep(0.01 * kill)
        writer.kill()
        writer.join()
        assert writer.exitcode == -signal.SIGKILL
        loaded = store.load_history("changing")
        assert loaded in versions
        seen.add(loaded.content_id)
        assert store.load_history("kept") == kept
    assert store.write_history(versions[1], replace=True) in ("replaced", "already stored")
    assert store.load_history("changing") == versions[1]


def write_with_little_disk(root, history, limit_bytes, told) -> None:
    """Files of this process cannot grow beyond the limit, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
    try:
        Store(root).write_history(history)
        told.put("written")
    except StoreError:
        told.put("refused")


@pytest.mark.parametrize("share", [0.05, 0.5, 1.0])
def test_a_full_disk_is_said_and_loses_nothing(build, tmp_path, share):
    store, kept = Store(tmp_path), big_history(build, "kept", 1)
    store.write_history(kept)
    more = big_history(build, "more", 10**30, events=12_000)
    limit = int(store.database.stat().st_size * share) + 1
    told = WORKERS.Queue()
    writer = WORKERS.Process(target=write_with_little_disk, args=(tmp_path, more, limit, told))
    writer.start()
    assert told.get(timeout=60) == "refused"
    writer.join()
    assert [summary.name for summary in store.list_histories()] == ["kept"]
    assert store.load_history("kept") == kept
    assert store.write_history(more) == "stored"


def test_a_store_made_on_a_full_disk_does_not_exist(build, tmp_path):
    told = WORKERS.Queue()
    writer = WORKERS.Process(target=write_with_little_disk, args=(tmp_path, big_history(build, "x", 1), 100, told))
    writer.start()
    assert told.get(timeout=60) == "refused"
    writer.join()
    assert Store(tmp_path).list_histories() == ()
    assert list(tmp_path.iterdir()) == []


def write_until(root, histories, stop, told) -> None:
    store = Store(root)
    written = 0
    try:
        while not stop.is_set():
            store.write_history(histories[written % 2], replace=True)
            written += 1
        told.put(("writer", written, None))
    except BaseException as error:  # noqa: BLE001 - whatever it is, the test shows it
        told.put(("writer", written, repr(error)))


def read_until(root, ids, stop, told) -> None:
    store = Store(root)
    read = 0
    try:
        while not stop.is_set():
            history = store.load_history("changing")
            if history.content_id not in ids or content_id(history) != history.content_id:
                raise AssertionError("a mixture of two histories was read")
            store.list_histories()
            read += 1
        told.put(("reader", read, None))
    except BaseException as error:  # noqa: BLE001 - whatever it is, the test shows it
        told.put(("reader", read, repr(error)))


def test_one_writer_and_two_readers_meet_no_error(build, tmp_path):
    versions = [big_history(build, "changing", 1), big_history(build, "changing", 10**20)]
    Store(tmp_path).write_history(versions[0])
    stop, told = WORKERS.Event(), WORKERS.Queue()
    ids = {version.content_id for version in versions}
    workers = [WORKERS.Process(target=write_until, args=(tmp_path, versions, stop, told))]
    workers += [WORKERS.Process(target=read_until, args=(tmp_path, ids, stop, told)) for _ in range(2)]
    for worker in workers:
        worker.start()
    time.sleep(3)
    stop.set()
    outcomes = [told.get(timeout=100) for _ in workers]
    for worker in workers:
        worker.join()
    assert [error for _, _, error in outcomes] == [None] * 3, outcomes
    assert all(count > 0 for _, count, _ in outcomes), outcomes


def test_threads_of_one_process_read_and_write_too(build, tmp_path):
    store = Store(tmp_path)
    base = build.make_history([build.make_swap(seq) for seq in range(20)])
    store.write_history(base)
    errors: list[BaseException] = []

    def act(number: int) -> None:
        try:
            for turn in range(5):
                if number % 2:
                    store.write_history(replace(base, name=f"t{number}-{turn}"))
                else:
                    assert store.load_history("test") == base
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test shows it
            errors.append(error)

    threads = [threading.Thread(target=act, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(store.list_histories()) == 11
