"""What the user says to the questions, as typed terms."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ingest.errors import InputError
from synth.pact.terms import Deposit, Term
from synth.pact.tokens import find_amounts
from synth.pact.zones import zone_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from synth.pact.terms import TermName, TermValue

CHOICES = {
    "no_show": ("split", "refund", "burn", "charity"),
    "attestation": ("host", "majority"),
    "cancel": ("host",),
}
ELSEWHERE = frozenset({"plan", "host", "timezone", "consent", "change"})
"""Answers that say how to read the chat, and are used there."""


def answered(answers: Mapping[str, str], found: Mapping[TermName, Term]) -> dict[TermName, Term]:
    """The terms that ``answers`` give; ``found`` holds the time zone that a time without an offset is in.

    Raises:
        InputError: An answer is for no term, or is no value for it.
    """
    return {
        name: Term(_value(name, text, found), ())  # type: ignore[misc]
        for name, text in answers.items()
        if name not in ELSEWHERE
    }


def _value(name: str, text: str, found: Mapping[TermName, Term]) -> TermValue:
    if name in ("title", "place"):
        return text.strip()
    if name in ("capacity", "quorum"):
        return _count(name, text)
    if name in ("starts_at", "join_deadline"):
        return _moment(name, text, found)
    if name == "deposit":
        return _deposit(text)
    if name in CHOICES:
        if text not in CHOICES[name]:
            raise InputError(f"{text!r} is none of {', '.join(CHOICES[name])}", field=name)
        return text
    raise InputError("there is no such term", field=name)


def _count(name: str, text: str) -> int:
    if not text.strip().isdecimal() or not 0 < int(text) < 1_000:
        raise InputError(f"{text!r} is no number of people from 1 to 999", field=name)
    return int(text)


def _moment(name: str, text: str, found: Mapping[TermName, Term]) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is no time such as 2026-03-06T19:00", field=name) from None
    zone = found.get("timezone")
    return moment.replace(tzinfo=zone_of(str(zone.value))) if moment.tzinfo is None and zone else moment


def _deposit(text: str) -> Deposit:
    amounts = find_amounts(text)
    if len(amounts) != 1 or amounts[0].token is None or amounts[0].value is None or not amounts[0].units:
        raise InputError(f"{text!r} is no amount of a known token, such as 20 USDC", field="deposit")
    return Deposit(amounts[0].value, amounts[0].token)
