"""A chat out of any export: the format by its content, one chat of several by its name."""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ingest.chats import content, discord, matrix, signal, slack, telegram, whatsapp
from ingest.chats.message import Chat
from ingest.chats.people import People
from ingest.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ingest.chats.message import ChatFormat, Message, Participant

FORMATS = (
    "Telegram's result.json, WhatsApp's text or zip, DiscordChatExporter's JSON, Slack's zip, signal-export's text, "
    "Element's JSON of a Matrix room"
)
UNKNOWN = f"is no chat export that is known here: {FORMATS}"


@dataclass(frozen=True, slots=True)
class Stream:
    """A chat that is read message by message.

    ``messages`` runs through the file once; ``people`` knows who was met so far.
    """

    format: ChatFormat
    title: str
    messages: Iterator[Message]
    people: People

    @property
    def participants(self) -> Mapping[str, Participant]:
        """Who was met so far, by id."""
        return self.people.found


def read_chat(path: Path, *, chat: str | None = None, day_first: bool | None = None) -> Chat:
    """Reads an export at once; takes and raises what `open_chat` does."""
    with open_chat(path, chat=chat, day_first=day_first) as stream:
        messages = tuple(stream.messages)
        return Chat(stream.format, stream.title, dict(stream.participants), messages)


@contextmanager
def open_chat(path: Path, *, chat: str | None = None, day_first: bool | None = None) -> Iterator[Stream]:
    """Opens an export.

    Args:
        path: The file.
        chat: The chat's name, where the export holds several.
        day_first: Whether the day comes before the month in its dates, where the file itself leaves that open.

    Raises:
        InputError: It is no export, damaged, or leaves open what must be known; names file, and line or field.
    """
    with content.opened(path) as file:
        head = file.read(content.CHUNK)
    if not head.strip(b"\0 \r\n\t"):
        raise InputError("is empty", file=path)
    if head.startswith(content.ZIP):
        with content.Archive(path) as archive:
            yield _of_archive(archive, chat, day_first)
    elif head.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] in {b"{", b"["}:
        # A text's first line may begin with a bracket, too: then it is no JSON.
        yield _of_text(path, day_first, None) if _is_text(head) else _of_json(path, chat)
    else:
        yield _of_text(path, day_first, None)


def _is_text(head: bytes) -> bool:
    line = head.splitlines()[0].decode("utf-8", "replace").lstrip("\ufeff")
    return signal.HEAD.match(line) is not None or whatsapp.is_head(line)


# ---------------------------------------------------------------------- text


def _of_text(path: Path, day_first: bool | None, text: str | None) -> Stream:
    """A text file, or a text that was unpacked."""
    people = People()
    lines = partial(_lines, path) if text is None else partial(io.StringIO, text)
    first = next((line for line in lines() if line.strip()), "")
    if signal.HEAD.match(first):
        return Stream("signal", path.stem, signal.messages(map(_stripped, lines()), path, people), people)
    if not whatsapp.is_head(first):
        raise InputError(UNKNOWN, file=path)
    if day_first is None:
        day_first = whatsapp.order_of_dates(lines(), path)
    return Stream("whatsapp", path.stem, whatsapp.messages(lines(), path, people, day_first=day_first), people)


def _stripped(line: str) -> str:
    return line.rstrip("\r\n")


def _lines(path: Path) -> Iterator[str]:
    """A text file's lines, in UTF-8, or in UTF-16 where it says so."""
    with content.opened(path) as file:
        if file.read(2) in {b"\xff\xfe", b"\xfe\xff"}:
            file.seek(0)
            yield from io.StringIO(content.decoded(file.read(content.MAX_HELD_BYTES), path))
            return
        file.seek(0)
        for number, line in enumerate(file, start=1):
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                message = "is no UTF-8: export it again, or save it as UTF-8"
                raise InputError(message, file=path, line=number) from error


# ---------------------------------------------------------------------- zip


def _of_archive(archive: content.Archive, chat: str | None, day_first: bool | None) -> Stream:
    texts = [name for name in archive.names if name.lower().endswith(".txt") and "/" not in name]
    folders = slack.channels(archive)
    if folders:
        people = People()
        channel = _chosen(dict(zip(folders, folders, strict=True)), chat, archive.path)
        return Stream("slack", channel, slack.of_archive(archive, channel, people), people)
    if len(texts) == 1:
        text = content.decoded(archive.read(texts[0]), archive.path)
        return _of_text(archive.path, day_first, text)
    raise InputError(UNKNOWN, file=archive.path)


def _chosen(found: Mapping[str, str], chat: str | None, path: Path) -> str:
    """The place of the chat that is asked for, or of the only one.

    Raises:
        InputError: There is none of that name, or none was named among several.
    """
    if chat is None:
        if len(found) == 1:
            return next(iter(found))
        names = ", ".join(found.values())
        raise InputError(f"holds {len(found)} chats: say which ({names[:1000]})", file=path, field="chat")
    places = [place for place, name in found.items() if chat in {name, place}]
    if len(places) != 1:
        told = "no chat" if not places else f"{len(places)} chats"
        raise InputError(f"holds {told} {chat!r}; it has: {', '.join(found.values())[:1000]}", file=path, field="chat")
    return places[0]


# ---------------------------------------------------------------------- JSON


def _of_json(path: Path, chat: str | None) -> Stream:
    people = People()
    for kind, is_one in _JSON_KINDS.items():
        found = is_one(path)
        if found is None:
            continue
        if kind == "telegram":
            places = telegram.chats(path)
            place = _chosen(places, chat, path) if len(places) > 1 or chat is not None else next(iter(places))
            return Stream("telegram", places[place] or path.stem, telegram.messages(path, place, people), people)
        if kind == "discord":
            return Stream("discord", discord.title(path) or path.stem, discord.messages(path, people), people)
        with content.opened(path) as file:
            told = content.parsed(file.read(content.MAX_HELD_BYTES), str(path))
        if kind == "matrix":
            return Stream(
                "matrix", str(told.get("room_name") or path.stem), matrix.messages(told, path, people), people
            )
        return Stream("slack", path.stem, slack.of_file(path, told, people), people)
    raise InputError(UNKNOWN, file=path)


def _has(path: Path, *wanted: str) -> bool | None:
    """Whether one of these places of a JSON file, with its first message, is there; looked for from the beginning."""
    for count, (prefix, _, _) in enumerate(content.events(path)):
        if prefix in wanted:
            return True
        if count > 100_000:
            break
    return None


_JSON_KINDS: dict[str, Callable[[Path], Any]] = {
    "discord": lambda path: _has(path, "messages.item.timestamp"),
    "matrix": lambda path: _has(path, "messages.item.origin_server_ts", "room_name"),
    "telegram": lambda path: _has(
        path, "messages.item.date_unixtime", "messages.item.date", "chats.list.item.messages", "messages.item.from"
    ),
    "slack": lambda path: _has(path, "item.ts", "ts"),
}
