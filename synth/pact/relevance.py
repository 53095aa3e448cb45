"""Which of a message's claims are about the plan at hand, and not about a train or another evening."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from synth.pact.claims import Claim
from synth.pact.lexicon import says

if TYPE_CHECKING:
    from synth.pact.floor import Floor, Utterance
    from synth.pact.plan import Plan

CLOSE = 3
"""Messages after a plan's last mention within which what its principals say about it needs no sign that it does."""
BARE_WORDS, BARE_LETTERS = 6, 40
"""What is not longer is nothing but an answer."""
NAMED_SLOTS = frozenset({"capacity", "quorum", "no_show", "attestation", "cancel", "deadline", "timezone", "host"})
"""Slots whose words say by themselves what they are about."""
TERM_CUES = (
    "propose", "roll_call", "organise", "deposit", "change", "no_show", "deadline", "attend", "majority_attests",
    "host_attests", "host_cancels", "people",
)  # fmt: skip


def may_concern(said: Utterance, plan: Plan, floor: Floor) -> bool:
    """Whether it is worth reading ``said`` for terms: ``relevant`` would keep nothing of what this leaves out."""
    if floor.replies(said) or said.at - plan.last_at <= CLOSE or plan.suggestions or floor.asked(said.at):
        return True
    return any(map(str.isdigit, said.text)) or says(said.text, *TERM_CUES)


def relevant(said: Utterance, plan: Plan, floor: Floor, claims: list[Claim]) -> list[Claim]:
    """Those of ``claims``, all of ``said``'s, that are about ``plan``."""
    asked = floor.asked(said.at)
    kept = [claim for claim in claims if _is_about(claim, said, plan, floor)]
    if asked == "place" and not any(claim.slot == "place" for claim in kept):
        kept += _bare_place(said.text, claims)
    return kept


def _is_about(claim: Claim, said: Utterance, plan: Plan, floor: Floor) -> bool:
    if claim.slot in NAMED_SLOTS or (claim.slot == "deposit" and not claim.bare):
        return True
    if floor.replies(said) or says(said.text, "change") or plan.is_named_in(said.text):
        return True
    asked, is_moment = floor.asked(said.at), claim.slot in ("date", "time")
    if (asked == "place" and claim.slot == "place") or (asked == "time" and is_moment):
        return True
    principal = said.author in plan.principals
    if principal and is_moment and says(said.text, "attend"):
        return True
    if principal and says(said.text, "affirm", "propose") and said.at - plan.last_at <= CLOSE:
        return True  # sure, 9am then; let's say 9am
    suggested = any(claim.value == other.value for suggestion in plan.suggestions for other in suggestion.claims)
    return suggested or (plan.lacks(claim.slot) and _follows(said, plan, principal=principal))


def _follows(said: Utterance, plan: Plan, *, principal: bool) -> bool:
    """Whether ``said`` comes so soon after the plan's last mention that it goes on with it."""
    if principal:
        return said.at - plan.last_at <= CLOSE
    return said.at - plan.last_at <= 1 and _is_bare(said.text)


def _is_bare(text: str) -> bool:
    return len(text.split()) <= BARE_WORDS and len(text) <= BARE_LETTERS


def _bare_place(text: str, claims: list[Claim]) -> list[Claim]:
    """A short answer to "where?" as a place."""
    body = text.strip(" .!")
    other = ("affirm", "refuse", "doubt", "ask_place", "ask_time")
    if claims or not _is_bare(body) or says(body, *other) or body.endswith("?"):
        return []
    place = re.sub(r"^(?:at|in|im|bei|beim|en|no|na|в|на|у|在)\s+", "", body, flags=re.IGNORECASE)
    return [Claim("place", place)] if place else []
