"""A chat read from its first message to its last: which plans there are, what was agreed on, who agreed.

One rule stands above the others: what is not certainly an answer to the plan is none. A lost consent is asked for
again; an invented one would bind somebody who did not agree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from synth.pact.claims import Claim, find_claims, sentences, slots_of
from synth.pact.hygiene import doubles, own_words
from synth.pact.lexicon import find, says
from synth.pact.moments import find_clocks, find_days
from synth.pact.places import title
from synth.pact.plan import Plan, Stand, Suggestion
from synth.pact.stance import Stance, agrees_by_reaction, is_jest, stance, takes_back
from synth.pact.terms import Suspicion
from synth.pact.tokens import find_amounts
from synth.pact.zones import find_zone, zone_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, tzinfo

    from ingest.chats.message import Chat, Message

REACH = 12
"""Messages after a question or proposal within which a bare yes may answer it."""
MEMORY = 150
"""Messages after a plan's last mention within which it can be joined or changed without a reply to it."""
CLOSE = 3
"""Messages after a plan's last mention within which what its principals say about it needs no sign that it does."""
TERM_CUES = (
    "propose", "roll_call", "organise", "deposit", "change", "no_show", "deadline", "attend", "majority_attests",
    "host_attests", "host_cancels", "people",
)  # fmt: skip
TAKE_BACK_REACH = 5
BARE_WORDS = 6
NAMED_SLOTS = frozenset({"capacity", "quorum", "no_show", "attestation", "cancel", "deadline", "timezone"})
"""Slots whose words say by themselves what they are about."""


@dataclass(slots=True)
class Ask:
    """What a bare yes would answer now. ``unbroken``: nobody has spoken of other things since."""

    kind: Literal["plan", "change", "suggestion", "place", "time", "other"]
    at: int
    author: str
    plan: Plan | None = None
    suggestion: Suggestion | None = None
    unbroken: bool = True


