"""A chat out of any export: the format by its content, one chat of several by its name or id."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.chats import discord, matrix, signal, slack, telegram, whatsapp
from ingest.chats.archive import MAGIC, Archive
from ingest.chats.content import Document
from ingest.chats.found import Found, Shape, shape_of
from ingest.chats.message import Chat
from ingest.chats.people import People
from ingest.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ingest.chats.message import ChatFormat, Message, Participant

JSON_FORMATS: tuple[tuple[Callable[[Shape], bool], Callable[[Document, Shape], list[Found]]], ...] = tuple(
    (module.fits, module.chats) for module in (telegram, discord, matrix, slack, signal)
)
SUFFIXES = frozenset({".txt", ".json", ".md"})
"""Of files in a zip that may be a chat; others go with it."""
UNKNOWN = (
    "is no chat export that is known here: Telegram's result.json, WhatsApp's text or zip, DiscordChatExporter's JSON, "
    "Slack's zip or a day of it, signal-export's chat.md or data.json, Element's JSON of a Matrix room"
)
MAX_LISTED_CHARS = 1000


@dataclass(frozen=True, slots=True)
class Stream:
    """A chat that is read message by message.

    ``messages`` runs through the file once, in the file's order; ``people`` knows who was met so far. Where an id
    comes again the message was told twice, as exports in parts do, and the first stands.
    """

    format: ChatFormat
    title: str
    messages: Iterator[Message]
    people: People

    @property
    def participants(self) -> Mapping[str, Participant]:
        """Who was met so far, by id."""
        return self.people.found


def read_chat(path: Path | str, *, chat: str | None = None, day_first: bool | None = None) -> Chat:
    """Reads an export at once, its messages by their time where that is a moment; else as `open_chat`."""
    with open_chat(path, chat=chat, day_first=day_first) as stream:
        messages = list(stream.messages)
        if all(message.sent_at.tzinfo is not None for message in messages):
            messages.sort(key=lambda message: message.sent_at)
        return Chat(stream.format, stream.title, dict(stream.participants), tuple(messages))


@contextmanager
def open_chat(path: Path | str, *, chat: str | None = None, day_first: bool | None = None) -> Iterator[Stream]:
    """Opens an export.

    Args:
        path: The file, plain or compressed, or a zip with it.
        chat: The chat's title or id; needed where the export holds several.
        day_first: Whether the day comes before the month in its dates; needed where the file itself leaves that open.

    Raises:
        InputError: It is no export, damaged, or leaves open what must be known; names file, and line or field. It
            may come while messages are read, too.
    """
    document = Document.of_file(Path(path))
    if next(document.raw(), b"").startswith(MAGIC):
        with Archive(document.file) as archive:
            yield _stream(_chosen(_in_archive(archive, day_first), chat, document.file))
    else:
        yield _stream(_chosen(_in_document(document, day_first), chat, document.file))


def _stream(found: Found) -> Stream:
    people = People()
    messages = found.messages(people)
    return Stream(found.format, found.title, _first_of_each(messages) if found.has_ids else messages, people)


def _first_of_each(messages: Iterator[Message]) -> Iterator[Message]:
    seen: set[str] = set()
    for message in messages:
        if message.id not in seen:
            seen.add(message.id)
            yield message


def _in_archive(archive: Archive, day_first: bool | None) -> list[Found]:
    if found := slack.chats_of_archive(archive):
        return found
    names = [name for name in archive.names if Path(name).suffix.lower() in SUFFIXES]
    return [chat for name in names for chat in _in_document(archive.document(name), day_first, among=len(names))]


def _in_document(document: Document, day_first: bool | None, *, among: int = 1) -> list[Found]:
    """The chats in a file; in one ``among`` several of a zip there may be none.

    Raises:
        InputError: It is the only file, and no chat export.
    """
    try:
        head = document.head().decode(errors="replace")
        first_line = head.lstrip().partition("\n")[0]
        if signal.fits_text(first_line):
            return signal.chats_of_text(document)
        if whatsapp.fits_text(first_line):
            return whatsapp.chats_of_text(document, day_first=day_first)
        if not head.lstrip().startswith(("{", "[")):
            document.fail(UNKNOWN, line=1)
        shape = shape_of(document)
        for fits, chats in JSON_FORMATS:
            if fits(shape):
                return chats(document, shape)
        document.fail(f"is JSON, but {UNKNOWN}")
    except InputError:
        if among > 1:
            return []
        raise


def _chosen(found: Sequence[Found], chat: str | None, file: Path) -> Found:
    """The chat that is asked for, or the only one.

    Raises:
        InputError: There is none of that title or id, or several; or none was named among several.
    """
    if not found:
        raise InputError(UNKNOWN, file=file)
    wanted = [one for one in found if chat is None or chat in {one.id, one.title}]
    if len(wanted) == 1:
        return wanted[0]
    listed = ", ".join(f"{one.title!r} (id {one.id})" if one.id else repr(one.title) for one in wanted or found)
    listed = listed if len(listed) <= MAX_LISTED_CHARS else f"{listed[:MAX_LISTED_CHARS]}…"
    if chat is None:
        message = f"holds {len(found)} chats: say which by title or id; it has {listed}"
    else:
        message = f"holds {len(wanted) or 'no'} chats {chat!r}; it has {listed}"
    raise InputError(message, file=file, field="chat")
