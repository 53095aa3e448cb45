"""Mined transactions as the calls that they are on a fork, each in its own block."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ingest.errors import InputError
from ingest.fork.headers import read_block
from ingest.fork.records import ForkCall
from ingest.rpc import answers
from ingest.rpc.errors import AnswerError
from ingest.rpc.node import Ask

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.fork.records import ForkBlock
    from ingest.rpc.node import Node

Mined = dict[str, Any]
UNFIT_ATTEMPTS = 3
TEXTS = {"hash": 32, "blockHash": 32, "from": 20}
NUMBERS = ("blockNumber", "transactionIndex", "gas", "value")


def read_calls(node: Node, tx_hashes: Iterable[bytes]) -> list[ForkCall]:
    """The transactions, each once, in the chain's order.

    Raises:
        InputError: One of them creates a contract, which no call does.
        AnswerError: The node has not got one, tells another, or tells blocks that do not fit.
        NodeError: The node cannot tell.
    """
    hashes = sorted(set(tx_hashes))
    asks = [Ask("eth_getTransactionByHash", ["0x" + one.hex()], partial(_mined, tx_hash=one)) for one in hashes]
    mined = sorted(node.ask_all(asks, UNFIT_ATTEMPTS), key=lambda one: (one["blockNumber"], one["transactionIndex"]))
    if creating := next((one for one in mined if one["to"] is None), None):
        raise InputError(f"transaction 0x{creating['hash'].hex()} creates a contract, and is no call of one")
    blocks = _blocks(node, sorted({one["blockNumber"] for one in mined}))
    for one in mined:
        if blocks[one["blockNumber"]].block_hash != one["blockHash"]:
            raise AnswerError(f"{node.name}: block {one['blockNumber']} was replaced while it was read; try again")
    return [_call(one, blocks[one["blockNumber"]]) for one in mined]


def _blocks(node: Node, numbers: list[int]) -> dict[int, ForkBlock]:
    chain_id = node.chain_id()
    asks = [
        Ask("eth_getBlockByNumber", [hex(one), False], partial(read_block, chain_id=chain_id, asked=one))
        for one in numbers
    ]
    return dict(zip(numbers, node.ask_all(asks, UNFIT_ATTEMPTS), strict=True))


def _call(mined: Mined, block: ForkBlock) -> ForkCall:
    return ForkCall(
        sender="0x" + mined["from"].hex(),
        to="0x" + mined["to"].hex(),
        data=mined["input"],
        block_number=block.block_number,
        block_ts=block.block_ts,
        gas=mined["gas"],
        value_wei=mined["value"],
        coinbase=block.coinbase,
        prevrandao=block.prevrandao,
    )


def _mined(value: Any, tx_hash: bytes) -> Mined:
    """A mined transaction's fields: bytes and integers."""
    if not isinstance(value, dict):
        raise AnswerError("the node does not have the transaction" if value is None else "should be a transaction")
    found: Mined = {name: _sized(value.get(name), name, size) for name, size in TEXTS.items()}
    for name in NUMBERS:
        try:
            found[name] = answers.quantity(value.get(name))
        except AnswerError as error:
            raise AnswerError(f"{name}: {error}") from None
    found["input"] = answers.data(value.get("input", value.get("data")))
    found["to"] = None if value.get("to") is None else _sized(value["to"], "to", answers.ADDRESS_BYTES)
    if found["hash"] != tx_hash:
        raise AnswerError("is another transaction")
    return found


def _sized(value: Any, name: str, size: int) -> bytes:
    found = answers.data(value)
    if len(found) != size:
        raise AnswerError(f"{name}: should be {size} bytes, found {len(found)}")
    return found
