"""From a real node into the chain store: all of it, whatever goes wrong on the way."""

from __future__ import annotations

import multiprocessing
import random
import re
import signal
import time
from collections import Counter

import pytest
from faulty_proxy import FaultyProxy
from rpc_faults import LOUD, SILENT, Faults
from rpc_provider import Provider
from rpc_world.anvil import CHAIN_ID, Anvil
from rpc_world.deploy import deploy
from rpc_world.traffic import played
from scripted_node import ScriptedNode, result

from ingest.chain_schema import MIGRATIONS
from ingest.chain_store import ChainStore, LogFilter
from ingest.database import reading
from ingest.errors import InputError
from ingest.rpc import chunks
from ingest.rpc import fetch as fetching
from ingest.rpc.errors import BudgetError, ReorgError, UnavailableError
from ingest.rpc.fetch import Request, fetch
from ingest.rpc.node import Node
from ingest.rpc.queries import cow_filter, pool_filter, v4_filter

BLOCKS = 30
KILLS = 8
WORKERS = multiprocessing.get_context("forkserver")
WORKERS.set_forkserver_preload(["ingest.rpc.fetch"])


@pytest.fixture(scope="module")
def traffic():
    with Anvil() as chain:
        yield played(chain, blocks=BLOCKS)


@pytest.fixture(scope="module")
def world(traffic):
    return traffic.world


@pytest.fixture(scope="module")
def filters(world) -> tuple[LogFilter, ...]:
    pools = [
        v4_filter(one.address, one.pool_id) if one.pool_id else pool_filter(one.address)
        for one in world.venues.values()
    ]
    return (*pools, cow_filter(world.contracts["cow"].address))


@pytest.fixture(scope="module")
def whole(world, filters, tmp_path_factory):
    """What a store holds after an ingest without any trouble."""
    store = ChainStore(tmp_path_factory.mktemp("whole"))
    run(world.chain.url, store, filters)
    return contents(store)


def node_at(url: str, **changes) -> Node:
    spread = random.Random(1)
    return Node(url, **({"generator": spread, "backoff_s": 0.001, "timeout_s": 10.0} | changes))


def request(filters, **changes) -> Request:
    values = {"first_block": 0, "last_block": None, "follow_blocks": 0, "checks": "headers"}
    return Request(tuple(filters), **(values | changes))


def run(url: str, store: ChainStore, filters, progress=lambda _: None, node=None, **changes):
    with node_at(url, **(node or {})) as asked:
        return fetch(asked, store, request(filters, **changes), progress)


def contents(store: ChainStore) -> dict[str, list]:
    with reading(store.database, steps=MIGRATIONS) as db:
        tables = ("log", "transaction_of", "complete", "block")
        return {table: db.execute(f"SELECT * FROM {table} ORDER BY ALL").fetchall() for table in tables}


def raw(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text[2:])


def logs_of(world, one: LogFilter, **bounds):
    """What truly happened and a filter asks for."""
    logs = world.truth.logs(one.address, None, one.topic1, **bounds)
    return [log for log in logs if not one.topic0 or log.topics[0] in one.topic0]


# ---------------------------------------------------------------- what arrives


def test_every_log_of_every_filter_arrives_as_it_happened(world, filters, tmp_path):
    store = ChainStore(tmp_path)
    fetched = run(world.chain.url, store, filters)
    assert (fetched.head, fetched.last_block, fetched.blocks) == (world.head, world.head, world.head + 1)
    for one in filters:
        rows = [row for table in store.logs(CHAIN_ID, [one], 0, world.head, rows=37) for row in table.to_pylist()]
        assert rows == [
            {
                "block_number": log.block_number,
                "block_ts": log.block_ts,
                "tx_hash": raw(log.tx_hash),
                "tx_index": log.tx_index,
                "log_index": log.log_index,
                "address": raw(log.address),
                **{f"topic{n}": raw(log.topics[n]) if n < len(log.topics) else None for n in range(4)},
                "data": raw(log.data),
            }
            for log in logs_of(world, one)
        ]
        assert rows, one


