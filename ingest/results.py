"""Evaluation results as files: one folder a key, written under a temporary name and renamed, read without locks.

A folder holds ``document.json``, one Parquet file a table, and ``manifest.json`` with every file's SHA-256. What does
not fit its manifest is treated as absent, and a warning says so: it is evaluated again rather than believed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

KEY = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,127}")
TEMPORARY = ".tmp-"
MANIFEST = "manifest.json"
DOCUMENT = "document.json"
STALE_S = 24 * 3600.0

log = logging.getLogger("pactsmith.store")


@dataclass(frozen=True, slots=True)
class StoredResult:
    """One evaluation's result: its document, and its tables, read when asked for."""

    key: str
    document: dict[str, Any]
    files: dict[str, Path]

    def table(self, name: str) -> pa.Table:
        """One of its tables.

        Raises:
            KeyError: It has no table of that name.
        """
        return pq.read_table(self.files[name], partitioning=None)


def put_result(folder: Path, key: str, tables: Mapping[str, pa.Table], document: Mapping[str, Any]) -> None:
    """Stores a result, whole or not at all. Where a sound one is stored under the key already, that one stays.

    Raises:
        StoreError: The disk is full, or the folder cannot be written.
    """
    place = folder / _checked(key)
    temporary = folder / f"{TEMPORARY}{key}-{uuid.uuid4().hex}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        temporary.mkdir()
        contents = {f"{_checked(name)}.parquet": table for name, table in tables.items()}
        for name, table in contents.items():
            pq.write_table(table, temporary / name)
        (temporary / DOCUMENT).write_text(json.dumps(document, sort_keys=True), "utf-8")
        digests = {name: _digest(temporary / name) for name in (*contents, DOCUMENT)}
        (temporary / MANIFEST).write_text(json.dumps(digests), "utf-8")
        for name in (*digests, MANIFEST):
            _flush(temporary / name)
        _put_in_place(temporary, place)
    except OSError as error:
        raise StoreError(f"{place}: the result cannot be stored: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def get_result(folder: Path, key: str) -> StoredResult | None:
    """A stored result, or None where there is none or it is damaged (then a warning was logged)."""
    place = folder / _checked(key)
    if not place.is_dir():
        return None
    try:
        digests = json.loads((place / MANIFEST).read_text("utf-8"))
        for name, digest in digests.items():
            if _digest(place / name) != digest:
                raise ValueError(f"{name} has changed since it was written")
        document = json.loads((place / DOCUMENT).read_text("utf-8"))
    except (OSError, ValueError, AttributeError) as error:
        log.warning("the stored result %s is damaged and is not used: %s", place, error)
        return None
    files = {name.removesuffix(".parquet"): place / name for name in digests if name.endswith(".parquet")}
    return StoredResult(key, document, files)


def results(folder: Path) -> Iterator[StoredResult]:
    """All sound results, by key."""
    if not folder.is_dir():
        return
    for place in sorted(folder.iterdir()):
        if KEY.fullmatch(place.name) and (result := get_result(folder, place.name)):
            yield result


def _checked(key: str) -> str:
    if not KEY.fullmatch(key):
        raise ValueError(f"a result's key and its tables' names are letters, digits, '.', '_' and '-', not {key!r}")
    return key


def _put_in_place(temporary: Path, place: Path) -> None:
    for _ in range(2):
        try:
            temporary.rename(place)
        except OSError:
            if not place.is_dir():
                raise
        else:
            _flush(place.parent)
            return
        if get_result(place.parent, place.name) is not None:
            return
        damaged = place.with_name(f"{TEMPORARY}damaged-{uuid.uuid4().hex}")
        place.rename(damaged)
        shutil.rmtree(damaged, ignore_errors=True)
    raise StoreError(f"{place}: the result cannot be stored: something else keeps writing there")


def _sweep(folder: Path) -> None:
    """Removes what processes that were killed long ago left behind."""
    for place in folder.glob(f"{TEMPORARY}*"):
        try:
            stale = time.time() - place.stat().st_mtime > STALE_S
        except FileNotFoundError:  # its writer was just done
            continue
        if stale:
            shutil.rmtree(place, ignore_errors=True)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
