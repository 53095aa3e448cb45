"""The words by which a chat's people propose, agree, change their minds and jest: one TOML file a language.

Every list of the files is one *cue*. Cues of all languages are looked for at once: people mix languages, and a chat
message is too short to tell its language by.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

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


def bordered(pattern: str, language: str) -> str:
    """``pattern`` so that it only matches whole words, where the language has them."""
    spaced = pattern.replace(" ", r"\s+").replace("{n}", rf"(?P<n>{number_pattern()})")
    if language in UNSPACED:
        return f"(?:{spaced})"
    return rf"(?<![\w'])(?:{spaced})(?!\w)"


@cache
def cue(*names: str) -> re.Pattern[str]:
    """One pattern that finds any entry of the cues ``names`` in any language, the longest entry first.

    Entries with a number are left to ``counted``.
    """
    entries = [
        (entry, language)
        for language, content in languages().items()
        for name in names
        for entry in content[name]
        if "{n}" not in entry
    ]
    entries.sort(key=lambda pair: len(pair[0]), reverse=True)
    return re.compile("|".join(bordered(entry, language) for entry, language in entries), re.IGNORECASE)


@cache
def counted(name: str) -> tuple[re.Pattern[str], ...]:
    """The patterns of cue ``name`` that hold a number, in its group ``n``."""
    return tuple(
        re.compile(bordered(entry, language), re.IGNORECASE)
        for language, content in languages().items()
        for entry in content[name]
        if "{n}" in entry
    )


@cache
def keyed(name: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """A table of the files (``weekdays``, ``zones``): each key with the pattern of its entries in all languages."""
    entries: dict[str, list[str]] = {}
    for language, content in languages().items():
        for key, patterns in content[name].items():
            entries.setdefault(key, []).extend(bordered(pattern, language) for pattern in patterns)
    return tuple((key, re.compile("|".join(patterns), re.IGNORECASE)) for key, patterns in entries.items())


@lru_cache(maxsize=65_536)
def says(text: str, *names: str) -> bool:
    """Whether ``text`` holds any entry of the cues ``names``."""
    return cue(*names).search(text) is not None
