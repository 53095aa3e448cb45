"""A chat read from its first message to its last: which plans there are, what was agreed on, who agreed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from synth.pact.claims import Claim, find_claims, renumbered_claims, sentences, slots_of
from synth.pact.floor import Ask, Floor, Utterance
from synth.pact.founding import Proposal, find_proposal, is_new, may_propose
from synth.pact.hygiene import doubles, own_words
from synth.pact.lexicon import says
from synth.pact.plan import Plan, Stand, Suggestion
from synth.pact.relevance import BARE_WORDS, CLOSE, may_concern, relevant
from synth.pact.stance import Stance, agrees_by_reaction, is_jest, stance, takes_back
from synth.pact.terms import Suspicion
from synth.pact.zones import find_zone, zone_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, tzinfo

    from ingest.chats.message import Chat, Message, Participant

MEMORY = 150
"""Messages after a plan's last mention within which it can be joined or changed without a reply to it."""
TAKE_BACK_REACH = 5
"""Messages before a "just kidding" among which the one that it takes back is looked for."""
TAKE_BACK_LETTERS = 60


class Conversation:
    """Reads a chat's messages in order; afterwards ``plans`` and ``suspicions`` hold what was found.

    Args:
        chat: The chat.
        host: The id of the person whom the user named as host, if any.
        zone: The time zone that the user named, if any: relative dates are read on its clock.
        founding: The id of the message that proposes a plan because the user says so, if any.
    """

    def __init__(self, chat: Chat, host: str | None, zone: tzinfo | None, founding: str | None = None) -> None:
        self.plans: list[Plan] = []
        self.suspicions: list[Suspicion] = []
        self.last_sent: datetime | None = None
        self._chat = chat
        self._host = host
        self._zone = zone
        self._founding = founding
        self._people = frozenset(person.name.lower() for person in chat.participants.values())
        self._called = frozenset(word for name in self._people for word in name.split())
        self._doubles = doubles(_by_appearance(chat))
        self._floor = Floor(chat.messages)
        taken_back = _taken_back(chat.messages)
        for at, message in enumerate(chat.messages):
            if message.author_id is not None:
                self.last_sent = message.sent_at
                said = Utterance(at, message, message.author_id, self._heard(message))
                if said.text and at not in taken_back:
                    self._read(said)

    def _heard(self, message: Message) -> str:
        """What of ``message`` is read at all; notes what is suspicious about it."""
        words = own_words(message, self._people)
        self.suspicions += [Suspicion(message.id, text) for text in words.suspicions]
        original = self._doubles.get(message.author_id or "")
        if original is None:
            return words.text
        if says(words.text, "consent", "affirm", "change", "deposit", "organise", "propose", "call_off", "refuse"):
            text = f"comes from somebody whose name looks like {original!r}: it is not read"
            self.suspicions.append(Suspicion(message.id, text))
        return ""

    def _read(self, said: Utterance) -> None:
        plan = self._at_hand(said)
        if said.id == self._founding:
            self._found(said, self._pointed_out(said), plan)
            return
        if plan is None and not may_propose(said.text):
            return
        if is_jest(said.text) or (says(said.text, "hypothetical", "past") and not _is_formal(said.text)):
            return
        if plan is None or may_concern(said, plan, self._floor):
            claims = find_claims(said.text, self._local(said, plan))
            claims += _renumbered(said.text, plan, claims)
        else:
            claims = []
        proposal = None if self._floor.replies(said) else find_proposal(said, claims)
        if proposal is not None and is_new(proposal, said, plan):
            self._found(said, proposal, plan)
        elif plan is not None:
            self._take(said, plan, claims)
        self._react(said)

    def _pointed_out(self, said: Utterance) -> Proposal:
        claims = find_claims(said.text, self._local(said, None))
        return find_proposal(said, claims) or Proposal(None, claims, outright=True, complete=False)

    def _at_hand(self, said: Utterance) -> Plan | None:
        """The plan that a message may be about: the one that it replies to, that it names, or the latest."""
        if topic := self._floor.topic(said.message.reply_to):
            return topic[0]
        alive = self._alive(said.at)
        named = [plan for plan in alive if plan.is_named_in(said.text)]
        return next(iter([*reversed(named), *reversed(alive)]), None)

    def _alive(self, at: int) -> list[Plan]:
        return [plan for plan in self.plans if not plan.called_off and at - plan.last_at <= MEMORY]

    def _local(self, said: Utterance, plan: Plan | None) -> datetime:
        """When the message was sent, on the clock that its dates mean where that is known."""
        if said.sent_at.tzinfo is None:
            return said.sent_at
        zone = self._zone
        if zone is None and (named := find_zone(said.text)):
            zone = zone_of(named[0])
        if zone is None and plan and "timezone" in plan.held:
            zone = zone_of(str(plan.held["timezone"].claim.value))
        return said.sent_at.astimezone(zone) if zone else said.sent_at

    def _found(self, said: Utterance, proposal: Proposal, plan: Plan | None) -> None:
        """Takes ``proposal`` for a new plan, in the place of idle talk of one."""
        if plan is not None and not plan.is_dated:
            self.plans.remove(plan)
        principals = frozenset({said.author, self._host} if self._host else {said.author})
        founded = Plan(said.id, said.author, principals, proposal.title, said.at, said.at)
        founded.hold([claim for claim in proposal.claims if claim.slot != "host"], (said.id,), said.at)
        if any(claim.slot == "host" for claim in proposal.claims):
            founded.hosts[said.author] = said.id
        founded.join(said.author, said.at, said.sent_at, (said.id,))
        self.plans.append(founded)
        self._floor.attach(said, founded)
        self._floor.put(Ask("plan", said.at, said.author, founded))

    def _take(self, said: Utterance, plan: Plan, claims: list[Claim]) -> None:
        """Takes what ``said`` says to ``plan``."""
        if said.author in plan.principals and _calls_off(said.text):
            plan.called_off = True
            return
        how = stance(said.text, self._called | plan.words)
        answered = self._answer(said, plan, how)
        moved = self._move(said, plan, relevant(said, plan, self._floor, claims))
        if not answered and not moved:
            if self._seems_to_change(said, plan):
                plan.unread.append(said.id)
            asks = any(sentence.asks for sentence in sentences(said.text))
            self._floor.hear_other_things(said, plan, asks=asks, asks_term=_asks_term(said.text) if asks else None)

    def _seems_to_change(self, said: Utterance, plan: Plan) -> bool:
        """Whether a principal says that something is moved or changed, close to the plan, and not what."""
        close = self._floor.replies(said) or said.at - plan.last_at <= CLOSE
        return plan.is_dated and said.author in plan.principals and close and says(said.text, "moves")

    # What an author's stance comes to

    def _answer(self, said: Utterance, plan: Plan, how: Stance) -> bool:
        """Takes ``how`` for what it answers; whether it answers the plan at all."""
        suggestion = self._floor.answered_suggestion(said)
        if suggestion is not None and how is Stance.AGREES:
            plan.support(suggestion, said.author, said.message, said.at)
            return True
        if suggestion is not None and how is Stance.DECLINES and said.author in plan.principals:
            plan.drop(suggestion)
            return True
        if self._floor.may_join(said, plan, how):
            self._join(said, plan)
            return True
        if says(said.text, "on_behalf"):
            self._speaks_for_others(said, plan)
        answers = self._floor.may_answer(said, plan)
        if how is Stance.DECLINES and (answers or said.author in plan.stands):
            plan.stands[said.author] = Stand("declined", said.at, said.sent_at, (said.id,))
            return True
        if how is Stance.WAVERS and answers:
            plan.stands[said.author] = Stand("wavers", said.at, said.sent_at, (said.id,))
        return how is not Stance.NONE and answers

    def _join(self, said: Utterance, plan: Plan) -> None:
        """Joins ``said``'s author to ``plan``, where it is clear that it is this one."""
        if len(self._alive(said.at)) == 1 or self._floor.replies(said) or plan.is_named_in(said.text):
            plan.join(said.author, said.at, said.sent_at, (said.id,))
        else:
            plan.stands.setdefault(said.author, Stand("unclear", said.at, said.sent_at, (said.id,)))
        self._floor.attach(said, plan)

    def _speaks_for_others(self, said: Utterance, plan: Plan) -> None:
        words = set(re.findall(r"\w+", said.text.lower()))
        for person in self._chat.participants.values():
            if person.id != said.author and set(person.name.lower().split()) & words:
                plan.on_behalf.append((person.id, said.id))

    def _react(self, said: Utterance) -> None:
        """Takes the reactions under a message that set, changed or called for a plan, as given right away."""
        topic = self._floor.topic(said.id)
        if topic is None or (topic[1] is None and said.author not in topic[0].principals):
            return
        plan, suggestion = topic
        reactions = said.message.reactions
        against = {reaction.author_id for reaction in reactions if agrees_by_reaction(reaction.emoji) is False}
        for person in dict.fromkeys(r.author_id for r in reactions if agrees_by_reaction(r.emoji)):
            if person is None or person in against or not self._is_other(person, said.author):
                continue
            if said.message.edited_at:  # who knows what stood there
                plan.stands.setdefault(person, Stand("unclear", said.at, said.sent_at, (said.id,)))
            elif suggestion is not None:
                plan.support(suggestion, person, said.message, said.at)
            elif person not in plan.stands or plan.stands[person].kind != "declined":
                plan.join(person, said.at, said.sent_at, (said.id,))

    def _is_other(self, person: str, author: str) -> bool:
        return person != author and person in self._chat.participants and person not in self._doubles

    # What changes a plan

    def _move(self, said: Utterance, plan: Plan, claims: list[Claim]) -> bool:
        """Takes ``claims`` as set, or as suggested; whether the message was about the plan."""
        if any(claim.slot == "host" for claim in claims):
            plan.hosts[said.author] = said.id
        news = [claim for claim in claims if claim.slot != "host" and plan.differs(claim)]
        if said.author not in plan.principals:
            return self._suggest(said, plan, news)
        repeated = plan.suggested(news)
        asked = [claim for claim in news if claim.asked and claim not in repeated]
        stated = [claim for claim in news if claim not in asked]
        changes = any(claim.slot in plan.held for claim in stated)
        settled = [c for c in stated if says(said.text, "change") or c in repeated or plan.lacks(c.slot)]
        for claim in stated:
            if claim not in settled:
                plan.contradictions.setdefault(claim.slot, []).append((claim, said.id))
        if settled and plan.hold(settled, (*plan.suggesters(repeated), said.id), said.at):
            plan.join(said.author, said.at, said.sent_at, (said.id,))
        calls = says(said.text, "roll_call")
        if not self._suggest(said, plan, asked) and (settled or calls):
            self._floor.attach(said, plan)
            self._floor.put(Ask("plan" if calls or not changes else "change", said.at, said.author, plan))
        return bool(news or calls)

    def _suggest(self, said: Utterance, plan: Plan, claims: list[Claim]) -> bool:
        if not claims:
            return False
        suggestion = Suggestion(said.author, said.id, claims)
        plan.suggestions.append(suggestion)
        self._floor.attach(said, plan, suggestion)
        self._floor.put(Ask("suggestion", said.at, said.author, plan, suggestion))
        return True


