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
    """Those of ``found``, values of one kind in order, that ``body`` does not give up for another one of them."""
    last = len(found) - 1
    kept, free_from = [], 0
    for place, each in enumerate(found):
        if len(found) == 1 or not _given_up(each.span, free_from, body, has_successor=place < last):
            kept.append(each)
        free_from = each.span[1]
    return kept


def _given_up(span: Span, free_from: int, body: str, *, has_successor: bool) -> bool:
    """Whether a value is given up by a word before it, with no other value from ``free_from`` on, or an arrow."""
    if has_successor and ARROW.match(body, span[1]):
        return True
    cues = ("instead_of", "from_old") if has_successor and says(body, "change") else ("instead_of",)
    return any(
        free_from <= match.end() <= span[0] and BETWEEN.fullmatch(body, match.end(), span[0])
        for match in find_all(body, *cues)
    )


def renumbered(body: str) -> tuple[int, int] | None:
    """(new, old) of bare numbers where ``body`` puts one in the other's place: "8 instead of 7", "from 7 to 8".

    None where it does not, or names more than two numbers: then who knows which is meant.
    """
    numbers = [_Number(match.span(), number_value(match[0])) for match in _numbers().finditer(lowered(body))]
    left = chosen(numbers, body)
    if len(numbers) != 2 or len(left) != 1:
        return None
    old = next(number for number in numbers if number is not left[0])
    return (left[0].value, old.value) if left[0].value != old.value else None


def same_half(hour: int, held: time) -> time | None:
    """The hour on a clock of twelve as a time in the same half of the day as ``held``."""
    if not 1 <= hour <= 12:
        return None
    return held.replace(hour=hour % 12 + (12 if held.hour >= 12 else 0), minute=0)


class _Number(NamedTuple):
    span: Span
    value: int


@cache
def _numbers() -> re.Pattern[str]:
    return re.compile(rf"(?<![\w:/.,])(?:{number_pattern()})(?![\w:/]|[.,]\d)")
