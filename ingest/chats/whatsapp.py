"""WhatsApp's text export, of Android and iOS, in whatever way a locale writes dates.

Whether the day or the month comes first is decided for a whole file by its dates, or asked for; never guessed. A line
that looks like a message's first one, written in the way of the file's first line, is taken as that: the export does
not tell it from a line of somebody's message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from ingest.chats.found import Found
from ingest.chats.message import Message
from ingest.chats.whatsapp_words import AM, DELETED, EDITED, MEDIA, PM

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.chats.content import Document
    from ingest.chats.people import People

MARK = "\u200e"
"""Stands before what WhatsApp for iOS says itself."""
_M = "[\u200e\u200f\u202a-\u202e]*"
_S = "[ \u00a0\u202f]"
_SEPARATOR = rf"(?:{_M}[./-]|[년월年月]){_S}?"
_HALF = f"{AM}|{PM}"
HEAD = re.compile(
    rf"{_M}(?P<bracket>\[)?{_M}(?P<a>\d{{1,4}})(?P<separator>{_SEPARATOR})(?P<b>\d{{1,2}}){_SEPARATOR}(?P<c>\d{{1,4}})"
    rf"[.일日]?[,،]?{_S}?(?:(?P<before>{_HALF}){_S}?|(?:[^\W\d_]{{1,4}}\.?{_S}){{0,2}})"
    rf"(?P<hour>\d{{1,2}})[:.](?P<minute>\d{{2}})(?:[:.](?P<second>\d{{2}}))?(?:{_S}?(?P<after>{_HALF}))?"
    rf"{_M}(?(bracket)\]|{_S}[-–])(?:{_S}|\Z)(?P<rest>.*)",
    re.IGNORECASE,
)
SENDER = re.compile(rf"(?P<name>[^:\n]{{1,120}}?){_S}?:(?:{_S}|(?=\S)|\Z)(?P<text>.*)", re.DOTALL)
AFTERNOON = re.compile(PM, re.IGNORECASE)
UNSAVED = "~"
"""Stands before a name that its owner chose."""
OPEN_QUOTES, CLOSE_QUOTES = "“„«「", "”»」"
MENTION = re.compile("@\u2068~?([^\u2069\n]{1,120})\u2069")
POLL = re.compile(r"[^\W\d_]{2,20}:\Z")
PLACE = re.compile(r"[^\n:]{2,30}: https?://\S+\Z")
ASK = (
    "nothing tells whether {0} is day {1} of month {2} or day {2} of month {1}: say which comes first, --day-first or "
    "--month-first"
)

Way = tuple[bool, bool, str, bool, bool]


@dataclass(frozen=True, slots=True)
class _Raw:
    """A message as it stands in the file: its first line taken apart, and its whole text."""

    line: int
    head: re.Match[str]
    text: str


def fits_text(line: str) -> bool:
    """Whether a text with this first line is WhatsApp's."""
    return HEAD.match(line) is not None


def chats_of_text(document: Document, *, day_first: bool | None) -> list[Found]:
    """The one chat of a text; ``day_first`` where the file itself leaves it open."""
    title = document.file.parent.stem if document.file.stem == "_chat" else document.file.stem
    return [Found("whatsapp", "", title, partial(_messages, document, day_first), has_ids=False)]


def _messages(document: Document, day_first: bool | None, people: People) -> Iterator[Message]:
    """The chat's messages.

    Raises:
        InputError: A date or time is none, or it is open what comes first in dates.
    """
    order = _order_of_dates(document) if day_first is None else day_first
    for position, raw in enumerate(_raw(document), start=1):
        yield _message(raw, str(position), _sent_at(raw, document, day_first=order), people)


def _raw(document: Document) -> Iterator[_Raw]:
    head: tuple[int, re.Match[str]] | None = None
    way: Way | None = None
    text: list[str] = []
    for number, line in document.lines():
        found = HEAD.match(line)
        if found is not None and way is None:
            way = _way(found)
        if found is None or _way(found) != way:
            text.append(line)
            continue
        if head is not None:
            yield _Raw(*head, "\n".join(text))
        head, text = (number, found), [found["rest"]]
    if head is not None:
        yield _Raw(*head, "\n".join(text))


def _way(head: re.Match[str]) -> Way:
    """The way in which a file writes all its messages' dates and times."""
    a, bracket, separator, second, before, after = head.group("a", "bracket", "separator", "second", "before", "after")
    return len(a) == 4, bracket is None, separator, second is None, before is None and after is None


