"""What truly happened on the test chain, read block by block from receipts, never through `eth_getLogs`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eth_hash.auto import keccak

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rpc_world.anvil import Rpc


def topic(signature: str) -> str:
    """The first topic of an event, as in ``Sync(uint112,uint112)``."""
    return "0x" + keccak(signature.encode()).hex()


TRANSFER = topic("Transfer(address,address,uint256)")


@dataclass(frozen=True, slots=True)
class Log:
    """One log. ``topics`` and ``data`` are hex as the node gave them; ``log_index`` counts through the block."""

    address: str
    topics: tuple[str, ...]
    data: str
    block_number: int
    block_hash: str
    block_ts: int
    tx_hash: str
    tx_index: int
    log_index: int

    def words(self) -> list[int]:
        """The data as unsigned words."""
        raw = bytes.fromhex(self.data[2:])
        return [int.from_bytes(raw[i : i + 32], "big") for i in range(0, len(raw), 32)]

    def signed_words(self) -> list[int]:
        """The data as words in two's complement."""
        return [signed(value) for value in self.words()]


def signed(word: int) -> int:
    """A word's two's complement reading."""
    return word - (1 << 256) if word >> 255 else word


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction with its outcome. ``gas_price_wei`` is what was paid for each unit of gas."""

    hash: str
    index: int
    sender: str
    to: str | None
    value_wei: int
    data: str
    succeeded: bool
    gas_used: int
    gas_price_wei: int
    logs: tuple[Log, ...]
    raw: str

    def moved(self, token: str, sender: str | None = None, recipient: str | None = None) -> int:
        """The sum of a token's transfers from and to these addresses, in its smallest unit."""
        return sum(
            log.words()[0]
            for log in self.logs
            if log.address == token
            and log.topics[0] == TRANSFER
            and (sender is None or int(log.topics[1], 16) == int(sender, 16))
            and (recipient is None or int(log.topics[2], 16) == int(recipient, 16))
        )


@dataclass(frozen=True, slots=True)
class Block:
    """One block with all that is in it."""

    number: int
    hash: str
    parent_hash: str
    ts: int
    base_fee_wei: int
    transactions: tuple[Transaction, ...]

    @property
    def logs(self) -> Iterator[Log]:
        """Every log, in order."""
        return (log for transaction in self.transactions for log in transaction.logs)


@dataclass
class Truth:
    """The chain from its genesis block on; ``blocks[n]`` has the number n."""

    blocks: list[Block] = field(default_factory=list)

    def logs(self, address: str, *topics: str | None, first: int = 0, last: int | None = None) -> list[Log]:
        """The logs of one contract in the order they happened.

        Args:
            address: The contract's.
            topics: What the topics must be, from the first on; None is anything.
            first: The first block's number.
            last: The last block's number; None is the head.
        """
        return [
            log
            for block in self.blocks[first : None if last is None else last + 1]
            for log in block.logs
            if log.address == address
            and all(
                wanted is None or (place < len(log.topics) and log.topics[place] == wanted)
                for place, wanted in enumerate(topics)
            )
        ]


def read_blocks(rpc: Rpc, first: int, last: int) -> list[Block]:
    """Blocks by number, both ends included, from the node's blocks, transactions and receipts."""
    numbers = range(first, last + 1)
    calls: list[tuple[Any, ...]] = [("eth_getBlockByNumber", hex(number), True) for number in numbers]
    calls += [("eth_getBlockReceipts", hex(number)) for number in numbers]
    answers = rpc.batch(calls)
    headers, receipts = answers[: len(numbers)], answers[len(numbers) :]
    hashes = [entry["hash"] for header in headers for entry in header["transactions"]]
    raws = dict(zip(hashes, rpc.batch([("eth_getRawTransactionByHash", one) for one in hashes]), strict=True))
    return [_block(header, own, raws) for header, own in zip(headers, receipts, strict=True)]


def _block(header: dict[str, Any], receipts: list[dict[str, Any]], raws: dict[str, str]) -> Block:
    number, ts = int(header["number"], 16), int(header["timestamp"], 16)
    transactions = []
    for entry, receipt in zip(header["transactions"], receipts, strict=True):
        index = int(entry["transactionIndex"], 16)
        assert entry["hash"] == receipt["transactionHash"]
        logs = tuple(
            Log(
                log["address"].lower(),
                tuple(log["topics"]),
                log["data"],
                number,
                header["hash"],
                ts,
                entry["hash"],
                index,
                int(log["logIndex"], 16),
            )
            for log in receipt["logs"]
        )
        transactions.append(
            Transaction(
                entry["hash"],
                index,
                entry["from"].lower(),
                None if entry["to"] is None else entry["to"].lower(),
                int(entry["value"], 16),
                entry["input"],
                receipt["status"] == "0x1",
                int(receipt["gasUsed"], 16),
                int(receipt["effectiveGasPrice"], 16),
                logs,
                raws[entry["hash"]],
            )
        )
    base_fee = int(header["baseFeePerGas"], 16)
    return Block(number, header["hash"], header["parentHash"], ts, base_fee, tuple(transactions))
