"""What an export's file holds: text or a zip of files, opened within bounds; JSON read in pieces."""

from __future__ import annotations

import json
import re
import stat
import zipfile
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import ijson

from ingest.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

MAX_BYTES = 4 << 30
"""Of a file that is read in pieces."""
MAX_HELD_BYTES = 256 << 20
"""Of a file that is held at once."""
MAX_ZIP_MEMBERS = 100_000
MAX_ZIP_BYTES = 2 << 30
"""Of all members of a zip, unpacked, that are read."""
CHUNK = 1 << 16
ZIP = b"PK\x03\x04"
BROKEN_ESCAPE = re.compile(rb"(?<!\\)((?:\\\\)*)\\x([0-9a-fA-F]{2})")
"""``\\x01``, which some versions of Telegram Desktop write and JSON does not know."""


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file's bytes.

    Raises:
        InputError: It cannot be read, or is too large.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"is larger than {MAX_BYTES >> 30} GiB", file=path)
        with path.open("rb") as stream:
            yield stream
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=path) from error


class Mended:
    """A byte stream whose broken escapes are written as JSON has them; for `ijson`, which calls ``read``."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._rest = stream, b""

    def read(self, size: int = -1) -> bytes:
        """The next bytes; a piece never ends within an escape."""
        if size == 0:
            return b""
        piece = self._rest + self._stream.read(CHUNK)
        if not piece:
            return b""
        tail = piece.rfind(b"\\", max(len(piece) - 4, 0))
        while tail > 0 and piece[tail - 1 : tail] == b"\\":
            tail -= 1  # a run of backslashes stays whole
        cut = len(piece) if tail < 0 or len(piece) - len(self._rest) < CHUNK else tail
        if cut == 0:
            cut = len(piece)
        self._rest = piece[cut:]
        return BROKEN_ESCAPE.sub(rb"\1\\u00\2", piece[:cut])


def items(path: Path, prefix: str) -> Iterator[Any]:
    """The values at a place of a JSON file, one by one (`ijson`'s prefix).

    Raises:
        InputError: The file is no JSON.
    """
    with opened(path) as stream:
        try:
            yield from ijson.items(Mended(stream), prefix, use_float=True)
        except (ijson.JSONError, UnicodeDecodeError) as error:
            raise InputError(f"is no JSON: {_first_line(error)}", file=path) from error


def events(path: Path) -> Iterator[tuple[str, str, Any]]:
    """A JSON file's (prefix, event, value), as `ijson.parse` gives them.

    Raises:
        InputError: The file is no JSON.
    """
    with opened(path) as stream:
        try:
            yield from ijson.parse(Mended(stream), use_float=True)
        except (ijson.JSONError, UnicodeDecodeError) as error:
            raise InputError(f"is no JSON: {_first_line(error)}", file=path) from error


def parsed(content: bytes, file: str) -> Any:
    """A small JSON file at once.

    Raises:
        InputError: It is none.
    """
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        raise InputError(f"is no JSON: {error.msg}", file=file, line=error.lineno) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"is no JSON: {_first_line(error)}", file=file) from error


def decoded(content: bytes, path: Path) -> str:
    """Text in UTF-8, or in UTF-16 where it says so.

    Raises:
        InputError: It is neither.
    """
    encoding = "utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError("is no UTF-8: export it again, or save it as UTF-8", file=path, line=line) from error


class Archive:
    """A zip's files, by name; a context manager. No more than `MAX_ZIP_BYTES` of them are read.

    Raises:
        InputError: It is no zip, damaged, or holds names that lead out of it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise InputError(f"is no zip that can be read: {error}", file=path) from error
        members = self._zip.infolist()
        try:
            if len(members) > MAX_ZIP_MEMBERS:
                raise InputError(f"holds more than {MAX_ZIP_MEMBERS:,} files", file=path)
            for member in members:
                self._check(member)
        except InputError:
            self._zip.close()
            raise
        self.names = [member.filename for member in members if not member.is_dir()]
        self._left = MAX_ZIP_BYTES

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def read(self, name: str) -> bytes:
        """One file's content.

        Raises:
            InputError: It is damaged, or larger than it may be, unpacked.
        """
        try:
            with self._zip.open(name) as stream:
                content = stream.read(min(MAX_HELD_BYTES, self._left) + 1)
        except (OSError, zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
            raise InputError(f"{name} cannot be unpacked: {error}", file=self.path) from error
        if len(content) > min(MAX_HELD_BYTES, self._left):
            raise InputError(f"{name} is larger, unpacked, than may be read", file=self.path)
        self._left -= len(content)
        return content

    def _check(self, member: zipfile.ZipInfo) -> None:
        parts = PurePosixPath(member.filename.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or parts.parts[0].endswith(":"):
            raise InputError(f"holds a file {member.filename!r} that leads out of it", file=self.path)
        if stat.S_ISLNK(member.external_attr >> 16):
            raise InputError(f"holds a link, {member.filename!r}", file=self.path)
        if member.flag_bits & 1:
            raise InputError("is encrypted: unpack it, and pack it again without a password", file=self.path)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