class Conversation:
    """Reads a chat's messages in order; afterwards ``plans`` and ``suspicions`` hold what was found.

    Args:
        chat: The chat.
        host: The id of the person whom the user named as host, if any.
        zone: The time zone that the user named, if any: relative dates are read on its clock.
    """

    def __init__(self, chat: Chat, host: str | None, zone: tzinfo | None) -> None:
        self.plans: list[Plan] = []
        self.suspicions: list[Suspicion] = []
        self.last_sent: datetime | None = None
        self._chat = chat
        self._host = host
        self._zone = zone
        self._people = frozenset(person.name.lower() for person in chat.participants.values())
        self._first_names = frozenset(word for name in self._people for word in name.split())
        self._doubles = doubles(_by_appearance(chat))
        self._about: dict[str, tuple[Plan, Suggestion | None]] = {}
        self._ask: Ask | None = None
        self._diverted_at: int | None = None
        taken_back = _taken_back(chat.messages)
        for at, message in enumerate(chat.messages):
            if message.author_id is not None:
                self.last_sent = message.sent_at
                self._read(at, message, message.author_id, jest=at in taken_back)

    def _read(self, at: int, message: Message, author: str, *, jest: bool) -> None:
        if message.kind != "text" or not message.text:
            return
        words = own_words(message, self._people)
        self.suspicions += [Suspicion(message.id, text) for text in words.suspicions]
        text = words.text
        if text and author in self._doubles:
            text = self._unmasked(message, text, author)
        if not text or jest:
            return
        plan = self._target(at, message, text)
        if plan is None and not (_asks_with_number(text) or says(text, "propose", "roll_call", "organise", "deposit")):
            return
        if is_jest(text) or says(text, "hypothetical", "past") and not _is_formal(text):
            return
        self._take(at, message, author, text, plan)
        self._react(at, message, author)

    def _unmasked(self, message: Message, text: str, author: str) -> str:
        """Nothing of what somebody says under a name that looks like another's; it is told where it would matter."""
        if says(text, "consent", "affirm", "change", "deposit", "organise", "propose", "call_off", "refuse"):
            name = self._doubles[author]
            self.suspicions.append(Suspicion(message.id, f"comes from somebody whose name looks like {name!r}: it is not read"))
        return ""

    def _target(self, at: int, message: Message, text: str) -> Plan | None:
        """The plan that a message may be about: what it replies to, the only one, the one that it names, the latest."""
        if message.reply_to is not None and message.reply_to in self._about:
            return self._about[message.reply_to][0]
        alive = [plan for plan in self.plans if not plan.called_off and at - plan.last_at <= MEMORY]
        named = [plan for plan in alive if plan.title and plan.title.lower() in text.lower()]
        return named[-1] if named else alive[-1] if alive else None

    # What a message says

    def _take(self, at: int, message: Message, author: str, text: str, plan: Plan | None) -> None:
        claims = find_claims(text, self._local(message, text, plan)) if self._may_concern(at, message, text, plan) else []
        founded = self._found(at, message, author, text, plan, claims)
        if founded is not None:
            self._ask = Ask("plan", at, author, founded)
            return
        if plan is None:
            return
        if self._calls_off(author, text, plan):
            plan.called_off = True
            return
        relevant = self._in_context(at, message, author, text, plan, claims)
        how = stance(text, self._first_names | _words(plan))
        answered = self._answer(at, message, author, text, plan, how, relevant)
        moved = self._move(at, message, author, text, plan, relevant)
        if not answered and not moved:
            self._elsewhere(at, message, author, text, plan)

    def _may_concern(self, at: int, message: Message, text: str, plan: Plan | None) -> bool:
        """Whether it is worth reading ``text`` for terms: what this leaves out, ``_in_context`` would not keep."""
        if plan is None or message.reply_to in self._about or at - plan.last_at <= CLOSE or plan.suggestions:
            return True
        open_ask = self._ask is not None and self._ask.unbroken and at - self._ask.at <= REACH
        return open_ask or any(map(str.isdigit, text)) or says(text, *TERM_CUES)

    def _local(self, message: Message, text: str, plan: Plan | None) -> datetime:
        """When the message was sent, on the clock that its dates mean where that is known."""
        if message.sent_at.tzinfo is None:
            return message.sent_at
        zone = self._zone
        if zone is None and (named := find_zone(text)):
            zone = zone_of(named[0])
        if zone is None and plan and "timezone" in plan.held:
            zone = zone_of(str(plan.held["timezone"].claim.value))
        return message.sent_at.astimezone(zone) if zone else message.sent_at

    def _found(
        self, at: int, message: Message, author: str, text: str, plan: Plan | None, claims: list[Claim]
    ) -> Plan | None:
        """A new plan, where the message proposes one that is not the plan at hand."""
        slots = slots_of(claims)
        proposes = says(text, "propose", "organise", "roll_call")
        complete = {"date", "deposit"} <= slots or _offers(text, slots)
        if not (proposes or complete) or message.reply_to in self._about:
            return None
        name = _title(text, message.sent_at)
        if not slots & {"date", "time", "deposit"} and not (name and says(text, "propose", "organise")):
            return None
        if plan is not None and plan.is_dated and not self._is_another(plan, author, text, claims, name, complete):
            return None
        if plan is not None and not plan.is_dated:
            goes_on = plan.proposer == author and (name in (None, plan.title) or not says(text, "propose", "organise"))
            if not slots & {"date", "deposit"} or goes_on:
                return None
            self.plans.remove(plan)
        principals = frozenset({author, self._host} if self._host else {author})
        founded = Plan(message.id, author, principals, name, at, at, message.sent_at)
        founded.hold([claim for claim in claims if claim.slot != "host"], (message.id,), at)
        if says(text, "organise") or "host" in slots:
            founded.hosts[author] = message.id
        founded.join(author, at, message.sent_at, (message.id,))
        self.plans.append(founded)
        self._touch(at, message, founded, None)
        return founded

    def _is_another(
        self, plan: Plan, author: str, text: str, claims: list[Claim], name: str | None, complete: bool
    ) -> bool:
        """Whether a proposal made beside ``plan`` is a plan of its own: another day, and another thing or all of it."""
        if says(text, "change") and not complete:
            return False
        dates = {claim.value for claim in claims if claim.slot == "date"}
        held = plan.held.get("date")
        if not dates or (held and held.claim.value in dates):
            return False
        same_thing = bool(name and plan.title and name.lower() == plan.title.lower())
        return bool(name) and not same_thing and (complete or says(text, "propose", "roll_call", "organise"))

    def _calls_off(self, author: str, text: str, plan: Plan) -> bool:
        return author in plan.principals and says(text, "call_off") and not text.rstrip().endswith(("?", "？")) and not says(text, "condition", "no_show", "quorum")

    def _in_context(
        self, at: int, message: Message, author: str, text: str, plan: Plan, claims: list[Claim]
    ) -> list[Claim]:
        """Those of ``claims`` that are about ``plan``, and not about a train or another evening."""
        direct = message.reply_to in self._about or says(text, "change") or _names(plan, text)
        near = at - plan.last_at <= (CLOSE if author in plan.principals else 1)
        bare = len(text.split()) <= BARE_WORDS and (len(text) <= 40)
        asked = self._ask.kind if self._ask and at - self._ask.at <= REACH and self._ask.unbroken else None
        kept = []
        for claim in claims:
            unset = claim.slot not in plan.held or bool(plan.held[claim.slot].claim.doubt)
            fits = claim.slot in NAMED_SLOTS or (claim.slot == "deposit" and not claim.bare)
            answers = (asked == "place" and claim.slot == "place") or (asked == "time" and claim.slot in ("date", "time"))
            follows = unset and near and (bare or author in plan.principals)
            parting = author in plan.principals and says(text, "attend") and claim.slot in ("date", "time")
            restates = any(claim.value == c.value for s in plan.suggestions for c in s.claims)
            if fits or direct or answers or follows or parting or restates or claim.slot == "host":
                kept.append(claim)
        if asked == "place" and not any(claim.slot == "place" for claim in kept) and (place := _bare_place(text, claims)):
            kept.append(Claim("place", place))
        return kept

    # What an author's stance comes to

    def _answer(
        self, at: int, message: Message, author: str, text: str, plan: Plan, how: Stance, claims: list[Claim]
    ) -> bool:
        """Takes ``how`` for what it answers; whether it answers the plan at all."""
        suggestion = self._answered_suggestion(at, message, author, how)
        if suggestion is not None and how is Stance.DECLINES and author in plan.principals:
            plan.suggestions = [other for other in plan.suggestions if other is not suggestion]
            return True
        if suggestion is not None and how is Stance.AGREES:
            self._support(at, message, author, plan, suggestion)
            return True
        if how is Stance.DECLINES and (self._may_answer(at, message, author, plan) or author in plan.stands):
            if author not in plan.principals or author in plan.stands:
                plan.stands[author] = Stand("declined", at, message.sent_at, (message.id,))
            return True
        if how is Stance.WAVERS and self._may_answer(at, message, author, plan):
            plan.stands[author] = Stand("wavers", at, message.sent_at, (message.id,))
            return True
        if self._joins(at, message, author, plan, how):
            if len(self._alive(at)) > 1 and message.reply_to not in self._about and not _names(plan, text):
                plan.stands.setdefault(author, Stand("unclear", at, message.sent_at, (message.id,)))
            else:
                plan.join(author, at, message.sent_at, (message.id,))
            self._touch(at, message, plan, None)
            return True
        if says(text, "on_behalf") and author in self._chat.participants:
            self._speaks_for(text, author, plan, message)
        return how is not Stance.NONE and self._may_answer(at, message, author, plan)

    def _alive(self, at: int) -> list[Plan]:
        return [plan for plan in self.plans if not plan.called_off and at - plan.last_at <= MEMORY]

    def _joins(self, at: int, message: Message, author: str, plan: Plan, how: Stance) -> bool:
        if how is Stance.AGREES:
            return self._may_answer(at, message, author, plan)
        if how is not Stance.JOINS:
            return False
        if message.reply_to is not None:
            return message.reply_to in self._about
        diverted = self._diverted_at is not None and at - self._diverted_at <= REACH
        return not diverted and not self._answers_another(at, author)

    def _answers_another(self, at: int, author: str) -> bool:
        """Whether the message right before is somebody else's question about other things."""
        before = self._chat.messages[at - 1] if at else None
        asks = before is not None and before.author_id != author and before.text.rstrip().endswith(("?", "？"))
        return asks and before is not None and before.id not in self._about

    def _may_answer(self, at: int, message: Message, author: str, plan: Plan) -> bool:
        """Whether a bare word of ``message`` can only be meant for ``plan``."""
        if message.reply_to is not None:
            return message.reply_to in self._about
        ask = self._ask
        if ask is None or ask.plan is not plan or not ask.unbroken or at - ask.at > REACH:
            return False
        known = ask.kind != "change" or author in plan.stands  # a yes to a change is no joining
        return ask.kind in ("plan", "change", "suggestion") and ask.author != author and known

    def _answered_suggestion(self, at: int, message: Message, author: str, how: Stance) -> Suggestion | None:
        if how not in (Stance.AGREES, Stance.DECLINES):
            return None
        if message.reply_to is not None:
            return self._about[message.reply_to][1] if message.reply_to in self._about else None
        ask = self._ask
        if ask and ask.kind == "suggestion" and ask.author != author and ask.unbroken and at - ask.at <= REACH:
            return ask.suggestion
        return None

    def _support(self, at: int, message: Message, author: str, plan: Plan, suggestion: Suggestion) -> None:
        """A yes to a suggestion: a principal's makes it agreed, as does anybody's to a principal's."""
        if suggestion not in plan.suggestions:
            if author in plan.stands and plan.stands[author].kind == "joined":
                plan.join(author, at, message.sent_at, (message.id,))
            return
        suggestion.supporters[author] = message.id
        if author in plan.principals or suggestion.author in plan.principals:
            had_joined = {who for who, stand in plan.stands.items() if stand.kind == "joined"}
            plan.hold(suggestion.claims, (suggestion.message, message.id), at)
            voices = {suggestion.author: suggestion.message, **suggestion.supporters}
            for person, cite in voices.items():
                if person in had_joined:
                    plan.join(person, at, message.sent_at, (cite,))
        plan.last_at = at

    def _speaks_for(self, text: str, author: str, plan: Plan, message: Message) -> None:
        words = set(re.findall(r"\w+", text.lower()))
        for person in self._chat.participants.values():
            if person.id != author and set(person.name.lower().split()) & words:
                plan.on_behalf.append((person.id, message.id))

    # What changes the plan

    def _move(self, at: int, message: Message, author: str, text: str, plan: Plan, claims: list[Claim]) -> bool:
        """Takes ``claims`` as set, or as suggested; whether the message was about the plan."""
        if any(claim.slot == "host" for claim in claims):
            plan.hosts[author] = message.id
        claims = [claim for claim in claims if claim.slot != "host"]
        calls = author in plan.principals and says(text, "roll_call")
        if author in plan.principals:
            changes = says(text, "change")
            accepted = self._accepts_by_repeating(plan, claims)
            asked = [claim for claim in claims if claim.asked and self._differs(plan, claim) and claim not in accepted]
            stated = [claim for claim in claims if claim not in asked and self._differs(plan, claim)]
            changed = any(claim.slot in plan.held for claim in stated)
            settled = [c for c in stated if changes or c in accepted or c.slot not in plan.held or plan.held[c.slot].claim.doubt]
            for claim in stated:
                if claim not in settled:
                    plan.contradictions.setdefault(claim.slot, []).append((claim, message.id))
            if settled and plan.hold(settled, (*accepted_cites(plan, accepted), message.id), at):
                plan.join(author, at, message.sent_at, (message.id,))
        else:
            asked, settled, stated, changed = [claim for claim in claims if self._differs(plan, claim)], [], [], False
        if asked:
            suggestion = Suggestion(author, message.id, asked)
            plan.suggestions.append(suggestion)
            self._touch(at, message, plan, suggestion)
            self._ask = Ask("suggestion", at, author, plan, suggestion)
        elif settled or calls:
            self._touch(at, message, plan, None)
            self._ask = Ask("plan" if calls or not changed else "change", at, author, plan)
        return bool(asked or settled or stated or calls)

    @staticmethod
    def _differs(plan: Plan, claim: Claim) -> bool:
        held = plan.held.get(claim.slot)
        return held is None or held.claim.value != claim.value or bool(held.claim.doubt)

    @staticmethod
    def _accepts_by_repeating(plan: Plan, claims: list[Claim]) -> list[Claim]:
        suggested = [(c.slot, c.value) for s in plan.suggestions for c in s.claims]
        return [claim for claim in claims if not claim.asked and (claim.slot, claim.value) in suggested]

    def _elsewhere(self, at: int, message: Message, author: str, text: str, plan: Plan) -> None:
        """Notes a message that is not about the plan: a bare yes after it answers something else."""
        body = sentences(text)
        asks = any(sentence.asks for sentence in body)
        if asks and says(text, "ask_place", "ask_time") and len(text.split()) <= 2 * BARE_WORDS:
            self._ask = Ask("place" if says(text, "ask_place") else "time", at, author, plan)
        elif asks or (says(text, "propose", "roll_call") and author not in plan.principals):
            self._ask = Ask("other", at, author)
            self._diverted_at = at if says(text, "propose", "roll_call") else self._diverted_at
        elif self._ask is not None and author != self._ask.author and message.reply_to is None:
            self._ask.unbroken = False

    def _touch(self, at: int, message: Message, plan: Plan, suggestion: Suggestion | None) -> None:
        plan.last_at = at
        self._diverted_at = None
        plan.messages.add(message.id)
        self._about[message.id] = (plan, suggestion)
        principal = message.author_id in plan.principals
        if principal and message.edited_at and (plan.edited_at is None or message.edited_at > plan.edited_at):
            plan.edited_at = message.edited_at

    def _react(self, at: int, message: Message, author: str) -> None:
        """Takes the reactions under a message that set, changed or called for the plan, as given right away."""
        if message.id not in self._about or not message.reactions:
            return
        plan, suggestion = self._about[message.id]
        if suggestion is None and author not in plan.principals:
            return
        says_no = {r.author_id for r in message.reactions if agrees_by_reaction(r.emoji) is False}
        says_yes = {r.author_id: None for r in message.reactions if agrees_by_reaction(r.emoji)}
        for person in says_yes:
            if person is None or person == author or person in says_no or person in self._doubles or person not in self._chat.participants:
                continue
            if message.edited_at:
                plan.stands.setdefault(person, Stand("unclear", at, message.sent_at, (message.id,)))
            elif suggestion is not None:
                self._support(at, message, person, plan, suggestion)
            elif plan.stands.get(person) is None or plan.stands[person].kind != "declined":
                plan.join(person, at, message.sent_at, (message.id,))


