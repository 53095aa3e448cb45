"""Where and what: the two terms that are not numbers but names, found by the words around them."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from synth.pact.lexicon import UNSPACED, find_all, languages, lowered, pattern, says

if TYPE_CHECKING:
    from collections.abc import Iterable

HOLE = "\x00"
"""What stands in a text where a date, a time, an amount or a rule was read."""

PLACE_WORDS, TITLE_WORDS = 6, 5
_JOINING = frozenset({"de", "e", "y", "da", "das", "of", "the", "a", "à", "à", "el", "la", "do"})
_OPENS = re.compile(r"mine$|(?:the|my|our|your|mein\w*|unser\w*|der|die|das|dem|den|mi|tu|casa|minha|nossa|a|o|el|la)\s+\w", re.IGNORECASE)
_PERSONAL = re.compile(r"(?:mir|uns|меня|нас)\b", re.IGNORECASE)
"""With these a preposition means somebody's home, and belongs to the place."""
_ARTICLE_INSIDE = frozenset({"im", "beim", "in der", "in dem", "an der", "auf dem", "auf der", "vor dem", "en el", "en la", "en los", "en las", "en", "al", "lá no", "lá na", "в", "на", "у", "около", "возле", "@"})
_NOT_A_PLACE = ("morning", "evening", "vague", "today", "tomorrow", "people", "instruction", "next")
_TERM_CUES = ("deposit", "no_show", "deadline", "each", "vague", "capacity", "quorum")


def punch(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """``text`` with holes where ``spans`` are."""
    letters = list(text)
    for start, end in spans:
        letters[start:end] = HOLE * (end - start)
    return "".join(letters)


def find_place(body: str, spans: list[tuple[int, int]]) -> str | None:
    """The place that a sentence names; ``spans`` are its dates, times, amounts and zones. None where it names none."""
    rest = _without_terms(body, spans)
    if match := _labelled().search(rest):
        return _trimmed(match["place"])
    title_ends = title_span(body, spans)[1]
    for match in _preposed().finditer(rest):
        prep = re.sub(r"\s+", " ", (match["prep"] or "").lower())
        phrase = _trimmed(match["place"] or match["zh"])
        if match.start() >= title_ends and _is_place(prep, phrase):
            return match[0].strip() if _PERSONAL.match(phrase) else phrase
    return None


def _is_place(prep: str, phrase: str) -> bool:
    if not phrase or len(phrase.split()) > PLACE_WORDS or says(phrase, *_NOT_A_PLACE):
        return False
    return phrase[0].isupper() or bool(_PERSONAL.match(phrase)) or ord(phrase[0]) > 0x3000 or prep in _ARTICLE_INSIDE or bool(_OPENS.match(phrase))


def title(text_sentences: list[tuple[str, list[tuple[int, int]]]]) -> str | None:
    """What is planned, from the sentences of the message that proposes it, each with the spans already read."""
    for body, spans in text_sentences:
        if says(body, "propose", "roll_call", "organise"):
            start, end = title_span(body, spans)
            if start < end:
                return body[start:end]
    for body, spans in text_sentences:
        start, end = _words_from(_without_terms(body, spans), 0)
        if start < end:
            return body[start:end]
    return None


def title_span(body: str, spans: list[tuple[int, int]]) -> tuple[int, int]:
    """Where the activity stands behind a proposing cue; (0, 0) where there is none."""
    rest = _without_terms(body, spans)
    for name in ("propose", "roll_call", "organise"):
        for match in find_all(rest, name):
            start, end = _words_from(rest, match.end())
            if start < end:
                return start, end
    return 0, 0


@cache
def _lead() -> re.Pattern[str]:
    return re.compile(rf"(?:[\s{HOLE},:¿¡*_~!?\-–—•]|[^\w\s,.]|(?:{pattern('title_lead', 'propose', 'roll_call')})(?!'))+")


@cache
def _stop() -> re.Pattern[str]:
    return re.compile(rf"[{HOLE},.;:!?()\n–—，、：]|\s-\s|\s*(?:{pattern('title_stop')})|$")


def _words_from(rest: str, start: int) -> tuple[int, int]:
    """The words from ``start`` on, without what leads up to them, up to what cannot belong to a title."""
    lead = _lead().match(lowered(rest), start)
    begin = lead.end() if lead else start
    stop = _stop().search(lowered(rest), begin)
    end = stop.start() if stop else len(rest)
    while end > begin and not (rest[end - 1].isalnum() or rest[end - 1] in "'\")"):
        end -= 1
    words = rest[begin:end].split()
    if not words or words[0].lower() in _prepositions() or len(words) > TITLE_WORDS or not words[0][0].isalnum() or rest[begin:end].isdigit():
        return begin, begin
    return begin, end


def _without_terms(body: str, spans: list[tuple[int, int]]) -> str:
    found = [match.span() for name in _TERM_CUES for match in find_all(body, name)]
    at = [(max(0, start - 3), start) for start, _ in spans if body[max(0, start - 3) : start] in ("at ", "on ", "um ", "am ", "às ")]
    return punch(body, [*spans, *found, *at])


@cache
def _labelled() -> re.Pattern[str]:
    labels = "|".join(entry for language, content in languages().items() for entry in content["place_label"] if language not in UNSPACED)
    chinese = "|".join(entry for language in UNSPACED for entry in languages()[language]["place_label"])
    phrase = rf"(?P<place>[^\s{HOLE}][^{HOLE},;!?\n，。]*)"
    return re.compile(rf"(?:(?:(?<!\w)(?:{labels})\s*[:：]|📍|new place:?|new venue:?)\s*|(?:{chinese})[:：是在]?\s*){phrase}", re.IGNORECASE)


@cache
def _prepositions() -> tuple[str, ...]:
    """Those of all languages that write spaces, the longest first."""
    entries = {e for language, content in languages().items() if language not in UNSPACED for e in content["place_prep"]}
    return tuple(sorted(entries, key=lambda entry: (-len(entry), entry)))


@cache
def _preposed() -> re.Pattern[str]:
    spaced = _prepositions()
    preps = "|".join(rf"(?i:{entry[0]}){entry[1:]}".replace(" ", r"\s+") for entry in spaced)
    stops = "|".join(entry for language, content in languages().items() for entry in content["title_stop"] if language not in UNSPACED and entry not in _JOINING)
    phrase = rf"(?P<place>[^\W\d_][^{HOLE},;:!?()\n–—，。]*?)(?=\s*(?:[{HOLE},;:!?()\n–—，。]|\.(?:\s|$)|$)|\s+(?:{stops})(?!\w))"
    chinese = r"(?P<zh>[^\x00,，。.!！?？\s]{2,12}?)(?=[\x00,，。.!！?？\s]|吃|见|集合|吧|聚|打|玩|看|唱|喝|$)"
    spaced_form = rf"(?<![\w'])(?P<prep>{preps})\s+{phrase}"
    return re.compile(spaced_form + f"|(?<=在){chinese}")


def _trimmed(phrase: str | None) -> str:
    return re.sub(r"[^\w'’)]+$", "", (phrase or "").strip(" .,-–—*_\"'“”" + HOLE))