def test_the_transactions_concerned_arrive_with_their_receipts_and_all_their_logs(world, filters, tmp_path):
    store = ChainStore(tmp_path)
    run(world.chain.url, store, filters)
    concerned = {log.tx_hash for one in filters for log in logs_of(world, one)}
    wanted = [tx for block in world.truth.blocks for tx in block.transactions if tx.hash in concerned]
    rows = [row for table in store.transactions(CHAIN_ID, 0, world.head) for row in table.to_pylist()]
    assert [row["tx_hash"] for row in rows] == [raw(tx.hash) for tx in wanted]
    for row, tx in zip(rows, wanted, strict=True):
        assert (row["sender"], row["to_address"], row["input"]) == (raw(tx.sender), raw(tx.to), raw(tx.data))
        assert (row["succeeded"], row["gas_used"]) == (True, tx.gas_used)
        assert (row["value_wei"], row["gas_price_wei"]) == (str(tx.value_wei), str(tx.gas_price_wei))
    places = [(log.block_number, log.log_index) for tx in wanted for log in tx.logs]
    kept = [row for table in store.all_logs(CHAIN_ID, 0, world.head) for row in table.to_pylist()]
    assert [(row["block_number"], row["log_index"]) for row in kept] == sorted(places)


def test_every_header_is_kept_where_every_header_is_checked(world, filters, tmp_path):
    store = ChainStore(tmp_path)
    run(world.chain.url, store, filters)
    rows = [row for table in store.blocks(CHAIN_ID, 0, world.head, rows=11) for row in table.to_pylist()]
    told = [(block.number, raw(block.hash), raw(block.parent_hash), block.ts) for block in world.truth.blocks]
    assert [tuple(row.values())[:4] for row in rows] == told
    assert [row["base_fee_wei"] for row in rows] == [str(block.base_fee_wei) for block in world.truth.blocks]


@pytest.mark.parametrize("checks", ["events", "headers", "receipts"])
def test_each_way_of_checking_gives_the_same_events(world, filters, whole, tmp_path, checks):
    store = ChainStore(tmp_path)
    fetched = run(world.chain.url, store, filters, checks=checks, reorg_depth_blocks=5)
    got = contents(store)
    assert got | {"block": None} == whole | {"block": None}
    assert set(got["block"]) <= set(whole["block"])
    assert fetched.blooms == ("not checked" if checks == "events" else "checked")


# ---------------------------------------------------------------- a second time, and a bit at a time


def test_the_same_range_again_asks_for_no_logs_and_changes_nothing(world, filters, whole, tmp_path):
    store = ChainStore(tmp_path)
    with FaultyProxy(world.chain.url) as proxy:
        run(proxy.url, store, filters)
        proxy.methods.clear()
        again = run(proxy.url, store, filters)
        assert set(proxy.methods) == {"eth_chainId", "eth_blockNumber", "eth_getBlockByNumber"}
        assert sum(proxy.methods.values()) <= 4
    assert (again.blocks, again.logs) == (0, 0)
    assert contents(store) == whole


def test_what_was_forgotten_is_fetched_again_and_changes_nothing(world, filters, whole, tmp_path):
    store = ChainStore(tmp_path)
    run(world.chain.url, store, filters)
    store.forget(CHAIN_ID, filters[:3], 20, 30)
    assert run(world.chain.url, store, filters).blocks == 11
    assert contents(store) == whole


def test_since_the_last_time_goes_on_at_the_head_and_closes_gaps(world, filters, whole, tmp_path):
    store = ChainStore(tmp_path)
    run(world.chain.url, store, filters, first_block=0, last_block=40)
    store.forget(CHAIN_ID, filters[:1], 10, 12)
    fetched = run(world.chain.url, store, filters, first_block=None)
    assert fetched.blocks == 3 + world.head - 40
    assert contents(store) == whole


def test_filters_with_different_gaps_are_each_completed(world, filters, whole, tmp_path):
    store = ChainStore(tmp_path)
    for place, one in enumerate(filters):
        run(world.chain.url, store, [one], first_block=3 * place, last_block=3 * place + 25)
    run(world.chain.url, store, filters)
    assert contents(store) == whole


