"""What an export's file holds: text or JSON, read in pieces and within bounds, and an error names the line."""

from __future__ import annotations

import codecs
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, NoReturn, Self

import ijson

from ingest.chats.nesting import MAX_DEPTH, Nesting
from ingest.errors import InputError
from ingest.sources.opening import pieces
from ingest.sources.text import BYTE_ORDER_MARK, whole_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

MAX_BYTES = 4 << 30
MAX_VALUE_BYTES = 8 << 20
MAX_ITEM_BYTES = 64 << 20
FED_BYTES = 1 << 16
HEAD_BYTES = 1 << 16
UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|.)", re.DOTALL)
CUT_ESCAPE = re.compile(rb"\\(?:x[0-9a-fA-F]?)?\Z")


@dataclass(frozen=True, slots=True)
class Document:
    """One file of an export, by itself or out of a zip, which can be gone through again and again.

    ``file`` is how errors call it: a zip's member stands below the zip. ``raw`` opens it: its bytes in pieces.
    """

    file: Path
    raw: Callable[[], Iterator[bytes]]

    @classmethod
    def of_file(cls, path: Path) -> Self:
        """A file on the disk, plain or compressed."""
        return cls(path, partial(pieces, path, MAX_BYTES))

    def pieces(self) -> Iterator[bytes]:
        """The content in UTF-8 without a byte order mark; a file in UTF-16 says so by its mark.

        Raises:
            InputError: As ``ingest.sources.opening.pieces``; or it is no sound UTF-16.
        """
        content = self.raw()
        first = next(content, b"")
        if not first.startswith(UTF_16_MARKS):
            yield first.removeprefix(BYTE_ORDER_MARK)
            yield from content
            return
        decoder = codecs.getincrementaldecoder("utf-16")()
        try:
            for piece in chain([first], content):
                yield decoder.decode(piece).encode()
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            self.fail("begins as UTF-16 and is not: export it again, or save it as UTF-8")

    def head(self) -> bytes:
        """The first 64 kB, by which its format is found.

        Raises:
            InputError: It is empty, or no text.
        """
        head = next(self.pieces(), b"")[:HEAD_BYTES]
        if not head.strip(b"\0 \r\n\t"):
            self.fail("is empty")
        if b"\0" in head:
            self.fail("is binary, no chat export (text must be in UTF-8, or in UTF-16 with its mark)")
        return head

    def lines(self) -> Iterator[tuple[int, str]]:
        """Its lines with their numbers, blank ones at the end left out.

        Raises:
            InputError: A line is no UTF-8, or too long.
        """
        for first, _, block in whole_lines(self.file, self.pieces()):
            try:
                text = block.decode()
            except UnicodeDecodeError as error:
                line = first + block.count(b"\n", 0, error.start)
                self.fail("is no UTF-8 here: export it again, or save it as UTF-8", line=line)
            for number, line_text in enumerate(text.split("\n"), first):
                yield number, line_text.rstrip("\r")

    def items(self, prefix: str, *, many: bool = False) -> Iterator[Any]:
        """The values at a place of its JSON (`ijson`'s prefix), one by one; ``many`` JSON texts may follow each other.

        Raises:
            InputError: It is no JSON, nested too deeply, or one value is too large.
        """
        found = ijson.sendable_list()
        parser = ijson.items_coro(found, prefix, use_float=True, multiple_values=many)
        most_bytes = (
            MAX_BYTES if prefix.count(".item") > 1 else MAX_ITEM_BYTES
        )  # much comes before a chat of an account
        return self._parsed(parser, found, most_bytes, many=many)

    def events(self) -> Iterator[tuple[str, str, Any]]:
        """Its JSON's (prefix, event, value), as `ijson.parse` gives them.

        Raises:
            InputError: As `items`.
        """
        found = ijson.sendable_list()
        return self._parsed(ijson.parse_coro(found, use_float=True), found, MAX_VALUE_BYTES)

    def fail(self, message: str, *, line: int | None = None, field: str | None = None) -> NoReturn:
        """Raises an ``InputError`` that points at a place of this file.

        Raises:
            InputError: Always.
        """
        raise InputError(message, file=self.file, line=line, field=field) from None

    def _parsed(self, parser: Any, found: list[Any], most_bytes: int, *, many: bool = False) -> Iterator[Any]:
        """What a parser finds in its pieces, and no more than so many bytes without finding anything."""
        since, nesting = 0, Nesting()
        try:
            for piece in _mended(self.pieces()):
                if nesting.too_deep(piece):
                    self.fail(f"is nested deeper than {MAX_DEPTH} levels: that is no chat export")
                parser.send(piece)
                since = 0 if found else since + len(piece)
                if since > most_bytes:
                    self.fail(f"has a value of more than {most_bytes} bytes: that is no chat export")
                yield from found
                found.clear()
            parser.close()
        except (ijson.JSONError, UnicodeDecodeError) as error:
            yield from found
            self.fail(f"is no JSON here ({_said(error)}); is it cut off?", line=self._line_of_failure(many=many))

    def _line_of_failure(self, *, many: bool) -> int:
        line, found = 1, ijson.sendable_list()
        parser = ijson.basic_parse_coro(found, multiple_values=many)
        with suppress(ijson.JSONError, UnicodeDecodeError):
            for piece in _mended(self.pieces()):
                for part in piece.splitlines(keepends=True):
                    parser.send(part)
                    found.clear()
                    line += part.endswith(b"\n")
            parser.close()
        return line


def _mended(content: Iterable[bytes]) -> Iterator[bytes]:
    r"""The pieces, smaller; the escape ``\x01``, which some versions of Telegram Desktop write, as JSON has it."""
    rest = b""
    for large in content:
        for start in range(0, len(large), FED_BYTES):
            piece = rest + large[start : start + FED_BYTES]
            cut = _cut_escape(piece)
            rest = piece[cut:]
            if cut:  # an empty piece would be the end
                yield _mend(piece[:cut])
    if rest:
        yield rest


def _cut_escape(piece: bytes) -> int:
    """Where an escape begins that the piece's end cuts off; else its length."""
    found = CUT_ESCAPE.search(piece, max(0, len(piece) - 3))
    if found is None:
        return len(piece)
    before = piece[: found.start()]
    escaped = (len(before) - len(before.rstrip(b"\\"))) % 2 == 1  # by a backslash before it
    return len(piece) if escaped else found.start()


def _mend(piece: bytes) -> bytes:
    if b"\\x" not in piece:
        return piece
    return ESCAPE.sub(lambda found: b"\\u00" + found[1] if found[1] else found[0], piece)


def _said(error: Exception) -> str:
    said = error.args[0] if error.args and isinstance(error.args[0], (str, bytes)) else str(error)
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return text.strip().partition("\n")[0][:200]
