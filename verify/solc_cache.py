"""Compiler replies on disk, by the content of what was asked. A loss of the cache costs time and nothing else."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import zlib
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from verify.solc import FULL_VERSION, MAX_REPLY_BYTES

CACHE_VARIABLE = "PACTSMITH_CACHE"
_FORMAT = b"pactsmith solc reply 1\n"
_DIGEST_BYTES = 32
_MAX_ENTRIES = 4096


def key(request: str) -> str:
    """Names a request: the compiler's version and the whole standard JSON (settings and sources) in one hash."""
    return hashlib.sha256(f"{FULL_VERSION}\n{request}".encode()).hexdigest()


def load(name: str) -> dict[str, Any] | None:
    """The reply stored under ``name``, or None when there is none or it is not whole."""
    try:
        content = (_folder() / name).read_bytes()
    except OSError:
        return None
    packed = content[len(_FORMAT) + _DIGEST_BYTES :]
    if content != _FORMAT + _digest(name, packed) + packed:
        return None
    try:
        reply = json.loads(zlib.decompressobj().decompress(packed, MAX_REPLY_BYTES))
    except (zlib.error, ValueError, RecursionError):
        return None
    return reply if isinstance(reply, dict) else None


def save(name: str, reply: dict[str, Any]) -> None:
    """Stores a reply; does nothing where the cache cannot be written."""
    packed = zlib.compress(json.dumps(reply, separators=(",", ":")).encode(), 1)
    folder = _folder()
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


def _folder() -> Path:
    named = os.environ.get(CACHE_VARIABLE)
    return (Path(named) if named else user_cache_path("pactsmith")) / "solc"


def _digest(name: str, packed: bytes) -> bytes:
    # With the name inside, an entry that was copied or renamed to another's place is not taken for it.
    return hashlib.sha256(name.encode() + packed).digest()


def _make_room(folder: Path) -> None:
    """Drops the older half once the cache is full."""
    entries = list(folder.iterdir())
    if len(entries) >= _MAX_ENTRIES:
        entries.sort(key=lambda entry: entry.stat().st_mtime)
        for entry in entries[: _MAX_ENTRIES // 2]:
            entry.unlink(missing_ok=True)
