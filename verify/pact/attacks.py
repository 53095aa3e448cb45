"""What tokens and recipients can do to a pact: refuse, call back, cheat about what moved; and a full house's gas."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from eth_abi.abi import encode

from verify.abi import address_word, selector, word
from verify.pact.evening import Violation, perform
from verify.pact.play import Step
from verify.pact.stage import DEPLOYER, OUTSIDER, call_data
from verify.pact.terms import BURN, Attestation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from verify.pact.play import Play
    from verify.pact.stage import Stage

MOST_GAS = 2_000_000
"""What an action may cost, the whole transaction."""

_EVERYBODY = word(0)


class Token(IntEnum):
    """How the harness's token can behave: `Mode` of `HostileToken`."""

    PLAIN = 0
    NO_RETURN = 1
    FALSE_UNMOVED = 2
    TRUE_UNMOVED = 4
    REVERTS = 7
    RECIPIENT_FEE = 8
    CALLS = 14


class Guest(IntEnum):
    """How a guest that is a contract answers a payout: `Mood` of `PactGuest`."""

    ACCEPTING = 0
    REFUSING = 1
    REENTERING = 2


# ---------------------------------------------------------------------- tokens


def false_deposits(there: Stage) -> Iterator[Violation]:
    """A token that does not bring the whole deposit must not let anybody join; one that just says nothing must."""
    joiner = there.terms.invited[0]
    join = Step(there.opening_ts, joiner, "join")
    if there.terms.in_coins:
        return
    for mode in (Token.FALSE_UNMOVED, Token.TRUE_UNMOVED, Token.RECIPIENT_FEE):
        with there.evm.anchor():
            _behave(there, mode)
            if there.act(join).ok:
                seen = f"the token ({_in_words(mode)}) does not bring the deposit, and the call succeeds"
                yield Violation("deposit", (join,), seen)
    with there.evm.anchor():
        _behave(there, Token.NO_RETURN)
        for violation in perform(there, _plain_evening(there)):
            seen = f"with a token that moves and returns nothing, as some old ones do: {violation.seen}"
            yield Violation(violation.property, violation.play, seen)


# ---------------------------------------------------------------------- payouts that fail


def blocked_payouts(there: Stage) -> Iterator[Violation]:
    """One recipient cannot be paid: all others are, and the money can be claimed to another address.

    Args:
        there: The first who is invited is a guest.
    """
    play = _plain_evening(there)
    unlucky = play[0].who
    with there.evm.anchor():
        for step in play:
            there.act(step)
        with there.evm.anchor():
            if not all(_paid_by(there, [Step(there.terms.pays_from_ts, step.who, "claim") for step in play]).values()):
                return  # it fails without any such recipient, which another property notices
        if there.terms.in_coins:
            _mood(there, unlucky, Guest.REFUSING)
            yield from _one_is_blocked(there, play, unlucky, Token.PLAIN)
            return
        for mode in (Token.REVERTS, Token.FALSE_UNMOVED):
            yield from _one_is_blocked(there, play, unlucky, mode)


def _one_is_blocked(there: Stage, play: Play, unlucky: str, mode: Token) -> Iterator[Violation]:
    """First the one who cannot be paid tries, then the others; then the one to an address that can be paid."""
    paying = there.terms.pays_from_ts
    claims = [Step(paying, step.who, "claim") for step in play[1:]]
    with there.evm.anchor():
        if not there.terms.in_coins:
            _behave(there, mode, unlucky)
        there.act(Step(paying, unlucky, "claim"))
        for who, paid in _paid_by(there, claims).items():
            if not paid:
                yield Violation(
                    "blocked", play, f"{{{unlucky}}} cannot be paid, and {{{who}}} then gets nothing either"
                )
        if not there.terms.in_coins:
            _behave(there, Token.PLAIN)
        had = there.balance(OUTSIDER)
        elsewhere = Step(paying, unlucky, "claim_to", (OUTSIDER,))
        outcome = there.act(elsewhere)
        if there.balance(OUTSIDER) - had != there.terms.deposit:
            why = outcome.error or "though it says that it paid"
            yield Violation("blocked", (*play, elsewhere), f"after a payout that failed; no deposit comes ({why})")


