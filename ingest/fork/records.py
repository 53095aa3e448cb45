"""What a fork is made of. Addresses are lower-case hex, slots and values are integers of 256 bits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from eth_hash.auto import keccak

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Slot = tuple[str, int]
"""(Address, place in its storage)."""

EMPTY_CODE_HASH = keccak(b"")


@dataclass(frozen=True, slots=True)
class ForkBlock:
    """The block after which the state stood. ``rlp`` is the header that hashes to ``block_hash``; empty: only told."""

    chain_id: int
    block_number: int
    block_hash: bytes
    parent_hash: bytes
    state_root: bytes
    block_ts: int
    coinbase: str
    prevrandao: bytes
    base_fee_wei: int | None
    rlp: bytes


@dataclass(frozen=True, slots=True)
class ForkAccount:
    """An account and those of its slots that are known, also where they are zero.

    ``proven``: everything here follows from the block's state root; else it is what a node told.
    """

    address: str
    balance_wei: int
    nonce: int
    code: bytes
    storage: Mapping[int, int]
    proven: bool

    @property
    def code_hash(self) -> bytes:
        """Keccak-256 of the code."""
        return keccak(self.code)


@dataclass(frozen=True, slots=True)
class Fork:
    """State at a block. What is not in ``accounts`` is not known, which is not the same as zero.

    ``nodes`` are the nodes of the state trie, and of accounts' storage tries, that prove the accounts marked so.
    """

    block: ForkBlock
    accounts: Mapping[str, ForkAccount]
    nodes: frozenset[bytes]

    @property
    def keys(self) -> Keys:
        """What is known."""
        return keys_of(self.accounts.values())

    @property
    def told(self) -> Keys:
        """What of it does not follow from the block, but was only told."""
        return keys_of(one for one in self.accounts.values() if not one.proven)


@dataclass(frozen=True, slots=True)
class Keys:
    """Accounts and slots, by name. The account of a slot is not by that among the accounts."""

    accounts: frozenset[str] = frozenset()
    slots: frozenset[Slot] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.accounts or self.slots)

    def __or__(self, other: Keys) -> Keys:
        return Keys(self.accounts | other.accounts, self.slots | other.slots)

    def __sub__(self, other: Keys) -> Keys:
        return Keys(self.accounts - other.accounts, self.slots - other.slots)

    def __str__(self) -> str:
        named = [*sorted(self.accounts), *(f"{address} slot {slot:#x}" for address, slot in sorted(self.slots))]
        return ", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")


@dataclass(frozen=True, slots=True)
class ForkCall:
    """A transaction's call that is to be made on the fork.

    ``block_number`` and ``block_ts`` are those of the block it runs in; that block's coinbase and randomness, where
    they are not told, are the forked block's. ``gas`` is its limit. Ether for gas is not taken from the sender.
    """

    sender: str
    to: str
    data: bytes
    block_number: int
    block_ts: int
    gas: int
    value_wei: int = 0
    coinbase: str | None = None
    prevrandao: bytes | None = None


def only(accounts: Mapping[str, ForkAccount], keys: Keys) -> dict[str, ForkAccount]:
    """The accounts with no more than these keys; each slot's account is there too."""
    slots: dict[str, list[int]] = {address: [] for address in sorted(keys.accounts)}
    for address, slot in sorted(keys.slots):
        slots.setdefault(address, []).append(slot)
    return {
        address: replace(accounts[address], storage={slot: accounts[address].storage[slot] for slot in own})
        for address, own in slots.items()
    }


def keys_of(accounts: Iterable[ForkAccount]) -> Keys:
    """What is known of these accounts."""
    found = tuple(accounts)
    return Keys(
        frozenset(one.address for one in found),
        frozenset((one.address, slot) for one in found for slot in one.storage),
    )
