"""Slack: a workspace's export, a zip of one file a channel and day; or one such file; or a single message."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ingest.chats import content
from ingest.chats.message import Message, Reaction
from ingest.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ingest.chats.people import People

Json = dict[str, Any]

CHANNEL_LISTS = ("channels.json", "groups.json", "dms.json", "mpims.json")
SPOKEN = frozenset({"", "bot_message", "me_message", "file_share", "thread_broadcast", "file_comment"})
MARKUP = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
SECRET = re.compile(r"(https?://[^/\s]*slack\.com/[^\s?]*)\?\S*")
EMOJI = {
    "+1": "👍",
    "thumbsup": "👍",
    "-1": "👎",
    "thumbsdown": "👎",
    "heart": "❤️",
    "white_check_mark": "✅",
    "heavy_check_mark": "✔️",
    "ok_hand": "👌",
    "raised_hands": "🙌",
    "tada": "🎉",
    "x": "❌",
}
"""Those that may say yes or no; others keep the name that Slack gives them."""


def channels(archive: content.Archive) -> list[str]:
    """The channels of an export: its folders with days in them."""
    folders = [PurePosixPath(name) for name in archive.names if name.endswith(".json")]
    return sorted({str(place.parent) for place in folders if str(place.parent) != "."})


def of_archive(archive: content.Archive, channel: str, people: People) -> Iterator[Message]:
    """A channel's messages, by their time."""
    users = _users(archive)
    days = sorted(name for name in archive.names if str(PurePosixPath(name).parent) == channel)
    raw: list[Json] = []
    for name in days:
        if name.endswith(".json"):
            raw += _listed(content.parsed(archive.read(name), f"{archive.path}: {name}"), f"{archive.path}: {name}")
    yield from _messages(raw, users, str(archive.path), people)


def of_file(path: Path, told: Any, people: People) -> Iterator[Message]:
    """The messages of a file that was read: a list of them, or one."""
    yield from _messages(_listed(told, str(path)), {}, str(path), people)


def _users(archive: content.Archive) -> dict[str, str]:
    if "users.json" not in archive.names:
        return {}
    found = {}
    for user in _listed(content.parsed(archive.read("users.json"), f"{archive.path}: users.json"), "users.json"):
        profile = _table(user.get("profile"))
        found[str(user.get("id"))] = profile.get("display_name") or user.get("real_name") or user.get("name") or ""
    return found


def _listed(told: Any, file: str) -> list[Json]:
    found = told if isinstance(told, list) else [told]
    for place, one in enumerate(found):
        if not isinstance(one, dict):
            raise InputError("is no message", file=file, field=f"[{place}]")
    return found


def _messages(raw: list[Json], users: Mapping[str, str], file: str, people: People) -> Iterator[Message]:
    placed = [(_moment(one, place, file), one) for place, one in enumerate(raw)]
    for moment, one in sorted(placed, key=lambda pair: pair[0]):
        yield _message(one, moment, users, people)


def _moment(one: Json, place: int, file: str) -> Decimal:
    try:
        moment = Decimal(str(one["ts"]))
        datetime.fromtimestamp(float(moment), UTC)
    except (KeyError, InvalidOperation, ValueError, OverflowError, OSError) as error:
        raise InputError("has no ts that is a time", file=file, field=f"[{place}].ts") from error
    return moment


def _message(one: Json, moment: Decimal, users: Mapping[str, str], people: People) -> Message:
    subtype = str(one.get("subtype") or "")
    profile = _table(one.get("user_profile"))
    identifier = one.get("user") or one.get("bot_id") or one.get("username")
    name = (
        users.get(str(one.get("user")))
        or profile.get("display_name")
        or profile.get("real_name")
        or one.get("username")
    )
    spoken = subtype in SPOKEN
    author = people.seen(identifier, name) if spoken and identifier else None
    text, mentions = _text(str(one.get("text") or ""), users)
    thread = one.get("thread_ts")
    edited = _table(one.get("edited"))
    return Message(
        id=str(one["ts"]),
        author_id=author,
        sent_at=datetime.fromtimestamp(float(moment), UTC),
        text=text,
        kind="deleted"
        if subtype == "tombstone"
        else "service"
        if not spoken
        else "media"
        if one.get("files")
        else "text",
        reply_to=str(thread) if thread and str(thread) != str(one["ts"]) else None,
        edited_at=_time(edited.get("ts")),
        reactions=tuple(_reactions(one.get("reactions"), users, people)),
        mentions=mentions,
    )


def _table(told: Any) -> Json:
    return told if isinstance(told, dict) else {}


def _time(told: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(told), UTC) if told else None
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def _text(told: str, users: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """The text without markup and without tokens in addresses, and who is mentioned."""
    mentions = []

    def plain(found: re.Match[str]) -> str:
        target, label = found[1], found[2]
        if target.startswith("@"):
            mentions.append(target[1:])
            return f"@{users.get(target[1:]) or label or target[1:]}"
        if target.startswith("#"):
            return f"#{label or target[1:]}"
        if target.startswith("!"):
            return f"@{label or target[1:].split('^')[0]}"
        return label if label and label != target else target

    return SECRET.sub(r"\1", html.unescape(MARKUP.sub(plain, told))), tuple(mentions)


def _reactions(told: Any, users: Mapping[str, str], people: People) -> Iterator[Reaction]:
    for one in told if isinstance(told, list) else ():
        if isinstance(one, dict) and one.get("name"):
            name = str(one["name"])
            emoji = EMOJI.get(name.split("::", maxsplit=1)[0], f":{name}:")
            for user in one.get("users") or ():
                yield Reaction(emoji, people.seen(user, users.get(str(user))))