def test_it_stays_behind_the_head_as_far_as_asked(world, filters, tmp_path):
    store = ChainStore(tmp_path)
    assert run(world.chain.url, store, filters, follow_blocks=7).last_block == world.head - 7
    assert store.complete(CHAIN_ID, filters)[filters[0]] == ((0, world.head - 7),)


def test_nothing_to_go_on_from_and_blocks_to_come_are_said(world, filters, tmp_path):
    store = ChainStore(tmp_path)
    with pytest.raises(InputError, match=r"nothing of .* is stored yet"):
        run(world.chain.url, store, filters, first_block=None)
    with pytest.raises(InputError, match=f"newest block is {world.head}"):
        run(world.chain.url, store, filters, last_block=world.head + 1)
    with pytest.raises(InputError, match="beyond the last block"):
        run(world.chain.url, store, filters, first_block=world.head, follow_blocks=1)
    assert not store.database.exists()


def test_progress_counts_up_to_the_whole(world, filters, tmp_path):
    told = []
    with FaultyProxy(world.chain.url, provider=Provider(max_blocks=10)) as proxy:
        run(proxy.url, ChainStore(tmp_path), filters, told.append)
    assert len(told) == 8
    assert [one.done_blocks for one in told] == sorted(one.done_blocks for one in told)
    assert [one.last_block for one in told] == sorted(one.last_block for one in told)
    assert told[-1].done_blocks == told[-1].total_blocks == world.head + 1


# ---------------------------------------------------------------- what nodes allow


@pytest.mark.parametrize("words", ["alchemy", "quicknode", "ankr", "tenderly"])
def test_ranges_that_are_too_wide_become_smaller(world, filters, whole, tmp_path, words):
    store = ChainStore(tmp_path)
    with FaultyProxy(world.chain.url, provider=Provider(max_blocks=12, too_wide=words)) as proxy:
        run(proxy.url, store, filters)
        widths = [last - first + 1 for first, last in proxy.ranges]
        assert max(widths) <= 12
        assert proxy.methods["eth_getLogs"] <= 5 * len(proxy.ranges)
    assert contents(store) == whole


@pytest.mark.parametrize("words", ["infura", "alchemy timeout", "base"])
def test_answers_that_are_too_large_come_in_parts(world, filters, whole, tmp_path, words):
    store = ChainStore(tmp_path)
    with FaultyProxy(world.chain.url, provider=Provider(max_results=25, too_many=words)) as proxy:
        run(proxy.url, store, filters)
    assert contents(store) == whole


@pytest.mark.parametrize("missing", [(), ("eth_getBlockReceipts",)])
def test_a_block_with_too_many_logs_is_read_from_its_receipts(world, filters, whole, tmp_path, missing):
    store = ChainStore(tmp_path)
    with FaultyProxy(world.chain.url, provider=Provider(max_results=2, missing_methods=frozenset(missing))) as proxy:
        run(proxy.url, store, filters)
        assert proxy.methods["eth_getBlockReceipts"] > 0
    assert contents(store) == whole


@pytest.mark.parametrize("most", [0, 7])
def test_nodes_that_take_no_or_small_batches_are_asked_in_smaller_ones(world, filters, whole, tmp_path, most):
    store = ChainStore(tmp_path)
    with FaultyProxy(world.chain.url, provider=Provider(max_batch=most)) as proxy:
        run(proxy.url, store, filters)
    assert contents(store) == whole


def test_no_more_requests_than_allowed_are_open_at_once(world, filters, tmp_path):
    with FaultyProxy(world.chain.url, provider=Provider(max_blocks=5)) as proxy:
        run(proxy.url, ChainStore(tmp_path), filters, node={"connections": 3})
        assert 1 < proxy.peak <= 3


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("kind", [kind for kind in LOUD if kind not in ("stall", "huge", "http_429_retry_after")])
def test_any_loud_fault_costs_time_and_nothing_else(world, filters, whole, tmp_path, kind):
    store = ChainStore(tmp_path)
    faults = Faults(seed=1, rates={kind: 0.3})
    with FaultyProxy(world.chain.url, faults, Provider(max_blocks=30)) as proxy:
        run(proxy.url, store, filters)
        assert proxy.counts()[kind] > 3
    assert contents(store) == whole


