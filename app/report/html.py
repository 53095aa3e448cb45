"""HTML that escapes by construction: what is not `Html` already is text from a stranger and becomes text."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from app.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

VOID_TAGS = frozenset({"br", "hr", "meta", "link", "rect", "line", "path", "circle"})


class Html(str):
    """Markup that this package made; every other string is escaped where it is put into a page."""

    __slots__ = ()


Content = Html | str | int | float | None
Attribute = Html | str | int | float | bool | None


def text(value: Content) -> Html:
    """One piece of content as markup: `Html` as it is, None as nothing, all else escaped."""
    if isinstance(value, Html):
        return value
    return Html("" if value is None else escape(printable(value), quote=True))


def join(parts: Iterable[Content]) -> Html:
    """Pieces of content one after the other."""
    return Html("".join(text(part) for part in parts))


def el(tag: str, *children: Content, **attributes: Attribute) -> Html:
    """An element.

    Attribute names are written in Python's manner: ``class_`` is ``class``, ``data_label`` is ``data-label``. An
    attribute that is None or False is left out, one that is True stands without a value.
    """
    opening = tag + "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in VOID_TAGS and not children:
        return Html(f"<{opening}>" if tag in {"br", "hr", "meta", "link"} else f"<{opening}/>")
    return Html(f"<{opening}>{join(children)}</{tag}>")


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    written = name.rstrip("_").replace("_", "-")
    return f" {written}" if value is True else f' {written}="{text(value)}"'