# ---------------------------------------------------------------------- times


def _order_of_dates(document: Document) -> bool:
    """Whether the day comes first, by all of a file's dates; True, too, where it makes no difference.

    A number above 12 tells. Where there is none, the order in which the messages' dates do not fall back tells, if
    only one does.

    Raises:
        InputError: The dates leave it open.
    """
    dates: list[tuple[int, int, int]] = []
    for raw in _raw(document):
        a, b, c = int(raw.head["a"]), int(raw.head["b"]), int(raw.head["c"])
        if len(raw.head["a"]) == 4:
            return True
        if a > 12 or b > 12:
            return a > 12
        if not dates or dates[-1] != (a, b, c):
            dates.append((a, b, c))
    open_date = next((date for date in dates if date[0] != date[1]), None)
    if open_date is None:
        return True
    rises = {first: _rises([(c, b, a) if first else (c, a, b) for a, b, c in dates]) for first in (True, False)}
    if rises[True] == rises[False]:
        a, b, c = open_date
        document.fail(ASK.format(f"{a:02}/{b:02}/{c:02}", a, b), field="day_first")
    return rises[True]


def _rises(dates: Sequence[tuple[int, int, int]]) -> bool:
    return all(before <= after for before, after in pairwise(dates))


def _sent_at(raw: _Raw, document: Document, *, day_first: bool) -> datetime:
    head = raw.head
    a, b, c = int(head["a"]), int(head["b"]), int(head["c"])
    if len(head["a"]) == 4:
        year, month, day = a, b, c
    else:
        day, month = (a, b) if day_first else (b, a)
        year = c if len(head["c"]) > 2 else 2000 + c
    hour = int(head["hour"])
    if half := head["before"] or head["after"]:
        hour = hour % 12 + (12 if AFTERNOON.fullmatch(half) else 0)
    try:
        return datetime(year, month, day, hour, int(head["minute"]), int(head["second"] or 0))  # noqa: DTZ001  no zone told
    except ValueError as error:
        first = "day" if day_first else "month"
        document.fail(f"is no date and time with the {first} first, as the others are: {error}", line=raw.line)


# ---------------------------------------------------------------------- words


def _message(raw: _Raw, known: str, sent_at: datetime, people: People) -> Message:
    sender = SENDER.match(raw.text)
    if sender is None or not _is_name(sender["name"], sender["text"]):
        return Message(known, None, sent_at, raw.text.replace(MARK, ""), "service")
    name, text = sender["name"].strip(MARK).removeprefix(UNSAVED).strip(), sender["text"]
    if raw.head["bracket"] and _is_service(text):
        return Message(known, None, sent_at, text.replace(MARK, ""), "service")
    said = EDITED.sub("", text) if text.endswith(">") else text
    bare = MEDIA.sub("", said).strip("\n ") if MEDIA.search(said) else said
    deleted = DELETED.match(said.removeprefix(MARK).strip()) is not None
    return Message(
        id=known,
        author_id=people.seen("", name),
        sent_at=sent_at,
        text="" if deleted else MENTION.sub(r"@\1", bare.removeprefix(MARK)),
        kind="deleted" if deleted else "media" if bare != said or PLACE.match(bare.removeprefix(MARK)) else "text",
        edited_at=sent_at if said != text else None,
        mentions=tuple(dict.fromkeys(people.seen("", one) for one in MENTION.findall(bare))),
    )


def _is_name(name: str, text: str) -> bool:
    """Whether what stands before a colon is a sender, not the beginning of a line of WhatsApp's own.

    Those have colons only in the quoted names of groups and in addresses.
    """
    open_quote = name.count('"') % 2 == 1 or sum(map(name.count, OPEN_QUOTES)) > sum(map(name.count, CLOSE_QUOTES))
    return not open_quote and not (text.startswith("//") and name.endswith(("http", "https")))


def _is_service(text: str) -> bool:
    """Whether a text of an iOS export is WhatsApp's own, though a sender stands before it: no file, place or poll."""
    if not text.startswith(MARK):
        return False
    said = text.removeprefix(MARK)
    first = said.partition("\n")[0]
    if MEDIA.match(text) or DELETED.match(EDITED.sub("", said).strip()):
        return False
    return not (POLL.match(first) or PLACE.match(first))