def test_a_stalled_answer_is_given_up_in_time(world, filters, whole, tmp_path):
    store = ChainStore(tmp_path)
    faults = Faults(once_at={4: "stall", 9: "stall"}, stall_s=30.0)
    started = time.monotonic()
    with FaultyProxy(world.chain.url, faults) as proxy:
        run(proxy.url, store, filters, node={"timeout_s": 0.5})
        assert proxy.counts()["stall"] == 2
    assert time.monotonic() - started < 10
    assert contents(store) == whole


def test_a_node_that_says_when_to_come_again_is_left_in_peace(world, filters, whole, tmp_path):
    store = ChainStore(tmp_path)
    faults = Faults(once_at={3: "http_429_retry_after"}, retry_after_s=1)
    started = time.monotonic()
    with FaultyProxy(world.chain.url, faults) as proxy:
        run(proxy.url, store, filters)
    assert time.monotonic() - started >= 1
    assert contents(store) == whole


@pytest.mark.parametrize("kind", [*SILENT, "duplicate_logs", "null_result", "stale_head"])
@pytest.mark.parametrize("seed", [1, 2])
def test_silent_truncation_is_found_and_made_good(world, filters, whole, tmp_path, kind, seed):
    store = ChainStore(tmp_path)
    faults = Faults(seed=seed, rates={kind: 0.5}, most_per_request=1, stale_blocks=0)
    with FaultyProxy(world.chain.url, faults, Provider(max_blocks=15)) as proxy:
        fetched = run(proxy.url, store, filters, checks="receipts")
        assert proxy.counts()[kind] > 0
        lost = {block for block, _ in proxy.lost()}
    assert contents(store) == whole
    noticed = {block for one in fetched.truncations for block in range(one.first_block, one.last_block + 1)}
    assert lost <= noticed or kind not in SILENT


@pytest.mark.parametrize("checks", ["headers", "receipts"])
def test_a_node_that_always_cuts_its_answers_is_found_out(world, filters, whole, tmp_path, checks):
    store = ChainStore(tmp_path)
    with FaultyProxy(world.chain.url, provider=Provider(silent_results=60)) as proxy:
        fetched = run(proxy.url, store, filters, checks=checks)
        assert proxy.lost()
    assert contents(store) == whole
    assert fetched.truncations


@pytest.mark.parametrize("checks", ["events", "headers"])
def test_a_cut_through_the_last_block_is_found_out(world, filters, tmp_path, checks):
    one = max(filters, key=lambda one: len(two_transactions_in_a_block(world, one)))
    block = two_transactions_in_a_block(world, one)[-1]
    before, wanted = logs_of(world, one, last=block - 1), logs_of(world, one, first=block, last=block)
    shown = len(before) + sum(log.tx_hash == wanted[0].tx_hash for log in wanted)
    assert shown >= len(wanted), "asked for by itself, the block is not cut"
    store = ChainStore(tmp_path)
    with FaultyProxy(world.chain.url, provider=Provider(silent_results=shown)) as proxy:
        fetched = run(proxy.url, store, [one], last_block=block, checks=checks)
    rows = sum(table.num_rows for table in store.logs(CHAIN_ID, [one], 0, block))
    assert rows == len(before) + len(wanted)
    assert {number for cut in fetched.truncations for number in cut.blocks} == {block}


def two_transactions_in_a_block(world, one: LogFilter) -> list[int]:
    """The blocks in which two transactions have logs that a filter asks for."""
    pairs = {(log.block_number, log.tx_hash) for log in logs_of(world, one)}
    return sorted(block for block, count in Counter(block for block, _ in pairs).items() if count > 1)


