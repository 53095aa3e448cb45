"""Transactions as calls: the chain's own, in its order, each in its block."""

from __future__ import annotations

import random

import pytest
from lying_node import LyingNode
from test_fork_reader import node_at

from ingest.errors import InputError
from ingest.fork.calls import read_calls
from ingest.rpc.errors import AnswerError


@pytest.fixture(scope="module")
def mined(world):
    """(Block, transaction) of the last blocks."""
    return [(block, one) for block in world.truth.blocks[-15:] for one in block.transactions]


def hashes_of(mined):
    return [bytes.fromhex(one.hash[2:]) for _, one in mined]


def test_calls_are_the_chains_transactions_in_its_order(world, mined):
    shuffled = [*hashes_of(mined), *hashes_of(mined)[:5]]
    random.Random(3).shuffle(shuffled)
    with node_at(world.chain.url) as node:
        calls = read_calls(node, shuffled)
    told = [(call.sender, call.to, "0x" + call.data.hex(), call.value_wei) for call in calls]
    assert told == [(one.sender, one.to, one.data, one.value_wei) for _, one in mined]
    assert [(call.block_number, call.block_ts) for call in calls] == [(block.number, block.ts) for block, _ in mined]
    gas = world.chain.rpc.batch([("eth_getTransactionByHash", one.hash) for _, one in mined])
    assert [call.gas for call in calls] == [int(one["gas"], 16) for one in gas]
    headers = world.chain.rpc.batch([("eth_getBlockByNumber", hex(block.number), False) for block, _ in mined])
    assert [(call.coinbase, "0x" + call.prevrandao.hex()) for call in calls] == [
        (one["miner"], one["mixHash"]) for one in headers
    ]


def test_a_transaction_that_creates_a_contract_is_refused_by_name(world):
    made = next(one for block in world.truth.blocks for one in block.transactions if one.to is None)
    with node_at(world.chain.url) as node, pytest.raises(InputError, match=made.hash):
        read_calls(node, [bytes.fromhex(made.hash[2:])])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hash", "0x" + "12" * 32),
        ("blockHash", "0x" + "12" * 32),
        ("from", "0x12"),
        ("to", "0x"),
        ("gas", None),
        ("input", 7),
    ],
)
def test_a_transaction_that_does_not_fit_is_refused(world, mined, field, value):
    def lie(method, _, reply):
        if method == "eth_getTransactionByHash":
            reply["result"][field] = value

    with LyingNode(world.chain.url, lie) as proxy, node_at(proxy.url) as node, pytest.raises(AnswerError):
        read_calls(node, hashes_of(mined)[:3])


def test_a_transaction_that_is_not_there_is_named(world):
    with node_at(world.chain.url) as node, pytest.raises(AnswerError, match="does not have the transaction"):
        read_calls(node, [b"\x01" * 32])
