"""Dates and times of day as chats write them, read against the moment at which the message was sent.

Names of months and days are the CLDR's (Babel); their inflections and the words around them are the lexicon's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import cache
from typing import TYPE_CHECKING

from babel.dates import get_day_names, get_month_names

from synth.pact.lexicon import (
    UNSPACED,
    find_all,
    find_counted,
    find_keyed,
    languages,
    lowered,
    number_pattern,
    number_value,
    pattern,
    says,
)

if TYPE_CHECKING:
    from datetime import datetime

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Day:
    """A date; ``value`` is None where it can be two (3/4), ``doubt`` says which other it may be."""

    value: date | None
    span: Span
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day; ``value`` is None where only the hour on a twelve-hour clock is known."""

    value: time | None
    span: Span


def find_days(text: str, sent: datetime) -> list[Day]:
    """The dates in ``text``, in order; without a year or named relatively, the first one not before ``sent``."""
    found: list[Day] = []
    for reader in (_numeric, _named, _weekday, _relative):
        for day in reader(text, sent.date()):
            if not any(overlap(day.span, other.span) for other in found):
                found.append(day)
    return sorted(found, key=lambda day: day.span)


def find_clocks(text: str) -> list[Clock]:
    """The times of day in ``text``, in order."""
    found: list[Clock] = []
    for clock in (*_marked(text), *_digital(text), *_half(text), *_oclock(text), *_bare(text), *_noon(text)):
        if not any(overlap(clock.span, other.span) for other in found):
            found.append(clock)
    return sorted(found, key=lambda clock: clock.span)


def overlap(a: Span, b: Span) -> bool:
    """Whether two stretches of a text share a character."""
    return a[0] < b[1] and b[0] < a[1]


# Days

_ISO = re.compile(r"(?<!\d)(20\d\d)-(\d{1,2})-(\d{1,2})(?!\d)|(20\d\d)年(\d{1,2})月(\d{1,2})[日号]?")
_DOTTED = re.compile(r"(?<![\d.])(\d{1,2})\.\s?(\d{1,2})\.(20\d\d)?(?![\d.]*\d)|(?<![\d.])(\d{1,2})\.(\d{1,2})\.(20\d\d)")
_SLASHED = re.compile(r"(?<![\d/])(\d{1,2})/(\d{1,2})(?:/(20\d\d))?(?![\d/])")
_MONTH_DAY_ZH = re.compile(r"(\d{1,2})月(\d{1,2})[日号]")


def _numeric(text: str, today: date) -> list[Day]:
    found = []
    for match in _ISO.finditer(text):
        year, month, day = (int(group) for group in match.groups() if group)
        found.append(Day(_date(year, month, day), match.span()))
    for match in _DOTTED.finditer(text):
        day, month, *year = (int(group) for group in match.groups() if group)
        found.append(Day(_date(year[0], month, day) if year else _next(today, month, day), match.span()))
    for match in _MONTH_DAY_ZH.finditer(text):
        found.append(Day(_next(today, int(match[1]), int(match[2])), match.span()))
    for match in _SLASHED.finditer(text):
        first, second, year = int(match[1]), int(match[2]), match[3]
        readings = {(first, second), (second, first)} if max(first, second) <= 12 else {(min(first, second), max(first, second))}
        dates = [_date(int(year), *pair) if year else _next(today, *pair) for pair in sorted(readings)]
        known = [value for value in dates if value]
        if len(known) == 1:
            found.append(Day(known[0], match.span()))
        elif known:
            found.append(Day(None, match.span(), " or ".join(value.isoformat() for value in known)))
    return [day for day in found if day.value or day.doubt]


def _named(text: str, today: date) -> list[Day]:
    found = []
    for match in _month_pattern().finditer(text):
        groups = match.groupdict()
        name = (groups["m1"] or groups["m2"]).lower()
        day, year = groups["d1"] or groups["d2"], groups["y1"] or groups["y2"]
        month = month_names()[name]
        value = _date(int(year), month, int(day)) if year else _next(today, month, int(day))
        if value:
            found.append(Day(value, match.span()))
    return found


