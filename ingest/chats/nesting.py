"""How deep JSON goes, watched on its bytes before a parser sees them: `ijson` keeps the whole path of every level."""

from __future__ import annotations

import re

MAX_DEPTH = 100
ESCAPED = re.compile(rb"\\.", re.DOTALL)
STRING = re.compile(rb'"[^"]*"')
OPENING, CLOSING = b"[{", b"]}"
NO_SKELETON = bytes(set(range(256)) - set(OPENING + CLOSING + b'"'))


class Nesting:
    """Follows JSON that comes in pieces, which cut no escape.

    What stands in strings does not count. Text that is no JSON may be followed wrongly, but only behind the place at
    which a parser stops.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False

    def too_deep(self, piece: bytes) -> bool:
        """Takes the next piece; whether it goes deeper than `MAX_DEPTH`."""
        bare = ESCAPED.sub(b"", piece) if b"\\" in piece else piece
        skeleton = (b'"' if self._in_string else b"") + bare.translate(None, NO_SKELETON)
        brackets, quote, _ = STRING.sub(b"", skeleton).partition(b'"')
        self._in_string = bool(quote)
        deepest = self._depth
        for bracket in brackets:
            self._depth += 1 if bracket in OPENING else -1
            deepest = max(deepest, self._depth)
        return deepest > MAX_DEPTH
