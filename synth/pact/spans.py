"""Stretches of a text: where something was read, so that nothing else is read there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Span = tuple[int, int]

HOLE = "\x00"
"""What stands in a text where something was read."""


def overlap(a: Span, b: Span) -> bool:
    """Whether two stretches share a character."""
    return a[0] < b[1] and b[0] < a[1]


def punch(text: str, spans: Iterable[Span]) -> str:
    """``text`` with holes where ``spans`` are; what stands where does not move."""
    letters = list(text)
    for start, end in spans:
        letters[start:end] = HOLE * (end - start)
    return "".join(letters)