def accepted_cites(plan: Plan, accepted: list[Claim]) -> tuple[str, ...]:
    """The messages that suggested what a principal now says as well."""
    pairs = {(claim.slot, claim.value) for claim in accepted}
    return tuple(s.message for s in plan.suggestions if any((c.slot, c.value) in pairs for c in s.claims))


def _by_appearance(chat: Chat) -> Iterable:  # type: ignore[type-arg]
    seen = {m.author_id: None for m in chat.messages if m.author_id in chat.participants}
    return [chat.participants[person] for person in seen if person is not None]


def _taken_back(messages: tuple[Message, ...]) -> set[int]:
    """Places of messages that their authors call a joke right afterwards."""
    found = set()
    for at, message in enumerate(messages):
        if message.author_id is not None and len(message.text) <= 60 and takes_back(message.text):
            earlier = (i for i in range(at - 1, max(-1, at - 1 - TAKE_BACK_REACH), -1) if messages[i].author_id == message.author_id)
            found.update(list(earlier)[:1])
    return found


def _is_formal(text: str) -> bool:
    """Whether a text says so much of a plan that a word of the past or of wishing in it is no objection."""
    return says(text, "deposit") and says(text, "roll_call", "propose", "organise")


def _title(text: str, sent: datetime) -> str | None:
    return title([(s.text, [d.span for d in (*find_days(s.text, sent), *find_clocks(s.text))] + [a.span for a in find_amounts(s.text)]) for s in sentences(text)])


def _asks_with_number(text: str) -> bool:
    return text.endswith(("?", "？")) and any(map(str.isdigit, text))


def _offers(text: str, slots: set[str]) -> bool:
    """Whether a question names a thing, a day and a time, and does not begin as one that asks to be told."""
    first = sentences(text)[0]
    begins = find(first.text, "interrogative")
    return {"date", "time"} <= slots and first.asks and not (begins and begins.start() == 0)


def _words(plan: Plan) -> frozenset[str]:
    place = plan.held.get("place")
    names = f"{plan.title or ''} {place.claim.value if place else ''}"
    return frozenset(re.findall(r"[\w']+", names.lower()))


def _names(plan: Plan, text: str) -> bool:
    return bool(plan.title and len(plan.title) > 2 and plan.title.lower() in text.lower())


def _bare_place(text: str, claims: list[Claim]) -> str | None:
    """A short answer to "where?" as a place."""
    body = text.strip(" .!")
    if claims or len(body.split()) > BARE_WORDS or says(body, "affirm", "refuse", "doubt", "ask_place", "ask_time") or body.endswith("?"):
        return None
    return re.sub(r"^(?:at|in|im|bei|beim|en|no|na|в|на|у|在)\s+", "", body, flags=re.IGNORECASE) or None
