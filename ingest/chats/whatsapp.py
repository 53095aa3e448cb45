"""WhatsApp's text export, of Android and iOS, in whatever way a locale writes dates.

Whether the day or the month comes first is decided for a whole file by its dates, or asked for; never guessed. A line
that looks like a message's first one is taken as that: the export does not tell it from a line of somebody's message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from ingest.chats.message import Message
from ingest.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from ingest.chats.people import People

INVISIBLE = dict.fromkeys(map(ord, "\u200e\u200f\u202a\u202b\u202c\ufeff"))
SPACES = str.maketrans({"\u202f": " ", "\u00a0": " "})
HEAD = re.compile(
    r"\[?(?P<a>\d{1,4})[./-](?P<b>\d{1,2})[./-](?P<c>\d{2,4}),? (?:at |um |a las )?"
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2}))?"
    r"(?: ?(?P<half>[AaPp])\.? ?[Mm]\.?)?(?:\]| -) (?P<rest>.*)",
    re.DOTALL,
)
SENDER = re.compile(r"([^:\n]{1,120}):(?: |(?=\S)|\Z)(.*)", re.DOTALL)
EDITED = re.compile(r"\s*<(?:This message was edited|Diese Nachricht wurde bearbeitet|Se editó este mensaje\.?)>\s*\Z")
MEDIA = re.compile(
    r"(?:<(?:Media omitted|Medien ausgeschlossen|Multimedia omitido|Mídia oculta|Arquivo de mídia oculto"
    r"|Без медиафайлов|省略多媒体文件|(?:attached|Anhang|adjunto): [^>]+)>"
    r"|.{0,200}\((?:file attached|Datei angehängt|archivo adjunto)\)"
    r"|(?:image|video|audio|sticker|GIF|document) omitted)(?:\n|\Z)"
)
DELETED = re.compile(
    r"(?:This message was deleted|You deleted this message|Diese Nachricht wurde gelöscht"
    r"|Du hast diese Nachricht gelöscht|Se eliminó este mensaje|Eliminaste este mensaje|Mensagem apagada"
    r"|Данное сообщение удалено|此消息已删除)\.?\Z"
)
ASK = "it cannot be told whether the day or the month comes first in its dates: say which (day_first)"


@dataclass(frozen=True, slots=True)
class _Raw:
    """A message's first line, taken apart, and the rest of its text."""

    line: int
    date: tuple[str, str, str]
    time: tuple[int, int, int]
    text: str


def is_head(line: str) -> bool:
    """Whether a line is a message's first one."""
    return HEAD.match(_plain(line)) is not None


def order_of_dates(lines: Iterable[str], path: Path) -> bool | None:
    """Whether the day comes first, by all of a file's dates; None where the year does, or where it makes no difference.

    A number above 12 tells. Where there is none, the order in which the messages' dates do not fall back tells, if
    only one does.

    Raises:
        InputError: The dates contradict each other, or leave it open.
    """
    pairs: list[tuple[int, int, int]] = []
    for line in lines:
        found = HEAD.match(_plain(line))
        if found is None:
            continue
        a, b, c = found["a"], found["b"], found["c"]
        if len(a) == 4:
            return None
        pair = (int(a), int(b), int(c))
        if not pairs or pairs[-1] != pair:
            pairs.append(pair)
    day, month = any(a > 12 for a, _, _ in pairs), any(b > 12 for _, b, _ in pairs)
    if day and month:
        raise InputError("its dates are neither all day first nor all month first", file=path)
    if day or month:
        return day
    if all(a == b for a, b, _ in pairs):
        return None
    rising = {first: _rises([(c, b, a) if first else (c, a, b) for a, b, c in pairs]) for first in (True, False)}
    if rising[True] == rising[False]:
        raise InputError(ASK, file=path, field="day_first")
    return rising[True]


def _rises(dates: Sequence[tuple[int, int, int]]) -> bool:
    return all(before <= after for before, after in pairwise(dates))


def messages(lines: Iterable[str], path: Path, people: People, *, day_first: bool | None) -> Iterator[Message]:
    """A chat's messages; ``day_first`` as of `order_of_dates`.

    Raises:
        InputError: The first line is no message's, or a date or time is none.
    """
    for position, raw in enumerate(_raw(lines, path), start=1):
        yield _message(raw, position, path, people, day_first=day_first)


def _raw(lines: Iterable[str], path: Path) -> Iterator[_Raw]:
    head: tuple[int, re.Match[str]] | None = None
    text: list[str] = []
    for number, line in enumerate(lines, start=1):
        plain = _plain(line)
        found = HEAD.match(plain)
        if found is None:
            if head is None and plain.strip():
                raise InputError("begins with no date and time of a message", file=path, line=number)
            text.append(plain)
            continue
        if head is not None:
            yield _joined(*head, text)
        head, text = (number, found), [found["rest"]]
    if head is not None:
        yield _joined(*head, text)


def _joined(line: int, head: re.Match[str], text: list[str]) -> _Raw:
    hour = int(head["hour"])
    if head["half"]:
        hour = hour % 12 + 12 * (head["half"] in "Pp")
    time = hour, int(head["minute"]), int(head["second"] or 0)
    return _Raw(line, (head["a"], head["b"], head["c"]), time, "\n".join(text).rstrip("\n"))


def _message(raw: _Raw, position: int, path: Path, people: People, *, day_first: bool | None) -> Message:
    a, b, c = raw.date
    if len(a) == 4:
        year, month, day = int(a), int(b), int(c)
    else:
        day, month = (int(a), int(b)) if day_first else (int(b), int(a))
        year = int(c) if len(c) > 2 else 2000 + int(c)
    try:
        sent_at = datetime(year, month, day, *raw.time)  # noqa: DTZ001  the export tells no zone
    except ValueError as error:
        raise InputError(f"is no date and time: {error}", file=path, line=raw.line) from error
    sender = SENDER.match(raw.text)
    if sender is None:
        return Message(str(position), None, sent_at, raw.text, "service")
    text = EDITED.sub("", sender[2])
    media, deleted = MEDIA.match(text), DELETED.fullmatch(text.strip())
    return Message(
        id=str(position),
        author_id=people.seen(None, sender[1].removeprefix("~").strip()),
        sent_at=sent_at,
        text="" if deleted else text[media.end() :] if media else text,
        kind="deleted" if deleted else "media" if media else "text",
        edited_at=sent_at if text != sender[2] else None,
    )


def _plain(line: str) -> str:
    return line.rstrip("\r\n").translate(INVISIBLE).translate(SPACES)
