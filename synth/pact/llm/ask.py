"""A chat's one question to a model: shown and agreed to before it is sent, kept for reading, never bought twice."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from synth.journal import Journal
from synth.llm.endpoint import Answer, Model
from synth.pact.llm.excerpt import excerpt, schema
from synth.pact.llm.pseudonyms import Pseudonyms
from synth.pact.llm.second_reader import second_reading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ingest.chats.message import Chat
    from synth.llm.endpoint import Endpoint
    from synth.pact.llm.excerpt import Excerpt
    from synth.pact.terms import Terms


@dataclass(frozen=True, slots=True)
class Question:
    """What is about to be sent: so many messages and characters, to be read in ``kept`` before it goes."""

    endpoint: Endpoint
    messages: int
    chars: int
    kept: Path


def ask_model(
    chat: Chat,
    terms: Terms,
    again: Callable[[Mapping[str, str]], Terms],
    *,
    endpoint: Endpoint,
    kept: Path,
    allow: Callable[[Question], None],
) -> Terms:
    """The terms with what a model adds to them.

    Args:
        chat: The chat.
        terms: What the rules found.
        again: Reads the chat by the rules once more, with further answers.
        endpoint: Where the model answers.
        kept: Where what is sent, and what comes back, is written. An answer that is there is not bought again; a
            question without one is sent once more.
        allow: Is asked before anything leaves the machine, and raises where the user does not want it.

    Raises:
        ModelError: There is no answer, or none that can be read.
    """
    names = Pseudonyms(chat)
    sent = excerpt(chat, names)
    model = Model(endpoint)
    request = {"endpoint": endpoint.to_json(), "messages": sent.asked, "schema": schema()}
    with Journal(kept) as journal:
        known = [Answer(**line["answer"]) for line in journal.lines("answer") if line["request"] == request]
        if known:
            answer = known[-1]
        else:
            journal.append("prepared", request=request)
            allow(Question(endpoint, len(sent.messages), sent.chars, kept))
            answer = _asked(model, sent)
            journal.append("answer", request=request, answer=asdict(answer))
    return second_reading(chat, terms, again, answer, sent.messages, names)


def _asked(model: Model, sent: Excerpt) -> Answer:
    answer = model.ask(sent.asked, schema(), 1)
    return model.ask(sent.asked, schema(), 2) if answer.outcome == "unanswered" else answer
