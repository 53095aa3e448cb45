"""A chat as its export tells it: messages in the order in which they were sent.

Every text here was written by strangers. It may become the value of a term and is shown as text; it is never an
instruction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

ChatFormat = Literal["telegram", "whatsapp", "discord", "slack", "signal", "matrix"]
MessageKind = Literal["text", "media", "service", "deleted"]


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody who writes in a chat.

    ``id`` tells people apart and stays when a name changes: the exporter's own identifier, else the name as written.
    ``name`` is what the export showed last.
    """

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Reaction:
    """One person's emoji under a message; ``author_id`` is None where the export only counts them."""

    emoji: str
    author_id: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    ``id`` is the exporter's, or the message's position in the file from 1 on where it has none; unique in its chat.
    ``author_id`` is None for what the service itself says. ``sent_at`` is aware where the export tells the zone (or a
    moment in Unix time), else the local time that it shows. ``text`` is the last edited version, without markup;
    "" where there is none. ``mentions`` are ids of participants. ``forwarded`` and ``quoted`` tell whose words stand
    in somebody's message without being theirs. ``edited_at`` is ``sent_at`` where the export only says that it was.
    """

    id: str
    author_id: str | None
    sent_at: datetime
    text: str
    kind: MessageKind = "text"
    reply_to: str | None = None
    edited_at: datetime | None = None
    reactions: tuple[Reaction, ...] = ()
    mentions: tuple[str, ...] = ()
    forwarded: bool = False
    quoted: str = ""


@dataclass(frozen=True, slots=True)
class Chat:
    """One conversation of an export; ``participants`` by id, in the order in which they first appear."""

    format: ChatFormat
    title: str
    participants: dict[str, Participant]
    messages: tuple[Message, ...]