def _renumbered(text: str, plan: Plan | None, claims: list[Claim]) -> list[Claim]:
    """What a bare number in another one's place changes, of what is not said outright."""
    if plan is None or not says(text, "change"):
        return []
    said = slots_of(claims)
    held = {slot: held.claim.value for slot, held in plan.held.items()}
    return [claim for claim in renumbered_claims(text, held) if claim.slot not in said]


def _asks_term(text: str) -> Literal["place", "time"] | None:
    """Which term a short question asks for."""
    if len(text.split()) > 2 * BARE_WORDS or not says(text, "ask_place", "ask_time"):
        return None
    return "place" if says(text, "ask_place") else "time"


def _calls_off(text: str) -> bool:
    asks = text.rstrip().endswith(("?", "？"))
    return says(text, "call_off") and not asks and not says(text, "condition", "no_show", "quorum")


def _by_appearance(chat: Chat) -> list[Participant]:
    """The participants in the order of their first messages."""
    seen = dict.fromkeys(message.author_id for message in chat.messages)
    return [chat.participants[person] for person in seen if person in chat.participants]


def _taken_back(messages: Sequence[Message]) -> set[int]:
    """Places of messages that their authors call a joke right afterwards."""
    found = set()
    for at, message in enumerate(messages):
        if message.author_id and len(message.text) <= TAKE_BACK_LETTERS and takes_back(message.text):
            before = range(at - 1, max(-1, at - 1 - TAKE_BACK_REACH), -1)
            mine = (place for place in before if messages[place].author_id == message.author_id)
            found |= {place for place in [next(mine, None)] if place is not None}
    return found


def _is_formal(text: str) -> bool:
    """Whether a text says so much of a plan that a word of the past or of wishing in it is no objection."""
    return says(text, "deposit") and says(text, "roll_call", "propose", "organise")
