"""Slack: a workspace's export, a zip with a file for each channel and day; or one such file; or a single message."""

from __future__ import annotations

import html
import re
from functools import partial
from itertools import groupby
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ingest.chats.fields import count, identifier, moment, rows, table, text
from ingest.chats.found import Found, Shape
from ingest.chats.message import Message
from ingest.chats.people import reactions
from ingest.chats.quotes import unquoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from ingest.chats.archive import Archive
    from ingest.chats.content import Document
    from ingest.chats.fields import Json
    from ingest.chats.message import MessageKind, Reaction
    from ingest.chats.people import People

DAY = re.compile(r"\d{4}-\d{2}-\d{2}\.json\Z")
CHANNEL_LISTS = ("channels.json", "groups.json", "mpims.json", "dms.json")
SPOKEN = frozenset({"", "bot_message", "me_message", "file_share", "thread_broadcast", "reply_broadcast"})
"""Subtypes of messages that somebody wrote; all others are Slack's own."""
MARKUP = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
SECRET_QUERY = re.compile(r"(https?://(?:[\w-]+\.)*slack(?:-edge|-files)?\.com/[^\s?]*)\?\S*")
SECRET = re.compile(r"\bxox[a-z]-[\w-]+")
"""A token of Slack's."""
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
    "raised_hand": "✋",
    "tada": "🎉",
    "x": "❌",
}
"""Those that may say yes or no; others keep the name that Slack gives them."""
SECOND = 1_000_000

Names = dict[str, str]


def fits(shape: Shape) -> bool:
    """Whether a JSON document of this shape is a file of Slack's: a list of messages, or one message."""
    keys = shape.message if shape.is_list else shape.top
    return "ts" in keys and bool(keys & {"user", "text", "bot_id", "subtype"})


def chats(document: Document, shape: Shape) -> list[Found]:
    """The one channel that a single file is of."""
    prefix = "item" if shape.is_list else ""
    return [Found("slack", "", document.file.stem, partial(_day, document, prefix, {}))]


def chats_of_archive(archive: Archive) -> list[Found]:
    """The channels, groups and direct messages of a workspace's export: its folders of days; none in another zip.

    Raises:
        InputError: A list of people or channels is no sound JSON.
    """
    paths = [PurePosixPath(name) for name in archive.names]
    days = sorted(path for path in paths if DAY.match(path.name) and path.parent.name)
    if not days:
        return []
    lists = {path.name: str(path) for path in paths if path.parent == days[0].parent.parent}
    names = _people_names(archive, lists)
    listed = {folder: (known, title) for known, folder, title in _listed(archive, lists, names)}
    found = []
    for folder, files in groupby(days, key=lambda path: path.parent):
        known, title = listed.get(folder.name, ("", folder.name))
        documents = [archive.document(str(path)) for path in files]
        found.append(Found("slack", known, title, partial(_channel, documents, names)))
    return found


def _people_names(archive: Archive, lists: Names) -> Names:
    """What the workspace's people are called, by their ids."""
    found = {}
    for user in _objects(archive, lists.get("users.json")):
        profile = table(user, "profile")
        name = text(profile, "display_name") or text(user, "real_name") or text(profile, "real_name")
        found[identifier(user, "id")] = name or text(user, "name")
    return found


def _listed(archive: Archive, lists: Names, names: Names) -> Iterator[tuple[str, str, str]]:
    """The id, folder and title of what the export lists; direct messages are called by who writes in them."""
    for name in CHANNEL_LISTS:
        for one in _objects(archive, lists.get(name)):
            known, title = identifier(one, "id"), text(one, "name")
            members = one.get("members")
            if not title and isinstance(members, list):
                title = ", ".join(names.get(str(member), str(member)) for member in members)
            yield known, text(one, "name") or known, title


def _objects(archive: Archive, name: str | None) -> Iterator[Json]:
    if name is not None:
        yield from (one for one in archive.document(name).items("item") if isinstance(one, dict))


