"""What is being asked at each moment of a chat, and so what a bare yes can mean.

What is not certainly an answer to a plan is none: a lost consent is asked for again, an invented one would bind
somebody who did not agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from synth.pact.lexicon import says
from synth.pact.stance import Stance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ingest.chats.message import Message
    from synth.pact.plan import Plan, Suggestion

REACH = 12
"""Messages after a question or proposal within which a bare yes may answer it."""

Asked = Literal["plan", "change", "suggestion", "place", "time", "other"]


@dataclass(frozen=True, slots=True)
class Utterance:
    """A message to be read: its place in the chat, and ``text``, its author's own words."""

    at: int
    message: Message
    author: str
    text: str

    @property
    def id(self) -> str:
        """The message's id."""
        return self.message.id

    @property
    def sent_at(self) -> datetime:
        """When the message was sent."""
        return self.message.sent_at


@dataclass(slots=True)
class Ask:
    """What a bare yes would answer now. ``unbroken``: nobody has spoken of other things since."""

    kind: Asked
    at: int
    author: str
    plan: Plan | None = None
    suggestion: Suggestion | None = None
    unbroken: bool = True


class Floor:
    """Keeps what was asked last, and which messages are about which plan."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._messages = messages
        self._ask: Ask | None = None
        self._diverted_at: int | None = None
        self._about: dict[str, tuple[Plan, Suggestion | None]] = {}

    def topic(self, message_id: str | None) -> tuple[Plan, Suggestion | None] | None:
        """The plan that a message is about, and the suggestion that it makes."""
        return None if message_id is None else self._about.get(message_id)

    def replies(self, said: Utterance) -> bool:
        """Whether ``said`` replies to a message about a plan."""
        return self.topic(said.message.reply_to) is not None

    def asked(self, at: int) -> Asked | None:
        """What is being asked at place ``at``; None where it was too long ago or others have spoken since."""
        ask = self._ask
        return ask.kind if ask and ask.unbroken and at - ask.at <= REACH else None

    def put(self, ask: Ask) -> None:
        """Makes ``ask`` what is answered next."""
        self._ask = ask

    def attach(self, said: Utterance, plan: Plan, suggestion: Suggestion | None = None) -> None:
        """Notes that ``said`` is about ``plan``."""
        self._diverted_at = None
        self._about[said.id] = (plan, suggestion)
        plan.heard(said.message, said.at)

    def may_answer(self, said: Utterance, plan: Plan) -> bool:
        """Whether a bare word of ``said`` can only be meant for ``plan``."""
        if said.message.reply_to is not None:
            return self.replies(said)
        ask = self._ask
        if ask is None or ask.plan is not plan or ask.author == said.author or self.asked(said.at) is None:
            return False
        known = ask.kind != "change" or said.author in plan.stands  # a yes to a change is no joining
        return ask.kind in ("plan", "change", "suggestion") and known

    def may_join(self, said: Utterance, plan: Plan, how: Stance) -> bool:
        """Whether ``said``, which says so of its author, joins ``plan``."""
        if how is Stance.AGREES:
            return self.may_answer(said, plan)
        if how is not Stance.JOINS:
            return False
        if said.message.reply_to is not None:
            return self.replies(said)
        diverted = self._diverted_at is not None and said.at - self._diverted_at <= REACH
        return not diverted and not self._answers_another(said)

    def _answers_another(self, said: Utterance) -> bool:
        """Whether the message right before is somebody else's question about other things."""
        if said.at == 0:
            return False
        before = self._messages[said.at - 1]
        asks = before.text.rstrip().endswith(("?", "？"))
        return asks and before.author_id != said.author and before.id not in self._about

    def answered_suggestion(self, said: Utterance) -> Suggestion | None:
        """The suggestion that a yes or no of ``said`` is for."""
        if said.message.reply_to is not None:
            topic = self.topic(said.message.reply_to)
            return topic[1] if topic else None
        ask = self._ask
        if ask is None or ask.author == said.author or self.asked(said.at) != "suggestion":
            return None
        return ask.suggestion

    def hear_other_things(self, said: Utterance, plan: Plan, *, asks: bool, asks_term: Asked | None) -> None:
        """Notes a message that is not about ``plan``: a bare yes after it answers something else."""
        invites = says(said.text, "propose", "roll_call")
        if asks_term is not None:
            self._ask = Ask(asks_term, said.at, said.author, plan)
        elif asks or (invites and said.author not in plan.principals):
            self._ask = Ask("other", said.at, said.author)
            self._diverted_at = said.at if invites else self._diverted_at
        elif self._ask is not None and said.author != self._ask.author and said.message.reply_to is None:
            self._ask.unbroken = False
