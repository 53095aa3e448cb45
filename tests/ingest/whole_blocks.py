"""Whole blocks for tests: the real ones with what their sources say of them, and small ones made by hand.

Made with eth-abi and eth-hash, which share nothing with the readers under test.
"""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from eth_abi import encode
from eth_hash.auto import keccak

from ingest.chain_tables import LOGS, TRANSACTIONS
from ingest.traces import Block, Call, Transaction, read_block

if TYPE_CHECKING:
    from pathlib import Path

ETL = "etl_blocks_mainnet_17173049_17173050"
MEV = "mev_blocks_mainnet"
MEV_BLOCKS = (
    10921991, 11930296, 11931272, 11935012, 12483198, 12674514, 12775690, 12914944, 13179291,
    13207907, 13244807, 13302365, 13323642, 13326607, 13370850, 13666184, 13666312, 13666326,
)  # fmt: skip


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


# --- real blocks -----------------------------------------------------------------------------------------------------


def mev_blocks(shared: Path) -> dict[int, Block]:
    return {number: read_block(shared / MEV / f"block_{number}_traces.json.gz") for number in MEV_BLOCKS}


def mev_labels(shared: Path) -> dict[int, dict[str, Any]]:
    with gzip.open(shared / MEV / "labels.json.gz", "rt") as file:
        return {int(number): labels for number, labels in json.load(file).items()}


def csv_rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt") as file:
        return list(csv.DictReader(file))


def etl_lines(shared: Path, name: str) -> list[dict[str, Any]]:
    with gzip.open(shared / ETL / f"{name}.jsonl.gz", "rt") as file:
        return [json.loads(line) for line in file]


def etl_logs(shared: Path) -> pa.Table:
    rows = []
    for line in etl_lines(shared, "logs"):
        topics = [unhex(topic) for topic in line["topics"]] + [None] * 4
        rows.append(
            {
                "block_number": line["block_number"],
                "block_ts": line["block_timestamp"],
                "tx_hash": unhex(line["transaction_hash"]),
                "tx_index": line["transaction_index"],
                "log_index": line["log_index"],
                "address": unhex(line["address"]),
                **{f"topic{place}": topics[place] for place in range(4)},
                "data": unhex(line["data"]),
            }
        )
    return pa.Table.from_pylist(rows, LOGS)


def etl_transactions(shared: Path) -> pa.Table:
    rows = [
        {
            "tx_hash": unhex(line["hash"]),
            "block_number": line["block_number"],
            "tx_index": line["transaction_index"],
            "sender": unhex(line["from_address"]),
            "to_address": unhex(line["to_address"]) if line["to_address"] else None,
            "value_wei": str(line["value"]),
            "input": unhex(line["input"]),
            "succeeded": line["receipt_status"] == 1,
            "gas_used": line["receipt_gas_used"],
            "gas_price_wei": str(line["receipt_effective_gas_price"]),
        }
        for line in etl_lines(shared, "transactions")
    ]
    return pa.Table.from_pylist(rows, TRANSACTIONS)


# --- blocks made by hand ---------------------------------------------------------------------------------------------


def at(number: int) -> str:
    """An address."""
    return f"0x{number:040x}"


def tx(number: int) -> str:
    """A transaction's hash."""
    return f"0x{number:064x}"


def types_of(signature: str) -> list[str]:
    """The argument types of ``name(type,…)``, tuples kept whole."""
    inner = signature[signature.index("(") + 1 : -1]
    found, depth, start = [], 0, 0
    for place, letter in enumerate(inner + ","):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            found.append(inner[start:place])
            start = place + 1
    return [one for one in found if one]


def calldata(signature: str, *values: Any) -> bytes:
    return keccak(signature.encode())[:4] + encode(types_of(signature), values)


@dataclass
class Made:
    """A call with those that it makes."""

    sender: str
    to: str
    data: bytes = b""
    output: bytes = b""
    calls: list[Made] = field(default_factory=list)
    kind: str = "call"
    failed: bool = False


def transfer(token: str, sender: str, recipient: str, amount: int, **more: Any) -> Made:
    output = encode(["bool"], [True])
    return Made(sender, token, calldata("transfer(address,uint256)", recipient, amount), **({"output": output} | more))


def pulled(token: str, by: str, sender: str, recipient: str, amount: int, **more: Any) -> Made:
    data = calldata("transferFrom(address,address,uint256)", sender, recipient, amount)
    return Made(by, token, data, encode(["bool"], [True]), **more)


def balance(token: str, owner: str, amount: int) -> Made:
    return Made(owner, token, calldata("balanceOf(address)", owner), encode(["uint256"], [amount]), kind="staticcall")


def reserves(pair: str, reserve0: int, reserve1: int, by: str = at(0xEEEE)) -> Made:
    output = encode(["uint112", "uint112", "uint32"], [reserve0, reserve1, 7])
    return Made(by, pair, calldata("getReserves()"), output, kind="staticcall")


def block_of(*transactions: list[Made], number: int = 100) -> Block:
    """A block with one transaction for each list: its own call from an account, that makes those listed."""
    made = []
    for index, calls in enumerate(transactions):
        own = Made(at(0xACC0 + index), at(0xC0DE), calls=calls)
        flat = tuple(_flat(own, (), index, failed=False))
        made.append(Transaction(tx(index), index, flat, 100_000, 1))
    return Block(number, 1_700_000_000, tuple(made))


def _flat(made: Made, path: tuple[int, ...], index: int, *, failed: bool) -> list[Call]:
    failed = failed or made.failed
    output = b"" if failed else made.output
    found = [Call(tx(index), index, path, made.kind, made.sender, made.to, 0, made.data, output, failed)]
    for place, inner in enumerate(made.calls):
        found += _flat(inner, (*path, place), index, failed=failed)
    return found


@dataclass
class LogTable:
    """Logs as a table, one after the other; ``next_transaction`` opens another."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    tx_index: int = 0
    block_number: int = 100

    def next_transaction(self) -> LogTable:
        self.tx_index += 1
        return self

    def add(self, emitter: str, signature: str, *values: Any, indexed: int = 0) -> LogTable:
        types = types_of(signature)
        topics = [keccak(signature.encode())]
        topics += [encode([one], [value]) for one, value in zip(types[:indexed], values[:indexed], strict=True)]
        return self.raw(emitter, topics, encode(types[indexed:], values[indexed:]))

    def raw(self, emitter: str, topics: list[bytes], data: bytes) -> LogTable:
        padded = [*topics, None, None, None, None]
        self.rows.append(
            {
                "block_number": self.block_number,
                "block_ts": 1_700_000_000,
                "tx_hash": unhex(tx(self.tx_index)),
                "tx_index": self.tx_index,
                "log_index": len(self.rows),
                "address": unhex(emitter),
                **{f"topic{place}": padded[place] for place in range(4)},
                "data": data,
            }
        )
        return self

    def transfer(self, token: str, sender: str, recipient: str, amount: int) -> LogTable:
        return self.add(token, "Transfer(address,address,uint256)", sender, recipient, amount, indexed=2)

    def table(self) -> pa.Table:
        return pa.Table.from_pylist(self.rows, LOGS)
