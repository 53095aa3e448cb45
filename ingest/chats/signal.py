"""Signal: what signal-export writes of a conversation, and Signal Desktop's own messages in JSON.

signal-export writes ``chat.md``, messages as ``[YYYY-MM-DD HH:MM:SS] Name: text`` (in the past with a comma and without
seconds), and ``data.json``, an object a line. Signal Desktop's messages come as objects a line, as a list, or as the
list ``messages`` of an object.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from ingest.chats.fields import identifier, iso_time, moment, rows, table, text
from ingest.chats.found import Found, Shape
from ingest.chats.message import Message, Reaction
from ingest.chats.quotes import unquoted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ingest.chats.content import Document
    from ingest.chats.fields import Json
    from ingest.chats.message import MessageKind
    from ingest.chats.people import People

HEAD = re.compile(r"\[(\d{4}-\d{2}-\d{2})(,?) (\d{2}:\d{2}(?::\d{2})?)\] ([^:]{1,120}): ?(.*)")
REACTIONS = re.compile(r"\s*\(- ([^()]*) -\)\s*\Z")
MEDIA = re.compile(r"!?\[[^\]\n]*\]\((?:\./media|\.\./exported_stickers)/[^)\n]*\)|\(\( [^\n]* \)\)")
DELETED = "(This message was deleted)"
NOBODY = "No-Sender"
"""What signal-export calls the sender of what nobody sent."""
ME = "Me"
SPOKEN = frozenset({"incoming", "outgoing"})
MENTIONED = "\ufffc"
"""Stands in a message of Signal Desktop's for somebody who is mentioned."""
MILLISECOND = 1_000


def fits_text(line: str) -> bool:
    """Whether a text with this first line is signal-export's.

    WhatsApp for iOS writes alike where years come first, but for a mark, and for the comma with seconds.
    """
    head = HEAD.match(line)
    return head is not None and bool(head[2]) == (len(head[3]) == len("HH:MM")) and not line.endswith("\r")


def chats_of_text(document: Document) -> list[Found]:
    """The one conversation of a text, called as signal-export calls its folder."""
    return [Found("signal", "", _title(document), partial(_text_messages, document), has_ids=False)]


def fits(shape: Shape) -> bool:
    """Whether a JSON document of this shape is Signal Desktop's, or signal-export's lines."""
    keys = shape.message or shape.top
    return keys >= {"conversationId", "sent_at"} or shape.top >= {"date", "sender", "body"}


def chats(document: Document, shape: Shape) -> list[Found]:
    """The conversations of a JSON file.

    Raises:
        InputError: The file is no sound JSON.
    """
    if shape.top >= {"date", "sender", "body"}:
        return [Found("signal", "", _title(document), partial(_line_messages, document), has_ids=False)]
    prefix = "" if not shape.message else "item" if shape.is_list else "messages.item"
    ids = dict.fromkeys(identifier(raw, "conversationId") for raw in _objects(document, prefix))
    return [Found("signal", known, known, partial(_desktop_messages, document, prefix, known)) for known in ids]


def _title(document: Document) -> str:
    return document.file.parent.name if document.file.stem in {"chat", "data"} else document.file.stem


def _objects(document: Document, prefix: str) -> Iterator[Json]:
    for position, raw in enumerate(document.items(prefix, many=prefix == ""), start=1):
        if not isinstance(raw, dict):
            document.fail("is no message", field=f"message {position}")
        yield raw


def _text_messages(document: Document, people: People) -> Iterator[Message]:
    """A text's messages: those of the file's way of writing times, all other lines being text.

    Raises:
        InputError: It begins with no message, or a time is none.
    """
    first: re.Match[str] | None = None
    head: tuple[int, re.Match[str]] | None = None
    lines: list[str] = []
    position = 0
    for number, line in document.lines():
        found = HEAD.match(line)
        first = first or found
        if found is None or first is None or _way(found) != _way(first):
            lines.append(line)
            continue
        if head is not None:
            position += 1
            yield _text_message(document, *head, lines, position, people)
        head, lines = (number, found), [found[5]]
    if head is not None:
        yield _text_message(document, *head, lines, position + 1, people)


def _way(head: re.Match[str]) -> tuple[str, int]:
    return head[2], len(head[3])


def _text_message(
    document: Document, line: int, head: re.Match[str], lines: list[str], position: int, people: People
) -> Message:
    sent_at = iso_time(f"{head[1]}T{head[3]}")
    if sent_at is None:
        document.fail(f"{head[1]} {head[3]} is no time", line=line)
    said, quoted = unquoted("\n".join(line.rstrip() for line in lines).strip())
    tail = REACTIONS.search(said)
    said = said if tail is None else said[: tail.start()]
    bare = MEDIA.sub("", said).strip()
    kind: MessageKind = "deleted" if said == DELETED else "media" if bare != said else "text"
    return Message(
        id=str(position),
        author_id=None if head[4] == NOBODY else people.seen("", head[4]),
        sent_at=sent_at,
        text="" if kind == "deleted" else bare,
        kind="service" if head[4] == NOBODY else kind,
        reactions=() if tail is None else tuple(_told_reactions(tail[1], people)),
        quoted=quoted,
    )


