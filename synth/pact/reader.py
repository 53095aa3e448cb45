"""The way from a chat to its terms: read the conversation, choose the plan, put values together, ask for the rest."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING

from ingest.errors import InputError
from synth.pact.answers import answered
from synth.pact.conversation import Conversation
from synth.pact.terms import ESSENTIAL, Consent, Deposit, Question, Suspicion, Term, Terms
from synth.pact.tokens import DECIMALS, Amount
from synth.pact.zones import zone_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.chats.message import Chat
    from synth.pact.claims import Claim
    from synth.pact.plan import Held, Plan
    from synth.pact.terms import TermName, Verdict

QUESTIONS = {
    "starts_at": "On which day and at what time does it start?",
    "timezone": "In which time zone are these times?",
    "deposit": "How much does everybody put down, and in which token?",
    "no_show": "What becomes of an absent person's deposit: split among those who come, refund, burn, charity?",
    "host": "Who is the host?",
}
SMALLEST_PARTY = 2


def read_terms(
    chat: Chat, *, host: str | None = None, timezone: str | None = None, answers: Mapping[str, str] | None = None
) -> Terms:
    """The terms that the people of ``chat`` agreed on, with what is left to ask.

    Args:
        chat: The chat; its texts are never taken for instructions.
        host: Who is responsible, by name or id, with or without ``@``; else it is whoever proposed the plan.
        timezone: The zone of the chat's times, such as ``Europe/Berlin`` or ``UTC+02:00``; else what the chat says.
        answers: What the user says to earlier questions, by ``Question.about``: text as the JSON form has it, a deposit
            as ``20 USDC``; ``plan`` takes the id of the message that proposes it, whatever its words.

    Raises:
        InputError: Nobody, or more than one person, is called ``host``; there is no such zone; an answer does not fit.
    """
    answers = dict(answers or {})
    timezone = answers.get("timezone", timezone)
    host_id = _person(chat, answers.get("host", host))
    zone = None if timezone is None else zone_of(timezone)
    conversation = Conversation(chat, host_id, zone, answers.get("plan"))
    people = {person.id: person.name for person in chat.participants.values()}
    warnings = tuple(conversation.suspicions)
    plans = _standing(conversation, answers.get("plan"))
    if not plans:
        return Terms({}, (), (), warnings, "no plan", people)
    if len(plans) > 1:
        return Terms({}, (), (_which(plans),), warnings, "questions", people)
    return _Reader(plans[0], people, host_id, timezone, answers, conversation.last_sent).terms(warnings)


def _person(chat: Chat, name: str | None) -> str | None:
    if name is None:
        return None
    wanted = name.removeprefix("@").casefold()
    if wanted in (ids := {person.casefold(): person for person in chat.participants}):
        return ids[wanted]
    found = [person.id for person in chat.participants.values() if person.name.casefold() == wanted]
    if len(found) != 1:
        listed = ", ".join(f"{person.name} ({person.id})" for person in chat.participants.values())
        problem = "more than one person is" if found else "nobody is"
        raise InputError(f"{problem} called {name!r}; the chat's people are: {listed[:2000]}", field="host")
    return found[0]


def _standing(conversation: Conversation, chosen: str | None) -> list[Plan]:
    """The plans that may become a pact: dated, not called off, not turned down by all, the first not yet over."""
    if chosen is not None:
        found = [plan for plan in conversation.plans if chosen in plan.messages]
        if not found:
            raise InputError(f"message {chosen!r} proposes no plan", field="plan")
        return found[:1]
    plans = [plan for plan in conversation.plans if plan.is_dated and not plan.called_off and not _turned_down(plan)]
    coming = [plan for plan in plans if not _is_over(plan, conversation.last_sent)]
    joined = [plan for plan in coming if len(plan.consents() | plan.outdated()) >= SMALLEST_PARTY]
    candidates = coming or plans[-1:]
    return joined if len(joined) == 1 else candidates


def _turned_down(plan: Plan) -> bool:
    others = [stand for who, stand in plan.stands.items() if who != plan.proposer]
    return bool(others) and all(stand.kind == "declined" for stand in others)


def _is_over(plan: Plan, last_sent: datetime | None) -> bool:
    held = plan.held.get("date")
    return bool(held and last_sent and isinstance(held.claim.value, date) and held.claim.value < last_sent.date())


def _which(plans: list[Plan]) -> Question:
    told = " or ".join(f"{plan.title or 'the plan'} (message {plan.id})" for plan in plans)
    ids = tuple(plan.id for plan in plans)
    return Question("plan", f"The chat has more than one plan: {told}. Which one?", ids, ids)


class _Reader:
    """Puts one plan's terms together."""

    def __init__(
        self, plan: Plan, people: dict[str, str], host: str | None, timezone: str | None, answers: dict[str, str],
        last_sent: datetime | None,
    ) -> None:  # fmt: skip
        self.plan, self.people, self.answers, self.last_sent = plan, people, answers, last_sent
        self.host, self.timezone = host, timezone
        self.found: dict[TermName, Term] = {}
        self.questions: list[Question] = []

    def terms(self, warnings: tuple[Suspicion, ...]) -> Terms:
        if self.plan.title:
            self.found["title"] = Term(self.plan.title, (self.plan.id,))
        self._plain("place")
        self._zone()
        self._start()
        self._deposit()
        self._plain("capacity")
        self._plain("quorum")
        self._who_hosts()
        self._deadline()
        for name in ("no_show", "attestation", "cancel"):
            self._plain(name)
        self.found |= answered(self.answers, self.found)
        consents = self._consents()
        self._gaps()
        self._open_suggestions()
        self._unread()
        questions = tuple(q for q in self.questions if q.about not in self.answers)
        verdict: Verdict = "questions" if any(question.required for question in questions) else "pact"
        plan = self.plan
        return Terms(self.found, consents, questions, warnings, verdict, self.people, plan.id, plan.proposer)

    def _held(self, slot: str) -> Held | None:
        return self.plan.held.get(slot)  # type: ignore[call-overload, no-any-return]

    def _plain(self, name: TermName) -> None:
        held = self._held(name)
        if held is None:
            return
        if held.claim.doubt or held.claim.value is None:
            self._ask(name, f"{QUESTIONS.get(name, name)} The chat says: {held.claim.doubt}.", held.cites)
        if isinstance(held.claim.value, str | int):
            self.found[name] = Term(held.claim.value, held.cites)

    def _zone(self) -> None:
        held = self._held("timezone")
        if self.timezone is not None:
            self.found["timezone"] = Term(self.timezone, ())
            if held and held.claim.value != self.timezone:
                text = f"The chat says {held.claim.value}, you say {self.timezone}: yours is taken."
                self.questions.append(Question("timezone", text, held.cites, required=False))
        elif held:
            self.found["timezone"] = Term(str(held.claim.value), held.cites)

    def _moment(self, day: date, clock: time) -> datetime:
        zone = self.found.get("timezone")
        return datetime.combine(day, clock, zone_of(str(zone.value)) if zone else None)

    def _start(self) -> None:
        day, clock = self._held("date"), self._held("time")
        cites = tuple(dict.fromkeys(cite for held in (day, clock) if held for cite in held.cites))
        doubts = [held.claim.doubt for held in (day, clock) if held and held.claim.doubt]
        unclear = [held for held in (day, clock) if held and held.claim.value is None]
        if doubts:
            self.questions.append(
                Question("starts_at", f"When does it start? {'; '.join(doubts)}.", cites, required=bool(unclear))
            )
        if day and clock and isinstance(day.claim.value, date) and isinstance(clock.claim.value, time):
            self.found["starts_at"] = Term(self._moment(day.claim.value, clock.claim.value), cites)
            if _is_over(self.plan, self.last_sent):
                self._ask("starts_at", "The chat goes on after this day: when does it start?", cites)

    def _deadline(self) -> None:
        held, start = self._held("deadline"), self._held("date")
        if held is None or not isinstance(held.claim.value, tuple):
            return
        day, clock = held.claim.value
        if day is None and start and isinstance(start.claim.value, date):
            day = start.claim.value
        if day is None or clock is None:
            self._ask("join_deadline", "Until which day and time can people join?", held.cites)
        else:
            self.found["join_deadline"] = Term(self._moment(day, clock), held.cites)

    def _deposit(self) -> None:
        held = self._held("deposit")
        if held is None or not isinstance(held.claim.value, Amount):
            return
        amount = held.claim.value
        if amount.token is None:
            text = f"{amount.written!r} is no token that is known: how much of which token is the deposit?"
            self._ask("deposit", text, held.cites, tuple(DECIMALS))
        elif amount.value is None:
            self._ask(
                "deposit", f"{amount.written!r} can be read as two amounts: which one is the deposit?", held.cites
            )
        elif not amount.units:
            self._ask(
                "deposit", f"{amount.written!r} is not a whole number of {amount.token}'s smallest unit.", held.cites
            )
        else:
            self.found["deposit"] = Term(Deposit(amount.value, amount.token), held.cites)

    def _who_hosts(self) -> None:
        if self.host is not None:
            self.found["host"] = Term(self.host, ())
            return
        hosts = self.plan.hosts or {self.plan.proposer: self.plan.id}
        if set(hosts) == {self.plan.proposer}:
            self.found["host"] = Term(self.plan.proposer, tuple(hosts.values()))
            return
        named = {self.plan.proposer: self.plan.id, **hosts}
        told = ", ".join(self.people.get(person, person) for person in named)
        self._ask("host", f"Who is the host? It may be: {told}.", tuple(named.values()), tuple(named))

    def _consents(self) -> tuple[Consent, ...]:
        valid, outdated = self.plan.consents(), self.plan.outdated()
        for person, stand in outdated.items():
            name = self.people.get(person, person)
            self._ask(
                "consent", f"{name} agreed before the plan changed: does {name} agree to it as it is now?", stand.cites
            )
        for person, stand in self.plan.stands.items():
            if stand.kind in ("wavers", "unclear"):
                text = f"{self.people.get(person, person)} did not clearly agree to this plan: do they?"
                self.questions.append(Question("consent", text, stand.cites, required=False))
        for person, message in self.plan.on_behalf:
            if person not in valid:
                text = f"Somebody else spoke for {self.people.get(person, person)}: do they agree themselves?"
                self.questions.append(Question("consent", text, (message,), required=False))
        if len(valid) < SMALLEST_PARTY and not outdated:
            self._ask("consent", "Who else agrees? So far there are fewer than two.", (self.plan.id,))
        return tuple(Consent(person, stand.cites) for person, stand in valid.items())

    def _gaps(self) -> None:
        asked = {question.about for question in self.questions if question.required}
        for name in ESSENTIAL:
            if name not in self.found and name not in asked:
                self._ask(name, QUESTIONS[name], ())
        for slot, claims in self.plan.contradictions.items():
            said = (*(claim for claim, _ in claims), self.plan.held[slot].claim)
            told = " or ".join(sorted({_said(claim) for claim in said}))
            self._ask(
                _term_of(slot), f"The chat says two things: {told}. Which one?", tuple(cite for _, cite in claims)
            )

    def _unread(self) -> None:
        for message in self.plan.unread:
            text = "This message seems to change the plan, in words that are not understood: what is changed?"
            self._ask("change", f"{text} If nothing is, answer change=nothing.", (message,), ("nothing",))

    def _open_suggestions(self) -> None:
        for suggestion in self.plan.suggestions:
            who = self.people.get(suggestion.author, suggestion.author)
            for claim in suggestion.claims:
                told = _said(claim)
                text = f"{who} suggested {told}, and nobody settled it: is it agreed?"
                self._ask(_term_of(claim.slot), text, (suggestion.message,), (told,) if claim.value is not None else ())

    def _ask(self, about: str, text: str, cites: tuple[str, ...], options: tuple[str, ...] = ()) -> None:
        self.questions.append(Question(about, text, cites, options))


def _term_of(slot: str) -> str:
    return {"date": "starts_at", "time": "starts_at", "deadline": "join_deadline"}.get(slot, slot)


def _said(claim: Claim) -> str:
    return claim.doubt if claim.value is None else _told(claim.value)


def _told(value: object) -> str:
    if isinstance(value, Amount):
        return value.written
    if isinstance(value, time):
        return value.strftime("%H:%M")
    if isinstance(value, tuple):
        return " ".join(_told(part) for part in value if part is not None)
    return str(value)