def _channel(days: Sequence[Document], names: Names, people: People) -> Iterator[Message]:
    for day in days:
        yield from _day(day, "item", names, people)


def _day(document: Document, prefix: str, names: Names, people: People) -> Iterator[Message]:
    """A file's messages by their time: replies stand in it out of order.

    Raises:
        InputError: A message lacks what every one has; names its place.
    """
    found: list[tuple[datetime, Json]] = []
    for position, raw in enumerate(document.items(prefix)):
        sent_at = moment(identifier(raw, "ts"), microseconds=SECOND) if isinstance(raw, dict) else None
        if sent_at is None:
            document.fail("is no message with a ts that is a time", field=f"[{position}]")
        found.append((sent_at, raw))
    for sent_at, raw in sorted(found, key=lambda pair: pair[0]):
        yield _message(raw, sent_at, names, people)


def _message(raw: Json, sent_at: datetime, names: Names, people: People) -> Message:
    known, thread, kind = identifier(raw, "ts"), identifier(raw, "thread_ts"), _kind(raw)
    author_id = None if kind in {"service", "deleted"} else _author(raw, names, people)
    own, quoted = unquoted(html.unescape(_plain(text(raw, "text"), names)))
    shared = [one for one in rows(raw, "attachments") if one.get("is_share") or one.get("is_msg_unfurl")]
    return Message(
        id=known,
        author_id=author_id,
        sent_at=sent_at,
        text=own,
        kind=kind,
        reply_to=thread if thread and thread != known else None,
        edited_at=moment(identifier(table(raw, "edited"), "ts"), microseconds=SECOND),
        reactions=tuple(_reactions(raw, names, people)),
        mentions=tuple(_mentions(text(raw, "text"), names, people)),
        forwarded=any(one.get("is_share") for one in shared),
        quoted="\n".join(filter(None, [quoted, *(_plain(text(one, "text"), names) for one in shared)])),
    )


def _kind(raw: Json) -> MessageKind:
    subtype = text(raw, "subtype")
    if subtype == "tombstone":
        return "deleted"
    if subtype not in SPOKEN:
        return "service"
    return "media" if rows(raw, "files") or table(raw, "file") else "text"


def _author(raw: Json, names: Names, people: People) -> str:
    known = identifier(raw, "user") or identifier(raw, "bot_id")
    profile = table(raw, "user_profile")
    told = text(profile, "display_name") or text(profile, "real_name") or text(raw, "username")
    return people.seen(known, names.get(known) or told)


def _plain(told: str, names: Names) -> str:
    """A text without its markup and without tokens in its addresses; ``&lt;`` and the like are left."""

    def shown(found: re.Match[str]) -> str:
        target, label = found[1], found[2]
        if target.startswith("@"):
            return f"@{names.get(target[1:]) or label or target[1:]}"
        if target.startswith("#"):
            return f"#{label or target[1:]}"
        if target.startswith("!"):
            return f"@{label.removeprefix('@') if label else target[1:].split('^')[0]}"
        return label or target

    return SECRET.sub("", SECRET_QUERY.sub(r"\1", MARKUP.sub(shown, told)))


def _mentions(told: str, names: Names, people: People) -> list[str]:
    ids = dict.fromkeys(found[1][1:] for found in MARKUP.finditer(told) if found[1].startswith("@"))
    return [people.seen(known, names.get(known, "")) for known in ids if known]


def _reactions(raw: Json, names: Names, people: People) -> Iterator[Reaction]:
    for one in rows(raw, "reactions"):
        if name := text(one, "name"):
            emoji = EMOJI.get(name.partition("::")[0], f":{name}:")
            users = one.get("users")
            ids = [user for user in users if isinstance(user, str)] if isinstance(users, list) else []
            yield from reactions(emoji, [people.seen(user, names.get(user, "")) for user in ids], count(one, "count"))
