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
    """A date; ``value`` is None where it can be two (3/4). ``doubt`` says which other one may be meant.

    ``options`` are the dates that it can be, where there are several.
    """

    value: date | None
    span: Span
    doubt: str = ""
    options: tuple[date, ...] = ()
    is_weekday: bool = False

    @property
    def readings(self) -> tuple[date, ...]:
        """All dates that it can be."""
        return self.options or ((self.value,) if self.value else ())


def find_days(text: str, today: date) -> list[Day]:
    """The dates in ``text``, in order; without a year, or named relatively, the first one not before ``today``."""
    found: list[Day] = []
    for reader in (_numeric, _slashed, _named, _weekdays, _relative, _ordinal):
        for day in reader(text, today):
            if not any(overlap(day.span, other.span) for other in found):
                found.append(day)
    united = _united(text, sorted(found, key=lambda day: day.span))
    return [_alternatives(text, _numbered(text, day, today)) for day in united]


def _alternatives(text: str, day: Day) -> Day:
    """A date with another day's number beside it, 5 or 6 December, December 5-6, is not decided."""
    before, behind = _NUMBER_OR.search(text, 0, day.span[0]), _OR_NUMBER.match(text, day.span[1])
    if day.is_weekday or not (before or behind):
        return day
    span = (before.start() if before else day.span[0], behind.end() if behind else day.span[1])
    return Day(None, span, f"{text[span[0] : span[1]].strip()!r} names more than one day", day.readings)


def _united(text: str, days: list[Day]) -> list[Day]:
    """The days, a weekday beside its date being one: Friday 11 December, 11.12. (Freitag)."""
    united: list[Day] = []
    for day in days:
        before = united[-1] if united else None
        if before and before.is_weekday != day.is_weekday and _JOINT.fullmatch(text, before.span[1], day.span[0]):
            united[-1] = _of_both(before, day)
        else:
            united.append(day)
    return united


def _of_both(first: Day, second: Day) -> Day:
    """A date with its weekday; where they do not fit each other, either may be wrong."""
    weekday, dated = (first, second) if first.is_weekday else (second, first)
    span = (first.span[0], second.span[1])
    named = _weekday(weekday)
    fitting = [value for value in dated.readings if value.weekday() == named]
    if len(fitting) == 1:
        return Day(fitting[0], span)
    told = " or ".join(f"{value.isoformat()} ({value:%A})" for value in dated.readings)
    return Day(None, span, f"{told} does not fit the day of the week that is named")


def _weekday(day: Day) -> int:
    return day.readings[0].weekday()


def _numbered(text: str, day: Day, today: date) -> Day:
    """A weekday with the number of a day behind it: Friday the 11th; without "the" or "th" it may be an hour."""
    match = _DAY_OF_MONTH.match(text, day.span[1])
    if not day.is_weekday or match is None:
        return day
    values = [_date(year, month, int(match[2])) for year, month in _months(today)]
    fitting = [value for value in values if value and value >= today and value.weekday() == _weekday(day)]
    span = (day.span[0], match.end())
    if match[1] or match[3]:
        return Day(fitting[0], span) if fitting else Day(None, span, f"no {text[span[0] : span[1]]} is near")
    if fitting and fitting[0] not in day.readings:
        readings = (*day.readings, fitting[0])
        return Day(None, span, " or ".join(value.isoformat() for value in readings), readings)
    return day


_JOINT = re.compile(r"[\s,.;(（、]{0,4}(?:(?:the|den|dem|der|el|día|dia|o|em|am|vom)\s+)?", re.IGNORECASE)
"""What may stand between a weekday and its date."""
_DAY_OF_MONTH = re.compile(
    r"[\s,]{1,3}(?:(the|den|dem|el día|dia|día)\s+)?(\d{1,2})(?:(st|nd|rd|th|\.|º|-?го|号|日)|(?![.,]?\d))(?![\w:/])"
    r"(?!\s*(?:[ap]\.?\s?m\b|h\b|hs\b|uhr|o'?clock|час|ч\b|点|时|[-–]\s?\d))",
    re.IGNORECASE,
)
_OR = r"(?:or|oder|bis|to|o|ou|или|或者?|/|-|–)"
_OR_NUMBER = re.compile(
    rf"\s*{_OR}\s*(?:the\s+)?\d{{1,2}}(?:st|nd|rd|th|\.)?(?!\w|[:/]|[.,]\d)(?!\s?[ap]\.?m)", re.IGNORECASE
)
_NUMBER_OR = re.compile(rf"(?<![\w:./,-])\d{{1,2}}(?:st|nd|rd|th|\.)?\s*{_OR}\s*\Z", re.IGNORECASE)
_FOLLOWED_BY = "it is|then|works|is (?:fine|good|better)|instead|dann|entonces|então|at|um|a las|às|в"
_NOTHING_COUNTED = rf"(?=\s*(?:\Z|[.,;!?)]|(?:{_FOLLOWED_BY})\b))"
_ORDINAL = re.compile(
    rf"(?:\bthe (\d{{1,2}})(?:st|nd|rd|th)|(?<!i )\bam (\d{{1,2}})\.?+|\bel (?:día )?(\d{{1,2}})|\bdia (\d{{1,2}})"
    rf"|(?<!\d)(\d{{1,2}})(?:-?го| числа)|(?<![\d月])(\d{{1,2}})[号日]){_NOTHING_COUNTED}",
    re.IGNORECASE,
)
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
            options = tuple(sorted(dates))
            found.append(Day(None, match.span(), " or ".join(value.isoformat() for value in options), options))
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
        doubt = f"it was written on such a day: {today.isoformat()} may be meant" if ahead == 7 else ""
        return Day(value, span, doubt, is_weekday=True)
    start, is_next = before
    monday = today - timedelta(days=today.weekday()) + timedelta(days=7)
    of_next_week = monday + timedelta(days=weekday)
    if is_next and of_next_week != value:
        doubt = f"next may also mean {value.isoformat()}"
        return Day(of_next_week, (start, span[1]), doubt, is_weekday=True)
    return Day(value, (start, span[1]), is_weekday=True)


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


def _ordinal(text: str, today: date) -> list[Day]:
    """The 6th, am 6., el 6, dia 6, 6-го, 6号: with nothing behind it that it could count."""
    found = []
    for match in _ORDINAL.finditer(text):
        number = next(int(group) for group in match.groups() if group)
        months = (
            (today.year + (today.month + ahead - 1) // 12, (today.month + ahead - 1) % 12 + 1) for ahead in (0, 1, 2)
        )
        value = next((day for year, month in months if (day := _date(year, month, number)) and day >= today), None)
        if value:
            found.append(Day(value, match.span()))
    return found


def _months(today: date) -> list[tuple[int, int]]:
    """This month and the next two."""
    return [(today.year + (today.month + ahead - 1) // 12, (today.month + ahead - 1) % 12 + 1) for ahead in range(3)]


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _next(today: date, month: int, day: int) -> date | None:
    """That day of this year, or of the next where it is over."""
    return next((d for year in (today.year, today.year + 1) if (d := _date(year, month, day)) and d >= today), None)
