"""A node's answers about state, read strictly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.fork.proofs import MAX_NODE_BYTES
from ingest.fork.records import Keys, Slot
from ingest.rpc import answers
from ingest.rpc.errors import AnswerError

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_CODE_BYTES = 128 << 10  # Ethereum allows 24 KiB, some chains more
MAX_PROOF_NODES = 80  # a path has 64 steps
MAX_LISTED = 20_000  # accounts and slots in one access list


@dataclass(frozen=True, slots=True)
class ToldProof:
    """What `eth_getProof` tells of an account and some of its slots, and the nodes that are to prove it."""

    balance_wei: int
    nonce: int
    code_hash: bytes
    storage: dict[int, int]
    nodes: tuple[bytes, ...]

    @property
    def account(self) -> tuple[int, int, bytes]:
        """(Nonce, balance, code hash)."""
        return self.nonce, self.balance_wei, self.code_hash


def code(value: Any) -> bytes:
    """A contract's code; empty where there is none."""
    found = answers.data(value)
    if len(found) > MAX_CODE_BYTES:
        raise AnswerError(f"is code of {len(found)} bytes, more than {MAX_CODE_BYTES}")
    return found


def proof(value: Any, address: str, slots: Sequence[int]) -> ToldProof:
    """An account's proof for the slots that were asked for, in their order."""
    if not isinstance(value, dict):
        raise AnswerError("should be a proof")
    if str(value.get("address", address)).lower() != address:
        raise AnswerError(f"is the proof of another account than {address}")
    parts = value.get("storageProof")
    if not isinstance(parts, list) or len(parts) != len(slots):
        raise AnswerError(f"storageProof: should be {len(slots)} slots")
    code_hash = answers.data(value.get("codeHash"))
    nodes, storage = _nodes(value.get("accountProof")), {}
    for asked, part in zip(slots, parts, strict=True):
        if not isinstance(part, dict) or answers.quantity(part.get("key")) != asked:
            raise AnswerError(f"storageProof: should be of slot {asked:#x}")
        storage[asked] = answers.quantity(part.get("value"))
        nodes += _nodes(part.get("proof"))
    balance, nonce = answers.quantity(value.get("balance")), answers.quantity(value.get("nonce"))
    return ToldProof(balance, nonce, code_hash, storage, tuple(nodes))


def access_list(value: Any) -> Keys:
    """What `eth_createAccessList` says that a call touches."""
    listed = value.get("accessList") if isinstance(value, dict) else None
    if not isinstance(listed, list) or len(listed) > MAX_LISTED:
        raise AnswerError("should be an access list")
    accounts: set[str] = set()
    slots: set[Slot] = set()
    for entry in listed:
        keys = entry.get("storageKeys") if isinstance(entry, dict) else None
        if not isinstance(keys, list) or len(slots) + len(keys) > MAX_LISTED:
            raise AnswerError("should be a list of storage keys for each account")
        address = "0x" + _address(entry.get("address")).hex()
        accounts.add(address)
        slots |= {(address, answers.quantity(key)) for key in keys}
    return Keys(frozenset(accounts), frozenset(slots))


def _address(value: Any) -> bytes:
    found = answers.data(value)
    if len(found) != answers.ADDRESS_BYTES:
        raise AnswerError(f"address: should be {answers.ADDRESS_BYTES} bytes, found {len(found)}")
    return found


def _nodes(value: Any) -> list[bytes]:
    if not isinstance(value, list) or len(value) > MAX_PROOF_NODES:
        raise AnswerError(f"should be a proof of at most {MAX_PROOF_NODES} nodes")
    found = [answers.data(one) for one in value]
    if any(len(one) > MAX_NODE_BYTES for one in found):
        raise AnswerError(f"holds a node of more than {MAX_NODE_BYTES} bytes, which no trie has")
    return found
