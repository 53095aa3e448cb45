"""State out of a node: what it says is the chain's, or it is said that it is not."""

from __future__ import annotations

import random
from contextlib import contextmanager

import pytest
from lying_node import LyingNode, without

from ingest.errors import InputError
from ingest.fork import reader as fork_reader
from ingest.fork.errors import ProofError
from ingest.fork.reader import StateReader
from ingest.fork.records import ForkCall, Keys
from ingest.rpc.errors import AnswerError, NodeError, NoStateError, RefusedError, UnknownMethodError
from ingest.rpc.node import Node

NOBODY = "0x" + "12" * 20


@contextmanager
def node_at(url: str, **options):
    given = {"timeout_s": 5.0, "budget_s": 20.0, "attempts": 2, "backoff_s": 0.01} | options
    with Node(url, generator=random.Random(1), **given) as node:
        yield node


@pytest.fixture
def block(world) -> int:
    return world.head - 5


@pytest.fixture
def keys(world) -> Keys:
    """A pool with slots that hold something and some that do not, a user, and nobody."""
    pool = world.venues["v3 USD/WETH 500"].address
    slots = frozenset((pool, slot) for slot in (*range(200), 1 << 200))
    return Keys(frozenset({world.users[0], NOBODY, world.tokens["WETH"]}), slots)


def require_true(world, accounts, block: int, keys: Keys) -> None:
    """Every value is what the chain says, asked another way."""
    rpc = world.chain.rpc
    for address in keys.accounts | {address for address, _ in keys.slots}:
        account = accounts[address]
        told = rpc.batch([(f"eth_get{what}", address, hex(block)) for what in ("Balance", "TransactionCount", "Code")])
        assert (account.balance_wei, account.nonce) == (int(told[0], 16), int(told[1], 16))
        assert account.code.hex() == told[2][2:]
    slots = sorted(keys.slots)
    told = rpc.batch([("eth_getStorageAt", address, f"0x{slot:064x}", hex(block)) for address, slot in slots])
    assert [accounts[address].storage[slot] for address, slot in slots] == [int(value, 16) for value in told]


@pytest.mark.parametrize("proofs", ["auto", "required", "off"])
def test_state_is_the_chains(world, block, keys, proofs):
    with node_at(world.chain.url) as node:
        reader = StateReader(node, block, proofs=proofs)
        require_true(world, reader.fetch(keys), block, keys)
        reader.keep(keys)
        fork = reader.fork()
    assert fork.block.block_hash.hex() == world.truth.blocks[block].hash[2:]
    assert (fork.block.block_ts, fork.block.base_fee_wei) == (
        world.truth.blocks[block].ts,
        world.truth.blocks[block].base_fee_wei,
    )
    assert {one.proven for one in fork.accounts.values()} == {proofs != "off"}
    assert bool(fork.nodes) == (proofs != "off")
    assert any(fork.accounts[world.venues["v3 USD/WETH 500"].address].storage.values())


def test_a_fork_is_what_was_kept_with_no_more_nodes_than_prove_it(world, block, keys):
    pool = world.venues["v3 USD/WETH 500"].address
    kept = Keys(frozenset({NOBODY}), frozenset({(pool, 0)}))
    forks = []
    with node_at(world.chain.url) as node:
        for asked in (keys, kept):
            reader = StateReader(node, block)
            reader.fetch(asked)
            reader.keep(kept)
            forks.append(reader.fork())
    assert forks[0] == forks[1]
    assert set(forks[0].accounts) == {NOBODY, pool}
    assert set(forks[0].accounts[pool].storage) == {0}


def test_what_is_known_is_not_asked_again(world, block, keys):
    with node_at(world.chain.url) as node:
        reader = StateReader(node, block)
        reader.fetch(keys)
        before = node.traffic.requests
        assert set(reader.fetch(keys)) == set(reader.accounts)
        assert node.traffic.requests == before


