"""The chain store: nothing twice, nothing half, no mark without its rows, and everything as it was."""

from __future__ import annotations

import multiprocessing
import random
import signal
import time
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import chain_store
from ingest.chain_schema import MIGRATIONS, STORED_LOGS
from ingest.chain_store import DATABASE, ChainStore, Chunk, ForkedError, LogFilter, StoredBlock, missing
from ingest.chain_tables import BLOCKS, LOGS, TRANSACTIONS
from ingest.database import reading, writing
from ingest.errors import StoreError
from ingest.rpc.checks import forget, unseen, with_marks

CHAIN = 5
POOL, MANAGER, OTHER = b"\xaa" * 20, b"\xbb" * 20, b"\xcc" * 20
IDS = [bytes([n]) * 32 for n in (1, 2)]
EVENTS = [bytes([n]) * 32 for n in (11, 12)]
A_POOL = LogFilter("0x" + POOL.hex())
FIRST_ID = LogFilter("0x" + MANAGER.hex(), topic1="0x" + IDS[0].hex())
FIRST_EVENT = LogFilter("0x" + MANAGER.hex(), topic0=("0x" + EVENTS[0].hex(),))
WORKERS = multiprocessing.get_context("forkserver")
WORKERS.set_forkserver_preload(["ingest.chain_store"])
KILLS = 10


def hash_of(block: int, fork: str = "") -> bytes:
    return f"{fork}{block}".encode().rjust(32, b"\0")


def chunk(first: int, last: int, filters=(A_POOL,), fork: str = "", forked_from: int = -1, chain: int = CHAIN) -> Chunk:
    """Every block has a transaction with one log of the pool, four of the manager, and one of somebody else."""

    def own(block: int) -> bytes:
        return hash_of(block, fork if block > forked_from else "")

    logs, blocks, transactions = [], [], []
    for number in range(first, last + 1):
        place = {"block_number": number, "tx_hash": own(number)[::-1], "tx_index": 3}
        emitted = [(POOL, (EVENTS[0],)), *((MANAGER, (event, one)) for event in EVENTS for one in IDS), (OTHER, ())]
        for index, (address, topics) in enumerate(emitted):
            named = {f"topic{n}": topic for n, topic in enumerate(topics)}
            data = own(number).lstrip(b"\0") * index
            logs.append(
                place | named | {"log_index": index, "address": address, "data": data, "block_hash": own(number)}
            )
        blocks.append(
            {
                "block_number": number,
                "block_hash": own(number),
                "parent_hash": own(number - 1),
                "block_ts": 1000 + number,
                "base_fee_wei": None if number % 2 else str((1 << 256) - 1),
            }
        )
        transactions.append(
            place
            | {
                "sender": OTHER,
                "to_address": None if number % 3 else POOL,
                "value_wei": str((1 << 256) - 1 - number),
                "input": b"\0" * number,
                "succeeded": (True, False, None)[number % 3],
                "gas_used": 21000,
                "gas_price_wei": None if number % 5 == 0 else str(10**30),
            }
        )
    return Chunk(
        chain,
        tuple(filters),
        first,
        last,
        pa.Table.from_pylist(logs, STORED_LOGS),
        pa.Table.from_pylist(blocks, BLOCKS),
        pa.Table.from_pylist(transactions, TRANSACTIONS),
    )


def contents(store: ChainStore) -> dict[str, list]:
    with reading(store.database, steps=MIGRATIONS) as db:
        tables = ("log", "block", "transaction_of", "complete", "pool")
        return {table: db.execute(f"SELECT * FROM {table} ORDER BY ALL").fetchall() for table in tables}


def rows(tables) -> list[dict]:
    return [row for table in tables for row in table.to_pylist()]


def complete(store: ChainStore, one: LogFilter = A_POOL) -> tuple:
    return store.complete(CHAIN, [one])[one]


# ---------------------------------------------------------------- what comes out


