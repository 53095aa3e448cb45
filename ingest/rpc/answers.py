"""A node's answers, read strictly: everything that enters the store passed through here.

Addresses, hashes, topics and data are bytes; whatever is not exactly what the protocol says raises ``AnswerError``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ingest.rpc.errors import AnswerError

QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
MAX_INT64 = (1 << 63) - 1
HASH_BYTES = 32
ADDRESS_BYTES = 20
BLOOM_BYTES = 256
MAX_TOPICS = 4
MAX_ROWS = 2_000_000
MAX_SHOWN_CHARS = 80


@dataclass(frozen=True, slots=True)
class Header:
    """A block's header. ``bloom`` and ``tx_count`` are None where the node gives none."""

    block_number: int
    block_hash: bytes
    parent_hash: bytes
    block_ts: int
    base_fee_wei: int | None
    bloom: bytes | None
    tx_count: int | None = None

    @property
    def tells(self) -> bool:
        """Whether its bloom filter can be meant: some nodes give an empty one to blocks with logs as well."""
        return self.bloom is not None and (any(self.bloom) or self.tx_count == 0)


@dataclass(frozen=True, slots=True)
class Log:
    """An event log, with the hash of the block that the node says it lies in."""

    block_number: int
    block_hash: bytes
    tx_hash: bytes
    tx_index: int
    log_index: int
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """A transaction's receipt with its logs. What old or odd nodes leave out is None."""

    tx_hash: bytes
    block_hash: bytes
    block_number: int
    tx_index: int
    succeeded: bool | None
    gas_used: int
    gas_price_wei: int | None
    logs: tuple[Log, ...]


@dataclass(frozen=True, slots=True)
class Transaction:
    """A mined transaction. ``to_address`` is None where it creates a contract."""

    tx_hash: bytes
    block_hash: bytes
    block_number: int
    tx_index: int
    sender: bytes
    to_address: bytes | None
    value_wei: int
    input: bytes
    gas_price_wei: int | None


def quantity(value: Any) -> int:
    """A non-negative integer in hex."""
    if not isinstance(value, str) or not QUANTITY.fullmatch(value):
        raise AnswerError(f"should be a quantity in hex, found {_shown(value)}")
    return int(value, 16)


def number(value: Any) -> int:
    """A block's number or a chain's id in hex."""
    return _within_int64(quantity(value))


def data(value: Any) -> bytes:
    """Bytes in hex."""
    if isinstance(value, str) and value[:2] == "0x" and len(value) % 2 == 0:
        try:
            found = bytes.fromhex(value[2:])
        except ValueError:
            found = b""
        if 2 * len(found) == len(value) - 2:  # fromhex skips white space
            return found
    raise AnswerError(f"should be bytes in hex, found {_shown(value)}")


def header(value: Any, asked: int) -> Header:
    """The header of the block that was asked for."""
    fields = _fields(value, "block")
    fee = fields.get("baseFeePerGas")
    bloom, transactions = fields.get("logsBloom"), fields.get("transactions")
    found = Header(
        block_number=_int64(fields, "number"),
        block_hash=_sized(fields, "hash", HASH_BYTES),
        parent_hash=_sized(fields, "parentHash", HASH_BYTES),
        block_ts=_int64(fields, "timestamp"),
        base_fee_wei=None if fee is None else _quantity(fields, "baseFeePerGas"),
        bloom=None if bloom is None else _sized(fields, "logsBloom", BLOOM_BYTES),
        tx_count=None if transactions is None else len(_rows(transactions)),
    )
    if found.block_number != asked:
        raise AnswerError(f"is block {found.block_number}, asked for was block {asked}")
    return found


def transaction_hashes(value: Any) -> list[bytes]:
    """The hashes of a block's transactions."""
    hashes = _fields(value, "block").get("transactions")
    return [_exactly(one, HASH_BYTES, "transactions") for one in _rows(hashes)]


def logs(value: Any) -> list[Log]:
    """Logs, each place in the chain once; exact duplicates count once.

    Raises:
        AnswerError: One is malformed, of a block that is not mined or was removed, or contradicts another.
    """
    found: dict[tuple[int, int], Log] = {}
    for row in _rows(value):
        one = log(row)
        if found.setdefault((one.block_number, one.log_index), one) != one:
            raise AnswerError(f"has two different logs {one.log_index} in block {one.block_number}")
    return list(found.values())


