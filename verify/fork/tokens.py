"""What a token does when it moves, found by moving it: its own code, on the chain's state, from one who has it.

A settlement can work with a token that moves exactly what it is told and says so or says nothing. Others are named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ingest.errors import InputError
from verify.evm import describe_revert
from verify.fork.dryrun import dry_run
from verify.fork.ledger import read_balance
from verify.fork.probes import FORWARDER, Probes
from verify.fork.worker import Changes
from verify.venues import labelled_address

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.fork.records import ForkCall
    from verify.fork.dryrun import StateSource
    from verify.fork.machine import Outcome
    from verify.ledger import Ledger

Oddity = Literal[
    "returns false",
    "transfers revert",
    "address blocked",
    "amounts limited",
    "fee on transfer",
    "takes another amount",
    "moves others' balances",
    "rebasing",
]
Answer = Literal["true", "nothing", "false", "other"]

FIRST, SECOND, BYSTANDER = (labelled_address(f"token {one}") for one in ("first", "second", "bystander"))
SMALL_PART, LARGE_PART = 1000, 2  # of the holder's balance
LEAST_BALANCE = 10_000  # less tells no fee from rounding
LATER_SECONDS = 30 * 86_400
PIPS = 10**6
MAX_DECIMALS = 255


@dataclass(frozen=True, slots=True)
class Found:
    """One oddity, with what was seen."""

    oddity: Oddity
    seen: str


@dataclass(frozen=True, slots=True)
class TokenReport:
    """What a token does at a fork.

    Args:
        token: Its address.
        decimals: None where it does not tell.
        answer: What its transfers return.
        ledger: Where it keeps balances, where that is known: so that a harness can give somebody some.
        found: What no settlement can work with; empty for a token that is fit.
    """

    token: str
    decimals: int | None
    answer: Answer
    ledger: Ledger | None
    found: tuple[Found, ...]

    def require_fit(self) -> None:
        """Refuses a token that a settlement cannot work with.

        Raises:
            InputError: It names the token and everything that was found.
        """
        if self.found:
            seen = "; ".join(f"{one.oddity} ({one.seen})" for one in self.found)
            raise InputError(f"token {self.token} cannot be settled in: {seen}", field="token")


def examine_token(source: StateSource, token: str, holder: str, parties: Sequence[str] = ()) -> TokenReport:
    """Tries a token out.

    Args:
        source: Learns what state that takes; nothing that is done here stays.
        token: Its address.
        holder: Somebody who has plenty of it, such as the pool.
        parties: Who must be able to get and give it.

    Raises:
        InputError: There is no such token, or the holder has next to nothing of it.
        RunError, NodeError: As `dry_run`.
    """
    probes, later = Probes(source.block, token), Probes(source.block, token, LATER_SECONDS)
    decimals, *held = dry_run(source, [probes.decimals(), probes.balance(holder), later.balance(holder)])
    balance, then = map(_number, held)
    if balance is None:
        raise InputError(f"{token} is no token at block {source.block.block_number}", field="token")
    if balance < LEAST_BALANCE:
        raise InputError(f"{holder} has next to none of token {token}; name somebody who has some", field="holder")
    reading = read_balance(source, probes.balance(holder), holder, balance)
    moves = _Moves(source, probes, holder, balance)
    found = [*moves.first(), *moves.others(parties)]
    if not reading.stored:
        found.append(Found("rebasing", "balances are computed from what others share"))
    if then != balance:
        found.append(Found("rebasing", f"a balance of {balance} is {then} after {LATER_SECONDS // 86_400} days"))
    told = _number(decimals)
    known = told if told is not None and told <= MAX_DECIMALS else None
    return TokenReport(token, known, moves.answer, reading.ledger, tuple(found))


class _Moves:
    """Transfers out of the holder's balance, each judged by the balances before and after."""

    def __init__(self, source: StateSource, probes: Probes, holder: str, balance: int) -> None:
        self._source = source
        self._probes = probes
        self._holder = holder
        self._small, self._large = balance // SMALL_PART, balance // LARGE_PART
        self._watched = (holder, FIRST, SECOND, BYSTANDER)
        self.answer: Answer = "other"

    def first(self) -> Iterator[Found]:
        """What a small transfer, one on from there, one by approval, and a large one do."""
        small, probes, holder = max(1, self._small), self._probes, self._holder
        part = max(1, small // 4)
        stake = probes.transfer(holder, BYSTANDER, small)
        moves = (
            ("transfer", probes.transfer(holder, FIRST, small), holder, FIRST, small),
            ("transfer", probes.transfer(FIRST, SECOND, part), FIRST, SECOND, part),
            ("transferFrom", probes.transfer_from(SECOND, FIRST, SECOND, part), FIRST, SECOND, part),
            ("large transfer", probes.transfer(holder, SECOND, self._large), holder, SECOND, self._large),
        )
        look = [probes.balance(one) for one in self._watched]
        calls: list[ForkCall] = [stake, probes.approve(FIRST, SECOND, part), *look]
        for _, call, *_rest in moves:
            calls += [call, *look]
        staked, _, *outcomes = self._made(calls)
        if not staked.succeeded:
            yield Found("transfers revert", _why(staked))
            return
        self.answer = _answer(staked)
        if self.answer in ("false", "other"):
            yield Found("returns false", f"a transfer answers {staked.output.hex() or 'nothing'}")
            return
        seen: set[Oddity] = set()
        before = [_number(one) or 0 for one in outcomes[: len(look)]]
        for place, (name, _, sender, to, amount) in enumerate(moves, start=1):
            start = len(look) + (place - 1) * (len(look) + 1)
            after = [_number(one) or 0 for one in outcomes[start + 1 : start + 1 + len(look)]]
            for one in self._judged(name, outcomes[start], sender, to, amount, before, after):
                if one.oddity not in seen:
                    seen.add(one.oddity)
                    yield one
            before = after

    def others(self, parties: Sequence[str]) -> Iterator[Found]:
        """Who of these cannot get some, or not give it on."""
        if self.answer in ("false", "other"):
            return
        for party in parties:
            got, gave = self._made(
                [
                    self._probes.transfer(self._holder, party, max(2, self._small)),
                    self._probes.transfer(party, FIRST, 1),
                ],
                (party,),
            )
            for outcome, what in ((got, "get"), (gave, "give")):
                if not outcome.succeeded:
                    yield Found("address blocked", f"{party} cannot {what} any: {_why(outcome)}")
                    break

    def _made(self, calls: Sequence[ForkCall], more: Sequence[str] = ()) -> tuple[Outcome, ...]:
        codes = dict.fromkeys((self._holder, FIRST, SECOND, *more), FORWARDER)
        return dry_run(self._source, calls, Changes(codes=codes))

    def _judged(
        self, name: str, outcome: Outcome, sender: str, to: str, amount: int, before: list[int], after: list[int]
    ) -> Iterator[Found]:
        if not outcome.succeeded:
            oddity: Oddity = "amounts limited" if name == "large transfer" else "transfers revert"
            yield Found(oddity, f"{name} of {amount}: {_why(outcome)}")
            return
        change = {one: now - then for one, then, now in zip(self._watched, before, after, strict=True)}
        if change[to] < amount:
            pips = (2 * (amount - change[to]) * PIPS + amount) // (2 * amount)  # rounded
            yield Found("fee on transfer", f"of {amount} sent {change[to]} arrive: {pips / 10_000:.4g} % less")
        if change[sender] != -amount or change[to] > amount:
            yield Found("takes another amount", f"{name} of {amount} changes {change[sender]} and {change[to]}")
        if any(change[one] for one in self._watched if one not in (sender, to)):
            yield Found("moves others' balances", f"{name} of {amount} changes a bystander's balance")


def _answer(outcome: Outcome) -> Answer:
    if not outcome.output:
        return "nothing"
    value = _number(outcome)
    return "true" if value == 1 else "false" if value == 0 else "other"


def _number(outcome: Outcome) -> int | None:
    return int.from_bytes(outcome.output, "big") if outcome.succeeded and len(outcome.output) == 32 else None


def _why(outcome: Outcome) -> str:
    return f"halted: {outcome.halt}" if outcome.halt else f"reverted {describe_revert(outcome.output)}"
