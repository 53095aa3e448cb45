"""What is planned: the words behind a proposing cue, up to what cannot belong to a name."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from synth.pact.lexicon import UNSPACED, find_all, languages, lowered, pattern, says
from synth.pact.spans import HOLE, Span, punch

if TYPE_CHECKING:
    from collections.abc import Iterable

TITLE_WORDS = 5
_PROPOSING = ("propose", "roll_call", "organise")
_TERM_CUES = ("deposit", "no_show", "deadline", "each", "vague", "capacity", "quorum")


def find_title(read: Iterable[tuple[str, list[Span]]]) -> str | None:
    """What is planned, from a message's sentences, each with where its dates, times and amounts stand."""
    sentences = list(read)
    proposing = [(body, title_span(body, spans)) for body, spans in sentences if says(body, *_PROPOSING)]
    beginning = [(body, _words_from(without_terms(body, spans), 0)) for body, spans in sentences]
    return next((body[start:end] for body, (start, end) in proposing + beginning if start < end), None)


def title_span(body: str, spans: list[Span]) -> Span:
    """Where the activity stands behind a proposing cue; (0, 0) where there is none."""
    rest = without_terms(body, spans)
    for name in _PROPOSING:
        for match in find_all(rest, name):
            start, end = _words_from(rest, match.end())
            if start < end:
                return start, end
    return 0, 0


@cache
def _lead() -> re.Pattern[str]:
    return re.compile(
        rf"(?:[\s{HOLE},:¿¡*_~!?\-–—•]|[^\w\s,.]|(?:{pattern('title_lead', 'propose', 'roll_call')})(?!'))+"
    )


@cache
def _stop() -> re.Pattern[str]:
    return re.compile(rf"[{HOLE},.;:!?()\n–—，、：]|\s-\s|\s*(?:{pattern('title_stop')})|$")


def _words_from(rest: str, start: int) -> Span:
    """The words from ``start`` on, without what leads up to them, up to what cannot belong to a title."""
    lead = _lead().match(lowered(rest), start)
    begin = lead.end() if lead else start
    stop = _stop().search(lowered(rest), begin)
    end = stop.start() if stop else len(rest)
    while end > begin and not (rest[end - 1].isalnum() or rest[end - 1] in "'\")"):
        end -= 1
    return (begin, end) if _is_title(rest[begin:end]) else (begin, begin)


def _is_title(phrase: str) -> bool:
    words = phrase.split()
    if not words or len(words) > TITLE_WORDS:
        return False
    return words[0].lower() not in prepositions() and words[0][0].isalnum() and not phrase.isdigit()


@cache
def prepositions() -> tuple[str, ...]:
    """Those that may stand before a place, of all languages that write spaces, the longest first."""
    entries = {
        e for language, content in languages().items() if language not in UNSPACED for e in content["place_prep"]
    }
    return tuple(sorted(entries, key=lambda entry: (-len(entry), entry)))


def without_terms(body: str, spans: list[Span]) -> str:
    """``body`` with holes where terms are told."""
    found = [match.span() for name in _TERM_CUES for match in find_all(body, name)]
    at = [
        (max(0, start - 3), start)
        for start, _ in spans
        if body[max(0, start - 3) : start] in ("at ", "on ", "um ", "am ", "às ")
    ]
    return punch(body, [*spans, *found, *at])
