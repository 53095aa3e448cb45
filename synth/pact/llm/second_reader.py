"""A model reads what matters of a chat, and says what it finds with the messages that it finds it in.

What it says changes little by itself. A term is believed only where the cited messages hold its value, and taken only
where one of them is from somebody whose word sets terms; else it becomes a question. Who agreed is never the model's to
say: what it reads as consent beyond the rules' is a hint to ask those people.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from ingest.errors import InputError, PactsmithError
from synth.llm.structured import trimmed
from synth.pact.answers import answered
from synth.pact.hygiene import doubles, own_words
from synth.pact.lexicon import says
from synth.pact.llm.citations import contain
from synth.pact.terms import Question, Term, TermName, plain_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ingest.chats.message import Chat, Message
    from synth.llm.endpoint import Answer
    from synth.pact.llm.pseudonyms import Pseudonyms
    from synth.pact.terms import Terms, TermValue, Verdict


class ModelError(PactsmithError):
    """The endpoint gave no answer that could be read; the terms are what the rules alone found."""


class _Found(BaseModel):
    model_config = ConfigDict(extra="forbid")
    term: TermName
    value: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    messages: Annotated[list[int], Field(min_length=1, max_length=6)]


class _Agrees(BaseModel):
    model_config = ConfigDict(extra="forbid")
    person: Annotated[str, StringConstraints(max_length=12)]
    message: int


class _Reply(BaseModel):
    model_config = ConfigDict(extra="forbid")
    proposal: int | None
    terms: Annotated[list[_Found], Field(max_length=40)]
    agreed: Annotated[list[_Agrees], Field(max_length=500)]


def second_reading(
    chat: Chat,
    terms: Terms,
    again: Callable[[Mapping[str, str]], Terms],
    answer: Answer,
    sent: Sequence[Message],
    names: Pseudonyms,
) -> Terms:
    """The terms with what a model's answer adds to them.

    Args:
        chat: The chat.
        terms: What the rules found.
        again: Reads the chat by the rules once more, with further answers.
        answer: The model's.
        sent: The messages that it was sent.
        names: By which it knows people.

    Raises:
        ModelError: There is no answer, or none that can be read.
    """
    if answer.outcome != "answered":
        raise ModelError(
            f"the model gave no whole answer: {answer.outcome}{f' ({answer.detail})' if answer.detail else ''}"
        )
    try:
        reply = _Reply.model_validate_json(trimmed(answer.text))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ModelError(f"the model's answer does not fit the schema: {first['msg']} at {first['loc']}") from error
    return _Merging(chat, terms, sent, names).merged(reply, again)


@dataclass(frozen=True, slots=True)
class _Believed:
    """A term whose citation holds; ``by_principal``: somebody said it whose word sets terms."""

    term: Term
    by_principal: bool


class _Merging:
    def __init__(self, chat: Chat, terms: Terms, sent: Sequence[Message], names: Pseudonyms) -> None:
        people = frozenset(person.name.lower() for person in chat.participants.values())
        unread = doubles(chat.participants.values())
        self._words = {
            number: own_words(message, people).text
            for number, message in enumerate(sent, start=1)
            if message.author_id not in unread
        }
        self._sent, self._terms, self._names = sent, terms, names

    def merged(self, reply: _Reply, again: Callable[[Mapping[str, str]], Terms]) -> Terms:
        if self._terms.plan is None:
            return replace(self._terms, questions=(*self._terms.questions, *self._proposal(reply)))
        taken: dict[TermName, Term] = {}
        asked: list[Question] = []
        for one in reply.terms:
            believed = self._believed(one)
            if believed is None or one.term in taken or self._is_known(one.term, believed.term):
                continue
            if one.term not in self._terms.terms and believed.by_principal:
                taken[one.term] = believed.term
            else:
                asked.append(self._question(one.term, believed.term))
        read = again({name: plain_value(term.value) for name, term in taken.items()}) if taken else self._terms
        cited = {name: Term(read.terms[name].value, term.cites) for name, term in taken.items()}
        questions = (*read.questions, *asked, *self._hints(reply))
        verdict: Verdict = "questions" if any(each.required for each in questions) else "pact"
        return replace(read, terms={**read.terms, **cited}, questions=questions, verdict=verdict)

    def _believed(self, one: _Found) -> _Believed | None:
        """The term; None where the citation does not hold."""
        cited = list(dict.fromkeys(one.messages))
        if not all(self._words.get(number) for number in cited):
            return None
        value = self._value(one, cited)
        if value is None:
            return None
        messages = [self._sent[number - 1] for number in cited]
        principals = {self._terms.proposer, self._host()}
        by_principal = any(message.author_id in principals for message in messages)
        return _Believed(Term(value, tuple(message.id for message in messages)), by_principal)

    def _value(self, one: _Found, cited: Sequence[int]) -> TermValue | None:
        if one.term == "host":  # only who says so of himself
            person = self._names.person(one.value)
            own = any(self._sent[n - 1].author_id == person and says(self._words[n], "organise") for n in cited)
            return person if own else None
        if one.term == "timezone":
            value: TermValue = one.value
        else:
            try:
                value = answered({one.term: one.value}, self._terms.terms)[one.term].value
            except InputError:
                return None
        said = [(self._words[number], self._sent[number - 1].sent_at.date()) for number in cited]
        return value if contain(said, one.term, value) else None

    def _host(self) -> TermValue | None:
        term = self._terms.terms.get("host")
        return None if term is None else term.value

    def _is_known(self, name: TermName, term: Term) -> bool:
        """Whether the user said it, or the rules read the same."""
        known = self._terms.terms.get(name)
        if known is None:
            return False
        if isinstance(known.value, datetime) and isinstance(term.value, datetime):  # the model knows no offsets
            return not known.cites or known.value.replace(tzinfo=None) == term.value.replace(tzinfo=None)
        return not known.cites or str(known.value).casefold() == str(term.value).casefold()

    def _question(self, name: TermName, term: Term) -> Question:
        known, told, called = self._terms.terms.get(name), plain_value(term.value), name.replace("_", " ")
        if known is None:
            text = f"The model reads {told!r} as the {called}, from somebody who does not set terms: is it agreed?"
        else:
            text = f"The rules read {plain_value(known.value)!r} as the {called}, the model {told!r}: which one?"
        return Question(name, text, term.cites, (told,))

    def _proposal(self, reply: _Reply) -> list[Question]:
        """Where the rules see no plan, or several, the model may point at a message; the user decides."""
        number = reply.proposal
        if number is None or not self._words.get(number):
            return []
        message = self._sent[number - 1]
        text = f"The model reads message {message.id} as the plan. Is it?"
        return [Question("plan", text, (message.id,), (message.id,), required=False)]

    def _hints(self, reply: _Reply) -> list[Question]:
        agreed = {consent.participant for consent in self._terms.consents}
        found = []
        for one in reply.agreed:
            person = self._names.person(one.person)
            if person is None or person in agreed or not self._words.get(one.message):
                continue
            message = self._sent[one.message - 1]
            if message.author_id == person:
                agreed.add(person)
                name = self._terms.participants[person]
                text = f"The model reads a yes of {name}, the rules do not: does {name} agree?"
                found.append(Question("consent", text, (message.id,), required=False))
        return found
