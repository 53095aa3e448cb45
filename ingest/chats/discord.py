"""DiscordChatExporter's JSON, of today and of years ago."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ingest.chats.fields import count, identifier, iso_time, rows, table, text
from ingest.chats.found import Found, Shape
from ingest.chats.message import Message
from ingest.chats.people import reactions
from ingest.chats.quotes import unquoted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ingest.chats.content import Document
    from ingest.chats.fields import Json
    from ingest.chats.message import Reaction
    from ingest.chats.people import People

SPOKEN = frozenset({"", "Default", "Reply", "0", "19", "20", "23"})
"""Kinds of message that somebody wrote, 20 and 23 being an application's answers; all others are Discord's own."""


def fits(shape: Shape) -> bool:
    """Whether a JSON document of this shape is DiscordChatExporter's."""
    return shape.top >= {"guild", "channel"} or shape.message >= {"timestamp", "content", "author"}


def chats(document: Document, _shape: Shape) -> list[Found]:
    """The one channel of an export.

    Raises:
        InputError: The file is no sound JSON.
    """
    told = {"guild.name": "", "channel.name": "", "channel.id": ""}
    for prefix, _, value in document.events():
        if prefix in told and isinstance(value, str):
            told[prefix] = value
        elif prefix == "messages":
            break
    title = " / ".join(name for name in (told["guild.name"], told["channel.name"]) if name)
    return [Found("discord", told["channel.id"], title or document.file.stem, partial(_messages, document))]


def _messages(document: Document, people: People) -> Iterator[Message]:
    """The channel's messages.

    Raises:
        InputError: A message lacks what every one has; names its place.
    """
    for position, raw in enumerate(document.items("messages.item")):
        sent_at = iso_time(raw.get("timestamp")) if isinstance(raw, dict) else None
        if sent_at is None:
            document.fail("is no message with a timestamp that can be read", field=f"messages[{position}]")
        yield _message(raw, identifier(raw, "id") or str(position + 1), sent_at, people)


def _message(raw: Json, known: str, sent_at: datetime, people: People) -> Message:
    author_id = _seen(table(raw, "author"), people)
    spoken = identifier(raw, "type") in SPOKEN
    forwarded = table(raw, "forwardedMessage")
    own, quoted = unquoted(text(raw, "content"))
    return Message(
        id=known,
        author_id=author_id if spoken else None,
        sent_at=sent_at,
        text=own or text(forwarded, "content"),
        kind="service" if not spoken else "media" if rows(raw, "attachments") or rows(raw, "stickers") else "text",
        reply_to=None if forwarded else identifier(table(raw, "reference"), "messageId") or None,
        edited_at=iso_time(raw.get("timestampEdited")),
        reactions=tuple(_reactions(raw, people)),
        mentions=tuple(dict.fromkeys(_seen(one, people) for one in rows(raw, "mentions"))),
        forwarded=bool(forwarded),
        quoted=quoted,
    )


def _seen(user: Json, people: People) -> str:
    return people.seen(identifier(user, "id"), text(user, "nickname") or text(user, "name"))


def _reactions(raw: Json, people: People) -> Iterator[Reaction]:
    for one in rows(raw, "reactions"):
        if emoji := text(table(one, "emoji"), "name"):
            yield from reactions(emoji, [_seen(user, people) for user in rows(one, "users")], count(one, "count"))
