"""Opens files: plain, gzip or zstd by their first bytes whatever their name, in pieces, never without a bound."""

from __future__ import annotations

import gzip
import json
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

import pyarrow as pa

from ingest.errors import InputError
from ingest.sources import parquet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
MAX_BYTES = 2 << 30  # unpacked and held at once; a bomb ends here
MAX_STREAMED_BYTES = 1 << 40
PIECE_BYTES = 1 << 20
HEAD_BYTES = 1 << 16


def pieces(path: Path, most_bytes: int = MAX_STREAMED_BYTES) -> Iterator[bytes]:
    """A file's unpacked content in pieces of about a megabyte.

    Raises:
        InputError: The file cannot be read, is larger than ``most_bytes``, or its packing is damaged or cut off; then
            it names the line up to which the content could be unpacked.
    """
    size = 0
    try:
        for piece in _unpacked(path):
            yield piece
            size += len(piece)
            if size > most_bytes:
                raise InputError(f"is larger than {most_bytes} bytes unpacked; split it", file=path)
    except EOFError:
        message = "the compressed file ends too early (cut off); download or copy it again"
        raise InputError(message, file=path, line=_line_of_failure(path)) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        message = f"the gzip file is damaged ({error}); download or copy it again"
        raise InputError(message, file=path, line=_line_of_failure(path)) from None
    except OSError as error:  # Arrow's own name for a damaged zstd file too
        raise InputError(f"cannot be read: {error.strerror or error}", file=path) from None


def _line_of_failure(path: Path) -> int:
    line = 1
    with suppress(EOFError, OSError, zlib.error):  # the failure that is already known
        for piece in _unpacked(path):
            line += piece.count(b"\n")
    return line


def read_bytes(path: Path) -> bytes:
    """A file's whole content, unpacked.

    Raises:
        InputError: As ``pieces``, or the file is empty or too large to be held at once.
    """
    content = b"".join(pieces(path, MAX_BYTES))
    if not content:
        raise InputError("is empty", file=path)
    return content


def head_of(path: Path) -> bytes:
    """The first 64 kB of a file's unpacked content, by which its kind is found.

    A Parquet file has its columns at the end: for it, the magic number and their names as a JSON list.

    Raises:
        InputError: As ``pieces``; or the file is empty, or no whole Parquet file though it begins like one.
    """
    head = next(pieces(path), b"")
    if not head:
        raise InputError("is empty", file=path)
    if head.startswith(parquet.MAGIC):
        return parquet.MAGIC + json.dumps(parquet.column_names(path)).encode()
    return head[:HEAD_BYTES]


def _unpacked(path: Path) -> Iterator[bytes]:
    """The content in pieces; of a gzip file also what could be unpacked before a cut."""
    with path.open("rb") as raw:
        magic = raw.read(len(ZSTD_MAGIC))
        raw.seek(0)
        if magic.startswith(GZIP_MAGIC):
            with gzip.open(raw) as stream:
                yield from _until_end(stream.read1)
        elif magic == ZSTD_MAGIC:
            with pa.input_stream(raw, compression="zstd") as stream:
                yield from _until_end(stream.read)
        else:
            yield from _until_end(raw.read)


def _until_end(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while piece := read(PIECE_BYTES):
        yield piece
