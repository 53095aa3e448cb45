"""One pact on the EVM, with the people around it. Everything happens in anchors, and leaves no trace."""

from __future__ import annotations

import functools
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eth_abi.abi import encode

from verify.abi import address_word, selector, word
from verify.compile import compile_trusted
from verify.evm import Evm, ExecutionError, Reverted
from verify.pact.compile import error_signatures
from verify.pact.terms import BURN, NOBODY
from verify.venues import labelled_address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from verify.compile import Contract
    from verify.pact.compile import PactCode
    from verify.pact.play import Step
    from verify.pact.terms import PactTerms

OUTSIDER = labelled_address("pact outsider")
DEPLOYER = labelled_address("pact deployer")
ACTION_GAS = 5_000_000
"""What each call may use; what it should use is a property."""

PURSE_DEPOSITS = 8
"""Everybody has so many deposits to begin with."""

_OPENING_SECONDS = 3600
_SELECTORS = {
    "join": selector("join()"),
    "cancel": selector("cancel()"),
    "attest": selector("attest(address[])"),
    "contest": selector("contest()"),
    "claim": selector("claim()"),
    "claim_to": selector("claimTo(address)"),
    "claim_for": selector("claimFor(address)"),
}
_ACT = selector("act(address,bytes)")
_BALANCE_OF = selector("balanceOf(address)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call: why it failed, or None; and the whole transaction's gas."""

    error: str | None
    gas: int

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.error is None


class Stage:
    """A pact that was just deployed. Made by `stage`, in an anchor that lives as long.

    Args:
        evm: With an open anchor.
        code: The pact's.
        terms: Their token, where they have one, is a `PactToken`.
        guest: An invited one who is a contract, a `PactGuest`, and acts through it.
    """

    def __init__(self, evm: Evm, code: PactCode, terms: PactTerms, guest: str | None) -> None:
        self.evm = evm
        self.terms = terms
        self._guest = guest
        self.opening_ts = opening_ts(terms)
        evm.set_block(1, self.opening_ts)
        self.pact = evm.deploy(code.creation(terms), sender=DEPLOYER)
        self.people = tuple(dict.fromkeys((*terms.invited, terms.host, OUTSIDER)))
        self._errors = {selector(signature): name for name, signature in error_signatures(code).items()}
        for person in self.people:
            self.fill_purse(person)

    @property
    def watched(self) -> tuple[str, ...]:
        """Everybody who could get anything: people, charity, the burnt, and who deployed."""
        charity = () if self.terms.charity == NOBODY else (self.terms.charity,)
        return (*self.people, *charity, BURN, DEPLOYER)

    def fill_purse(self, person: str) -> None:
        """Gives somebody deposits, coins in any case, and the pact leave to take tokens."""
        purse = PURSE_DEPOSITS * self.terms.deposit
        self.evm.fund(person, purse)
        if self.terms.in_coins:
            return
        self.token_call("mint(address,uint256)", address_word(person) + word(purse))
        approve = selector("approve(address,uint256)") + address_word(self.pact) + word(2**256 - 1)
        self.call_at(self.terms.token, approve, sender=person, at_ts=self.opening_ts)

    def token_call(self, signature: str, arguments: bytes) -> None:
        """Calls the terms' token; for the harness alone."""
        self.evm.call(self.terms.token, selector(signature) + arguments, sender=DEPLOYER)

    def act(self, step: Step) -> Outcome:
        """Makes a step's call at its time."""
        value = step.amount
        if value is None:
            value = self.terms.deposit if step.action == "join" and self.terms.in_coins else 0
        data = call_data(step)
        return self.call(data, sender=step.who, at_ts=step.at_ts, value=value)

    def call(self, data: bytes, *, sender: str, at_ts: int, value: int = 0) -> Outcome:
        """Calls the pact."""
        return self.call_at(self.pact, data, sender=sender, at_ts=at_ts, value=value)

    def call_at(self, to: str, data: bytes, *, sender: str, at_ts: int, value: int = 0) -> Outcome:
        """Calls a contract; as the guest, by way of the guest's own contract."""
        self.evm.set_block(self.evm.block_number, at_ts)
        if sender == self._guest:
            data = _ACT + encode(["address", "bytes"], [to, data])
            to, sender = sender, OUTSIDER
        try:
            self.evm.call(to, data, sender=sender, gas=ACTION_GAS, value=value)
        except Reverted as error:
            return Outcome(self._errors.get(error.output[:4], str(error)), error.gas_used)
        except ExecutionError as error:
            return Outcome(str(error), error.gas_used)
        return Outcome(None, self.evm.gas_used)

    def view(self, data: bytes, *, at_ts: int) -> bytes | None:
        """What the pact answers; None where it fails."""
        self.evm.set_block(self.evm.block_number, at_ts)
        try:
            return self.evm.call(self.pact, data, sender=DEPLOYER, gas=ACTION_GAS)
        except ExecutionError:
            return None

    def balance(self, who: str) -> int:
        """What somebody has of the deposits' token or coin."""
        if self.terms.in_coins:
            return self.evm.balance(who)
        output = self.evm.call(self.terms.token, _BALANCE_OF + address_word(who), sender=DEPLOYER)
        return int.from_bytes(output[:32], "big")

    def balances(self) -> dict[str, int]:
        """Of everybody who is watched, and the pact."""
        return {who: self.balance(who) for who in (*self.watched, self.pact)}


@contextmanager
def stage(
    code: PactCode,
    terms: PactTerms,
    props: Mapping[str, Contract],
    *,
    guest: str | None = None,
    chain_id: int = 1,
) -> Iterator[Stage]:
    """Deploys a pact in an EVM of its own, shortly before joining ends.

    Args:
        code: The pact's.
        terms: The group's.
        props: The `harness`.
        guest: See `Stage`.
        chain_id: The chain's.

    Raises:
        Reverted: The constructor refuses the terms.
        Halted: It ran out of gas.
    """
    evm = Evm(chain_id)
    # Their codes have no immutables, so that they can be put where the terms say.
    if not terms.in_coins:
        evm.set_code(terms.token, props["PactToken"].runtime_code)
    if guest is not None:
        evm.set_code(guest, props["PactGuest"].runtime_code)
    with evm.anchor():
        yield Stage(evm, code, terms, guest)


def opening_ts(terms: PactTerms) -> int:
    """When the pact is deployed: shortly before joining ends."""
    return max(1, terms.join_until_ts - _OPENING_SECONDS)


@functools.lru_cache(maxsize=1)
def harness() -> dict[str, Contract]:
    """The token and the guest of `contracts/harness`."""
    return compile_trusted(["harness/PactToken.sol", "harness/PactGuest.sol"])


def call_data(step: Step) -> bytes:
    """A step's call."""
    data = _SELECTORS[step.action]
    if step.action == "attest":  # a list: where it begins, and how long it is
        data += word(32) + word(len(step.about))
    return data + b"".join(address_word(address) for address in step.about)
