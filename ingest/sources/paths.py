"""Which files are meant: a file, everything in a folder, or a pattern."""

from __future__ import annotations

import glob
import os
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MAX_FILES = 100_000
PATTERN_SIGNS = "*?["


def expand(paths: Sequence[Path | str] | Path | str) -> list[Path]:
    """The files that are meant, in the order given; those of a folder (with its folders) or a pattern by their names.

    Hidden files and folders are passed over, except where they are named themselves. A pattern has ``*``, ``?``,
    ``[…]``, and ``**`` for any number of folders.

    Raises:
        InputError: No file was given, a folder or pattern holds none or cannot be read, or there are too many.
    """
    given = [paths] if isinstance(paths, (str, Path)) else paths
    files = [file for path in given for file in _meant(Path(path))]
    if not files:
        raise InputError("no file was given")
    return files


def _meant(path: Path) -> list[Path]:
    if path.is_dir():
        return _some(path, _in_folder(path), "there is no file in this folder")
    if any(sign in str(path) for sign in PATTERN_SIGNS) and not path.exists():
        matches = map(Path, glob.iglob(str(path), recursive=True))
        return _some(path, (match for match in matches if match.is_file()), "no file matches this pattern")
    return [path]


def _some(path: Path, found: Iterable[Path], none: str) -> list[Path]:
    files = sorted(islice(found, MAX_FILES + 1))
    if not files:
        raise InputError(f"cannot be read: {none}", file=path)
    if len(files) > MAX_FILES:
        raise InputError(f"holds more than {MAX_FILES} files; name a part of them", file=path)
    return files


def _in_folder(folder: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise InputError(f"cannot be read: {error.strerror or error}", file=error.filename) from None

    for place, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place, name) for name in names if not name.startswith("."))