def log(value: Any) -> Log:
    """One log."""
    fields = _fields(value, "log")
    if fields.get("removed") not in (None, False):
        raise AnswerError("holds a log that was removed by a reorg")
    topics = fields.get("topics")
    if not isinstance(topics, list) or len(topics) > MAX_TOPICS:
        raise AnswerError(f"topics: should be a list of at most {MAX_TOPICS}, found {_shown(topics)}")
    return Log(
        block_number=_int64(fields, "blockNumber"),
        block_hash=_sized(fields, "blockHash", HASH_BYTES),
        tx_hash=_sized(fields, "transactionHash", HASH_BYTES),
        tx_index=_int64(fields, "transactionIndex"),
        log_index=_int64(fields, "logIndex"),
        address=_sized(fields, "address", ADDRESS_BYTES),
        topics=tuple(_exactly(topic, HASH_BYTES, "topics") for topic in topics),
        data=_bytes(fields, "data"),
    )


def receipt(value: Any, tx_hash: bytes | None = None) -> Receipt:
    """A receipt, of the transaction asked for where one is given; its logs lie in its own block and transaction."""
    fields = _fields(value, "receipt")
    price, status = fields.get("effectiveGasPrice"), fields.get("status")
    found = Receipt(
        tx_hash=_sized(fields, "transactionHash", HASH_BYTES),
        block_hash=_sized(fields, "blockHash", HASH_BYTES),
        block_number=_int64(fields, "blockNumber"),
        tx_index=_int64(fields, "transactionIndex"),
        succeeded=None if status is None else _flag(fields, "status"),
        gas_used=_int64(fields, "gasUsed"),
        gas_price_wei=None if price is None else _quantity(fields, "effectiveGasPrice"),
        logs=tuple(logs(fields.get("logs"))),
    )
    if tx_hash is not None and found.tx_hash != tx_hash:
        raise AnswerError("is the receipt of another transaction")
    own = (found.tx_hash, found.block_hash, found.block_number, found.tx_index)
    if any((one.tx_hash, one.block_hash, one.block_number, one.tx_index) != own for one in found.logs):
        raise AnswerError(f"the receipt of 0x{found.tx_hash.hex()} holds a log of another transaction")
    return found


def receipts(value: Any) -> list[Receipt]:
    """All receipts of a block."""
    return [receipt(row) for row in _rows(value)]


def transaction(value: Any, tx_hash: bytes) -> Transaction:
    """The transaction asked for."""
    fields = _fields(value, "transaction")
    price, to = fields.get("gasPrice"), fields.get("to")
    found = Transaction(
        tx_hash=_sized(fields, "hash", HASH_BYTES),
        block_hash=_sized(fields, "blockHash", HASH_BYTES),
        block_number=_int64(fields, "blockNumber"),
        tx_index=_int64(fields, "transactionIndex"),
        sender=_sized(fields, "from", ADDRESS_BYTES),
        to_address=None if to is None else _sized(fields, "to", ADDRESS_BYTES),
        value_wei=_quantity(fields, "value"),
        input=_bytes(fields, "input" if "input" in fields else "data"),
        gas_price_wei=None if price is None else _quantity(fields, "gasPrice"),
    )
    if found.tx_hash != tx_hash:
        raise AnswerError("is another transaction")
    return found


def _fields(value: Any, what: str) -> dict[str, Any]:
    if value is None:
        raise AnswerError(f"the node does not have the {what}")
    if not isinstance(value, dict):
        raise AnswerError(f"should be a {what}, found {_shown(value)}")
    return value


def _rows(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > MAX_ROWS:
        raise AnswerError(f"should be a list, found {_shown(value)}")
    return value


def _quantity(fields: dict[str, Any], name: str) -> int:
    try:
        return quantity(fields.get(name))
    except AnswerError as error:
        raise AnswerError(f"{name}: {error}") from None


def _int64(fields: dict[str, Any], name: str) -> int:
    try:
        return number(fields.get(name))
    except AnswerError as error:
        raise AnswerError(f"{name}: {error}") from None


def _within_int64(found: int) -> int:
    if found > MAX_INT64:
        raise AnswerError(f"is {found}, which no chain reaches")
    return found


def _flag(fields: dict[str, Any], name: str) -> bool:
    found = _quantity(fields, name)
    if found > 1:
        raise AnswerError(f"{name}: should be 0 or 1, found {found}")
    return found == 1


def _bytes(fields: dict[str, Any], name: str) -> bytes:
    try:
        return data(fields.get(name))
    except AnswerError as error:
        raise AnswerError(f"{name}: {error}") from None


def _sized(fields: dict[str, Any], name: str, size: int) -> bytes:
    return _exactly(fields.get(name), size, name)


def _exactly(value: Any, size: int, name: str) -> bytes:
    try:
        found = data(value)
    except AnswerError as error:
        raise AnswerError(f"{name}: {error}") from None
    if len(found) != size:
        raise AnswerError(f"{name}: should be {size} bytes, found {len(found)}")
    return found


def _shown(value: Any) -> str:
    return f"{value!r:.{MAX_SHOWN_CHARS}}" if isinstance(value, str) else f"a {type(value).__name__}"
