"""What was found once, on disk, by the content of what was asked. A loss of the cache costs time and nothing else."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

CACHE_VARIABLE = "PACTSMITH_CACHE"
MAX_ENTRIES = 4096
_FORMAT = b"pactsmith cache 1\n"
_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder of JSON objects by name, whose names say all that their content hangs on.

    ``max_bytes``: of one object as JSON. One that is larger is not found again.
    """

    name: str
    max_bytes: int

    def load(self, name: str) -> dict[str, Any] | None:
        """The object stored under ``name``, or None when there is none or it is not whole."""
        path = self._folder() / name
        try:
            content = path.read_bytes()
        except OSError:
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # what is used stays longest
        packed = content[len(_FORMAT) + _DIGEST_BYTES :]
        if content != _FORMAT + _digest(name, packed) + packed:
            return None
        try:
            found = json.loads(zlib.decompressobj().decompress(packed, self.max_bytes))
        except (zlib.error, ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def save(self, name: str, content: dict[str, Any]) -> None:
        """Stores an object; does nothing where the cache cannot be written."""
        packed = zlib.compress(json.dumps(content, separators=(",", ":")).encode(), 1)
        folder = self._folder()
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            _make_room(folder)
            handle, temporary = tempfile.mkstemp(prefix="tmp-", dir=folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(_FORMAT + _digest(name, packed) + packed)
                os.replace(temporary, folder / name)
            except BaseException:
                os.unlink(temporary)
                raise

    def _folder(self) -> Path:
        named = os.environ.get(CACHE_VARIABLE)
        return (Path(named) if named else user_cache_path("pactsmith")) / self.name


def _digest(name: str, packed: bytes) -> bytes:
    # With the name inside, an entry that was copied or renamed to another's place is not taken for it.
    return hashlib.sha256(name.encode() + packed).digest()


def _make_room(folder: Path) -> None:
    """Drops the half that was not used for longest, once the cache is full."""
    entries = list(folder.iterdir())
    if len(entries) >= MAX_ENTRIES:
        entries.sort(key=lambda entry: entry.stat().st_mtime)
        for entry in entries[: MAX_ENTRIES // 2]:
            entry.unlink(missing_ok=True)
