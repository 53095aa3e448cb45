"""Names and numbers of a chat replaced before anything leaves the machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.chats.message import Chat

_SHORTEST_NAME = 3
"""A name's single words are replaced from this length on; shorter ones are too often words."""
_REPLACED = (
    (re.compile(r"https?://\S+|www\.\S+", re.IGNORECASE), "[link]"),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "[e-mail]"),
    (re.compile(r"\b0x[0-9a-fA-F]{8,}\b|(?<![\w.])[\w-]{2,40}\.eth\b|\bbc1[a-z0-9]{25,60}\b"), "[address]"),
    (re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"), "[account]"),
    (re.compile(r"(?<![\w.,])\+?\(?\d[\d ()/.-]{5,}\d(?![\w:])"), "[number]"),
)
_DATE_OR_AMOUNT = re.compile(
    r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}(?:[ T]\d{1,2}[:.]\d{2})?|\d{1,3}(?:[., ]\d{3})+(?:[.,]\d{1,2})?"
)


class Pseudonyms:
    """P1, P2, … for a chat's people, in the order in which they first appear."""

    def __init__(self, chat: Chat) -> None:
        self._people = {person: f"P{number}" for number, person in enumerate(chat.participants, start=1)}
        words: dict[str, str] = {}
        for person in chat.participants.values():
            for name in (person.name, person.id, *re.findall(r"[^\W\d_]+", person.name)):
                if len(name) >= _SHORTEST_NAME:
                    words.setdefault(name.casefold(), self._people[person.id])
        longest_first = sorted(words, key=len, reverse=True)
        names = "|".join(map(re.escape, longest_first))
        self._names = re.compile(rf"(?<!\w)@?(?:{names})(?!\w)", re.IGNORECASE) if names else None
        self._words = words

    def of(self, person: str) -> str:
        """A person's pseudonym."""
        return self._people[person]

    def person(self, pseudonym: str) -> str | None:
        """Whose pseudonym it is."""
        return next((person for person, name in self._people.items() if name == pseudonym), None)

    def hide(self, text: str) -> str:
        """``text`` without names, telephone and account numbers, addresses and links; dates and amounts stay."""
        for pattern, replacement in _REPLACED:
            text = pattern.sub(lambda match, new=replacement: self._unless_plain(match[0], new), text)  # type: ignore[misc]
        if self._names is None:
            return text
        return self._names.sub(lambda match: self._words[match[0].removeprefix("@").casefold()], text)

    def _unless_plain(self, found: str, replacement: str) -> str:
        return found if replacement == "[number]" and _DATE_OR_AMOUNT.fullmatch(found.strip()) else replacement
