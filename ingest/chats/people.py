"""Who is in a chat, gathered while it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.chats.message import Participant, Reaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NOBODY = "deleted account"
MAX_UNNAMED = 100
"""Reactions of one kind that are only counted; more of them say nothing that matters here."""


class People:
    """Participants by id, in the order in which they first appear; a later name takes an earlier one's place."""

    def __init__(self) -> None:
        self.found: dict[str, Participant] = {}

    def seen(self, identifier: str, name: str = "") -> str:
        """Notes somebody; returns the id. Where an export has no id, it is the name; where no name, the id."""
        told = name.strip()
        known = identifier or told or NOBODY
        before = self.found.get(known)
        if before is None or (told and told != before.name):
            self.found[known] = Participant(known, told or known)
        return known


def reactions(emoji: str, authors: Sequence[str], number: int) -> Iterator[Reaction]:
    """The reactions with one emoji: those whose authors are told, and of the others as many as are counted."""
    for author in authors:
        yield Reaction(emoji, author)
    yield from [Reaction(emoji, None)] * min(max(0, number - len(authors)), MAX_UNNAMED)
