"""Whether a message agrees, declines or wavers, by its own words alone; what it answers is for ``conversation`` to say.

Nobody may be bound who did not agree. So agreement is only what is nothing but agreement: once the agreeing words and
harmless ones are taken away, nothing may be left that could turn them around.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache

from synth.pact.lexicon import find, find_keyed, says, without

_CLAUSES = re.compile(r"[,.!?;:\n()–—，。！？；、~*]+|\s-\s")
_SYMBOLS = re.compile(r"[^\w\s+']|_")
_EMOJI_YES = re.compile(r"(?:👍|✅|☑|✔|🙋|👌|➕|🙌)[\ufe0f\U0001f3fb-\U0001f3ff\u200d♀♂]*")
_EMOJI_JEST = re.compile("🙄|🤡|😜|🤪|🙃|😏")
_LAUGHTER = re.compile("😂|🤣|😆")
_ASK = re.compile(r"[?？]|[吗呢]\s*$")
YES_REACTIONS = frozenset(
    {
        "👍",
        "✅",
        "☑",
        "✔",
        "🙋",
        "👌",
        "➕",
        "+1",
        "thumbsup",
        "white_check_mark",
        "heavy_check_mark",
        "heavy_plus_sign",
        "ok_hand",
        "raising_hand",
    }
)
NO_REACTIONS = frozenset({"👎", "❌", "🚫", "-1", "thumbsdown", "x", "no_entry_sign"})


class Stance(Enum):
    """What a message says to whatever it answers."""

    JOINS = "joins"  # says so of the author: "count me in"
    AGREES = "agrees"  # says yes to what was asked: "ok"
    DECLINES = "declines"
    WAVERS = "wavers"
    NONE = "none"


@lru_cache(maxsize=65_536)
def stance(text: str, harmless: frozenset[str] = frozenset()) -> Stance:
    """How ``text``, an author's own words, stands to what it answers.

    ``harmless`` are words, lower case, that may stand beside agreement: people's names, the plan's title and place.
    """
    if not text or is_jest(text) or says(text, "hypothetical"):
        return Stance.NONE
    asks = bool(_ASK.search(text))
    if not asks and _declines(text):
        return Stance.DECLINES
    if says(text, "doubt"):
        return Stance.WAVERS
    if asks or says(without(text, "affirm", "echo", "consent", "attend"), "condition", "negation", "on_behalf"):
        return Stance.NONE
    clauses = [clause for clause in _CLAUSES.split(_EMOJI_YES.sub(",", text)) if clause.strip()]
    if any(says(clause, "consent") and _only(clause, harmless, "consent", "affirm", "echo") for clause in clauses):
        return Stance.JOINS
    agrees = (bool(_EMOJI_YES.search(text)) or says(text, "affirm", "echo")) and not says(text, "on_behalf")
    nothing_else = all(_only(clause, harmless, "affirm", "echo", "attend") for clause in clauses)
    return Stance.AGREES if agrees and nothing_else else Stance.NONE


def is_jest(text: str) -> bool:
    """Whether laughter, irony or a joke's name stands in ``text``."""
    return bool(_EMOJI_JEST.search(text) or _LAUGHTER.search(text)) or says(text, "jest")


def takes_back(text: str) -> bool:
    """Whether ``text`` is nothing but the word that the message before was a joke."""
    left = _SYMBOLS.sub(" ", without(text, "jest", "filler")).split()
    return says(text, "jest") and len(left) <= 1


def agrees_by_reaction(emoji: str) -> bool | None:
    """What an emoji under a message says to it: yes, no, or (None) neither."""
    plain = re.sub(r"[\ufe0f\U0001f3fb-\U0001f3ff\u200d♀♂:]", "", emoji)
    name = re.sub(r"skin-tone-\d", "", plain).strip()
    return True if name in YES_REACTIONS else False if name in NO_REACTIONS else None


def _declines(text: str) -> bool:
    """Whether a clause says more than one declining word, or nothing but one."""
    for clause in _CLAUSES.split(without(text, "polite")):
        match = find(clause, "refuse")
        if match and (
            " " in match[0].strip()
            or (len(match[0]) > 1 and not match[0].isascii())
            or _only(clause, frozenset(), "refuse")
        ):
            return True
    return False


def _only(clause: str, harmless: frozenset[str], *names: str) -> bool:
    """Whether ``clause`` is made up of the cues ``names``, days, filling words and ``harmless`` ones."""
    left = without(clause, *names)
    for _, day in find_keyed(left, "weekdays"):
        left = left.replace(day[0], " ")
    left = _SYMBOLS.sub(" ", without(left, "filler", "today", "tomorrow"))
    return all(word.lower().strip("'+") in harmless or not word.strip("'+") for word in left.split())
