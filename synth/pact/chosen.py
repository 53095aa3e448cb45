"""Which of several values a sentence means: "8 instead of 7", "moved from Friday to Saturday", "not 7pm but 8pm"."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from synth.pact.lexicon import find_all, lowered, number_pattern, number_value, says

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import time

    from synth.pact.spans import Span

BETWEEN = re.compile(r"[^\d,.;:!?，。；！？]{0,8}")
"""What may stand between a word that gives a value up and that value."""
ARROW = re.compile(r"[^\w\n]{0,3}(?:→|->|=>|⇒|➡)")


class Spanned(Protocol):
    """Something that was read in a sentence."""

    @property
    def span(self) -> Span:
        """Where."""


T = TypeVar("T", bound=Spanned)


def chosen(found: Sequence[T], body: str) -> list[T]:
    """Those of ``found``, values of one kind in order, that ``body`` does not give up for another one."""
    last = len(found) - 1
    kept, free_from = [], 0
    for place, each in enumerate(found):
        if not _given_up(each.span, free_from, body, alone=last == 0, has_successor=place < last):
            kept.append(each)
        free_from = each.span[1]
    return kept


def _given_up(span: Span, free_from: int, body: str, *, alone: bool, has_successor: bool) -> bool:
    """Whether a value is given up by a word before it, with no other value from ``free_from`` on, or an arrow."""
    if has_successor and ARROW.match(body, span[1]):
        return True
    cues = ["instead_of"] if alone else ["instead_of", "rather_not"]
    moves = has_successor and says(body, "change") and not says(body, "instead_of")
    cues += ["from_old"] if moves else []
    return any(
        free_from <= match.end() <= span[0] and BETWEEN.fullmatch(body, match.end(), span[0])
        for match in find_all(body, *cues)
    )


class Hour(NamedTuple):
    """A number that may be an hour, and its minutes where they are written: 8, 8:30."""

    number: int
    minute: int | None


def renumbered(body: str) -> tuple[Hour, Hour] | None:
    """(new, old) of bare numbers where ``body`` puts one in the other's place: "8 instead of 7", "from 7 to 8:30".

    None where it does not, or names more than two numbers: then who knows which is meant.
    """
    numbers = [_Number(match.span(), _hour(match)) for match in _numbers().finditer(lowered(body))]
    left = chosen(numbers, body)
    if len(numbers) != 2 or len(left) != 1:
        return None
    old = next(number for number in numbers if number is not left[0])
    return (left[0].value, old.value) if left[0].value != old.value else None


def moved(held: time, new: Hour, old: Hour) -> time | None:
    """What becomes of a time of day where ``new`` takes the place of ``old``; None where it is another time.

    An hour on a clock of twelve stays in its half of the day.
    """
    if old.number not in (held.hour, (held.hour - 1) % 12 + 1) or (old.minute or 0) != held.minute:
        return None
    if not 0 <= new.number < 24 or (new.minute or 0) > 59:
        return None
    half = 12 if held.hour >= 12 else 0
    return held.replace(hour=new.number % 12 + half if new.number <= 12 else new.number, minute=new.minute or 0)


class _Number(NamedTuple):
    span: Span
    value: Hour


def _hour(match: re.Match[str]) -> Hour:
    if match["minute"] is None:
        return Hour(number_value(match[0]), None)
    return Hour(int(match["hour"]), int(match["minute"]))


@cache
def _numbers() -> re.Pattern[str]:
    clock = r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})"
    return re.compile(rf"(?<![\w:/.,])(?:{clock}|{number_pattern()})(?![\w:/]|[.,]\d)")
