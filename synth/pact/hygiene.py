"""What in a message is not to be taken at its word: hidden letters, orders to machines, others' words, addresses.

A message that tries to steer its reader gives no term and no consent; what is wrong with it is told as a warning.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from confusable_homoglyphs import confusables

from synth.pact.lexicon import find, says

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.chats.message import Message, Participant

TEXT_LIMIT = 4_000
"""Characters of one message that are read; a plan is shorter, and every pattern's work stays bounded."""

_ZERO_WIDTH = "\u200b\u2060\u2061\u2062\u2063\u2064\ufeff\u00ad\u180e"
_JOINERS = "\u200c\u200d"
_MARKS = "\u200e\u200f\u061c"
_EMBEDDINGS = "\u202a\u202c\u2066\u2068\u2069"
_TURNS = "\u202b\u202d\u202e\u2067"
_HIDDEN_IN_WORD = re.compile(rf"(?<=\w)[{_ZERO_WIDTH}]+(?=\w)|(?<=[a-zA-Z0-9])[{_JOINERS}]+(?=[a-zA-Z0-9])")
_TAGS = re.compile(r"(?<!\U0001f3f4)(?<![\U000e0020-\U000e007f])[\U000e0020-\U000e007f]")
_INVISIBLE = re.compile(rf"[{_ZERO_WIDTH}{_MARKS}{_EMBEDDINGS}{_TURNS}]|[\U000e0000-\U000e007f]")

_MARKUP = re.compile(
    r"</?[a-z!][^<>]{0,200}>|```|<\||\|>|\[/?INST\]|\{\s*\"|\]\(|\{\{|<!--|^#{1,3} (?:system|instruction)", re.I | re.M
)
_FAKE_SERVICE = re.compile(
    r"^[\W_]*(?:[\[(<*{【]\s*)(?:system|admin(?:istrator)?|service|bot|server|pactsmith|moderator|sistema|система|системное|系统|notice)\b"
    r"|^\W*(?:system|система|sistema|系统(?:消息|通知)?|assistant|developer|pactsmith|service message)\s*[:：]"
    r"|^\W*\S{1,30} (?:has )?joined the (?:pact|group|chat)\b"
    r"|^\W*\S{1,30} (?:added|removed) \S{1,30} (?:to|from) the (?:pact|group)\b",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"\b0x[0-9a-fA-F]{40}\b|(?<![\w.])[\w-]{2,40}\.eth\b|\bbc1[a-z0-9]{25,60}\b|\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}\b"
)
_LINK = re.compile(r"https?://\S+|www\.\S+", re.IGNORECASE)
_QUOTE_MARKS = re.compile(
    r"\"[^\"\n]{1,400}\"|“[^”\n]{1,400}”|„[^“”\n]{1,400}[“”]|«[^»\n]{1,400}»|「[^」\n]{1,400}」|『[^』\n]{1,400}』"
)
_QUOTE_LINE = re.compile(r"^\s*>.*$", re.MULTILINE)
_STAMP = r"^\s*\[?[\d/.:, -]{0,24}(?:[AaPp]\.?[Mm]\.?)?\]?\s*(?:- )?"


@dataclass(frozen=True, slots=True)
class OwnWords:
    """What a message's author says in words of their own, and what was found beside them.

    ``text`` is "" where the message is not to be read; ``suspicions`` are what the user is warned of, in words.
    """

    text: str
    suspicions: tuple[str, ...] = ()


def own_words(message: Message, people: frozenset[str]) -> OwnWords:
    """The author's own words in ``message``; ``people`` are the names of the chat's participants, lower case."""
    raw = message.text[:TEXT_LIMIT]
    if not raw or message.kind != "text":
        return OwnWords("")
    if raw.isascii() and raw.isalnum():
        return OwnWords("" if message.forwarded else raw)
    reason = _unreadable(raw)
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", raw)).replace("’", "'").replace("ʼ", "'")
    reason = reason or _steering(text)
    if reason:
        return OwnWords("", (reason,))
    suspicions = ["names an address: an address in a chat is never a payee"] if _ADDRESS.search(text) else []
    own = _without_others(text.replace(message.quoted, " ") if message.quoted else text, people)
    if own != text and says(text, "consent"):
        suspicions.append("repeats another's words: they bind nobody")
    if message.forwarded:
        suspicions += (
            ["forwards another's words: they bind nobody"] if says(text, "consent", "deposit", "propose") else []
        )
        return OwnWords("", tuple(suspicions))
    return OwnWords(_LINK.sub(" ", _ADDRESS.sub(" ", own)).strip(), tuple(suspicions))


def _unreadable(raw: str) -> str | None:
    if raw.isascii():
        return None
    turned = any(char in _TURNS for char in raw) and not any(unicodedata.bidirectional(c) in ("R", "AL") for c in raw)
    if turned:
        return "holds characters that turn the reading direction around: it is not read"
    if _HIDDEN_IN_WORD.search(raw) or _TAGS.search(raw):
        return "holds characters that cannot be seen inside its words: it is not read"
    return None


def _steering(text: str) -> str | None:
    if says(text, "instruction"):
        return "tries to instruct the reader or to redirect money: it is not read"
    if _FAKE_SERVICE.search(text):
        return "poses as a service message: it is not read"
    if _MARKUP.search(text):
        return "holds markup or code: it is not read"
    return None


def _without_others(text: str, people: frozenset[str]) -> str:
    """``text`` without quotations, quoted lines and what follows "NAME:" or "NAME said"."""
    own = _QUOTE_LINE.sub(" ", _QUOTE_MARKS.sub(" ", text))
    lines = []
    for line in own.split("\n"):
        speaker = re.match(_STAMP + r"(?P<name>[^\n:：]{1,40}?)\s*[:：]", line)
        if speaker and speaker["name"].strip().lower().lstrip("@") in people:
            continue
        told = find(line, "reported")
        before = line[: told.start()] if told else line
        lines.append("" if told and says(before, "consent", "affirm") else before)  # I'm in, said nobody
    return "\n".join(lines)


@lru_cache(maxsize=4_096)
def looks(name: str) -> frozenset[str]:
    """How ``name`` looks: without accents and hidden characters, look-alike letters as their Latin twins.

    Two names look alike if they share a form: one takes upper and lower case for the same, the other Il1 and O0.
    """
    plain = unicodedata.normalize("NFKD", _INVISIBLE.sub("", name))
    letters = (char for char in plain if not unicodedata.combining(char) and not char.isspace())
    latin = "".join(map(_latin_twin, letters))
    return frozenset({latin.casefold(), latin.translate(str.maketrans("I1|0", "lllO"))})


@lru_cache(maxsize=4_096)
def _latin_twin(char: str) -> str:
    if char.isascii():
        return char
    for found in confusables.is_confusable(char, preferred_aliases=["latin"]) or []:
        for twin in found["homoglyphs"]:
            if len(twin["c"]) == 1 and twin["c"].isascii() and twin["c"].isalnum():
                return str(twin["c"])
    return char


def doubles(participants: Iterable[Participant]) -> dict[str, str]:
    """Of participants whose names look alike, all but the first: their id, and the name that it looks like."""
    first: dict[str, Participant] = {}
    found = {}
    for person in participants:
        forms = looks(person.name)
        original = next((first[form] for form in forms if form in first), None)
        if original is not None:
            found[person.id] = original.name
        first |= {form: person for form in forms if form not in first}
    return found