@cache
def month_names() -> dict[str, int]:
    """Names and short names of months in all languages, lower case, with their numbers."""
    names: dict[str, int] = {}
    for language in languages():
        for width in ("wide", "abbreviated"):
            for context in ("format", "stand-alone"):
                for number, name in get_month_names(width, context, language).items():
                    if not any(char.isdigit() for char in name):
                        names.setdefault(name.lower().rstrip("."), number)
    return names


@cache
def _month_pattern() -> re.Pattern[str]:
    names = "|".join(sorted(map(re.escape, month_names()), key=len, reverse=True))
    year = r"(?:,?\s+(?:de\s+)?(?P<y{n}>20\d\d))?"
    after = rf"(?<![\d.:])(?P<d1>\d{{1,2}})(?:st|nd|rd|th|\.|º)?\s+(?:of\s+|de\s+)?(?P<m1>{names})\b\.?{year.replace('{n}', '1')}"
    before = rf"(?<!\w)(?P<m2>{names})\.?\s+(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:])(?!\s?(?:am|pm|h))\b{year.replace('{n}', '2')}"
    return re.compile(f"{after}|{before}", re.IGNORECASE)


def _weekday(text: str, today: date) -> list[Day]:
    found = []
    for key, match in find_keyed(text, "weekdays"):
        found.append(_coming(text, today, int(key), match.span()))
    for match in _short_days().finditer(text):
        found.append(_coming(text, today, _short_names()[match[1].lower()], match.span(1)))
    return found


def _coming(text: str, today: date, weekday: int, span: Span) -> Day:
    """The first such day from tomorrow on; with "next" the one of the week after this."""
    ahead = (weekday - today.weekday() - 1) % 7 + 1
    value = today + timedelta(days=ahead)
    before = _modifier(text[: span[0]])
    if before is None:
        return Day(value, span, f"it was written on such a day: {today.isoformat()} may be meant" if ahead == 7 else "")
    start, is_next = before
    monday = today - timedelta(days=today.weekday()) + timedelta(days=7)
    of_next_week = monday + timedelta(days=weekday)
    if is_next and of_next_week != value:
        return Day(of_next_week, (start, span[1]), f"next may also mean {value.isoformat()}")
    return Day(value, (start, span[1]))


@cache
def _modifiers() -> re.Pattern[str]:
    return re.compile(rf"(?:(?P<next>{pattern('next')})|(?P<this>{pattern('this')}))\s*$")


def _modifier(before: str) -> tuple[int, bool] | None:
    """Where "next" or "this" right before a day's name begins, and whether it is "next"."""
    match = _modifiers().search(lowered(before[-24:]))
    return None if match is None else (max(0, len(before) - 24) + match.start(), match["next"] is not None)


@cache
def _short_names() -> dict[str, int]:
    names = {
        name.lower().rstrip("."): number
        for language in languages()
        if language not in UNSPACED
        for number, name in get_day_names("abbreviated", "format", language).items()
    }
    return names | {"tues": 1, "thur": 3, "thurs": 3, "weds": 2}


@cache
def _short_days() -> re.Pattern[str]:
    """Short names count with a time or date behind them, or, of three letters and capitalised, by themselves."""
    names = "|".join(sorted(map(re.escape, _short_names()), key=len, reverse=True))
    follows = r"(?=\.?,?\s+(?:at\s+|um\s+|a las\s+|às\s+|в\s+|@\s*)?\d)"
    alone = r"(?=[.,!?;)]|\s|$)"
    english = "Mon|Tues?|Wed|Thurs?|Thu|Fri|Sat|Sun"
    return re.compile(rf"(?<!\w)((?:{english}){alone}|(?i:(?!do\b|so\b|mi\b|di\b|ter\b|mar\b|dom\b|sun\b)(?:{names}){follows})|(?:Do|So|Mi|Di){follows})")