def test_what_was_written_comes_out_as_it_was(tmp_path):
    store, written = ChainStore(tmp_path), chunk(0, 30)
    store.write(written)
    for page in (7, 1000):
        assert rows(store.blocks(CHAIN, 0, 99, page)) == written.blocks.to_pylist()
        assert rows(store.transactions(CHAIN, 0, 99, page)) == written.transactions.to_pylist()
        logs = rows(store.all_logs(CHAIN, 0, 99, page))
        told = [{name: row[name] for name in row if name != "block_hash"} for row in written.logs.to_pylist()]
        assert [{name: row[name] for name in row if name != "block_ts"} for row in logs] == told
        assert [row["block_ts"] for row in logs] == [1000 + row["block_number"] for row in logs]
    assert {table.schema for table in store.logs(CHAIN, [A_POOL], 0, 99, 7)} == {LOGS}
    assert {table.schema for table in store.blocks(CHAIN, 0, 99, 7)} == {BLOCKS}
    assert {table.schema for table in store.transactions(CHAIN, 0, 99, 7)} == {TRANSACTIONS}
    assert rows(store.blocks(CHAIN, 7, 9)) == written.blocks.to_pylist()[7:10]


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ([A_POOL], lambda row: row["address"] == POOL),
        ([FIRST_ID], lambda row: row["address"] == MANAGER and row["topic1"] == IDS[0]),
        ([FIRST_EVENT], lambda row: row["address"] == MANAGER and row["topic0"] == EVENTS[0]),
        ([A_POOL, FIRST_ID], lambda row: row["address"] == POOL or row["topic1"] == IDS[0]),
        ([], lambda _: False),
    ],
)
def test_a_filter_gives_its_own_logs_alone(tmp_path, filters, wanted):
    store = ChainStore(tmp_path)
    store.write(chunk(0, 9, (A_POOL, FIRST_ID, FIRST_EVENT)))
    told = [row for row in rows(store.all_logs(CHAIN, 0, 9)) if wanted(row)]
    assert rows(store.logs(CHAIN, filters, 0, 9, 3)) == told


def test_a_log_counts_for_a_filter_only_where_its_blocks_are_complete(tmp_path):
    store = ChainStore(tmp_path)
    store.write(chunk(0, 9, (A_POOL,)))
    store.write(chunk(4, 6, (FIRST_ID,)))
    assert {row["block_number"] for row in rows(store.logs(CHAIN, [FIRST_ID], 0, 9))} == {4, 5, 6}
    assert {row["block_number"] for row in rows(store.logs(CHAIN, [A_POOL], 0, 9))} == set(range(10))
    assert rows(store.logs(CHAIN, [FIRST_EVENT], 0, 9)) == []


def test_chains_are_kept_apart(tmp_path):
    store = ChainStore(tmp_path)
    store.write(chunk(0, 9))
    store.write(chunk(0, 5, fork="x", chain=CHAIN + 1))
    assert len(rows(store.blocks(CHAIN, 0, 9))) == 10
    assert len(rows(store.logs(CHAIN + 1, [A_POOL], 0, 9))) == 6
    store.drop_above(CHAIN + 1, -1)
    assert len(rows(store.logs(CHAIN, [A_POOL], 0, 9))) == 10
    assert rows(store.blocks(CHAIN + 1, 0, 9)) == []


def test_a_store_that_does_not_exist_is_empty(tmp_path):
    store = ChainStore(tmp_path / "none")
    assert rows(store.logs(CHAIN, [A_POOL], 0, 9)) == rows(store.blocks(CHAIN, 0, 9)) == []
    assert complete(store) == ()
    assert store.newest(CHAIN, 9) is None
    assert store.kept_pool(CHAIN, "x") is None
    store.forget(CHAIN, [A_POOL], 0, 9)
    assert not store.database.exists()


# ---------------------------------------------------------------- once, whole, on one chain


def test_the_same_again_changes_nothing(tmp_path):
    store = ChainStore(tmp_path)
    store.write(chunk(0, 20))
    before = contents(store)
    for first, last in ((0, 20), (5, 7), (0, 0), (20, 20)):
        store.write(chunk(first, last))
        assert contents(store) == before


def test_chunks_in_any_order_and_overlap_make_the_same_store(tmp_path):
    whole, parts = ChainStore(tmp_path / "whole"), ChainStore(tmp_path / "parts")
    whole.write(chunk(0, 40))
    for first, last in ((30, 35), (0, 10), (5, 20), (36, 40), (21, 29)):
        parts.write(chunk(first, last))
    assert contents(parts) == contents(whole)


@pytest.mark.parametrize(("first", "last"), [(5, 8), (11, 12), (10, 12), (0, 4), (3, 6)])
def test_blocks_of_another_chain_than_the_stored_ones_beside_them_are_refused(tmp_path, first, last):
    store = ChainStore(tmp_path)
    store.write(chunk(5, 10))
    before = contents(store)
    with pytest.raises(ForkedError):
        store.write(chunk(first, last, fork="x"))
    assert contents(store) == before


