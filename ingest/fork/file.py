"""Fork files: gzipped JSON, which every machine can read with nothing installed; whole or not there, checked when read.

A worker process reads one without Arrow, which would take more of its memory than the fork does.
"""

from __future__ import annotations

import gzip
import json
import os
import tempfile
import zlib
from typing import TYPE_CHECKING, Any

from ingest.errors import InputError
from ingest.fork.document import canonical, document_of, parse
from ingest.fork.limits import MAX_DOCUMENT_BYTES, MAX_FILE_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.fork.records import Fork

SUFFIX = ".fork.json.gz"
LEVEL = 6


def write_fork(fork: Fork, folder: Path) -> Path:
    """Writes a fork under its own identity into a folder; the file is there whole or not at all. Returns its path.

    Raises:
        InputError: The folder cannot be written, or the fork is larger than a file may be.
    """
    document = document_of(fork)
    content = canonical(document)
    packed = gzip.compress(content, LEVEL, mtime=0)
    if len(content) > MAX_DOCUMENT_BYTES or len(packed) > MAX_FILE_BYTES:
        raise InputError(f"the fork is larger than {MAX_FILE_BYTES >> 20} MiB; take a shorter window", file=folder)
    path = folder / f"{document['content_id']}{SUFFIX}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".fork-", suffix=".tmp", dir=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(packed)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", file=folder) from None
    return path


def read_fork(path: Path) -> Fork:
    """Reads a fork file, and proves what it says is proven.

    Raises:
        InputError: The file cannot be read, is none, was changed, or does not prove what it says.
    """
    return parse(_load(_unpacked(path), path), file=path)


def _unpacked(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"is larger than {MAX_FILE_BYTES >> 20} MiB; this is no fork file", file=path)
        with gzip.open(path) as stream:
            content = stream.read(MAX_DOCUMENT_BYTES + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InputError("is no gzip file, or a damaged one; get it again", file=path) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", file=path) from None
    if len(content) > MAX_DOCUMENT_BYTES:
        raise InputError(f"is larger than {MAX_DOCUMENT_BYTES >> 20} MiB unpacked", file=path)
    return content


def _load(content: bytes, path: Path) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):  # also where it is no UTF-8
        raise InputError("is no JSON document; this is no fork file", file=path) from None
