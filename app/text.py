"""Text that comes from outside, made fit for a terminal."""

from __future__ import annotations

import unicodedata

KEPT = "\n\t"


def printable(text: object) -> str:
    r"""The text with every control or direction-changing character replaced by ``�``.

    Rule names, token symbols and file names come from strangers; an escape sequence among them must not reach the
    user's terminal, nor a bidirectional override reorder what a line seems to say. ``\n`` and ``\t`` stay.
    """
    return "".join(
        character if character in KEPT or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} else "�"
        for character in str(text)
    )