def test_a_node_without_proofs_is_believed_and_that_is_said(world, block, keys):
    with LyingNode(world.chain.url, without("eth_getProof")) as proxy, node_at(proxy.url) as node:
        reader = StateReader(node, block)
        require_true(world, reader.fetch(keys), block, keys)
        reader.keep(keys)
        fork = reader.fork()
    assert fork.told == fork.keys
    assert not fork.nodes


def test_a_node_without_proofs_is_refused_where_they_are_required(world, block, keys):
    with (
        LyingNode(world.chain.url, without("eth_getProof")) as proxy,
        node_at(proxy.url) as node,
        pytest.raises(UnknownMethodError),
    ):
        StateReader(node, block, proofs="required").fetch(keys)


def test_where_proofs_end_midway_the_account_is_no_longer_called_proven(world, block):
    pool, calls = world.venues["v3 USD/WETH 500"].address, []

    def lie(method, params, reply):
        calls.append(method)
        if method == "eth_getProof" and calls.count(method) > 1:
            without("eth_getProof")(method, params, reply)

    with LyingNode(world.chain.url, lie) as proxy, node_at(proxy.url) as node:
        reader = StateReader(node, block)
        assert reader.fetch(Keys(frozenset(), frozenset({(pool, 0)})))[pool].proven
        reader.fetch(Keys(frozenset({NOBODY}), frozenset({(pool, 1)})))
        reader.keep(reader.known)
        fork = reader.fork()
    assert set(fork.accounts[pool].storage) == {0, 1}
    assert not fork.accounts[pool].proven
    assert not fork.accounts[NOBODY].proven


def _slot_value(method, _, reply):
    if method == "eth_getProof" and reply["result"]["storageProof"]:
        part = reply["result"]["storageProof"][0]
        part["value"] = hex(int(part["value"], 16) + 1)


def _balance(method, _, reply):
    if method == "eth_getProof":
        reply["result"]["balance"] = hex(int(reply["result"]["balance"], 16) + 1)


def _other_node(method, _, reply):
    if method == "eth_getProof":
        node = reply["result"]["accountProof"][-1]
        reply["result"]["accountProof"][-1] = node[:-2] + ("00" if node[-2:] != "00" else "01")


def _no_nodes(method, _, reply):
    if method == "eth_getProof":
        reply["result"]["accountProof"] = []


def _code(method, _, reply):
    if method == "eth_getCode":
        reply["result"] = "0x6000"


def _header(method, _, reply):
    if method == "eth_getBlockByNumber":
        reply["result"]["stateRoot"] = "0x" + "12" * 32


@pytest.mark.parametrize("lie", [_slot_value, _balance, _other_node, _no_nodes, _code, _header])
def test_a_lie_about_state_is_found_out(world, block, keys, lie):
    with LyingNode(world.chain.url, lie) as proxy, node_at(proxy.url) as node, pytest.raises(ProofError) as caught:
        StateReader(node, block).fetch(keys)
    assert node.name in str(caught.value)


def test_the_proof_of_another_block_is_no_proof(world, block):
    weth = world.tokens["WETH"]
    slots = frozenset((weth, slot) for slot in range(8))
    other = world.chain.rpc("eth_getProof", weth, [f"0x{slot:064x}" for slot in range(8)], hex(block - 40))

    def lie(method, _, reply):
        if method == "eth_getProof":
            reply["result"] = other

    with LyingNode(world.chain.url, lie) as proxy, node_at(proxy.url) as node, pytest.raises(ProofError):
        StateReader(node, block).fetch(Keys(frozenset(), slots))


def test_the_block_must_be_the_one_that_the_user_knows(world, block):
    with node_at(world.chain.url) as node:
        known = bytes.fromhex(world.truth.blocks[block].hash[2:])
        assert StateReader(node, block, block_hash=known).block.block_hash == known
        with pytest.raises(ProofError, match="not the one given"):
            StateReader(node, block - 1, block_hash=known)


