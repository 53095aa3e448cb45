"""Where: the name behind a label or a preposition."""

from __future__ import annotations

import re
from functools import cache

from synth.pact.lexicon import UNSPACED, languages, says
from synth.pact.spans import HOLE, Span
from synth.pact.titles import prepositions, title_span, without_terms

PLACE_WORDS = 6
_JOINING = frozenset({"de", "e", "y", "da", "das", "of", "the", "a", "à", "el", "la", "do"})
_OPENS = re.compile(
    r"mine$|(?:the|my|our|your|mein\w*|unser\w*|der|die|das|dem|den|mi|tu|casa|minha|nossa|a|o|el|la)\s+\w",
    re.IGNORECASE,
)
_PERSONAL = re.compile(r"(?:mir|uns|меня|нас)\b", re.IGNORECASE)
"""With these a preposition means somebody's home, and belongs to the place."""
_ARTICLE_INSIDE = frozenset(
    {
        "im",
        "beim",
        "in der",
        "in dem",
        "an der",
        "auf dem",
        "auf der",
        "vor dem",
        "en el",
        "en la",
        "en los",
        "en las",
        "en",
        "al",
        "lá no",
        "lá na",
        "в",
        "на",
        "у",
        "около",
        "возле",
        "@",
    }
)
_NOT_A_PLACE = ("morning", "evening", "vague", "today", "tomorrow", "people", "instruction", "next")


def find_place(body: str, spans: list[Span]) -> str | None:
    """The place that a sentence names; ``spans`` are its dates, times, amounts and zones. None where it names none."""
    rest = without_terms(body, spans)
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
    return (
        phrase[0].isupper()
        or bool(_PERSONAL.match(phrase))
        or ord(phrase[0]) > 0x3000
        or prep in _ARTICLE_INSIDE
        or bool(_OPENS.match(phrase))
    )


@cache
def _labelled() -> re.Pattern[str]:
    labels = "|".join(
        entry
        for language, content in languages().items()
        for entry in content["place_label"]
        if language not in UNSPACED
    )
    chinese = "|".join(entry for language in UNSPACED for entry in languages()[language]["place_label"])
    phrase = rf"(?P<place>[^\s{HOLE}][^{HOLE},;!?\n，。]*)"
    return re.compile(
        rf"(?:(?:(?<!\w)(?:{labels})\s*[:：]|📍|new place:?|new venue:?)\s*|(?:{chinese})[:：是在]?\s*){phrase}",
        re.IGNORECASE,
    )


@cache
def _preposed() -> re.Pattern[str]:
    preps = "|".join(rf"(?i:{entry[0]}){entry[1:]}".replace(" ", r"\s+") for entry in prepositions())
    stops = "|".join(
        entry
        for language, content in languages().items()
        for entry in content["title_stop"]
        if language not in UNSPACED and entry not in _JOINING
    )
    marks = rf"{HOLE},;:!?()\n–—，。"
    ends = rf"(?=\s*(?:[{marks}]|\.(?:\s|$)|$)|\s+(?:{stops})(?!\w))"
    phrase = rf"(?P<place>[^\W\d_][^{marks}]*?){ends}"
    chinese = r"(?P<zh>[^\x00,，。.!！?？\s]{2,12}?)(?=[\x00,，。.!！?？\s]|吃|见|集合|吧|聚|打|玩|看|唱|喝|$)"
    spaced_form = rf"(?<![\w'])(?P<prep>{preps})\s+{phrase}"
    return re.compile(spaced_form + f"|(?<=在){chinese}")


def _trimmed(phrase: str | None) -> str:
    return re.sub(r"[^\w'’)]+$", "", (phrase or "").strip(" .,-–—*_\"'“”" + HOLE))
