"""Signal: the text that signal-export writes, ``[YYYY-MM-DD, HH:MM] Name: text``."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from ingest.chats.message import Message, Reaction
from ingest.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ingest.chats.people import People

HEAD = re.compile(r"\[(\d{4}-\d{2}-\d{2}),? (\d{2}:\d{2}(?::\d{2})?)\] ([^:]{1,120}): ?(.*)", re.DOTALL)
REACTIONS = re.compile(r"\s*\(- ([^()]*) -\)\s*\Z")
MEDIA = re.compile(r"!?\[[^\]]*\]\((?:\./)?media/[^)]*\)")


def messages(lines: Iterable[str], path: Path, people: People) -> Iterator[Message]:
    """A conversation's messages.

    Raises:
        InputError: A line is none of a conversation's.
    """
    head: re.Match[str] | None = None
    text: list[str] = []
    position = 0
    for number, line in enumerate(lines, start=1):
        found = HEAD.match(line)
        if found is None:
            if head is None and line.strip():
                raise InputError("begins with no `[YYYY-MM-DD, HH:MM] Name: text`", file=path, line=number)
            text.append(line)
            continue
        if head is not None:
            position += 1
            yield _message(head, text, position, path, people)
        head, text = found, [found[4]]
    if head is not None:
        yield _message(head, text, position + 1, path, people)


def _message(head: re.Match[str], lines: list[str], position: int, path: Path, people: People) -> Message:
    try:
        sent_at = datetime.fromisoformat(f"{head[1]}T{head[2]}")
    except ValueError as error:
        raise InputError(f"{head[1]} {head[2]} is no time", file=path, field=f"message {position}") from error
    quoted = [line[2:] for line in lines if line.startswith("> ")]
    text = "\n".join(line for line in lines if not line.startswith("> ")).strip()
    tail = REACTIONS.search(text)
    reactions = []
    if tail is not None:
        text = text[: tail.start()]
        for one in tail[1].split(", "):
            who, colon, emoji = one.rpartition(": ")
            reactions.append(Reaction(emoji if colon else one, people.seen(None, who) if colon else None))
    bare = MEDIA.sub("", text).strip()
    return Message(
        id=str(position),
        author_id=people.seen(None, head[3]),
        sent_at=sent_at,
        text=bare if bare != text else text,
        kind="media" if bare != text else "text",
        reactions=tuple(reactions),
        quoted="\n".join(quoted),
    )
