"""Matrix: a room as Element exports it in JSON, a list of events; edits, reactions and redactions are events, too.

The file is gone through twice: for what later events made of earlier ones, and for the messages. Only the former is
held. An event that was redacted never was: neither a message's words, nor an edit, nor a reaction.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from ingest.chats.fields import count, identifier, moment, table, text
from ingest.chats.found import Found, Shape
from ingest.chats.message import Message, Reaction
from ingest.chats.quotes import unquoted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ingest.chats.content import Document
    from ingest.chats.fields import Json
    from ingest.chats.people import People

MEDIA = frozenset({"m.image", "m.file", "m.audio", "m.video", "m.location"})
LINKED = re.compile(r"https://matrix\.to/#/(@[^\"'?/<>\s]+)")
"""A person as a message's HTML links to one."""
MILLISECOND = 1_000


def fits(shape: Shape) -> bool:
    """Whether a JSON document of this shape is Element's."""
    return "origin_server_ts" in shape.message or (not shape.message and shape.top >= {"room_name", "messages"})


def chats(document: Document, _shape: Shape) -> list[Found]:
    """The one room of an export.

    Raises:
        InputError: The file is no sound JSON.
    """
    title = ""
    for prefix, _, value in document.events():
        if prefix == "room_name" and isinstance(value, str):
            title = value
        elif prefix == "messages":
            break
    return [Found("matrix", "", title or document.file.stem, partial(_messages, document))]


@dataclass(slots=True)
class _Changes:
    """What later events made of messages: redacted ids, and by a message's id its edits and reactions."""

    redacted: set[str] = field(default_factory=set)
    edits: dict[str, list[Json]] = field(default_factory=lambda: defaultdict(list))
    reactions: dict[str, list[Json]] = field(default_factory=lambda: defaultdict(list))


def _messages(document: Document, people: People) -> Iterator[Message]:
    """A room's messages.

    Raises:
        InputError: An event lacks what every one has; names its place.
    """
    changes = _changes(document)
    for position, event in enumerate(_events(document)):
        kind = text(event, "type")
        if kind in {"m.reaction", "m.room.redaction"} or _replaced(event):
            continue
        sent_at = _time(event)
        if sent_at is None:
            document.fail("has no origin_server_ts that is a time", field=f"messages[{position}]")
        known = text(event, "event_id") or str(position + 1)
        if kind in {"m.room.message", "m.sticker"}:
            yield _message(event, known, sent_at, changes, people)
        else:
            yield _service(event, known, sent_at, people)


def _events(document: Document) -> Iterator[Json]:
    for position, event in enumerate(document.items("messages.item")):
        if not isinstance(event, dict):
            document.fail("is no event", field=f"messages[{position}]")
        yield event


def _changes(document: Document) -> _Changes:
    changes = _Changes()
    for event in _events(document):
        kind = text(event, "type")
        if kind == "m.room.redaction":
            changes.redacted.add(text(event, "redacts") or text(table(event, "content"), "redacts"))
        elif kind == "m.reaction":
            changes.reactions[text(_relation(event), "event_id")].append(event)
        elif target := _replaced(event):
            changes.edits[target].append(event)
    return changes


def _relation(event: Json) -> Json:
    return table(table(event, "content"), "m.relates_to")


def _replaced(event: Json) -> str:
    """The message that an event is an edit of."""
    relation = _relation(event)
    return text(relation, "event_id") if relation.get("rel_type") == "m.replace" else ""


def _service(event: Json, known: str, sent_at: datetime, people: People) -> Message:
    kind, content = text(event, "type"), table(event, "content")
    if kind == "m.room.member" and text(content, "displayname"):
        people.seen(text(event, "state_key") or text(event, "sender"), text(content, "displayname"))
    words = f"{kind.removeprefix('m.room.')} {text(content, 'membership')}".strip()
    return Message(known, None, sent_at, words, "service")


def _message(event: Json, known: str, sent_at: datetime, changes: _Changes, people: People) -> Message:
    sender = people.seen(text(event, "sender"))
    content = table(event, "content")
    if known in changes.redacted or not content:
        return Message(known, sender, sent_at, "", "deleted")
    edit = _last_edit(changes, known, sender)
    content = table(table(edit, "content"), "m.new_content") or content
    own, quoted = unquoted(text(content, "body"))
    is_media = event.get("type") == "m.sticker" or text(content, "msgtype") in MEDIA
    return Message(
        id=known,
        author_id=sender,
        sent_at=sent_at,
        text=own,
        kind="media" if is_media else "text",
        reply_to=_answered(_relation(event)) or None,
        edited_at=_time(edit),
        reactions=tuple(_reactions(changes, known, people)),
        mentions=tuple(dict.fromkeys(map(people.seen, _mentioned(content)))),
        quoted=quoted,
    )


def _last_edit(changes: _Changes, known: str, sender: str) -> Json:
    """The latest of a message's edits that stand and are its author's own: nobody edits what another wrote."""
    own = [
        edit
        for edit in changes.edits.get(known, ())
        if text(edit, "sender") == sender and text(edit, "event_id") not in changes.redacted and _time(edit)
    ]
    return max(own, key=lambda edit: count(edit, "origin_server_ts"), default={})


def _reactions(changes: _Changes, known: str, people: People) -> Iterator[Reaction]:
    for event in changes.reactions.get(known, ()):
        emoji = text(_relation(event), "key")
        if emoji and text(event, "event_id") not in changes.redacted:
            yield Reaction(emoji, people.seen(text(event, "sender")))


def _answered(relation: Json) -> str:
    """The event that a message answers; in a thread without an answer to one of its messages, the thread's first."""
    if relation.get("rel_type") == "m.thread" and relation.get("is_falling_back"):
        return text(relation, "event_id")
    return text(table(relation, "m.in_reply_to"), "event_id")


def _mentioned(content: Json) -> list[str]:
    if "m.mentions" not in content:  # clients before 2023
        return LINKED.findall(text(content, "formatted_body"))
    users = table(content, "m.mentions").get("user_ids")
    return [one for one in users if isinstance(one, str)] if isinstance(users, list) else []


def _time(event: Json) -> datetime | None:
    return moment(identifier(event, "origin_server_ts"), microseconds=MILLISECOND)
