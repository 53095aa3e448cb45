"""What a file turns out to hold: its JSON's shape, and the chats in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ingest.chats.content import Document
    from ingest.chats.message import ChatFormat, Message
    from ingest.chats.people import People

ACCOUNT_KEYS = frozenset({"chats", "left_chats"})
MESSAGES = ("messages.item", "item")


@dataclass(frozen=True, slots=True)
class Found:
    """A chat of an export, not yet read: ``messages`` goes through it and notes who is met.

    ``has_ids`` says whether its messages' ids are the exporter's; else they are positions, and none comes again.
    """

    format: ChatFormat
    id: str
    title: str
    messages: Callable[[People], Iterator[Message]]
    has_ids: bool = True


@dataclass(frozen=True, slots=True)
class Shape:
    """The keys by which a JSON export is known: those of the document, as far as its messages, and of the first one."""

    top: set[str] = field(default_factory=set)
    message: set[str] = field(default_factory=set)
    is_list: bool = False


def shape_of(document: Document) -> Shape:
    """How a JSON document begins; a list's first object is its first message.

    Raises:
        InputError: It is no JSON as far as it must be read.
    """
    shape = Shape()
    for prefix, event, value in document.events():
        if prefix == "" and event == "start_array":
            shape = Shape(is_list=True)
        elif event == "map_key" and prefix == "":
            shape.top.add(value)
            if value in ACCOUNT_KEYS:
                break
        elif event == "map_key" and prefix in MESSAGES:
            shape.message.add(value)
        elif event == "end_map" and prefix in {"", *MESSAGES}:
            break
    return shape
