"""A chain to fork: anvil with genuine pools and their traffic, and with odd tokens beside them."""

from __future__ import annotations

import functools
import random
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rpc_world.contracts import Code, Contract
from rpc_world.world import Call

from ingest.fork.calls import read_calls
from ingest.fork.records import ForkCall
from ingest.records import Pool, Token
from ingest.rpc.node import Node
from verify.standard_json import exchange, findings_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rpc_world.truth import Block, Transaction
    from rpc_world.world import Venue, World

SOURCE = Path(__file__).with_name("OddTokens.sol")
DEPLOY_GAS = 5_000_000
PLENTY = 10**24
DECIMALS = {"USD": 6}


@functools.cache
def odd_code(name: str) -> Code:
    """A contract of `OddTokens.sol`."""
    sources = {SOURCE.name: SOURCE.read_text(encoding="utf-8")}
    reply = exchange(sources, {SOURCE.name: {"*": ["abi", "evm.bytecode.object"]}}, {}, SOURCE.name)
    errors, _ = findings_of(reply, sources, SOURCE.name)
    assert not errors, errors
    made = reply["contracts"][SOURCE.name][name]
    return Code(made["abi"], bytes.fromhex(made["evm"]["bytecode"]["object"]))


def put(world: World, name: str, *arguments: Any) -> Contract:
    """Deploys an odd contract."""
    code = odd_code(name)
    block = world.mine([Call(world.deployer, None, code.with_arguments(*arguments), gas=DEPLOY_GAS)])
    receipt = world.chain.rpc("eth_getTransactionReceipt", block.transactions[0].hash)
    return Contract(receipt["contractAddress"].lower(), code.abi)


def send(world: World, contract: Contract, function: str, *arguments: Any, value_wei: int = 0) -> Block:
    """Mines one call of a contract."""
    return world.mine([Call(world.deployer, contract.address, contract.data(function, *arguments), value_wei)])


@contextmanager
def node_at(url: str, *, timeout_s: float = 10.0, budget_s: float = 60.0, attempts: int = 3) -> Iterator[Node]:
    """A node that is asked as a command would ask it."""
    chances = random.Random(1)
    with Node(
        url, generator=chances, timeout_s=timeout_s, budget_s=budget_s, attempts=attempts, backoff_s=0.05
    ) as node:
        yield node


def pool_of(world: World, venue: Venue) -> Pool:
    """A venue as the record that an ingest makes of it."""
    tokens = [
        Token(one, world.name_of(one), DECIMALS.get(world.name_of(one), 18)) for one in (venue.token0, venue.token1)
    ]
    return Pool(venue.kind, 1, venue.address, *tokens, venue.fee_pips, venue.tick_spacing)


def transactions(world: World, first: int, last: int) -> list[tuple[ForkCall, Transaction]]:
    """Every transaction of these blocks, as the call that it is on a fork, and as it went."""
    made = [one for block in world.truth.blocks[first : last + 1] for one in block.transactions]
    with node_at(world.chain.url) as node:
        calls = read_calls(node, [bytes.fromhex(one.hash[2:]) for one in made])
    return list(zip(calls, made, strict=True))


def views(world: World, block: int, questions: Sequence[tuple[str, ...]]) -> tuple[list[ForkCall], list[str]]:
    """(Contract's name, function, argument, …) as calls at a block's end, and what the chain answers to them."""
    ts = world.truth.blocks[block].ts
    calls, asked = [], []
    for name, function, *arguments in questions:
        contract = world.contracts[name]
        data = contract.data(function, *arguments)
        asked.append(("eth_call", {"to": contract.address, "data": data}, hex(block)))
        calls.append(ForkCall(world.deployer, contract.address, bytes.fromhex(data[2:]), block, ts, 30_000_000))
    return calls, world.chain.rpc.batch(asked)
