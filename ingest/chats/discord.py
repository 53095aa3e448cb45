"""DiscordChatExporter's JSON, of today and of years ago."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from ingest.chats import content
from ingest.chats.message import Message, Reaction
from ingest.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.chats.people import People

Json = dict[str, Any]

SPOKEN = frozenset({"Default", "Reply", "0", "19"})


def title(path: Path) -> str:
    """What the channel is called, with its server."""
    told = {"guild.name": "", "channel.name": ""}
    for prefix, event, value in content.events(path):
        if prefix in told and event == "string":
            told[prefix] = value
        elif prefix == "messages":
            break
    return " / ".join(name for name in told.values() if name)


def messages(path: Path, people: People) -> Iterator[Message]:
    """The channel's messages; one whose id was there before is dropped.

    Raises:
        InputError: A message lacks what every one has; names its place.
    """
    seen = set()
    for position, raw in enumerate(content.items(path, "messages.item")):
        place = f"messages[{position}]"
        if not isinstance(raw, dict) or not isinstance(raw.get("author", {}), dict):
            raise InputError("is no message", file=path, field=place)
        identifier = str(raw.get("id", position + 1))
        if identifier in seen:
            continue
        seen.add(identifier)
        yield _message(raw, identifier, path, place, people)


def _message(raw: Json, identifier: str, path: Path, place: str, people: People) -> Message:
    sent_at = _time(raw.get("timestamp"))
    if sent_at is None:
        raise InputError("has no timestamp that can be read", file=path, field=f"{place}.timestamp")
    author = raw.get("author", {})
    author_id = people.seen(author.get("id"), author.get("nickname") or author.get("name"))
    spoken = str(raw.get("type", "Default")) in SPOKEN
    reference = raw.get("reference") or {}
    forwarded = raw.get("forwardedMessage")
    text = raw.get("content") or ""
    return Message(
        id=identifier,
        author_id=author_id if spoken else None,
        sent_at=sent_at,
        text=text or ((forwarded or {}).get("content") or "" if isinstance(forwarded, dict) else ""),
        kind="service" if not spoken else "media" if raw.get("attachments") or raw.get("stickers") else "text",
        reply_to=str(reference["messageId"]) if reference.get("messageId") and not forwarded else None,
        edited_at=_time(raw.get("timestampEdited")),
        reactions=tuple(_reactions(raw.get("reactions"), people)),
        mentions=tuple(str(one["id"]) for one in raw.get("mentions") or () if isinstance(one, dict) and "id" in one),
        forwarded=bool(forwarded),
    )


def _time(told: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(told) if told else None
    except (ValueError, TypeError):
        return None


def _reactions(told: Any, people: People) -> Iterator[Reaction]:
    for one in told if isinstance(told, list) else ():
        if not isinstance(one, dict) or not isinstance(one.get("emoji"), dict):
            continue
        emoji = str(one["emoji"].get("name", ""))
        users = [user for user in one.get("users") or () if isinstance(user, dict)]
        for user in users:
            yield Reaction(emoji, people.seen(user.get("id"), user.get("nickname") or user.get("name")))
        count = one.get("count")
        unnamed = (count if isinstance(count, int) else 0) - len(users)
        yield from [Reaction(emoji, None)] * max(0, min(unnamed, 30))
