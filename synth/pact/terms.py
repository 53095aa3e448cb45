"""A pact's terms as a chat has them: typed values, who said them where, who agreed, what is left to ask.

The JSON form is the command line's; a page edits it by passing answers back to ``read_terms``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

from synth.pact.tokens import DECIMALS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

TermName = Literal[
    "title", "place", "starts_at", "timezone", "deposit", "capacity", "quorum", "host", "join_deadline", "no_show",
    "attestation", "cancel",
]  # fmt: skip
ESSENTIAL: tuple[TermName, ...] = ("starts_at", "timezone", "deposit", "no_show", "host")
"""Without these there is no pact: when, whose money, how much, where it goes, who is responsible."""

Verdict = Literal["pact", "questions", "no plan"]


@dataclass(frozen=True, slots=True)
class Deposit:
    """What each person puts down: ``amount`` of ``token`` (one of ``tokens.DECIMALS``), a whole number of units."""

    amount: Decimal
    token: str

    @property
    def units(self) -> int:
        """The amount in the token's smallest unit, exactly."""
        return int(Fraction(self.amount) * 10 ** DECIMALS[self.token])

    def to_json(self) -> dict[str, str]:
        """``amount`` as decimal text."""
        return {"amount": plain(self.amount), "token": self.token}


def plain(amount: Decimal) -> str:
    """An amount as decimal text, without zeros at its end: 1.50 is 1.5."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


TermValue = str | int | datetime | Deposit


@dataclass(frozen=True, slots=True)
class Term:
    """One agreed value and the ids of the messages that it comes from; none where the user gave it.

    ``starts_at`` and ``join_deadline`` are aware, and naive for as long as the time zone is asked for.
    """

    value: TermValue
    cites: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """``value`` in JSON's types, times as ISO 8601."""
        value: Any = self.value
        if isinstance(value, datetime):
            value = value.isoformat()
        elif isinstance(value, Deposit):
            value = value.to_json()
        return {"value": value, "cites": list(self.cites)}


@dataclass(frozen=True, slots=True)
class Consent:
    """One person's agreement to the terms as they stand, and the messages that give it."""

    participant: str
    cites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What the chat leaves open. ``about`` is a term, ``plan`` or ``consent``; answers go by that name.

    A ``required`` one keeps the terms from becoming a pact. ``options`` are answers that suggest themselves.
    """

    about: str
    text: str
    cites: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    required: bool = True


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A message that tried what no message may do, or said what has to be taken with care."""

    message: str
    text: str


@dataclass(frozen=True, slots=True)
class Terms:
    """All that a chat's people agreed on.

    ``participants`` are names by id; ``plan`` is the message that proposes it and ``proposer`` who wrote that, None
    where there is no plan, or more than one.
    """

    terms: Mapping[TermName, Term]
    consents: tuple[Consent, ...]
    questions: tuple[Question, ...]
    warnings: tuple[Suspicion, ...]
    verdict: Verdict
    participants: Mapping[str, str]
    plan: str | None = None
    proposer: str | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """Essential terms that have no value, or one that has to be asked for again."""
        asked = {question.about for question in self.questions if question.required}
        return tuple(name for name in ESSENTIAL if name not in self.terms or name in asked)

    def to_json(self) -> dict[str, Any]:
        """The command line's keys, and ``questions`` and ``participants`` (names by id)."""
        return {
            "terms": {name: term.to_json() for name, term in self.terms.items()},
            "consents": [{"participant": c.participant, "cites": list(c.cites)} for c in self.consents],
            "missing": list(self.missing),
            "questions": [
                {
                    "about": q.about,
                    "text": q.text,
                    "cites": list(q.cites),
                    "options": list(q.options),
                    "required": q.required,
                }
                for q in self.questions
            ],
            "warnings": [{"message": s.message, "text": s.text} for s in self.warnings],
            "participants": dict(self.participants),
            "plan": self.plan,
            "verdict": self.verdict,
        }


def deposit_of(terms: Terms) -> Deposit:
    """The deposit of terms that have one."""
    value = terms.terms["deposit"].value
    if not isinstance(value, Deposit):
        raise TypeError("a deposit's value is a Deposit")
    return value


def plain_value(value: TermValue) -> str:
    """A term's value as an answer gives it: ``read_terms`` reads it back."""
    if isinstance(value, Deposit):
        return f"{plain(value.amount)} {value.token}"
    return value.isoformat() if isinstance(value, datetime) else str(value)
