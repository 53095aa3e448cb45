"""Where a token keeps an owner's balance, if it keeps it as a number at all rather than computing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eth_hash.auto import keccak

from ingest.fork.records import only
from verify.abi import address_word
from verify.fork.machine import ForkedEvm
from verify.fork.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.fork.records import ForkCall, Slot
    from verify.fork.dryrun import StateSource

MAX_SLOTS_READ = 64  # a balance that depends on more is computed
MAX_ROOT = 512  # variables before the mapping; real tokens have less than a hundred
OPENZEPPELIN_ROOT = 0x52C63247E1F47DB19D5CE0460030C497F067CA4CEBF71BA98EEADABE20BACE00
"""Of OpenZeppelin's upgradeable ERC-20 from version 5 on, by ERC-7201."""
UINT_END = 1 << 256


@dataclass(frozen=True, slots=True)
class Ledger:
    """A mapping of balances: the contract that holds it, its slot, and whether the key is hashed before it (Solidity).

    Only owners' own slots are in it: the value may hold flags in its highest bits, as USDC's blocklist.
    """

    contract: str
    root: int
    key_first: bool

    def slot(self, owner: str) -> Slot:
        """Where an owner's balance is."""
        return self.contract, _entry(owner, self.root, key_first=self.key_first)


@dataclass(frozen=True, slots=True)
class BalanceReading:
    """How a balance comes about: the slot that is it, and others that it also depends on.

    ``ledger`` is None where the slot is in no mapping of the usual kinds.
    """

    slot: Slot | None
    others: tuple[Slot, ...]
    ledger: Ledger | None

    @property
    def stored(self) -> bool:
        """Whether the balance is a stored number and nothing else."""
        return self.slot is not None and not self.others


def read_balance(source: StateSource, call: ForkCall, owner: str, balance: int) -> BalanceReading:
    """Finds out what the answer of ``call``, a `balanceOf` that gave ``balance``, depends on.

    Each slot that it reads is changed in turn. Where one more in it is one more in the answer, it is the balance; what
    else moves the answer shows that balances are computed, as rebasing tokens do.

    Raises:
        RunError: The call cannot be made.
    """
    with Worker() as worker:
        touched = worker.run(source.block, source.accounts, [call]).touched
    if len(touched.slots) > MAX_SLOTS_READ:
        return BalanceReading(None, (), None)
    evm = ForkedEvm(source.block, only(source.accounts, touched).values())
    own: list[Slot] = []
    others: list[Slot] = []
    for key in sorted(touched.slots):
        value = evm.storage(*key)
        if _with(evm, key, (value + 1) % UINT_END, call) == balance + 1:
            own.append(key)
        elif _with(evm, key, (2 * value + 1) % UINT_END, call) not in (None, balance):
            others.append(key)
    if len(own) != 1:
        return BalanceReading(None, tuple(own + others), None)
    return BalanceReading(own[0], tuple(others), _ledger(own[0], owner))


def _with(evm: ForkedEvm, key: Slot, value: int, call: ForkCall) -> int | None:
    """What the call answers where a slot has another value; None where it answers no number."""
    before = evm.storage(*key)
    evm.rebase({key: value})
    output = evm.view(call).output
    evm.rebase({key: before})
    return int.from_bytes(output, "big") if len(output) == 32 else None


def _ledger(slot: Slot, owner: str) -> Ledger | None:
    for root in _roots():
        for key_first in (True, False):
            if _entry(owner, root, key_first=key_first) == slot[1]:
                return Ledger(slot[0], root, key_first)
    return None


def _roots() -> Iterable[int]:
    yield from range(MAX_ROOT)
    yield OPENZEPPELIN_ROOT


def _entry(owner: str, root: int, *, key_first: bool) -> int:
    """Where a mapping keeps an owner's entry: Solidity hashes key and slot, Vyper slot and key."""
    key, at = address_word(owner), root.to_bytes(32, "big")
    return int.from_bytes(keccak(key + at if key_first else at + key), "big")