def test_a_time_budget_ends_it_and_running_again_goes_on(world, filters, whole, tmp_path):
    store = ChainStore(tmp_path)
    said = []
    with FaultyProxy(world.chain.url, Faults(rates={"http_503": 0.2}), Provider(max_blocks=4)) as proxy:
        for _ in range(60):
            try:
                run(proxy.url, store, filters, node={"budget_s": 0.4, "connections": 1})
                break
            except BudgetError as error:
                said.append(str(error))
    assert all("the time budget of 0.4 s is used up" in one for one in said)
    assert any(re.search(r"\d+ of \d+ blocks were stored; running again goes on from there", one) for one in said)
    assert contents(store) == whole


def test_a_node_that_is_gone_is_said_with_what_was_stored(world, filters, tmp_path):
    store = ChainStore(tmp_path)
    gone = Faults(rates={"close": 1.0}, most=10**9, most_per_request=10**9)
    with FaultyProxy(world.chain.url, provider=Provider(max_blocks=5)) as proxy:

        def close(progress) -> None:
            if progress.done_blocks > 20 and proxy.faults is not gone:
                proxy.faults = gone

        with pytest.raises(UnavailableError, match=r"\d+ of \d+ blocks were stored; running again goes on from there"):
            run(proxy.url, store, filters, close, node={"attempts": 2})
    assert store.complete(CHAIN_ID, filters)[filters[0]][0][1] >= 20


def changed(method: str, change):
    """A change of every answer to a method."""
    return lambda call, answer: change(answer) if call["method"] == method and answer else answer


def renamed(name: str, value: str):
    return lambda answer: answer | {name: value}