def _relative(text: str, today: date) -> list[Day]:
    found = []
    for name, days in (("day_after", 2), ("tomorrow", 1), ("today", 0)):
        found += [Day(today + timedelta(days=days), match.span()) for match in find_all(text, name)]
    for match in find_counted(text, "in_days"):
        found.append(Day(today + timedelta(days=number_value(match["n"])), match.span()))
    return found


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _next(today: date, month: int, day: int) -> date | None:
    """That day of this year, or of the next where it is over."""
    return next((d for year in (today.year, today.year + 1) if (d := _date(year, month, day)) and d >= today), None)


# Times of day

_AM_PM = re.compile(
    r"(?<![\d.:/])(\d{1,2})(?:[:.](\d{2}))?(?:\s?[-–]\s?\d{1,2}(?:[:.]\d{2})?)?\s?([ap])\.?\s?m\b\.?", re.IGNORECASE
)
_DIGITAL = re.compile(r"(?<![\d.:/+\-−])(\d{1,2})[:：](\d{2})(?!\d)(?![:.]\d)(?:\s?(?:uhr|hs?|horas)(?!\w))?", re.IGNORECASE)
_HOUR_SIGN = re.compile(r"(?<![\d.:/,])(\d{1,2})\s?h(?:s|oras)?\s?(\d{2})?(?!\w)|(?<![\d.:/,])(\d{1,2})(?:\.(\d{2}))?\s?Uhr(?:\s?(\d{2})(?!\d))?", re.IGNORECASE)


def _marked(text: str) -> list[Clock]:
    found = []
    for match in _AM_PM.finditer(text):
        hour, minute = int(match[1]), int(match[2] or 0)
        if 1 <= hour <= 12 and minute < 60:
            found.append(Clock(time(hour % 12 + (12 if match[3].lower() == "p" else 0), minute), match.span()))
    return found


def _digital(text: str) -> list[Clock]:
    """19:00, 7:30, 20h, 19 Uhr: two digits are read on the clock of 24 hours, one digit with the part of the day."""
    found = []
    for match in _DIGITAL.finditer(text):
        hour, minute = int(match[1]), int(match[2])
        if hour < 24 and minute < 60:
            certain = len(match[1]) == 2
            found.append(Clock(time(hour, minute) if certain else _by_day_part(text, hour, minute), match.span()))
    for match in _HOUR_SIGN.finditer(text):
        hour, minute = int(match[1] or match[3]), int(match[2] or match[4] or match[5] or 0)
        if hour < 24 and minute < 60:
            found.append(Clock(_by_day_part(text, hour, minute) or time(hour, minute), match.span()))
    return found


@cache
def _at_hour() -> re.Pattern[str]:
    marks = pattern("at")
    return re.compile(rf"(?:{marks})\s*(?P<n>{number_pattern()})(?P<half>\s+y media|\s+e meia)?(?![\w%€$.,]*\d)(?!\w)")


@cache
def _with_oclock() -> re.Pattern[str]:
    part = "|".join((pattern("morning"), pattern("evening")))
    zh = "|".join(languages()["zh"]["oclock"])
    return re.compile(
        rf"(?<!\w)(?P<n>{number_pattern()})\s?(?:{pattern('oclock')}|(?={part}))|(?P<zh>{number_pattern()})(?:{zh})(?P<half>半)?(?:(?P<minute>\d{{1,2}})分)?"
    )


def _oclock(text: str) -> list[Clock]:
    found = []
    for match in _with_oclock().finditer(lowered(text)):
        hour = number_value(match["n"] or match["zh"])
        minute = 30 if match["half"] else int(match["minute"] or 0)
        if hour < 24 and minute < 60:
            found.append(Clock(_by_day_part(text, hour, minute), match.span()))
    return found


def _bare(text: str) -> list[Clock]:
    found = []
    for match in _at_hour().finditer(lowered(text)):
        hour = number_value(match["n"])
        tail = text[match.end() :].lstrip()
        counted = says(tail.split(" ")[0].strip(".,!?") if tail else "", "people", "fiat")
        named = tail[:1].isupper() and not says(tail, *("today", "tomorrow")) and not _weekday(tail[:12], date.min.replace(year=2000))
        if 1 <= hour < 24 and not counted and not named and not tail.startswith(("%", "/")):
            found.append(Clock(_by_day_part(text, hour, 30 if match["half"] else 0), match.span()))
    return found


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
