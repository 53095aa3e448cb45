"""Where a token keeps an owner's balance, if it keeps it as a number at all rather than computing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.fork.records import only
from verify.fork.machine import ForkedEvm
from verify.fork.worker import Worker
from verify.ledger import WORD_BITS, Ledger, entry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.fork.records import ForkCall, Slot
    from verify.fork.dryrun import StateSource

MAX_SLOTS_READ = 64  # a balance that depends on more is computed
MIN_BITS = 64  # of a balance: less holds no amounts that a harness could work with
MAX_ROOT = 512  # variables before the mapping; real tokens have less than a hundred
OPENZEPPELIN_ROOT = 0x52C63247E1F47DB19D5CE0460030C497F067CA4CEBF71BA98EEADABE20BACE00
"""Of OpenZeppelin's upgradeable ERC-20 from version 5 on, by ERC-7201."""
UINT_END = 1 << WORD_BITS


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
    return BalanceReading(own[0], tuple(others), _ledger(evm, own[0], owner, call))


def _with(evm: ForkedEvm, key: Slot, value: int, call: ForkCall) -> int | None:
    """What the call answers where a slot has another value; None where it answers no number."""
    before = evm.storage(*key)
    evm.rebase({key: value})
    output = evm.view(call).output
    evm.rebase({key: before})
    return int.from_bytes(output, "big") if len(output) == 32 else None


def _ledger(evm: ForkedEvm, slot: Slot, owner: str, call: ForkCall) -> Ledger | None:
    places = ((root, key_first) for root in _roots() for key_first in (True, False))
    found = next((place for place in places if entry(owner, *place) == slot[1]), None)
    bits = 0 if found is None else _bits(evm, slot, call)
    return None if found is None or bits < MIN_BITS else Ledger(slot[0], *found, bits)


def _bits(evm: ForkedEvm, slot: Slot, call: ForkCall) -> int:
    """How many of a slot's lowest bits are the balance: up to the highest that alone makes it that much."""
    found = (bit + 1 for bit in reversed(range(WORD_BITS)) if _with(evm, slot, 1 << bit, call) == 1 << bit)
    return next(found, 0)


def _roots() -> Iterable[int]:
    yield from range(MAX_ROOT)
    yield OPENZEPPELIN_ROOT
