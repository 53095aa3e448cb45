"""Telegram Desktop's ``result.json``: one chat, or the whole account with its chats in a list."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ingest.chats import content
from ingest.chats.message import Message, Reaction
from ingest.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.chats.people import People

Json = dict[str, Any]

MEDIA = ("photo", "file", "media_type", "sticker_emoji", "poll", "location_information", "contact_information")
MOST_NAMED = 30


def chats(path: Path) -> dict[str, str]:
    """The chats that a file holds: their places, with what they are called."""
    found: dict[str, str] = {}
    place, name, identifier = -1, "", ""
    single = ""
    for prefix, event, value in content.events(path):
        if prefix == "chats.list.item" and event == "start_map":
            place, name, identifier = place + 1, "", ""
        elif prefix == "chats.list.item.name":
            name = value or ""
        elif prefix == "chats.list.item.id":
            identifier = str(value)
        elif prefix == "chats.list.item" and event == "end_map":
            found[str(place)] = name or identifier or f"chat {place + 1}"
        elif prefix == "name" and isinstance(value, str):
            single = value
        elif prefix == "messages":  # of a single chat, whose name comes first
            break
    return found or {"": single}


def messages(path: Path, place: str, people: People) -> Iterator[Message]:
    """A chat's messages; ``place`` is as of `chats`.

    Raises:
        InputError: A message lacks what every one has; names its place.
    """
    found = content.items(path, "messages.item") if place == "" else _of_account(path, int(place))
    for position, raw in enumerate(found, start=1):
        if not isinstance(raw, dict):
            raise InputError("is no message", file=path, field=f"messages[{position - 1}]")
        yield _message(raw, position, path, people)


def _of_account(path: Path, wanted: int) -> Iterator[Any]:
    """The messages of one chat of an account; of the others nothing is built."""
    from ijson.common import ObjectBuilder  # noqa: PLC0415  used here alone

    place, builder, depth = -1, None, 0
    for prefix, event, value in content.events(path):
        if prefix == "chats.list.item" and event == "start_map":
            place += 1
        if place > wanted:
            return
        if place != wanted or not prefix.startswith("chats.list.item.messages.item"):
            continue
        builder = builder or ObjectBuilder()
        builder.event(event, value)
        depth += (event in {"start_map", "start_array"}) - (event in {"end_map", "end_array"})
        if depth == 0:
            yield builder.value
            builder = None


def _message(raw: Json, position: int, path: Path, people: People) -> Message:
    sent_at = _time(raw, "date")
    if sent_at is None:
        raise InputError("has no date that can be read", file=path, field=f"messages[{position - 1}].date")
    identifier = str(raw["id"]) if "id" in raw else str(position)
    if raw.get("type") == "service":
        actor = raw.get("actor")
        if actor:
            people.seen(raw.get("actor_id"), actor)
        return Message(identifier, None, sent_at, f"{raw.get('action', '')} {actor or ''}".strip(), "service")
    author = people.seen(raw.get("from_id"), raw.get("from"))
    reply = raw.get("reply_to_message_id")
    return Message(
        id=identifier,
        author_id=author,
        sent_at=sent_at,
        text=_text(raw.get("text", "")),
        kind="media" if any(raw.get(name) for name in MEDIA) else "text",
        reply_to=None if reply is None else str(reply),
        edited_at=_time(raw, "edited"),
        reactions=tuple(_reactions(raw.get("reactions"), people)),
        mentions=tuple(_mentions(raw.get("text"))),
        forwarded="forwarded_from" in raw or "saved_from" in raw,
    )


def _time(raw: Json, name: str) -> datetime | None:
    """The moment in Unix time where there is one, else the local time."""
    try:
        if raw.get(f"{name}_unixtime"):
            return datetime.fromtimestamp(int(raw[f"{name}_unixtime"]), UTC)
        return datetime.fromisoformat(raw[name]) if raw.get(name) else None
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def _text(told: Any) -> str:
    """A text, or a list of texts and entities."""
    if isinstance(told, str):
        return told
    parts = told if isinstance(told, list) else []
    return "".join(part if isinstance(part, str) else str(part.get("text", "")) for part in parts if part)


def _mentions(told: Any) -> Iterator[str]:
    for part in told if isinstance(told, list) else ():
        if isinstance(part, dict) and part.get("type") == "mention_name" and part.get("user_id"):
            yield f"user{part['user_id']}"
        elif isinstance(part, dict) and part.get("type") == "mention":
            yield str(part.get("text", ""))


def _reactions(told: Any, people: People) -> Iterator[Reaction]:
    for one in told if isinstance(told, list) else ():
        if not isinstance(one, dict) or not one.get("emoji"):
            continue
        named = [each for each in one.get("recent", []) if isinstance(each, dict)]
        for each in named:
            yield Reaction(one["emoji"], people.seen(each.get("from_id"), each.get("from")))
        count = one.get("count")
        unnamed = (count if isinstance(count, int) else 0) - len(named)
        yield from [Reaction(one["emoji"], None)] * max(0, min(unnamed, MOST_NAMED))
