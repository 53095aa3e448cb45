"""The test chain by itself: what is on it, that it is the same every time, and that its truth is the truth."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from eth_abi import decode
from rpc_world.anvil import Anvil, RpcError
from rpc_world.book import SYNC, V3_BURN, V3_MINT, V3_SWAP, V4_MODIFY, V4_SWAP
from rpc_world.deploy import deploy
from rpc_world.histories import history_of
from rpc_world.traffic import Traffic, played
from rpc_world.truth import topic

from ingest.records import Swap
from verify.audit import audit

BLOCKS = 600
TRADE = topic("Trade(address,address,address,uint256,uint256,uint256,bytes)")


@pytest.fixture(scope="module")
def traffic():
    with Anvil() as chain:
        started = time.monotonic()
        made = played(chain, blocks=BLOCKS)
        assert time.monotonic() - started < 60, "the world takes too long to make"
        yield made


@pytest.fixture(scope="module")
def world(traffic: Traffic):
    return traffic.world


def hashes(world) -> list[str]:
    return [block.hash for block in world.truth.blocks]


def running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


# ---------------------------------------------------------------- the node


def test_the_node_is_gone_when_it_is_closed():
    with Anvil() as chain:
        (pid,) = children(chain._keeper.pid, "anvil")
        assert running(pid)
    assert not running(pid)
    assert not chain._folder.exists()
    chain.close()  # harmless


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")
def test_the_node_is_gone_when_the_process_that_started_it_is_killed():
    script = (
        "import time; from rpc_world.anvil import Anvil; node = Anvil();"
        "print(node._keeper.pid, node._folder, flush=True); time.sleep(60)"
    )
    path = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    owner = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": path}
    )
    keeper, folder = owner.stdout.readline().decode().split()
    (pid,) = children(int(keeper), "anvil")
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    deadline = time.monotonic() + 10
    while (running(pid) or Path(folder).exists()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not running(pid)
    assert not Path(folder).exists()


def children(keeper: int, name: str) -> list[int]:
    pids = Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()
    return [int(pid) for pid in pids if Path(f"/proc/{pid}/comm").read_text().strip() == name]


# ---------------------------------------------------------------- the same every time


def test_the_same_seed_makes_the_same_blocks_to_the_hash_and_another_seed_others():
    made = []
    for seed in (7, 7, 8):
        with Anvil() as chain:
            made.append(hashes(played(chain, blocks=30, seed=seed).world))
    assert made[0] == made[1]
    assert made[0][-1] != made[2][-1]


def test_a_call_that_must_succeed_stops_the_world_and_says_why(traffic, world):
    before = hashes(world)
    pair = world.venues["v2 USD/WETH"]
    call = world.call("v2 router", "swapExactTokensForTokens", 1, 0, [pair.token0, pair.token1], world.solver, 1)
    with traffic.unchanged(), pytest.raises(AssertionError, match=r"0x38ed1739: execution reverted .*EXPIRED"):
        world.mine([call])
    assert hashes(world) == before
    assert world.chain.head == world.head


def test_a_reorganisation_puts_other_blocks_in_the_place_of_the_last_ones_and_can_be_undone(traffic, world):
    before = list(world.truth.blocks)
    with traffic.unchanged():
        traffic.reorganise(depth=3, blocks=4)
        now = world.truth.blocks
        assert now[:-4] == before[:-3]
        assert {block.hash for block in now[-4:]}.isdisjoint(block.hash for block in before)
        assert all(block.parent_hash == parent.hash for parent, block in pairwise(now))
        assert now[-1].transactions
        gone = {one.hash for block in before[-3:] for one in block.transactions}
        assert gone
        for stale in gone - {one.hash for block in now[-4:] for one in block.transactions}:
            assert world.chain.rpc("eth_getTransactionReceipt", stale) is None
        for block in before[-3:]:
            assert world.chain.rpc("eth_getBlockByHash", block.hash, False) is None
        assert now[-1].hash == world.chain.rpc("eth_getBlockByNumber", "latest", False)["hash"]
    assert world.truth.blocks == before
    assert world.chain.rpc("eth_getBlockByNumber", "latest", False)["hash"] == before[-1].hash


def test_traffic_goes_on_after_an_excursion_as_if_it_had_not_been(traffic):
    with traffic.unchanged():
        first = traffic.play(5)
    with traffic.unchanged():
        traffic.reorganise(seed=1)
    with traffic.unchanged():
        assert traffic.play(5) == first


# ---------------------------------------------------------------- what is on it


def test_there_are_more_than_two_thousand_swaps_and_liquidity_changes_of_every_kind(world):
    kinds: Counter[tuple[str, str]] = Counter()
    for venue in world.venues.values():
        for event in history_of(world, venue).events:
            kinds[venue.kind, "swap" if isinstance(event, Swap) else event.kind] += 1
    counted = {key: count for key, count in kinds.items() if key[1] in ("swap", "mint", "burn")}
    assert sum(counted.values()) >= 2000
    assert min(counted.values()) >= 40
    assert kinds["v2", "sync"] >= 20
    assert kinds["v3", "collect"] >= 50
    assert min(kinds["v3", "flash"], kinds["v4", "flash"]) >= 20
    assert len(world.settlements()) >= 20


def test_blocks_hold_none_one_or_many_transactions_and_some_of_them_failed(world):
    sizes = Counter(len(block.transactions) for block in world.truth.blocks[-BLOCKS:])
    assert min(sizes[0], sizes[1]) >= 20
    assert sum(count for size, count in sizes.items() if size >= 5) >= 100
    failed = [one for block in world.truth.blocks for one in block.transactions if not one.succeeded]
    assert len(failed) >= 50
    assert not any(one.logs for one in failed)
    prices = {one.gas_price_wei - block.base_fee_wei for block in world.truth.blocks for one in block.transactions}
    assert len(prices) > 1000
    assert min(prices) >= 0


def test_swaps_cross_ticks_and_stop_at_prices(world):
    crossed, limits = 0, 0
    for name in ("v3 USD/WETH 500", "v3 USD/WETH 3000", "v3 MKR/USD 10000"):
        history = history_of(world, world.venues[name])
        limits += audit(history)[0].modes.get("price_limit", 0)
        for before, event in pairwise(history.events):
            if isinstance(before, Swap) and isinstance(event, Swap):
                crossed += before.liquidity != event.liquidity
    assert crossed >= 100
    assert limits >= 10


def test_tokens_tell_of_themselves_what_they_are_there_for(world):
    def asked(name: str, function: str) -> bytes | None:
        data = topic(f"{function}()")[:10]
        try:
            return bytes.fromhex(world.chain.rpc("eth_call", {"to": world.tokens[name], "data": data}, "latest")[2:])
        except RpcError:
            return None

    assert decode(["string"], asked("USD", "symbol")) == ("USD",)
    assert int.from_bytes(asked("USD", "decimals")) == 6
    assert asked("MKR", "symbol") == b"MKR".ljust(32, b"\0")
    assert (asked("VOID", "symbol"), asked("VOID", "decimals")) == (b"", b"")
    assert (asked("MUTE", "symbol"), asked("MUTE", "decimals")) == (None, None)
    assert "\x1b" in decode(["string"], asked("ODD", "symbol"))[0]
    assert int.from_bytes(asked("ODD", "decimals")) == 2**256 - 1


# ---------------------------------------------------------------- the truth is the truth


def test_the_logs_out_of_receipts_are_those_that_the_node_finds_by_address(world):
    for address in {venue.address for venue in world.venues.values()} | {world.contracts["cow"].address}:
        asked = {"address": address, "fromBlock": "0x0", "toBlock": "latest"}
        found = world.chain.rpc("eth_getLogs", asked)
        told = world.truth.logs(address)
        assert len(told) > 20
        assert [
            (log.block_number, log.block_hash, log.tx_hash, log.tx_index, log.log_index, list(log.topics), log.data)
            for log in told
        ] == [
            (
                int(log["blockNumber"], 16),
                log["blockHash"],
                log["transactionHash"],
                int(log["transactionIndex"], 16),
                int(log["logIndex"], 16),
                log["topics"],
                log["data"],
            )
            for log in found
        ]


def test_the_histories_replay_to_the_wei(world):
    """All but loans out of a v2 pair: their amounts, paid less taken, are those of no plain swap."""
    loans = {one.hash for block in world.truth.blocks for one in block.transactions if is_loan(world, one)}
    assert len(loans) >= 20
    for venue in world.venues.values():
        if venue.kind == "v4":
            continue
        report, _ = audit(history_of(world, venue))
        assert report.swaps >= 20
        assert {tx for _, tx, _ in report.unexplained} <= loans, report.unexplained
        assert report.liquidity_exact == report.liquidity_events


def is_loan(world, transaction) -> bool:
    return transaction.data.startswith(world.contracts["bot"].data("flashV2", world.tokens["USD"], 0, 0)[:10])


def test_what_a_router_did_keeps_the_limits_that_it_was_given(world):
    kinds: Counter[tuple[str, str, bool]] = Counter()
    for made, asked in world.router_calls():
        kinds[asked.venue, asked.kind, made.succeeded] += 1
        if not made.succeeded:
            continue
        paid = made.moved(asked.path[0], sender=asked.payer)
        got = made.moved(asked.path[-1], recipient=asked.receiver)
        if asked.kind == "sell":
            assert paid == asked.amount_in
            assert got >= asked.amount_out
        else:
            assert got == asked.amount_out
            assert paid <= asked.amount_in
    assert len(kinds) == 8
    assert min(kinds.values()) >= 10
    methods = Counter(asked.method for _, asked in world.router_calls())
    assert len(methods) == 11  # six of v2's and one for taxed tokens, four of v3's
    assert {len(asked.path) for _, asked in world.router_calls()} == {2, 3}


def test_settlements_did_for_each_order_what_the_contract_promises(world):
    fills = 0
    filled: Counter[str] = Counter()
    schemes = set()
    for made, asked in world.settlements():
        trades = [log for log in made.logs if log.topics[0] == TRADE]
        for log, fill in zip(trades, asked.fills, strict=True):
            types = ["address", "address", "uint256", "uint256", "uint256", "bytes"]
            sell_token, buy_token, sold, bought, fee, uid = decode(types, bytes.fromhex(log.data[2:]))
            order = fill.order
            assert (sell_token, buy_token, "0x" + uid.hex()) == (order.sell_token, order.buy_token, order.uid)
            assert (sold, bought, fee) == (fill.sold, fill.bought, fill.fee)
            assert order.sell_amount * bought >= order.buy_amount * (sold - fee)
            filled[order.uid] += 1
            schemes.add((order.kind, order.partially_fillable, order.scheme))
            fills += 1
    assert fills >= 60
    assert max(filled.values()) >= 2
    assert len(schemes) == 12


def test_the_topics_that_count_are_those_of_the_contracts(world):
    """Mistyped signatures would make every count here zero."""
    logs = [log.topics[0] for block in world.truth.blocks for log in block.logs]
    assert all(logs.count(one) >= 20 for one in (SYNC, V3_SWAP, V3_MINT, V3_BURN, V4_SWAP, V4_MODIFY, TRADE))


def test_protocol_fees_are_taken_in_the_second_half(world):
    venue = world.venues["v4 USD/WETH 3000"]
    fees = Counter(event.fee_pips for event in history_of(world, venue).events if isinstance(event, Swap))
    assert fees[3000] >= 20
    assert {3000, 3698, 3399} == set(fees)  # 700 or 400 pips of the input, and 3000 of the rest


def test_a_world_can_be_deployed_without_traffic():
    with Anvil() as chain:
        world = deploy(chain)
        assert not world.router_calls()
        assert {len(history_of(world, venue).events) for venue in world.venues.values()} == {1, 3}