def test_a_log_that_contradicts_the_stored_one_is_refused(tmp_path):
    store, other = ChainStore(tmp_path), chunk(5, 7)
    store.write(chunk(5, 7))
    before = contents(store)
    changed = other.logs.to_pylist()
    changed[8]["topic0"] = None
    logs = pa.Table.from_pylist(changed, STORED_LOGS)
    with pytest.raises(StoreError, match="in block 6 another log is stored at the same place"):
        store.write(Chunk(CHAIN, (A_POOL,), 5, 7, logs, other.blocks, other.transactions))
    assert contents(store) == before


def test_what_is_above_a_block_is_dropped_and_may_be_written_anew(tmp_path):
    store, fresh = ChainStore(tmp_path / "old"), ChainStore(tmp_path / "new")
    store.write(chunk(0, 20, (A_POOL, FIRST_ID)))
    store.write(chunk(18, 30, (FIRST_EVENT,)))
    store.keep_pool(CHAIN, "old", 3, "{}")
    store.keep_pool(CHAIN, "young", 16, "{}")
    assert store.drop_above(CHAIN, 15) == 15
    assert (complete(store), complete(store, FIRST_EVENT)) == (((0, 15),), ())
    assert store.newest(CHAIN, 99) == StoredBlock(15, hash_of(15))
    assert (store.kept_pool(CHAIN, "old"), store.kept_pool(CHAIN, "young")) == ("{}", None)
    for one in (store, fresh):
        one.write(chunk(0, 20, (A_POOL,), fork="x", forked_from=15))
    assert rows(store.all_logs(CHAIN, 0, 99)) == rows(fresh.all_logs(CHAIN, 0, 99))
    assert rows(store.transactions(CHAIN, 0, 99)) == rows(fresh.transactions(CHAIN, 0, 99))


def test_blocks_are_found_by_number(tmp_path):
    store = ChainStore(tmp_path)
    store.write(chunk(3, 9))
    assert store.hashes(CHAIN, 5, 7) == [StoredBlock(n, hash_of(n)) for n in (5, 6, 7)]
    assert store.newest(CHAIN, 6) == StoredBlock(6, hash_of(6))
    assert store.newest(CHAIN, 2) is None


def test_what_is_known_of_a_pool_is_replaced_by_what_is_known_later(tmp_path):
    store = ChainStore(tmp_path)
    store.keep_pool(CHAIN, "0xab", None, "first")
    store.keep_pool(CHAIN, "0xab", 7, "second")
    store.keep_pool(CHAIN + 1, "0xab", 7, "elsewhere")
    assert (store.kept_pool(CHAIN, "0xab"), store.kept_pool(CHAIN + 1, "0xab")) == ("second", "elsewhere")


def test_what_the_user_told_of_contracts_is_kept_for_their_chain(tmp_path):
    store = ChainStore(tmp_path)
    store.keep_roles(CHAIN, {"0xab": "v2", "0xcd": "v3"})
    store.keep_roles(CHAIN, {"0xab": "v3-02"})
    store.keep_roles(CHAIN + 1, {"0xef": "v2"})
    assert store.kept_roles(CHAIN) == {"0xcd": "v3", "0xab": "v3-02"}
    assert store.kept_roles(CHAIN + 1) == {"0xef": "v2"}


def test_a_store_of_the_first_version_is_taken_over(tmp_path):
    with writing(tmp_path / DATABASE, steps=MIGRATIONS[:1]):
        pass
    store = ChainStore(tmp_path)
    assert store.kept_roles(CHAIN) == {}
    store.keep_roles(CHAIN, {"0xab": "v2"})
    assert store.kept_roles(CHAIN) == {"0xab": "v2"}


def test_marks_of_what_was_looked_at_too_little_are_taken_back(tmp_path):
    """An earlier version gave them where headers did not tell what is in their blocks."""
    key = A_POOL.key
    with writing(tmp_path / DATABASE, steps=MIGRATIONS[:2]) as connection:
        for mark in (key, f"{key}/headers", f"{key}/receipts"):
            connection.execute("INSERT INTO complete VALUES (?, ?, 3, 9)", [CHAIN, mark])
    store, marks = ChainStore(tmp_path), with_marks(A_POOL, "receipts")
    assert list(store.complete(CHAIN, marks).values()) == [((3, 9),), (), ()]


