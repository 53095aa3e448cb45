"""Matrix: a room as Element exports it in JSON, a list of events; edits and reactions are events of their own."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ingest.chats.message import Message, Reaction
from ingest.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.chats.people import People

Json = dict[str, Any]

MEDIA = frozenset({"m.image", "m.file", "m.audio", "m.video", "m.location", "m.sticker"})
QUOTE = re.compile(r"\A((?:> .*\n)+)\n", re.MULTILINE)
MENTION = re.compile(r"@[A-Za-z0-9._=/+-]+:[A-Za-z0-9.:-]+")


def messages(told: Json, path: Path, people: People) -> Iterator[Message]:
    """A room's messages, with what later events made of them.

    Raises:
        InputError: An event lacks what every one has; names its place.
    """
    found: dict[str, Message] = {}
    for place, event in enumerate(told["messages"]):
        if not isinstance(event, dict) or not isinstance(event.get("content", {}), dict):
            raise InputError("is no event", file=path, field=f"messages[{place}]")
        _take(event, found, people, path, f"messages[{place}]")
    yield from found.values()


def _take(event: Json, found: dict[str, Message], people: People, path: Path, place: str) -> None:
    kind, content = str(event.get("type", "")), event.get("content") or {}
    sender, relation = str(event.get("sender") or ""), content.get("m.relates_to") or {}
    target = relation.get("event_id")
    if kind == "m.room.redaction":
        redacted = str(event.get("redacts") or content.get("redacts"))
        if redacted in found:
            found[redacted] = replace(found[redacted], text="", kind="deleted", reactions=())
    elif kind == "m.reaction":
        known = found.get(str(target))
        if known is not None:
            by = people.seen(sender, None)
            reaction = Reaction(str(relation.get("key", "")), by)
            found[str(target)] = replace(known, reactions=(*known.reactions, reaction))
    elif kind == "m.room.message" and relation.get("rel_type") == "m.replace":
        known = found.get(str(target))
        if known is not None and known.author_id == sender:  # nobody edits what another wrote
            text, _ = _unquoted(str((content.get("m.new_content") or {}).get("body") or content.get("body") or ""))
            found[known.id] = replace(known, text=text, edited_at=_time(event, path, place))
    elif kind in {"m.room.message", "m.sticker"}:
        made = _message(event, content, sender, people, path, place)
        found[made.id] = made
    elif kind:
        if kind == "m.room.member" and content.get("displayname"):
            people.seen(event.get("state_key") or sender, content["displayname"])
        identifier = str(event.get("event_id") or place)
        words = f"{kind.removeprefix('m.room.')} {content.get('membership', '')}".strip()
        found[identifier] = Message(identifier, None, _time(event, path, place), words, "service")


def _message(event: Json, content: Json, sender: str, people: People, path: Path, place: str) -> Message:
    reply = ((content.get("m.relates_to") or {}).get("m.in_reply_to") or {}).get("event_id")
    text, quoted = _unquoted(str(content.get("body") or ""))
    redacted = not content
    return Message(
        id=str(event.get("event_id") or place),
        author_id=people.seen(sender, None),
        sent_at=_time(event, path, place),
        text=text,
        kind="deleted" if redacted else "media" if content.get("msgtype") in MEDIA else "text",
        reply_to=None if reply is None else str(reply),
        mentions=tuple(dict.fromkeys([*_named(content), *MENTION.findall(text)])),
        quoted=quoted,
    )


def _named(content: Json) -> list[str]:
    told = content.get("m.mentions")
    users = told.get("user_ids") if isinstance(told, dict) else None
    return [str(user) for user in users] if isinstance(users, list) else []


def _unquoted(body: str) -> tuple[str, str]:
    """A reply's own words, and those of whom it answers, which old clients put before them."""
    quote = QUOTE.match(body)
    if quote is None or not quote[1].startswith("> <@"):
        return body, ""
    return body[quote.end() :], "\n".join(line[2:] for line in quote[1].splitlines())


def _time(event: Json, path: Path, place: str) -> datetime:
    try:
        return datetime.fromtimestamp(int(event["origin_server_ts"]) / 1000, UTC)
    except (KeyError, ValueError, TypeError, OverflowError, OSError) as error:
        raise InputError("has no origin_server_ts that is a time", file=path, field=place) from error
