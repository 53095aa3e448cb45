"""Somebody else's words within a message: lines that begin with ``>``."""

from __future__ import annotations

MARK = "> "


def unquoted(said: str) -> tuple[str, str]:
    """A text without its quoted lines, and those lines; both without the blank ones between them."""
    if MARK not in said:
        return said, ""
    lines = said.split("\n")
    quoted = [line.removeprefix(MARK) for line in lines if line.startswith(MARK)]
    if not quoted:
        return said, ""
    return "\n".join(line for line in lines if not line.startswith(MARK)).strip("\n"), "\n".join(quoted)
