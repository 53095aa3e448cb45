"""Times of day as chats write them. An hour that may be in the morning or in the evening is not decided here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, time
from functools import cache

from synth.pact.days import find_days
from synth.pact.lexicon import find_all, languages, lowered, number_pattern, number_value, pattern, says
from synth.pact.spans import Span, overlap


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day; ``value`` is None where only the hour on a clock of twelve is known."""

    value: time | None
    span: Span


def find_clocks(text: str) -> list[Clock]:
    """The times of day in ``text``, in order."""
    found: list[Clock] = []
    for reader in (_marked, _digital, _with_sign, _half, _with_oclock, _bare, _noon):
        for clock in reader(text):
            if not any(overlap(clock.span, other.span) for other in found):
                found.append(clock)
    return sorted(found, key=lambda clock: clock.span)


_AM_PM = re.compile(
    r"(?<![\d.:/])(\d{1,2})(?:[:.](\d{2}))?(?:\s?[-–]\s?\d{1,2}(?:[:.]\d{2})?)?\s?([ap])\.?\s?m\b\.?", re.IGNORECASE
)
_DIGITAL = re.compile(
    r"(?<![\d.:/+\-−])(\d{1,2})[:：](\d{2})(?!\d)(?![:.]\d)(?:\s?(?:uhr|hs?|horas)(?!\w))?", re.IGNORECASE
)
_HOUR_SIGN = re.compile(
    r"(?<![\d.:/,])(\d{1,2})\s?h(?:s|oras)?\s?(\d{2})?(?!\w)"
    r"|(?<![\d.:/,])(\d{1,2})(?:\.(\d{2}))?\s?Uhr(?:\s?(\d{2})(?!\d))?",
    re.IGNORECASE,
)


def _marked(text: str) -> list[Clock]:
    found = []
    for match in _AM_PM.finditer(text):
        hour, minute = int(match[1]), int(match[2] or 0)
        if 1 <= hour <= 12 and minute < 60:
            found.append(Clock(time(hour % 12 + (12 if match[3].lower() == "p" else 0), minute), match.span()))
    return found


def _digital(text: str) -> list[Clock]:
    """19:00 and 7:30: two digits are read on the clock of 24 hours, one digit by the part of the day."""
    found = []
    for match in _DIGITAL.finditer(text):
        hour, minute = int(match[1]), int(match[2])
        if hour < 24 and minute < 60:
            certain = len(match[1]) == 2
            found.append(Clock(time(hour, minute) if certain else _by_day_part(text, hour, minute), match.span()))
    return found


def _with_sign(text: str) -> list[Clock]:
    """20h, 17h30, 19 Uhr: on the clock of 24 hours unless the part of the day says otherwise."""
    found = []
    for match in _HOUR_SIGN.finditer(text):
        hour, minute = int(match[1] or match[3]), int(match[2] or match[4] or match[5] or 0)
        if hour < 24 and minute < 60:
            found.append(Clock(_by_day_part(text, hour, minute) or time(hour, minute), match.span()))
    return found


@cache
def _oclock_pattern() -> re.Pattern[str]:
    number = number_pattern()
    chinese = "|".join(languages()["zh"]["oclock"])
    spaced = rf"(?<!\w)(?P<n>{number})\s?(?:{pattern('oclock')}|(?={pattern('morning', 'evening')}))"
    return re.compile(rf"{spaced}|(?P<zh>{number})(?:{chinese})(?P<half>半)?(?:(?P<minute>\d{{1,2}})分)?")


def _with_oclock(text: str) -> list[Clock]:
    found = []
    for match in _oclock_pattern().finditer(lowered(text)):
        hour = number_value(match["n"] or match["zh"])
        minute = 30 if match["half"] else int(match["minute"] or 0)
        if hour < 24 and minute < 60:
            found.append(Clock(_by_day_part(text, hour, minute), match.span()))
    return found


@cache
def _at_hour() -> re.Pattern[str]:
    number = rf"(?P<n>{number_pattern()})(?P<half>\s+y media|\s+e meia)?"
    return re.compile(rf"(?:{pattern('at')})\s*{number}(?![\w%€$.,]*\d)(?!\w)")


def _bare(text: str) -> list[Clock]:
    """At 7: an hour unless people, money or a street's name follow."""
    found = []
    for match in _at_hour().finditer(lowered(text)):
        hour, tail = number_value(match["n"]), text[match.end() :].lstrip()
        if 1 <= hour < 24 and not _counts_something(tail):
            found.append(Clock(_by_day_part(text, hour, 30 if match["half"] else 0), match.span()))
    return found


def _counts_something(tail: str) -> bool:
    """Whether the words behind a number say that it is no hour."""
    word = tail.split(" ", maxsplit=1)[0].strip(".,!?") if tail else ""
    names_a_day = says(word, "today", "tomorrow") or bool(find_days(tail[:12], date.min))
    return tail.startswith(("%", "/")) or says(word, "people", "fiat") or (word[:1].isupper() and not names_a_day)


def _half(text: str) -> list[Clock]:
    """German counts half hours towards the next: halb acht is 7:30."""
    found = []
    for match in re.finditer(rf"(?<!\w)halb (?P<n>{number_pattern()})(?!\w)", text, re.IGNORECASE):
        hour = number_value(match["n"]) - 1
        if 0 <= hour < 12:
            found.append(Clock(_by_day_part(text, hour, 30), match.span()))
    return found


def _noon(text: str) -> list[Clock]:
    return [Clock(time(12), match.span()) for match in find_all(text, "noon")]


def _by_day_part(text: str, hour: int, minute: int) -> time | None:
    """The hour on the clock of 24: as written from 13 on, else by the words for morning or evening; else not known."""
    if hour == 0 or hour >= 12:
        return time(hour, minute)
    evening, morning = says(text, "evening"), says(text, "morning")
    if evening == morning:
        return None
    return time(hour + 12, minute) if evening else time(hour, minute)
