"""CoW settlements of a test chain as rows of the chain's tables, and what must be read out of them."""

from __future__ import annotations

import random
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rpc_world.anvil import CHAIN_ID, Anvil
from rpc_world.book import Book
from rpc_world.contracts import Code, Contract
from rpc_world.cow import COIN, Cow
from rpc_world.deploy import deploy
from rpc_world.world import Call

from ingest.cow_chain import SettlementReader
from ingest.records import UserIntent
from ingest.rpc.node import Node
from ingest.rpc.queries import COW_SETTLEMENT, COW_TRADE
from verify.standard_json import exchange, findings_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rpc_world.asked import CowBatch, CowOrder
    from rpc_world.truth import Transaction
    from rpc_world.world import World

SOLVER = Path(__file__).with_name("cow_solver.sol")
SETTLE_TYPES = (
    "address[]",
    "uint256[]",
    "(uint256,uint256,address,uint256,uint256,uint32,bytes32,uint256,uint256,uint256,bytes)[]",
    "(address,uint256,bytes)[][3]",
)
SWAP_TYPES = ("(bytes32,uint256,uint256,uint256,bytes)[]", "address[]", SETTLE_TYPES[2].removesuffix("[]"))
LOG_TYPES = ("address", "address", "uint256", "uint256", "uint256", "bytes")


@dataclass(frozen=True, slots=True)
class Rows:
    """A transaction's row of TRANSACTIONS and its settlement logs' rows of LOGS, as mutable values."""

    transaction: dict[str, Any]
    logs: list[dict[str, Any]]


def node_at(url: str) -> Node:
    return Node(url, generator=random.Random(1), backoff_s=0.001, timeout_s=10.0)


def cow_of(world: World) -> str:
    return world.contracts["cow"].address


def reader_of(world: World, chain_id: int = CHAIN_ID) -> SettlementReader:
    return SettlementReader(chain_id, cow_of(world), world.tokens["WETH"])


def rows_of(world: World, made: Transaction) -> Rows:
    logs = [log for log in made.logs if log.address == cow_of(world) and log.topics[0] in (COW_TRADE, COW_SETTLEMENT)]
    transaction = {
        "tx_hash": raw(made.hash),
        "block_number": logs[0].block_number,
        "tx_index": made.index,
        "sender": raw(made.sender),
        "to_address": None if made.to is None else raw(made.to),
        "value_wei": str(made.value_wei),
        "input": raw(made.data),
        "succeeded": made.succeeded,
        "gas_used": made.gas_used,
        "gas_price_wei": str(made.gas_price_wei),
    }
    return Rows(
        transaction,
        [
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
            for log in logs
        ],
    )


def raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def wanted(world: World, made: Transaction, batch: CowBatch, first: int = 0) -> list[UserIntent]:
    """What must be read of a settlement, out of what was asked for; ``first`` numbers its first fill."""
    path = [
        tuple(
            world.tokens["WETH"] if token == COIN else token for token in (fill.order.sell_token, fill.order.buy_token)
        )
        for fill in batch.fills
    ]
    trades = [log for log in made.logs if log.topics[0] == COW_TRADE]
    return [
        UserIntent(
            venue="CoW Protocol",
            method="settle",
            kind=fill.order.kind,
            status="filled",
            path=path[n],
            amount_in=fill.order.sell_amount,
            amount_out=fill.order.buy_amount,
            executed_in=fill.sold - fill.fee,
            executed_out=fill.bought,
            executed_fee=fill.fee,
            partially_fillable=fill.order.partially_fillable,
            trader=fill.order.owner,
            recipient=fill.order.receiver,
            deadline_ts=fill.order.valid_to,
            order_id=fill.order.uid,
            block_number=trades[0].block_number,
            block_ts=trades[0].block_ts,
            tx_hash=made.hash,
            tx_index=made.index,
            place=first + n,
            gas_used=made.gas_used,
            gas_price_wei=made.gas_price_wei,
        )
        for n, fill in enumerate(batch.fills)
    ]


def all_wanted(world: World) -> list[UserIntent]:
    """What must be read of all the chain's settlements."""
    return [intent for made, batch in world.settlements() for intent in wanted(world, made, batch)]


@cache
def _compiled() -> dict[str, Any]:
    sources = {SOLVER.name: SOLVER.read_text(encoding="utf-8")}
    kinds = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]
    reply = exchange(sources, {SOLVER.name: {"*": kinds}}, {}, SOLVER.name)
    errors, _ = findings_of(reply, sources, SOLVER.name)
    assert not errors, errors
    return reply["contracts"][SOLVER.name]


@contextmanager
def solving_contracts() -> Iterator[Cow]:
    """Orders on a chain of its own, where a contract may settle and Balancer's vault stands."""
    with Anvil() as chain:
        world = deploy(chain)
        _add_solver(world)
        _add_vault(world)
        book = Book()
        book.rebuild(world)
        yield Cow(world, random.Random(3), book)


def settlement(cow: Cow, size: int, **changes: Any) -> Call:
    """A settlement's call that any solver may make: orders of accounts that signed them, with ``changes``."""
    orders = []
    while len(orders) < size:
        order, *prices = cow._priced_order()
        if order.scheme != "presign":
            order = replace(order, **changes)
            order = replace(order, uid=uid_of_order(cow, order))
            orders.append((order, *prices))
    return cow._settle(orders, interacts=False)


def uid_of_order(cow: Cow, order: CowOrder) -> str:
    return "0x" + (cow._digest(order) + raw(order.owner) + order.valid_to.to_bytes(4, "big")).hex()


def made_by_contract(cow: Cow, function: str, *arguments: Any) -> Transaction:
    world = cow.world
    call = world.call("solver", function, cow_of(world), *arguments)
    return world.mine([call]).transactions[0]


def _add_solver(world: World) -> None:
    """Deploys the solver that is a contract, as ``solver``, and lets it settle."""
    output = _compiled()["Solver"]
    code = Code(output["abi"], bytes.fromhex(output["evm"]["bytecode"]["object"]))
    block = world.mine([Call(world.deployer, None, code.with_arguments())])
    receipt = world.chain.rpc("eth_getTransactionReceipt", block.transactions[0].hash)
    world.contracts["solver"] = Contract(receipt["contractAddress"].lower(), code.abi)
    world.mine([world.call("cow solvers", "addSolver", world.contracts["solver"].address)])


def _add_vault(world: World) -> None:
    """Puts code where the settlement contract expects Balancer's vault."""
    ((vault,),) = world.ask([("cow", "vault")])
    world.chain.rpc("anvil_setCode", vault, "0x" + _compiled()["Vault"]["evm"]["deployedBytecode"]["object"])
