"""Time zones that a chat names. One that could be two (BST, CST, IST) is named by nobody: it is asked for."""

from __future__ import annotations

import re
from datetime import timedelta, timezone, tzinfo
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

from ingest.errors import InputError
from synth.pact.lexicon import find_keyed

if TYPE_CHECKING:
    from synth.pact.spans import Span

MOST_HOURS = 14
"""No clock is further from UTC."""

ABBREVIATIONS = {
    "CET": "CET", "CEST": "CET", "MEZ": "CET", "MESZ": "CET", "EET": "EET", "EEST": "EET", "WET": "WET", "WEST": "WET",
    "MSK": "Europe/Moscow", "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles", "EST": "America/New_York",
    "EDT": "America/New_York", "JST": "Asia/Tokyo", "HKT": "Asia/Hong_Kong", "SGT": "Asia/Singapore",
    "AEST": "Australia/Sydney", "AEDT": "Australia/Sydney", "BRT": "America/Sao_Paulo",
}  # fmt: skip
"""Abbreviations with one common meaning. CET and CEST alike mean the clock on the wall there."""

_OFFSET = re.compile(r"(?<!\w)(?:UTC|GMT)\s?(?P<sign>[+\-−])\s?(?P<h>\d{1,2})(?::?(?P<m>\d{2}))?(?!\d)", re.IGNORECASE)
_PLAIN = re.compile(r"(?<!\w)(?:UTC|GMT|Zulu)(?![\w+\-−])")
_NAME = re.compile(r"(?<![\w/])[A-Z][A-Za-z]+/[A-Z][A-Za-z_+\-]+(?:/[A-Z][A-Za-z_]+)?")


@cache
def _cities() -> dict[str, str]:
    """Cities of the zone database, lower case: the one zone that is called after each."""
    names = [name for name in available_timezones() if name.count("/") >= 1 and not name.startswith("Etc/")]
    return {name.rpartition("/")[2].replace("_", " ").lower(): name for name in sorted(names, reverse=True)}


@cache
def _city_time() -> re.Pattern[str]:
    city = "|".join(sorted(map(re.escape, _cities()), key=len, reverse=True))
    return re.compile(
        rf"(?<!\w)(?:(?P<a>{city})(?:er)?[ -](?:local )?(?:time|zeit|ortszeit)|(?:times? (?:are )?in|"
        rf"hora (?:local )?de|hor[aá]rio de|zeit in|время в)\s+(?P<b>{city}))(?!\w)",
        re.IGNORECASE,
    )


_ABBREVIATED = re.compile(rf"(?<!\w)(?:{'|'.join(ABBREVIATIONS)})(?!\w)")


def find_zone(text: str) -> tuple[str, Span] | None:
    """The zone that ``text`` names, as ``zone_of`` reads it, and where it stands; None where it names none."""
    return next(
        (found for reader in (_offset, _database_name, _abbreviation, _in_words) if (found := reader(text))), None
    )


def _offset(text: str) -> tuple[str, Span] | None:
    if match := _OFFSET.search(text):
        minutes = int(match["h"]) * 60 + int(match["m"] or 0)
        if minutes <= MOST_HOURS * 60:
            sign = "+" if match["sign"] == "+" else "-"
            return f"UTC{sign}{minutes // 60:02d}:{minutes % 60:02d}", match.span()
    if match := _PLAIN.search(text):
        return "UTC", match.span()
    return None


def _database_name(text: str) -> tuple[str, Span] | None:
    return next(((m[0], m.span()) for m in _NAME.finditer(text) if m[0] in available_timezones()), None)


def _abbreviation(text: str) -> tuple[str, Span] | None:
    match = _ABBREVIATED.search(text)
    return (ABBREVIATIONS[match[0]], match.span()) if match else None


def _in_words(text: str) -> tuple[str, Span] | None:
    """Moscow time: by the lexicon's words, else by a city that has a zone of its own."""
    for name, match in find_keyed(text, "zones"):
        return name, match.span()
    city = _city_time().search(text)
    return (_cities()[(city["a"] or city["b"]).lower()], city.span()) if city else None


def zone_of(name: str) -> tzinfo:
    """The zone ``name``: of the zone database, or an offset such as ``UTC+02:00``.

    Raises:
        InputError: There is no such zone.
    """
    if match := _OFFSET.fullmatch(name):
        offset = timedelta(hours=int(match["h"]), minutes=int(match["m"] or 0))
        if offset <= timedelta(hours=MOST_HOURS):
            return timezone(offset if match["sign"] == "+" else -offset)
    if name in available_timezones():
        return ZoneInfo(name)
    raise InputError(f"there is no time zone {name!r}; name one such as Europe/Berlin or UTC+02:00", field="timezone")
