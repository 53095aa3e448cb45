"""What a candidate's text may hold, judged before any compiler reads it."""

from __future__ import annotations

import re
import unicodedata
from itertools import chain, islice
from typing import TYPE_CHECKING

from verify.compile import RULE_SOURCES
from verify.findings import Finding
from verify.solc import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_SOURCE_BYTES = 64 * 1024
MAX_COMMENT_BYTES = 16 * 1024
MAX_FINDINGS = 20
# One token. The order matters: a quote inside a comment opens no string, and slashes inside a string no comment.
# A comment or string that never closes runs to the end, so that the time is linear; the compiler then refuses it.
_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z))"""
    r"""|(?P<string>"(?:[^"\\\n]|\\(?:\r\n|.))*"?|'(?:[^'\\\n]|\\(?:\r\n|.))*'?)"""
    r"""|(?P<word>[A-Za-z_$][A-Za-z0-9_$]*)|(?P<space>\s+)|(?P<other>.)""",
    re.DOTALL,
)
_Token = tuple[str, str, int]  # kind, text, offset in characters
# Letters by Unicode's categories that are drawn as nothing.
_BLANK_LETTERS = "\u115f\u1160\u3164\uffa0\u2800"
_HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def check_source(source: str, file: str, *, imports: tuple[str, ...] = RULE_SOURCES) -> tuple[Finding, ...]:
    """All findings, of stage ``admission``, on the text: at most ``MAX_FINDINGS``.

    Args:
        source: The text.
        file: How findings name it.
        imports: The sources that it may import.
    """
    size = len(source.encode("utf-8", "surrogatepass"))
    if size > MAX_SOURCE_BYTES:
        message = f"the source has {size} bytes; the limit is {MAX_SOURCE_BYTES}"
        return (Finding("admission", "source-too-large", message, file),)
    hidden = tuple(islice(_hidden_characters(source, file), MAX_FINDINGS))
    if hidden:
        # What cannot be seen may also move the borders of comments; so nothing else is read from such a text.
        return hidden
    comments = sum(len(text.encode()) for kind, text, _ in _tokens(source) if kind == "comment")
    if comments > MAX_COMMENT_BYTES:
        message = f"the comments have {comments} bytes; the limit is {MAX_COMMENT_BYTES}: say it shorter"
        return (Finding("admission", "comments-too-long", message, file),)
    tokens = [token for token in _tokens(source) if token[0] not in ("comment", "space")]
    return tuple(islice(chain(_words(source, tokens, file, imports), _pragma(source, tokens, file)), MAX_FINDINGS))


def _hidden_characters(source: str, file: str) -> Iterator[Finding]:
    """Characters that a reader does not see, or that change how the text around them is shown."""
    for line_number, line in enumerate(source.replace("\r\n", "\n").split("\n"), start=1):
        for column, character in enumerate(line, start=1):
            blank = character in _BLANK_LETTERS
            if character != "\t" and (blank or unicodedata.category(character) in _HIDDEN_CATEGORIES):
                message = f"invisible or direction-changing character U+{ord(character):04X}"
                yield Finding("admission", "invisible-character", message, file, line_number, column)
                break  # one a line is enough to act on


def _words(source: str, tokens: list[_Token], file: str, imports: tuple[str, ...]) -> Iterator[Finding]:
    """Non-ASCII outside comments, assembly, and imports of anything but the files that are ours."""
    for position, (kind, text, offset) in enumerate(tokens):
        if not text.isascii():
            message = f"{text[:40]!r}: outside comments only ASCII is allowed"
            yield Finding("admission", "non-ascii", message, file, *_place(source, offset))
        elif kind == "word" and text == "assembly":
            message = "a rule may not hold inline assembly"
            yield Finding("admission", "assembly-forbidden", message, file, *_place(source, offset))
        elif kind == "word" and text == "import":
            named = next((token for token in tokens[position + 1 :] if token[0] == "string" or token[1] == ";"), None)
            if named is None or named[1][1:-1] not in imports:
                shown = "" if named is None else f" {named[1][:200]}"
                message = f"import{shown}: this source may import {' and '.join(imports)}, written exactly so"
                yield Finding("admission", "import-forbidden", message, file, *_place(source, offset))


def _pragma(source: str, tokens: list[_Token], file: str) -> Iterator[Finding]:
    """One pragma, and of the pinned version."""
    count = 0
    for position, (kind, text, offset) in enumerate(tokens):
        if kind == "word" and text == "pragma":
            count += 1
            words = "".join(token[1] for token in tokens[position + 1 : position + 3 + len(VERSION)])
            if not words.startswith(f"solidity{VERSION};"):
                message = f"the one pragma must be: pragma solidity {VERSION};"
                yield Finding("admission", "pragma", message, file, *_place(source, offset))
    if count != 1:
        message = f"there must be one pragma, which is: pragma solidity {VERSION}; this source has {count}"
        yield Finding("admission", "pragma", message, file)


def _tokens(source: str) -> Iterator[_Token]:
    """All of the text in its parts."""
    for match in _TOKEN.finditer(source):
        yield str(match.lastgroup), match.group(), match.start()


def _place(source: str, offset: int) -> tuple[int, int]:
    before = source[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
