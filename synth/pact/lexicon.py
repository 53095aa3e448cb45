"""The words by which a chat's people propose, agree, change their minds and jest: one TOML file a language.

Every list of the files is one *cue*. Cues of all languages are looked for at once: people mix languages, and a chat
message is too short to tell its language by.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).with_name("lexicon")
UNSPACED = frozenset({"zh"})
"""Languages that write no borders between words."""


@cache
def languages() -> dict[str, dict[str, Any]]:
    """The files' contents by language."""
    return {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.toml"))}


@cache
def number_pattern() -> str:
    """A whole number of up to three digits, or a number word; group-free."""
    words = sorted(
        (re.escape(word) for content in languages().values() for word in content["numbers"]), key=len, reverse=True
    )
    return rf"(?:(?<![\d.,])\d{{1,3}}(?![\d.,]*\d)|{'|'.join(words)})"


def number_value(text: str) -> int:
    """What a match of ``number_pattern`` says."""
    if text.isdigit():
        return int(text)
    lowered = text.lower()
    return next(int(content["numbers"][lowered]) for content in languages().values() if lowered in content["numbers"])


def lowered(text: str) -> str:
    """``text`` in lower case, letter for letter: what stands where does not move."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _united(entries: list[tuple[str, str]]) -> str:
    """One pattern for lower-case text that finds any of ``entries`` (pattern, language), the longest first.

    Word borders are tested once for all, so that a text is only looked at where a word begins.
    """
    entries = sorted(dict.fromkeys(entries), key=lambda entry: len(entry[0]), reverse=True)
    spaced = "|".join(_expanded(entry) for entry, language in entries if language not in UNSPACED)
    unspaced = [_expanded(entry) for entry, language in entries if language in UNSPACED]
    return "|".join([rf"(?<![\w'])(?:{spaced})(?!\w)", *unspaced] if spaced else unspaced)


def _expanded(entry: str) -> str:
    return entry.replace(" ", r"\s+").replace("{n}", rf"(?P<n>{number_pattern()})")


@cache
def pattern(*names: str) -> str:
    """The cues ``names`` as one pattern for lower-case text; entries with a number are left to ``find_counted``."""
    return _united([
        (entry, language)
        for language, content in languages().items()
        for name in names
        for entry in content[name]
        if "{n}" not in entry
    ])  # fmt: skip


@cache
def _cue(*names: str) -> re.Pattern[str]:
    return re.compile(pattern(*names))


def find(text: str, *names: str) -> re.Match[str] | None:
    """The first entry of the cues ``names`` in ``text``; the match holds lower case."""
    return _cue(*names).search(lowered(text))


def find_all(text: str, *names: str) -> Iterator[re.Match[str]]:
    """All entries of the cues ``names`` in ``text``."""
    return _cue(*names).finditer(lowered(text))


def without(text: str, *names: str) -> str:
    """``text``, lower case, without the entries of the cues ``names``."""
    return _cue(*names).sub(" ", lowered(text))


@lru_cache(maxsize=65_536)
def says(text: str, *names: str) -> bool:
    """Whether ``text`` holds any entry of the cues ``names``."""
    return find(text, *names) is not None


@cache
def _counted(name: str) -> tuple[re.Pattern[str], ...]:
    return tuple(
        re.compile(_united([(entry, language)]))
        for language, content in languages().items()
        for entry in content[name]
        if "{n}" in entry
    )


def find_counted(text: str, name: str) -> Iterator[re.Match[str]]:
    """The entries of cue ``name`` that hold a number, each with it in the match's group ``n``."""
    lower = lowered(text)
    return (match for entry in _counted(name) for match in entry.finditer(lower))


@cache
def _keyed(table: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    entries: dict[str, list[tuple[str, str]]] = {}
    for language, content in languages().items():
        for key, patterns in content[table].items():
            entries.setdefault(key, []).extend((entry, language) for entry in patterns)
    return tuple((key, re.compile(_united(patterns))) for key, patterns in entries.items())


def find_keyed(text: str, table: str) -> Iterator[tuple[str, re.Match[str]]]:
    """The entries of a table (``weekdays``, ``zones``) in ``text``, each with its key."""
    lower = lowered(text)
    return ((key, match) for key, entry in _keyed(table) for match in entry.finditer(lower))