@pytest.mark.parametrize("one", [A_POOL, FIRST_ID, FIRST_EVENT])
def test_what_is_looked_at_is_marked_beside_the_filter_and_forgotten_with_it(tmp_path, one):
    store, marks = ChainStore(tmp_path), with_marks(one, "receipts")
    assert [mark.key for mark in marks] == [one.key, f"{one.key}/headers", f"{one.key}/receipts"]
    store.write(chunk(1, 9, filters=marks))
    assert unseen(store, CHAIN, one, (1, 9), "checked") == ""
    assert "not all receipts were read" not in unseen(store, CHAIN, one, (0, 9), "checked")
    assert "do not tell" in unseen(store, CHAIN, one, (0, 9), "unusable")
    forget(store, CHAIN, one, (4, 5))
    assert set(store.complete(CHAIN, marks).values()) == {((1, 3), (6, 9))}
    assert "was not asked for every block's header" in unseen(store, CHAIN, one, (1, 9), "checked")


def test_filters_that_ask_for_different_logs_are_marked_apart():
    filters = [A_POOL, FIRST_ID, FIRST_EVENT, LogFilter(FIRST_ID.address, FIRST_EVENT.topic0, FIRST_ID.topic1)]
    assert len({one.key for one in filters}) == 4
    assert LogFilter("0x1", ("0xa", "0xb")).key == LogFilter("0x1", ("0xb", "0xa")).key


# ---------------------------------------------------------------- marks

MOST = 24
RANGES = st.tuples(st.integers(0, MOST), st.integers(0, MOST)).map(lambda pair: (min(pair), max(pair)))
STEPS = st.lists(
    st.tuples(st.sampled_from(["write", "forget", "drop"]), st.sampled_from(["a", "b", "ab"]), RANGES), max_size=8
)


@settings(max_examples=10, deadline=None)
@given(STEPS)
def test_marks_are_the_set_of_blocks_that_they_should_be(tmp_path_factory, steps):
    """Whatever is written, forgotten and dropped: the marks are disjoint, apart, and cover just these blocks."""
    store = ChainStore(tmp_path_factory.mktemp("marks"))
    known = {"a": A_POOL, "b": FIRST_ID}
    model: dict[str, set[int]] = {"a": set(), "b": set()}
    for action, names, (first, last) in steps:
        filters = [known[name] for name in names]
        if action == "write":
            store.write(chunk(first, last, filters))
        elif action == "forget":
            store.forget(CHAIN, filters, first, last)
        else:
            store.write(chunk(first, first, ()))
            store.drop_above(CHAIN, first)
        span = set(range(first, last + 1))
        for name, blocks in model.items():
            if action == "drop":
                blocks -= set(range(first + 1, MOST + 1))
            elif name in names:
                blocks.symmetric_difference_update(span - blocks if action == "write" else span & blocks)
    for name, blocks in model.items():
        ranges = complete(store, known[name])
        assert [block for first, last in ranges for block in range(first, last + 1)] == sorted(blocks)
        assert all(first[1] + 1 < second[0] for first, second in pairwise(ranges))
        holes = missing(ranges, 3, 20)
        assert [block for first, last in holes for block in range(first, last + 1)] == sorted(
            set(range(3, 21)) - blocks
        )
        assert {row["block_number"] for row in rows(store.logs(CHAIN, [known[name]], 0, MOST))} == blocks


# ---------------------------------------------------------------- kills


def write_until_killed(root, started) -> None:
    store = ChainStore(root)
    for first in range(store_end(store), 10**6, 10):
        store.write(chunk(first, first + 9, (A_POOL, FIRST_ID)))
        started.set()


def store_end(store: ChainStore) -> int:
    ranges = complete(store)
    return ranges[-1][1] + 1 if ranges else 0


def test_a_writer_killed_at_any_moment_leaves_whole_chunks(tmp_path):
    store, rng, ends = ChainStore(tmp_path), random.Random(3), [0]
    for _ in range(KILLS):
        started = WORKERS.Event()
        worker = WORKERS.Process(target=write_until_killed, args=(tmp_path, started))
        worker.start()
        assert started.wait(20)
        time.sleep(rng.uniform(0, 0.08))
        worker.kill()
        worker.join()
        assert worker.exitcode == -signal.SIGKILL
        assert complete(store) == complete(store, FIRST_ID) == ((0, store_end(store) - 1),)
        assert store_end(store) % 10 == 0
        ends.append(store_end(store))
    assert len(set(ends)) == KILLS + 1
    whole = ChainStore(tmp_path / "whole")
    whole.write(chunk(0, ends[-1] - 1, (A_POOL, FIRST_ID)))
    assert contents(store) == contents(whole)


def test_a_store_of_a_newer_version_is_refused(tmp_path, monkeypatch):
    store = ChainStore(tmp_path)
    store.write(chunk(0, 3))
    monkeypatch.setattr(chain_store, "MIGRATIONS", ())
    with pytest.raises(StoreError, match="written by a newer Pactsmith"):
        store.complete(CHAIN, [A_POOL])
