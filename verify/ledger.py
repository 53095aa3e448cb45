"""Where a token keeps its owners' balances, and how much of it the harness's own accounts are given."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from eth_hash.auto import keccak

from verify.abi import address_word
from verify.slots import TOKEN_BALANCES

TRADER_FUNDS = 1 << 128
"""A trader's balance of a token; larger than any trade, so that it is never 0 before or after one."""

DRIVER_FUNDS = 1 << 200
"""The driver's balance of a token: more than any swap takes, and far from an overflow."""

WORD_BITS = 256


@dataclass(frozen=True, slots=True)
class Ledger:
    """A mapping of balances.

    Args:
        contract: Whose storage it is in; a token may keep its books elsewhere.
        root: The mapping's own slot.
        key_first: Whether an owner is hashed before the slot (Solidity) or after it (Vyper).
        bits: How many of a slot's lowest bits are the balance; what is above them is another matter.
    """

    contract: str
    root: int
    key_first: bool = True
    bits: int = WORD_BITS

    def slot(self, owner: str) -> tuple[str, int]:
        """Where an owner's balance is."""
        return self.contract, entry(owner, self.root, self.key_first)

    @property
    def trader_funds(self) -> int:
        """What a trader is given."""
        return min(TRADER_FUNDS, 1 << self.bits - 3)

    @property
    def driver_funds(self) -> int:
        """What a driver is given."""
        return min(DRIVER_FUNDS, 1 << self.bits - 2)


def plain(token: str) -> Ledger:
    """That of the harness's own token."""
    return Ledger(token, TOKEN_BALANCES)


@functools.lru_cache(maxsize=65536)
def entry(owner: str, root: int, key_first: bool) -> int:
    """The slot of an owner's entry in a mapping: Solidity hashes key and slot, Vyper slot and key."""
    key, at = address_word(owner), root.to_bytes(32, "big")
    return int.from_bytes(keccak(key + at if key_first else at + key), "big")
