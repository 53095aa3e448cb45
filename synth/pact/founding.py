"""When a message proposes a plan, and when that is another one than the plan at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from synth.pact.claims import sentences, slots_of
from synth.pact.clocks import find_clocks
from synth.pact.days import find_days
from synth.pact.lexicon import find, says
from synth.pact.titles import find_title
from synth.pact.tokens import find_amounts

if TYPE_CHECKING:
    from datetime import date

    from synth.pact.claims import Claim
    from synth.pact.floor import Utterance
    from synth.pact.plan import Plan


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a message proposes. ``outright``: in the words of a proposal; ``complete``: without needing them."""

    title: str | None
    claims: list[Claim]
    outright: bool
    complete: bool


def may_propose(text: str) -> bool:
    """Whether ``text`` is worth reading for a proposal where no plan is at hand."""
    asks_with_number = text.endswith(("?", "？")) and any(map(str.isdigit, text))
    return asks_with_number or says(text, "propose", "roll_call", "organise", "deposit")


def find_proposal(said: Utterance, claims: list[Claim]) -> Proposal | None:
    """The proposal that ``said`` makes, with ``claims`` its claims; None where it makes none."""
    slots = slots_of(claims)
    complete = {"date", "deposit"} <= slots or _offers(said.text, slots)
    if not complete and not says(said.text, "propose", "organise", "roll_call"):
        return None
    outright = says(said.text, "propose", "organise")
    title = _title(said.text, said.sent_at.date())
    if not slots & {"date", "time", "deposit"} and not (title and outright):
        return None
    return Proposal(title, claims, outright, complete)


def is_new(proposal: Proposal, said: Utterance, plan: Plan | None) -> bool:
    """Whether ``proposal`` founds a plan, and is not part of ``plan``, the one at hand."""
    if plan is None:
        return True
    if not plan.is_dated:
        goes_on = plan.proposer == said.author and (proposal.title in (None, plan.title) or not proposal.outright)
        return not goes_on and bool(slots_of(proposal.claims) & {"date", "deposit"})
    if says(said.text, "change") and not proposal.complete:
        return False
    dates = {claim.value for claim in proposal.claims if claim.slot == "date"}
    held = plan.held.get("date")
    if not dates or proposal.title is None or (held and held.claim.value in dates):
        return False
    return plan.title is None or proposal.title.lower() != plan.title.lower()


def _offers(text: str, slots: set[str]) -> bool:
    """Whether a question names a day and a time, and does not begin as one that asks to be told."""
    if not {"date", "time"} <= slots:
        return False
    first = sentences(text)[0]
    begins = find(first.text, "interrogative")
    return first.asks and not (begins and begins.start() == 0)


def _title(text: str, today: date) -> str | None:
    read = []
    for sentence in sentences(text):
        body = sentence.text
        spans = [day.span for day in find_days(body, today)] + [clock.span for clock in find_clocks(body)]
        read.append((body, spans + [amount.span for amount in find_amounts(body)]))
    return find_title(read)