def _told_reactions(told: str, people: People) -> Iterator[Reaction]:
    """Reactions as ``Anna: 👍, Ben: ❤``."""
    for one in told.split(", "):
        who, colon, emoji = one.rpartition(": ")
        yield Reaction(emoji, people.seen("", who) if colon else None)


def _line_messages(document: Document, people: People) -> Iterator[Message]:
    """The messages of signal-export's ``data.json``.

    Raises:
        InputError: A message has no date.
    """
    for position, raw in enumerate(_objects(document, ""), start=1):
        sent_at, sender = iso_time(raw.get("date")), text(raw, "sender")
        if sent_at is None:
            document.fail("has no date that can be read", field=f"message {position}.date")
        silent = sender == NOBODY or raw.get("call") is True
        is_media = bool(rows(raw, "attachments") or raw.get("sticker"))
        kind: MessageKind = (
            "service" if silent else "deleted" if raw.get("deleted") else "media" if is_media else "text"
        )
        edits = rows(raw, "edits")  # the versions before, the oldest first
        yield Message(
            id=str(position),
            author_id=None if silent else people.seen("", sender),
            sent_at=sent_at,
            text="" if kind == "deleted" else text(raw, "body").strip(),
            kind=kind,
            edited_at=sent_at if edits else None,
            reactions=tuple(_pairs(raw.get("reactions"), people)),
            quoted=unquoted(text(raw, "quote").strip())[1],
        )


def _pairs(told: Any, people: People) -> Iterator[Reaction]:
    """Reactions as ``[["Anna", "👍"]]``."""
    for one in told if isinstance(told, list) else ():
        if isinstance(one, list) and len(one) == 2 and all(isinstance(part, str) for part in one):
            yield Reaction(one[1], people.seen("", one[0]))


def _desktop_messages(document: Document, prefix: str, conversation: str, people: People) -> Iterator[Message]:
    """One conversation's messages out of Signal Desktop's.

    Raises:
        InputError: A message has no sent_at.
    """
    for position, raw in enumerate(_objects(document, prefix), start=1):
        if identifier(raw, "conversationId") != conversation:
            continue
        sent_at = moment(identifier(raw, "sent_at"), microseconds=MILLISECOND)
        if sent_at is None:
            document.fail("has no sent_at that is a time", field=f"message {position}.sent_at")
        yield _desktop_message(raw, identifier(raw, "id") or str(position), sent_at, people)


def _desktop_message(raw: Json, known: str, sent_at: datetime, people: People) -> Message:
    kind: MessageKind = "media" if rows(raw, "attachments") or table(raw, "sticker") else "text"
    if text(raw, "type") not in SPOKEN:
        kind = "service"
    elif raw.get("deletedForEveryone"):
        kind = "deleted"
    versions = rows(raw, "editHistory")  # the newest first
    said = text(versions[0], "body") if versions else text(raw, "body")
    mentions = [one for one in rows(raw, "bodyRanges") if text(one, "mentionAci") or text(one, "mentionUuid")]
    for one in mentions:
        said = said.replace(MENTIONED, f"@{text(one, 'replacementText')}", 1)
    return Message(
        id=known,
        author_id=None if kind == "service" else _sender(raw, people),
        sent_at=sent_at,
        text="" if kind == "deleted" else said,
        kind=kind,
        edited_at=moment(identifier(versions[0], "timestamp"), microseconds=MILLISECOND) if versions else None,
        reactions=tuple(_desktop_reactions(raw, people)),
        mentions=tuple(_mentioned(one, people) for one in mentions),
        quoted=text(table(raw, "quote"), "text"),
    )


def _sender(raw: Json, people: People) -> str:
    if raw.get("type") == "outgoing":
        return people.seen("", ME)
    names = ("sourceServiceId", "sourceUuid", "source")
    return people.seen(next((known for name in names if (known := text(raw, name))), ""))


def _mentioned(one: Json, people: People) -> str:
    return people.seen(text(one, "mentionAci") or text(one, "mentionUuid"), text(one, "replacementText"))


def _desktop_reactions(raw: Json, people: People) -> Iterator[Reaction]:
    for one in rows(raw, "reactions"):
        if (emoji := text(one, "emoji")) and identifier(one, "fromId"):
            yield Reaction(emoji, people.seen(identifier(one, "fromId")))