NO_HASH = "0x" + "ee" * 32
moved = renamed("blockHash", NO_HASH)
LIES = {
    "block of the logs": changed("eth_getLogs", lambda logs: [moved(one) for one in logs]),
    "data of the logs": changed("eth_getLogs", lambda logs: [one | {"data": one["data"] + "00" * 32} for one in logs]),
    "block of the transactions": changed("eth_getTransactionByHash", moved),
    "place of the transactions": changed("eth_getTransactionByHash", renamed("transactionIndex", "0x63")),
    "block of the receipts": changed(
        "eth_getTransactionReceipt", lambda one: moved(one) | {"logs": [moved(log) for log in one["logs"]]}
    ),
    "logs of the receipts": changed("eth_getTransactionReceipt", lambda one: one | {"logs": one["logs"][:-1]}),
    "parents": changed("eth_getBlockByNumber", renamed("parentHash", NO_HASH)),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_answers_that_do_not_fit_together_are_not_stored(world, filters, tmp_path, monkeypatch, lie):
    monkeypatch.setattr(chunks, "MOVED_PAUSE_S", 0.001)
    store = ChainStore(tmp_path)

    def script(request):
        asked = request if isinstance(request, list) else [request]
        answers = world.chain.rpc.batch([(one["method"], *one["params"]) for one in asked])
        replies = [result(one, LIES[lie](one, answer)) for one, answer in zip(asked, answers, strict=True)]
        return replies if isinstance(request, list) else replies[0]

    first = logs_of(world, filters[0])[0].block_number
    with ScriptedNode(script) as server, pytest.raises(UnavailableError, match="its answers do not fit together"):
        run(server.url, store, filters[:1], first_block=first, node={"attempts": 2})
    assert not store.database.exists()


# ---------------------------------------------------------------- kills


def fetch_until_killed(url, root, filters, started) -> None:
    fetching.MOST_BLOCKS_WITH_HEADERS = 4
    run(url, ChainStore(root), filters, lambda _: started.set(), node={"connections": 2})


def test_an_ingest_killed_at_any_moment_resumes_to_the_identical_store(world, filters, whole, tmp_path):
    store, rng = ChainStore(tmp_path), random.Random(7)
    done = [0]
    for _ in range(KILLS):
        started = WORKERS.Event()
        worker = WORKERS.Process(target=fetch_until_killed, args=(world.chain.url, tmp_path, filters, started))
        worker.start()
        assert started.wait(20)
        time.sleep(rng.uniform(0, 0.03))
        worker.kill()
        worker.join()
        assert worker.exitcode == -signal.SIGKILL
        check_marks(world, store, filters)
        done.append(sum(last - first + 1 for first, last in store.complete(CHAIN_ID, filters)[filters[0]]))
    run(world.chain.url, store, filters)
    assert done == sorted(done)
    assert contents(store) == whole


def check_marks(world, store, filters) -> None:
    """What is marked complete is there."""
    rows = [row for table in store.all_logs(CHAIN_ID, 0, world.head) for row in table.to_pylist()]
    there = {(row["block_number"], row["log_index"]) for row in rows}
    for one, complete in store.complete(CHAIN_ID, filters).items():
        for first, last in complete:
            assert {(log.block_number, log.log_index) for log in logs_of(world, one, first=first, last=last)} <= there


# ---------------------------------------------------------------- reorgs


@pytest.mark.parametrize("checks", ["events", "headers"])
@pytest.mark.parametrize("depth", [1, 3, 8])
def test_replaced_blocks_are_replaced_in_the_store(traffic, filters, tmp_path, depth, checks):
    world, store, fresh = traffic.world, ChainStore(tmp_path / "old"), ChainStore(tmp_path / "new")
    with traffic.unchanged():
        run(world.chain.url, store, filters, checks=checks)
        fork = world.head - depth
        traffic.reorganise(depth, blocks=depth + 2, seed=depth)
        fetched = run(world.chain.url, store, filters, checks=checks)
        run(world.chain.url, fresh, filters, checks=checks)
        assert [reorg.last_common_block for reorg in fetched.reorgs] == [fork]
        assert [reorg.dropped_blocks for reorg in fetched.reorgs] == [depth]
        got, wanted = contents(store), contents(fresh)
        assert got | {"block": None} == wanted | {"block": None}
        assert {row[2] for row in got["block"]} <= {raw(block.hash) for block in world.truth.blocks}


@pytest.mark.parametrize("at", range(4, 32, 4))
def test_a_reorg_in_the_middle_of_a_run_leaves_no_stale_row(traffic, filters, tmp_path, at):
    world, store, fresh = traffic.world, ChainStore(tmp_path / "old"), ChainStore(tmp_path / "new")
    with traffic.unchanged():
        action = {"reorg": lambda: traffic.reorganise(3, blocks=4, seed=at)}
        faults = Faults(once_at={at: "reorg"})
        with FaultyProxy(world.chain.url, faults, Provider(max_blocks=20, max_batch=10), action) as proxy:
            run(proxy.url, store, filters)
            assert proxy.counts()["reorg"] == 1
            run(proxy.url, store, filters)
        run(world.chain.url, fresh, filters)
        assert contents(store) == contents(fresh)


def test_a_reorg_after_the_last_chunk_is_noticed_before_the_end(traffic, filters, tmp_path):
    world, store, fresh = traffic.world, ChainStore(tmp_path / "old"), ChainStore(tmp_path / "new")
    replaced = []

    def replace(progress) -> None:
        if progress.done_blocks == progress.total_blocks and not replaced:
            replaced.append(traffic.reorganise(3, blocks=4, seed=9))

    with traffic.unchanged():
        fetched = run(world.chain.url, store, filters, replace)
        run(world.chain.url, fresh, filters)
        assert len(fetched.reorgs) == 1
        assert contents(store) == contents(fresh)


def test_a_reorg_deeper_than_followed_is_said_and_the_store_stays(traffic, filters, tmp_path):
    world, store = traffic.world, ChainStore(tmp_path)
    with traffic.unchanged():
        run(world.chain.url, store, filters)
        before = contents(store)
        traffic.reorganise(6, blocks=7, seed=1)
        with pytest.raises(ReorgError, match="give a larger reorg depth"):
            run(world.chain.url, store, filters, reorg_depth_blocks=4)
        assert contents(store) == before
        assert run(world.chain.url, store, filters, reorg_depth_blocks=6).reorgs


def test_another_chain_with_the_same_id_is_noticed(world, filters, tmp_path):
    store = ChainStore(tmp_path)
    run(world.chain.url, store, filters)
    before = contents(store)
    with Anvil() as other:
        stranger = deploy(other, seed=2)
        for _ in range(30):
            stranger.mine()
        with pytest.raises(ReorgError, match="another chain"):
            run(other.url, store, filters, reorg_depth_blocks=20)
    assert contents(store) == before
