"""Telegram Desktop's ``result.json``: one chat, or the whole account with its chats in lists."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from ingest.chats.fields import count, identifier, iso_time, moment, rows, table, text
from ingest.chats.found import ACCOUNT_KEYS, Found, Shape
from ingest.chats.message import Message
from ingest.chats.people import reactions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ingest.chats.content import Document
    from ingest.chats.fields import Json
    from ingest.chats.message import Reaction
    from ingest.chats.people import People

SINGLE = "messages.item"
LISTS = tuple(f"{key}.list.item" for key in sorted(ACCOUNT_KEYS))
ACCOUNT_PLACES = {
    f"{at}.{name}" if name else at: (at, name) for at in LISTS for name in ("", "name", "id", "type", SINGLE)
}
CONTINUED = frozenset({"map_key", "end_map", "end_array"})
MEDIA = ("photo", "file", "media_type", "poll", "location_information", "contact_information", "game_title")
QUOTES = frozenset({"blockquote", "expandable_blockquote"})
MAX_EVENTS = 1_000_000
"""Of one message's JSON."""
HEADER_KEYS = frozenset({"name", "type", "id"})
SECOND = 1_000_000


def fits(shape: Shape) -> bool:
    """Whether a JSON document of this shape is Telegram's."""
    if shape.is_list:
        return False
    is_message = "type" in shape.message and bool(shape.message & {"date", "date_unixtime"})
    return bool(shape.top & ACCOUNT_KEYS) or is_message or (not shape.message and shape.top >= HEADER_KEYS)


def chats(document: Document, shape: Shape) -> list[Found]:
    """The chats of an export; an account's whole file is gone through for them.

    Raises:
        InputError: The file is no sound JSON.
    """
    places = _of_account(document) if shape.top & ACCOUNT_KEYS else [_single(document)]
    return [
        Found("telegram", place.id, place.title or document.file.stem, partial(_messages, document, place))
        for place in places
    ]


@dataclass(slots=True)
class _Place:
    """A chat, and where its messages are among all that stand at ``prefix``."""

    prefix: str
    first: int = 0
    number: int | None = None
    title: str = ""
    id: str = ""
    kind: str = ""

    def named(self, name: str, value: Any) -> None:
        """Takes one of the chat's own fields."""
        told = {name: value}
        if name == "name":
            self.title = text(told, name)
        elif name == "id":
            self.id = identifier(told, name)
        elif name == "type":
            self.kind = text(told, name)


def _single(document: Document) -> _Place:
    place = _Place(SINGLE)
    for prefix, _, value in document.events():
        if prefix == "messages":  # the chat's own fields come before
            break
        place.named(prefix, value)
    return place


def _of_account(document: Document) -> list[_Place]:
    found: list[_Place] = []
    numbers = dict.fromkeys(LISTS, 0)
    began = 0
    for number, (prefix, event, value) in enumerate(document.events()):
        listed = ACCOUNT_PLACES.get(prefix)  # of most values none
        if listed is None or event in CONTINUED:
            continue
        at, name = listed
        if name == "":
            found.append(_Place(f"{at}.{SINGLE}", numbers[at], 0))
        elif name == SINGLE:
            if numbers[at] > found[-1].first and number - began > MAX_EVENTS:
                document.fail("has a message that is far too large", field=_field(found[-1], numbers[at] - 1))
            numbers[at] += 1
            found[-1].number = numbers[at] - found[-1].first
            began = number
        elif found:
            found[-1].named(name, value)
    for place in found:
        place.title = place.title or place.kind.replace("_", " ")  # "saved messages" has no name
    return found


def _messages(document: Document, place: _Place, people: People) -> Iterator[Message]:
    """A chat's messages.

    Raises:
        InputError: A message lacks what every one has; names its place.
    """
    last = None if place.number is None else place.first + place.number
    for position, raw in enumerate(islice(document.items(place.prefix), place.first, last)):
        sent_at = _time(raw, "date") if isinstance(raw, dict) else None
        if sent_at is None:
            document.fail("is no message with a date that can be read", field=_field(place, position))
        known = identifier(raw, "id") or str(position + 1)
        make = _service if raw.get("type") == "service" else _message
        yield make(raw, known, sent_at, people)


def _field(place: _Place, position: int) -> str:
    return f"{place.prefix.removesuffix('.item').replace('.item', '[]')}[{position}]"


def _service(raw: Json, known: str, sent_at: datetime, people: People) -> Message:
    actor = text(raw, "actor")
    if actor:
        people.seen(identifier(raw, "actor_id"), actor)
    return Message(known, None, sent_at, f"{text(raw, 'action')} {actor}".strip(), "service")


def _message(raw: Json, known: str, sent_at: datetime, people: People) -> Message:
    parts = _parts(raw)
    said = "".join(text(part, "text") for part in parts if text(part, "type") not in QUOTES)
    return Message(
        id=known,
        author_id=people.seen(identifier(raw, "from_id"), text(raw, "from")),
        sent_at=sent_at,
        text=said or text(table(raw, "poll"), "question"),
        kind="media" if any(name in raw for name in MEDIA) else "text",
        # what is answered may be a message of another chat
        reply_to=None if "reply_to_peer_id" in raw else identifier(raw, "reply_to_message_id") or None,
        edited_at=_time(raw, "edited"),
        reactions=tuple(_reactions(raw, people)) if "reactions" in raw else (),
        mentions=tuple(_mentions(parts, people)),
        forwarded="forwarded_from" in raw or "saved_from" in raw,
        quoted="\n".join(text(part, "text") for part in parts if text(part, "type") in QUOTES),
    )


def _time(raw: Json, name: str) -> datetime | None:
    """The moment in Unix time where there is one, else the local time."""
    unix = raw.get(f"{name}_unixtime")
    return iso_time(raw.get(name)) if unix is None else moment(unix, microseconds=SECOND)


def _parts(raw: Json) -> list[Json]:
    """A message's text: a string, or a list of strings and of entities."""
    told = raw.get("text")
    listed = told if isinstance(told, list) else [told]
    return [one if isinstance(one, dict) else {"text": one} for one in listed]


def _mentions(parts: list[Json], people: People) -> Iterator[str]:
    """Who is mentioned by an account; of a mere @handle the export does not tell whose it is."""
    for part in parts:
        if part.get("type") == "mention_name" and identifier(part, "user_id"):
            yield people.seen(f"user{identifier(part, 'user_id')}", text(part, "text").removeprefix("@"))


def _reactions(raw: Json, people: People) -> Iterator[Reaction]:
    for one in rows(raw, "reactions"):
        if emoji := text(one, "emoji"):
            named = [people.seen(identifier(each, "from_id"), text(each, "from")) for each in rows(one, "recent")]
            yield from reactions(emoji, named, count(one, "count"))