def _paid_by(there: Stage, claims: Sequence[Step]) -> dict[str, int]:
    """What each has of all these claims."""
    had = {claim.who: there.balance(claim.who) for claim in claims}
    for claim in claims:
        there.act(claim)
    return {who: there.balance(who) - before for who, before in had.items()}


# ---------------------------------------------------------------------- calls back


def calls_back(there: Stage) -> Iterator[Violation]:
    """A recipient claims once more while being paid; somebody joins once more while the deposit is pulled.

    Args:
        there: The first who is invited is a guest.
    """
    play = _plain_evening(there)
    guest = play[0].who
    claim = Step(there.terms.pays_from_ts, guest, "claim")
    with there.evm.anchor():
        for step in play:
            there.act(step)
        paid = _gained_by(there, claim)
        if paid > there.terms.deposit:
            seen = f"and again while being paid: {paid} are paid in all"
            yield Violation("reentrancy", (*play, claim), seen)
    if not there.terms.in_coins and _gained_by(there, play[0]) < -there.terms.deposit:
        yield Violation("reentrancy", play[:1], "and again while the deposit is pulled: it is pulled twice")


def _gained_by(there: Stage, step: Step) -> int:
    """What the guest has of a step that it makes again as soon as coins or tokens move."""
    with there.evm.anchor():
        _mood(there, step.who, Guest.REENTERING, call_data(step))
        if not there.terms.in_coins:
            there.token_call("callOut(address,bytes)", encode(["address", "bytes"], [step.who, selector("poke()")]))
            _behave(there, Token.CALLS, step.who)
        had = there.balance(step.who)
        there.act(step)
        return there.balance(step.who) - had


# ---------------------------------------------------------------------- gas


def dear_actions(there: Stage) -> Iterator[Violation]:
    """The first action of the costliest evening that costs too much."""
    with there.evm.anchor():
        for step in costliest_evening(there):
            gas = there.act(step).gas
            if gas > MOST_GAS:
                yield Violation("gas", (step,), f"costs {gas} gas when {there.terms.capacity} can join")
                return


def costliest_evening(there: Stage) -> Play:
    """A full house, where everybody attests that all others but one stayed away, and half of them contest it."""
    terms = there.terms
    joiners = terms.invited[: terms.capacity]
    attesters = (terms.host,) if terms.attestation is Attestation.HOST else joiners
    accused = {who: tuple(guest for guest in joiners[1:] if guest != who) for who in attesters}
    return (
        *(Step(there.opening_ts, who, "join") for who in joiners),
        *(Step(terms.starts_ts, who, "attest", absent) for who, absent in accused.items()),
        *(Step(terms.attest_until_ts, who, "contest") for who in joiners[1::2]),
        *(Step(terms.pays_from_ts, who, "claim") for who in joiners),
        Step(terms.pays_from_ts, OUTSIDER, "claim_for", (BURN,)),
    )


# ---------------------------------------------------------------------- the harness's token and guest


def _plain_evening(there: Stage) -> Play:
    """As many join as can, and nobody attests: each is owed the deposit."""
    return tuple(Step(there.opening_ts, who, "join") for who in there.terms.invited[: there.terms.capacity])


def _behave(there: Stage, mode: Token, subject: str | None = None) -> None:
    who = _EVERYBODY if subject is None else address_word(subject)
    there.token_call("behave(uint8,address)", word(mode) + who)


def _in_words(mode: Token) -> str:
    return mode.name.lower().replace("_", " ")


def _mood(there: Stage, guest: str, mood: Guest, data: bytes = b"") -> None:
    call = encode(["uint8", "address", "bytes"], [int(mood), there.pact, data])
    there.evm.call(guest, selector("behave(uint8,address,bytes)") + call, sender=DEPLOYER)