@pytest.mark.parametrize("junk", [None, [], {}, "0x", 7, {"storageProof": [], "accountProof": "0x"}])
def test_garbage_for_a_proof_is_named(world, block, keys, junk):
    def lie(method, _, reply):
        if method == "eth_getProof":
            reply["result"] = junk

    with LyingNode(world.chain.url, lie) as proxy, node_at(proxy.url) as node, pytest.raises(AnswerError):
        StateReader(node, block).fetch(keys)


def test_a_block_that_is_replaced_meanwhile_makes_no_fork(world, block, keys):
    replaced = {"now": False}

    def lie(method, _, reply):
        if method == "eth_getBlockByNumber" and replaced["now"]:
            reply["result"] = world.chain.rpc("eth_getBlockByNumber", hex(block), False) | {"hash": "0x" + "ab" * 32}

    with LyingNode(world.chain.url, lie) as proxy, node_at(proxy.url) as node:
        reader = StateReader(node, block, proofs="off")
        reader.fetch(keys)
        replaced["now"] = True
        with pytest.raises(AnswerError, match="was replaced"):
            reader.fork()


def test_a_node_that_keeps_no_old_state_is_told_apart(world, block, keys):
    def lie(method, _, reply):
        if method in ("eth_getProof", "eth_getBalance", "eth_getStorageAt", "eth_getTransactionCount", "eth_getCode"):
            reply.pop("result", None)
            reply["error"] = {"code": -32000, "message": "missing trie node 1f2e (path )"}

    with LyingNode(world.chain.url, lie) as proxy, node_at(proxy.url) as node, pytest.raises(NoStateError) as caught:
        StateReader(node, block).fetch(keys)
    assert "archive node" in str(caught.value)


def test_more_than_a_fork_holds_is_refused_before_it_is_asked(world, block, keys, monkeypatch):
    monkeypatch.setattr(fork_reader, "MAX_SLOTS", 10)
    with node_at(world.chain.url) as node:
        reader = StateReader(node, block)
        before = node.traffic.requests
        with pytest.raises(InputError, match="shorter window"):
            reader.fetch(keys)
        assert node.traffic.requests == before


def test_an_access_list_is_a_guess_and_one_that_fails_is_left_out(world, block):
    weth = world.contracts["WETH"]
    data = bytes.fromhex(weth.data("transfer", NOBODY, 1)[2:])
    calls = [
        ForkCall(sender, weth.address, data, block + 1, world.truth.blocks[block].ts + 12, 100_000)
        for sender in (world.users[0], NOBODY)  # who has none, so that it reverts
    ]
    with node_at(world.chain.url) as node:
        guess = StateReader(node, block).guess(calls)
    assert {address for address, _ in guess.slots} == {weth.address}
    assert len(guess.slots) >= 2
    with LyingNode(world.chain.url, without("eth_createAccessList")) as proxy, node_at(proxy.url) as node:
        assert not StateReader(node, block).guess(calls)


@pytest.mark.parametrize("junk", [None, [], {"accessList": {}}, {"accessList": [{"address": "0x12"}]}, "0x"])
def test_garbage_for_an_access_list_is_named(world, block, junk):
    def lie(method, _, reply):
        if method == "eth_createAccessList":
            reply["result"] = junk

    data = bytes.fromhex(world.contracts["WETH"].data("totalSupply")[2:])
    call = ForkCall(world.users[0], world.tokens["WETH"], data, block, 1, 100_000)
    with LyingNode(world.chain.url, lie) as proxy, node_at(proxy.url) as node, pytest.raises(AnswerError):
        StateReader(node, block).guess([call])


def test_a_block_that_is_not_there_is_named(world):
    with node_at(world.chain.url) as node, pytest.raises(NodeError):
        StateReader(node, world.head + 100)


def test_every_error_of_a_fork_is_one_of_a_nodes():
    assert issubclass(ProofError, NodeError)
    assert not issubclass(ProofError, RefusedError | AnswerError), "asking again would not help"
