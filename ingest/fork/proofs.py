"""Merkle-Patricia proofs: what follows from a block's state root (Ethereum yellow paper, section 4.1 and appendix D).

Nodes are kept by their own hash, whoever they came from: a value that can be reached from the root is the chain's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import rlp  # type: ignore[import-untyped]
from eth_hash.auto import keccak
from trie.hexary import HexaryTrie

from ingest.fork.errors import UnprovenError
from ingest.fork.records import EMPTY_CODE_HASH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingest.fork.records import ForkAccount

MAX_NODE_BYTES = 4096  # a branch has 532 bytes, a leaf with an account less than 200
EMPTY_ROOT: bytes = keccak(rlp.encode(b""))


@dataclass(frozen=True, slots=True)
class ProvenAccount:
    """What a state trie holds of an account."""

    nonce: int
    balance_wei: int
    storage_root: bytes
    code_hash: bytes


ABSENT = ProvenAccount(0, 0, EMPTY_ROOT, EMPTY_CODE_HASH)
"""An account that is not there."""


class TrieNodes:
    """Nodes by their hash; ``used`` are those that an answer needed."""

    def __init__(self, nodes: Iterable[bytes] = ()) -> None:
        self._nodes: dict[bytes, bytes] = {}
        self.used: set[bytes] = set()
        self.size_bytes = 0
        self.add(nodes)

    def add(self, nodes: Iterable[bytes]) -> None:
        """Takes further nodes."""
        for node in nodes:
            key = keccak(node)
            if key not in self._nodes:
                self._nodes[key] = node
                self.size_bytes += len(node)

    def __getitem__(self, key: bytes) -> bytes:
        node = self._nodes[key]
        self.used.add(node)
        return node

    def account(self, state_root: bytes, address: str) -> ProvenAccount:
        """An account under a state root.

        Raises:
            UnprovenError: The nodes do not lead from the root to the account, or to where it would be.
        """
        found = self._value(state_root, bytes.fromhex(address[2:]), f"account {address}")
        if not found:
            return ABSENT
        fields = _decoded(found, f"account {address}")
        if not (isinstance(fields, list) and len(fields) == 4 and all(isinstance(one, bytes) for one in fields)):
            raise UnprovenError(f"the trie holds no account at {address}")
        nonce, balance, storage_root, code_hash = fields
        return ProvenAccount(int.from_bytes(nonce, "big"), int.from_bytes(balance, "big"), storage_root, code_hash)

    def slot(self, storage_root: bytes, address: str, slot: int) -> int:
        """A slot's value under the storage root of its account.

        Raises:
            UnprovenError: The nodes do not lead there.
        """
        what = f"slot {slot:#x} of {address}"
        found = self._value(storage_root, slot.to_bytes(32, "big"), what)
        value = _decoded(found, what) if found else b""
        if not isinstance(value, bytes) or len(value) > 32:
            raise UnprovenError(f"the trie holds no value at {what}")
        return int.from_bytes(value, "big")

    def _value(self, root: bytes, key: bytes, what: str) -> bytes:
        try:
            found: bytes = HexaryTrie(self, root).get(keccak(key))
        except Exception as error:  # noqa: BLE001 - the library raises whatever a malformed node makes it stumble over
            raise UnprovenError(f"{what} does not follow from root 0x{root.hex()} ({type(error).__name__})") from None
        return found


def require_proven(nodes: TrieNodes, state_root: bytes, account: ForkAccount) -> None:
    """Holds an account and all its slots against a state root.

    Raises:
        UnprovenError: Something does not follow from it, or is otherwise than it says.
    """
    require_same(nodes, state_root, account.address, told_account(account), account.storage)


def told_account(account: ForkAccount) -> tuple[int, int, bytes]:
    """(Nonce, balance, code hash)."""
    return account.nonce, account.balance_wei, account.code_hash


def require_same(
    nodes: TrieNodes, state_root: bytes, address: str, told: tuple[int, int, bytes], storage: Mapping[int, int]
) -> None:
    """Holds (nonce, balance, code hash) and slots against a state root; see ``require_proven``."""
    proven = nodes.account(state_root, address)
    if told != (proven.nonce, proven.balance_wei, proven.code_hash):
        raise UnprovenError(f"account {address} is not as the block's state root has it")
    for slot, value in storage.items():
        if nodes.slot(proven.storage_root, address, slot) != value:
            raise UnprovenError(f"slot {slot:#x} of {address} is not as the block's state root has it")


def _decoded(content: bytes, what: str) -> Any:
    try:
        return rlp.decode(content)
    except (rlp.exceptions.RLPException, RecursionError, ValueError):
        raise UnprovenError(f"the trie's entry of {what} cannot be read") from None
