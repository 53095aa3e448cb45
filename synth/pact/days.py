"""Dates as chats write them, read against the day on which the message was sent.

Names of months and days are the CLDR's (Babel); their inflections and the words around them are the lexicon's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from babel.dates import get_day_names, get_month_names

from synth.pact.lexicon import (
    UNSPACED,
    find_all,
    find_counted,
    find_keyed,
    languages,
    lowered,
    number_value,
    pattern,
)
from synth.pact.spans import Span, overlap


@dataclass(frozen=True, slots=True)
class Day:
    """A date; ``value`` is None where it can be two (3/4). ``doubt`` says which other one may be meant."""

    value: date | None
    span: Span
    doubt: str = ""


def find_days(text: str, today: date) -> list[Day]:
    """The dates in ``text``, in order; without a year, or named relatively, the first one not before ``today``."""
    found: list[Day] = []
    for reader in (_numeric, _slashed, _named, _weekdays, _relative):
        for day in reader(text, today):
            if not any(overlap(day.span, other.span) for other in found):
                found.append(day)
    return sorted(found, key=lambda day: day.span)


_ISO = re.compile(r"(?<!\d)(20\d\d)-(\d{1,2})-(\d{1,2})(?!\d)|(20\d\d)年(\d{1,2})月(\d{1,2})[日号]?")
_DOTTED = re.compile(
    r"(?<![\d.])(\d{1,2})\.\s?(\d{1,2})\.(20\d\d)?(?![\d.]*\d)|(?<![\d.])(\d{1,2})\.(\d{1,2})\.(20\d\d)"
)
_SLASHED = re.compile(r"(?<![\d/])(\d{1,2})/(\d{1,2})(?:/(20\d\d))?(?![\d/])")
_MONTH_DAY_ZH = re.compile(r"(\d{1,2})月(\d{1,2})[日号]")


def _numeric(text: str, today: date) -> list[Day]:
    found = []
    for match in _ISO.finditer(text):
        year, month, day = (int(group) for group in match.groups() if group)
        found.append((_date(year, month, day), match.span()))
    for match in _DOTTED.finditer(text):
        day, month, *years = (int(group) for group in match.groups() if group)
        found.append((_date(years[0], month, day) if years else _next(today, month, day), match.span()))
    found += [(_next(today, int(match[1]), int(match[2])), match.span()) for match in _MONTH_DAY_ZH.finditer(text)]
    return [Day(value, span) for value, span in found if value]


def _slashed(text: str, today: date) -> list[Day]:
    """3/4 is in March or in April; 3/14 can only be in March."""
    found = []
    for match in _SLASHED.finditer(text):
        pair = sorted((int(match[1]), int(match[2])))
        dates = [
            value
            for month, day in {(pair[0], pair[1]), (pair[1], pair[0])}
            if (value := _date(int(match[3]), month, day) if match[3] else _next(today, month, day))
        ]
        if len(dates) == 1:
            found.append(Day(dates[0], match.span()))
        elif dates:
            found.append(Day(None, match.span(), " or ".join(value.isoformat() for value in sorted(dates))))
    return found


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
    after = rf"(?<![\d.:])(?P<d1>\d{{1,2}})(?:st|nd|rd|th|\.|º)?\s+(?:of\s+|de\s+)?(?P<m1>{names})\b\.?"
    before = rf"(?<!\w)(?P<m2>{names})\.?\s+(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:])(?!\s?(?:am|pm|h))\b"
    return re.compile(rf"{after}{year.replace('{n}', '1')}|{before}{year.replace('{n}', '2')}", re.IGNORECASE)


def _weekdays(text: str, today: date) -> list[Day]:
    named = [(int(key), match.span()) for key, match in find_keyed(text, "weekdays")]
    short = [(_short_names()[match[1].lower()], match.span(1)) for match in _short_days().finditer(text)]
    return [_coming(text, today, weekday, span) for weekday, span in named + short]


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
    other_words = r"(?!(?:do|so|mi|di|ter|mar|dom|sun)\b)"
    german = "Do|So|Mi|Di"
    return re.compile(rf"(?<!\w)((?:{english}){alone}|(?i:{other_words}(?:{names}){follows})|(?:{german}){follows})")


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
