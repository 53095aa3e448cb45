"""A block's header: the fields of it that its hash is made of (yellow paper, section 4.4, with later forks' fields)."""

from __future__ import annotations

from typing import Any

import rlp  # type: ignore[import-untyped]
from eth_hash.auto import keccak

from ingest.fork.records import ForkBlock
from ingest.rpc import answers
from ingest.rpc.errors import AnswerError

# In the order of the header. Bytes are taken as they are, quantities without leading zeros.
BYTES, QUANTITY = True, False
FIELDS = (
    ("parentHash", BYTES),
    ("sha3Uncles", BYTES),
    ("miner", BYTES),
    ("stateRoot", BYTES),
    ("transactionsRoot", BYTES),
    ("receiptsRoot", BYTES),
    ("logsBloom", BYTES),
    ("difficulty", QUANTITY),
    ("number", QUANTITY),
    ("gasLimit", QUANTITY),
    ("gasUsed", QUANTITY),
    ("timestamp", QUANTITY),
    ("extraData", BYTES),
    ("mixHash", BYTES),
    ("nonce", BYTES),
)
LATER_FIELDS = (  # each came with a fork of the protocol, and all before it are there too
    ("baseFeePerGas", QUANTITY),  # London, EIP-1559
    ("withdrawalsRoot", BYTES),  # Shanghai, EIP-4895
    ("blobGasUsed", QUANTITY),  # Cancun, EIP-4844
    ("excessBlobGas", QUANTITY),
    ("parentBeaconBlockRoot", BYTES),  # Cancun, EIP-4788
    ("requestsHash", BYTES),  # Prague, EIP-7685
)
PARENT, COINBASE, STATE_ROOT, NUMBER, TS, MIX_HASH, BASE_FEE = 0, 2, 3, 8, 11, 13, 15
ZERO_HASH = bytes(32)


def read_block(value: Any, *, chain_id: int, asked: int) -> ForkBlock:
    """The block that was asked for, as a node tells it; ``rlp`` is empty where its hash is not made as Ethereum's is.

    Raises:
        AnswerError: The answer is no block, or another one.
    """
    if not isinstance(value, dict):
        raise AnswerError("the node does not have the block" if value is None else "should be a block")
    told = {name: _read(value, name, kind) for name, kind in FIELDS if name not in ("mixHash", "nonce")}
    if told["number"] != asked:
        raise AnswerError(f"is block {told['number']}, asked for was block {asked}")
    if len(told["miner"]) != answers.ADDRESS_BYTES:
        raise AnswerError(f"miner: should be {answers.ADDRESS_BYTES} bytes, found {len(told['miner'])}")
    base_fee = value.get("baseFeePerGas")
    return ForkBlock(
        chain_id=chain_id,
        block_number=asked,
        block_hash=_hash(value, "hash"),
        parent_hash=_hash(value, "parentHash"),
        state_root=_hash(value, "stateRoot"),
        block_ts=answers.number(value["timestamp"]),
        coinbase="0x" + told["miner"].hex(),
        prevrandao=ZERO_HASH if value.get("mixHash") is None else _hash(value, "mixHash"),
        base_fee_wei=None if base_fee is None else answers.quantity(base_fee),
        rlp=_hashed(value),
    )


def block_of_rlp(header: bytes, chain_id: int) -> ForkBlock:
    """The block that a header describes; its hash is the header's own.

    Raises:
        ValueError: It is no header.
    """
    try:
        fields = rlp.decode(header)
        parts = [bytes(one) for one in fields]
    except (rlp.exceptions.RLPException, RecursionError, TypeError):
        raise ValueError("is no block header") from None
    if not len(FIELDS) <= len(parts) <= len(FIELDS) + len(LATER_FIELDS):
        raise ValueError(f"has {len(parts)} fields, which no block header has")
    return ForkBlock(
        chain_id=chain_id,
        block_number=int.from_bytes(parts[NUMBER], "big"),
        block_hash=keccak(header),
        parent_hash=parts[PARENT],
        state_root=parts[STATE_ROOT],
        block_ts=int.from_bytes(parts[TS], "big"),
        coinbase="0x" + parts[COINBASE].hex(),
        prevrandao=parts[MIX_HASH],
        base_fee_wei=int.from_bytes(parts[BASE_FEE], "big") if len(parts) > BASE_FEE else None,
        rlp=header,
    )


def _hashed(value: dict[str, Any]) -> bytes:
    """The header in RLP, if it hashes to what the node says; else nothing."""
    present = []
    for name, kind in (*FIELDS, *LATER_FIELDS):
        if value.get(name) is None:
            break
        present.append(_read(value, name, kind))
    if len(present) < len(FIELDS):
        return b""
    header = rlp.encode([_shortest(one) if isinstance(one, int) else one for one in present])
    return header if keccak(header) == _hash(value, "hash") else b""


def _shortest(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _read(value: dict[str, Any], name: str, kind: bool) -> Any:
    try:
        return answers.data(value.get(name)) if kind is BYTES else answers.quantity(value.get(name))
    except AnswerError as error:
        raise AnswerError(f"{name}: {error}") from None


def _hash(value: dict[str, Any], name: str) -> bytes:
    found: bytes = _read(value, name, BYTES)
    if len(found) != answers.HASH_BYTES:
        raise AnswerError(f"{name}: should be {answers.HASH_BYTES} bytes, found {len(found)}")
    return found
