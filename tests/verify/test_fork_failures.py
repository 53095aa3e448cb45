"""Nodes that stall, err, talk nonsense, lie or die: a named error in time, and no file; and running again is fine."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from faulty_proxy import FaultyProxy
from fork_world import node_at, pool_of, transactions
from lying_node import LyingNode, without
from rpc_faults import LOUD, Faults
from rpc_world.anvil import Anvil
from rpc_world.traffic import played

from ingest.fork.errors import ProofError
from ingest.fork.file import read_fork, write_fork
from ingest.fork.reader import StateReader
from ingest.rpc.errors import NodeError
from verify.fork.prepare import prepare_fork

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT_S, BUDGET_S = 0.7, 4.0
SLACK_S = 20.0
"""For what the machine itself takes, beside the waiting that the limits are about."""
ALWAYS = 1_000_000
BLOCKS = 4


@pytest.fixture(scope="module")
def world():
    with Anvil() as chain:
        yield played(chain, blocks=30).world


@pytest.fixture(scope="module")
def work(world):
    """A pool, and some transactions after the forked block."""
    block = world.head - BLOCKS
    calls = [call for call, _ in transactions(world, block + 1, world.head)]
    return block, pool_of(world, world.venues["v2 USD/WETH"]), calls


def fork_to(folder: Path, url: str, work, **limits) -> Path:
    """What a command does: everything is learned, and then there is a file."""
    block, pool, calls = work
    with node_at(url, **limits) as node:
        return write_fork(prepare_fork(StateReader(node, block), [pool], calls).fork, folder)


def fails(folder: Path, url: str, work, kind: type[Exception] = NodeError, budget_s: float = BUDGET_S) -> str:
    """It ends in time with such an error, and leaves nothing; what the error says."""
    started = time.monotonic()
    with pytest.raises(kind) as caught:
        fork_to(folder, url, work, timeout_s=TIMEOUT_S, budget_s=budget_s, attempts=2)
    assert time.monotonic() - started < budget_s + SLACK_S
    assert not folder.exists() or os.listdir(folder) == []
    return str(caught.value)


@pytest.fixture(scope="module")
def undisturbed(world, work, tmp_path_factory) -> Path:
    return fork_to(tmp_path_factory.mktemp("undisturbed"), world.chain.url, work)


def always(kind: str) -> Faults:
    return Faults(
        rates={kind: 1.0}, most=ALWAYS, most_per_request=ALWAYS, stall_s=BUDGET_S, huge_bytes=130 << 20, retry_after_s=1
    )


@pytest.mark.parametrize("kind", LOUD)
def test_a_node_that_only_fails_makes_no_file(world, work, tmp_path, kind):
    with FaultyProxy(world.chain.url, faults=always(kind)) as proxy:
        said = fails(tmp_path / "forks", proxy.url, work)
    assert proxy.url in said, "the node is named"


@pytest.mark.parametrize(
    ("after", "kind"), [(4, "close"), (5, "no_result"), (6, "http_500"), (8, "invalid_json"), (9, "stall")]
)
def test_a_node_that_fails_in_the_middle_makes_no_file_and_the_next_run_does(
    world, work, undisturbed, tmp_path, kind, after
):
    broken = {"now": False}

    def breaks() -> None:
        broken["now"] = True
        proxy.faults = always(kind)

    folder = tmp_path / "forks"
    with FaultyProxy(world.chain.url, Faults(once_at={after: "breaks"}), actions={"breaks": breaks}) as proxy:
        fails(folder, proxy.url, work)
        assert broken["now"]
        proxy.faults = Faults()
        assert fork_to(folder, proxy.url, work).read_bytes() == undisturbed.read_bytes()


def test_a_node_that_dies_in_the_middle_makes_no_file(world, work, tmp_path):
    """Its process is killed; nobody answers any more."""
    with Anvil() as chain:
        other = played(chain, blocks=30).world
        asked = {"so far": 0}

        def dies(*_: object) -> None:
            asked["so far"] += 1
            if asked["so far"] == 30:
                chain.close()

        proxy = LyingNode(chain.url, dies)
        try:
            fails(tmp_path / "forks", proxy.url, (other.head - BLOCKS, *work[1:]))
            assert chain.closed
        finally:
            proxy.close()


def test_single_failures_on_the_way_change_nothing(world, work, undisturbed, tmp_path):
    kinds = [kind for kind in LOUD if kind not in {"stall", "huge", "http_429_retry_after"}]
    faults = Faults(seed=5, rates=dict.fromkeys(kinds, 0.02), most=40, most_per_request=1)
    with FaultyProxy(world.chain.url, faults=faults) as proxy:
        path = fork_to(tmp_path, proxy.url, work, attempts=8)
        assert sum(proxy.counts().values()) >= 2, "the node failed"
    assert path.read_bytes() == undisturbed.read_bytes()


def _value(reply):
    part = next(iter(reply["result"]["storageProof"]), None)
    if part is not None:
        part["value"] = hex(int(part["value"], 16) ^ 1)


def _node(reply):
    node = reply["result"]["accountProof"][-1]
    reply["result"]["accountProof"][-1] = node[:20] + ("0" if node[20] != "0" else "1") + node[21:]


def _shorter(reply):
    reply["result"]["accountProof"].pop()


@pytest.mark.parametrize(("spoil", "honest"), [(_value, 0), (_node, 0), (_shorter, 0), (_value, 25)])
def test_a_wrong_proof_is_named_and_makes_no_file(world, work, tmp_path, spoil, honest):
    seen = {"proofs": 0}

    def lie(method, _, reply):
        if method == "eth_getProof":
            seen["proofs"] += 1
            if seen["proofs"] > honest:
                spoil(reply)

    with LyingNode(world.chain.url, lie) as proxy:
        said = fails(tmp_path / "forks", proxy.url, work, ProofError, budget_s=60.0)
    assert "eth_getProof" in said


def test_a_node_with_fewer_methods_gives_the_same_state_by_longer_ways(world, work, undisturbed, tmp_path):
    with LyingNode(world.chain.url, without("eth_createAccessList")) as proxy:
        assert fork_to(tmp_path, proxy.url, work).read_bytes() == undisturbed.read_bytes()
    with LyingNode(world.chain.url, without("eth_getProof")) as proxy:
        told = read_fork(fork_to(tmp_path, proxy.url, work))
    proven = read_fork(undisturbed)
    assert told.told == told.keys == proven.keys
    assert {one.address: (one.balance_wei, one.nonce, one.code, one.storage) for one in told.accounts.values()} == {
        one.address: (one.balance_wei, one.nonce, one.code, one.storage) for one in proven.accounts.values()
    }
