"""What people do with a pact, as data: who does what, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from verify.pact.terms import PactTerms

Action = Literal["join", "cancel", "attest", "contest", "claim", "claim_to", "claim_for"]


@dataclass(frozen=True, slots=True)
class Step:
    """One call: ``about`` are the absent of ``attest``, or the recipient of ``claim_to`` and ``claim_for``.

    ``amount`` is what a call brings in coins, where that is not what it should be.
    """

    at_ts: int
    who: str
    action: Action
    about: tuple[str, ...] = ()
    amount: int | None = None


Play = tuple[Step, ...]
"""Steps in the order of their times."""


class Names:
    """Addresses as people, and times as moments of a pact, for words.

    Args:
        terms: The pact's.
        known: Names by address; others are called by their first digits.
    """

    def __init__(self, terms: PactTerms, known: Mapping[str, str]) -> None:
        self._terms = terms
        self._known = known

    def of(self, address: str) -> str:
        """One person's name."""
        return self._known.get(address, address[:10])

    def list(self, addresses: Sequence[str]) -> str:
        """Several people's names."""
        names = [self.of(address) for address in addresses]
        return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

    def step(self, step: Step) -> str:
        """A step as half a sentence."""
        about = self.list(step.about) if step.about else "nobody"
        done = {
            "join": "joins" if step.amount is None else f"joins and brings {step.amount}",
            "cancel": "cancels",
            "attest": f"attests that {about} stayed away",
            "contest": "contests the own absence",
            "claim": "claims",
            "claim_to": f"claims to {about}",
            "claim_for": f"has {about} paid",
        }[step.action]
        return f"{self.of(step.who)} {done}"

    def play(self, play: Sequence[Step]) -> str:
        """A play as a sentence without its end: moments are told where they change."""
        told = []
        before = None
        for step in play:
            moment = self.moment(step.at_ts)
            told.append(self.step(step) if moment == before else f"{moment}, {self.step(step)}")
            before = moment
        return "; ".join(told)

    def moment(self, at_ts: int) -> str:
        """A time in the pact's own terms."""
        terms = self._terms
        edges = (
            (terms.pays_from_ts, "once the pact pays"),
            (terms.attest_until_ts, "while absences can be contested"),
            (terms.starts_ts, "after the start"),
            (terms.join_until_ts, "between the end of joining and the start"),
            (0, "while one can join"),
        )
        return next(words for edge, words in edges if at_ts >= edge)
