"""A zip of an export's files, which strangers packed."""

from __future__ import annotations

import lzma
import stat
import struct
import zipfile
import zlib
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NoReturn, Self

from ingest.chats.content import Document
from ingest.errors import InputError
from ingest.sources.opening import PIECE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

MAGIC = b"PK\x03\x04"
MAX_MEMBERS = 100_000
MAX_MEMBER_BYTES = 2 << 30
MAX_RATIO = 200
"""Of a member of more than `SMALL_BYTES` unpacked to its packed size; a chat's is about 5, a bomb's 1000."""
SMALL_BYTES = 1 << 20
DAMAGE = (
    OSError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    RuntimeError,  # a password is asked for, or a way of packing is not known
    ValueError,  # a name in no encoding
    IndexError,
)
"""What `zipfile` raises for archives that are not whole."""


class Archive:
    """A zip's files by name; a context manager. What lies in a folder that macOS adds is passed over.

    Raises:
        InputError: It is no zip that can be read, encrypted, has too many files, or one whose name leads out of it,
            stands twice, or is a link.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except DAMAGE as error:
            raise InputError(f"is no zip that can be read ({error}); copy it again", file=path) from None
        try:
            self._members = self._checked()
        except InputError:
            self._zip.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    @property
    def names(self) -> list[str]:
        """Its files, in the order in which they were packed."""
        return list(self._members)

    def document(self, name: str) -> Document:
        """One of its files.

        Raises:
            InputError: It is far larger unpacked than a chat could be.
        """
        member = self._members[name]
        ratio = member.file_size / max(member.compress_size, 1)
        if member.file_size > MAX_MEMBER_BYTES or (member.file_size > SMALL_BYTES and ratio > MAX_RATIO):
            self._fail(f"{name!r} would be {member.file_size:,} bytes unpacked, {ratio:,.0f} times its packed size")
        return Document(self.path / name, partial(self._pieces, name))

    def _pieces(self, name: str) -> Iterator[bytes]:
        """A file's content; `zipfile` gives no more than the size that it declares."""
        try:
            with self._zip.open(self._members[name]) as stream:
                while piece := stream.read(PIECE_BYTES):
                    yield piece
        except DAMAGE as error:
            self._fail(f"{name!r} cannot be unpacked ({error}); pack or copy it again")

    def _checked(self) -> dict[str, zipfile.ZipInfo]:
        members = self._zip.infolist()
        if len(members) > MAX_MEMBERS:
            self._fail(f"holds more than {MAX_MEMBERS:,} files")
        found: dict[str, zipfile.ZipInfo] = {}
        for member in members:
            self._check(member)
            if member.filename in found:
                self._fail(f"holds two files of the name {member.filename!r}")
            if not member.is_dir() and not member.filename.startswith("__MACOSX/"):
                found[member.filename] = member
        return found

    def _check(self, member: zipfile.ZipInfo) -> None:
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        if not parts or parts[0] == "/" or ".." in parts or parts[0].endswith(":"):
            self._fail(f"holds a file {member.filename!r} that leads out of it")
        if stat.S_ISLNK(member.external_attr >> 16):
            self._fail(f"holds a link, {member.filename!r}")
        if member.flag_bits & 1:
            self._fail("is encrypted: unpack it, and pack it again without a password")

    def _fail(self, message: str) -> NoReturn:
        raise InputError(message, file=self.path) from None
