"""What every pact must keep, by name: each is looked for by a search of its own, and told with a counterexample."""

from __future__ import annotations

from dataclasses import dataclass

STATEMENTS = {
    "admission": "The contract compiles, has no way in but IPact's, and runs no code that was not checked.",
    "invited": "Only who is invited joins.",
    "capacity": "No more join than the capacity.",
    "join-deadline": "Nobody joins once joining has ended, or the pact is cancelled.",
    "deposit": "Who joins has brought the whole deposit, once.",
    "signature": "Somebody is joined by exactly the own signature for this very pact, in time.",
    "cancel": "Only the host cancels, and only before the start.",
    "attestation": "Only who may attest does, about others who joined, and in its time.",
    "contest": "Only who is found absent contests it, and in its time.",
    "liveness": "Whatever the terms allow can be done, to the first and the last second.",
    "early": "Nothing is paid before the pact pays.",
    "exit": "Once the pact pays, each can claim alone, whoever else has vanished.",
    "refund": "When the pact is off, each who joined has exactly the deposit back, at once.",
    "double-claim": "Nobody is paid twice.",
    "conservation": "When all have claimed, nothing is left: money in is money out, to the smallest unit.",
    "outsiders": "Nobody gets money but who joined, the named charity, and what is burnt.",
    "upper-bound": "Nobody gets more than the terms allow.",
    "lower-bound": "Nobody gets less than the terms assure.",
    "attester": "Nobody gets a part of an absence that he attested.",
    "equal": "Those in the same position get the same, but for the rounding.",
    "lying": "No group gains by saying what is not true about who came.",
    "blocked": "A payout that fails blocks nobody, and can be claimed to another address.",
    "reentrancy": "A recipient or token that calls back gains nothing and breaks nothing.",
    "gas": "No action costs more than two million gas, with as many people as can join.",
    "views": "What the contract tells of its terms, its participants and what is owed is so.",
}
"""By name, in words."""


@dataclass(frozen=True, slots=True)
class Counterexample:
    """How a property is broken, in words."""

    property: str
    words: str
