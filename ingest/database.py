"""Short connections to a store's DuckDB file: one writer or many readers at a time, with a bounded wait.

DuckDB locks the whole file for a writer, readers included, and a writer waits for every reader: so nobody keeps a
connection, and whoever meets the lock tries again until the wait is over.
"""

from __future__ import annotations

import os
import random
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from ingest.errors import StoreBusyError, StoreError
from ingest.migrations import migrate, needs_migration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ingest.migrations import Migration

WAIT_S = 60.0
PAUSE_S = (0.005, 0.05)
LOCK_SIGNS = (
    "Could not set lock",  # another process
    "different configuration",  # a thread of this process that reads while we write, or the other way round
    "already attached",  # a thread of this process that is just closing
)
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "memory_limit": "192MB",
}
QUICK_WRITES = "SET disabled_compression_methods = 'fsst,dict_fsst'; SET threads = 1"
"""Hashes and amounts hardly shrink, and trying takes more than half of a write; a second thread costs more than it
saves. Among CONFIG the first would be ignored."""

_writing = threading.Lock()  # DuckDB lets the threads of one process write at once, and fails one of them


@contextmanager
def reading(
    path: Path, wait_s: float = WAIT_S, steps: Sequence[Migration] | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to an existing store, brought up to date first where it is older.

    ``steps`` are the store's migrations; by default those of the history store.

    Raises:
        StoreBusyError: A writer held the lock for the whole wait.
        StoreError: The file is damaged, or a newer Pactsmith wrote it.
    """
    connection = _connect(path, read_only=True, wait_s=wait_s)
    if needs_migration_or_close(connection, steps):
        connection.close()
        with writing(path, wait_s, steps):
            pass
        connection = _connect(path, read_only=True, wait_s=wait_s)
    with _errors(path):
        try:
            yield connection
        finally:
            connection.close()


@contextmanager
def writing(
    path: Path, wait_s: float = WAIT_S, steps: Sequence[Migration] | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection within one transaction: committed at the end, rolled back by any exception.

    The file is made where it is missing. ``steps`` are the store's migrations; by default those of the history store.

    Raises:
        StoreBusyError: Others held the lock for the whole wait.
        StoreError: The file is damaged, the disk is full, or a newer Pactsmith wrote it.
    """
    if not _writing.acquire(timeout=wait_s):
        raise StoreBusyError(f"{path}: another thread has been writing for {wait_s:g} s; try again later")
    try:
        if not path.exists():
            _create(path, steps)
        connection = _connect(path, read_only=False, wait_s=wait_s)
        with _errors(path):
            try:
                migrate(connection, steps)
                connection.execute(QUICK_WRITES)
                connection.execute("BEGIN")
                yield connection
                connection.execute("COMMIT")
            finally:
                connection.close()  # rolls back what was not committed
    finally:
        _writing.release()


def _connect(path: Path, *, read_only: bool, wait_s: float) -> duckdb.DuckDBPyConnection:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            return duckdb.connect(str(path), read_only=read_only, config=CONFIG)
        except duckdb.Error as error:
            if not any(sign in str(error) for sign in LOCK_SIGNS):
                raise StoreError(f"{path}: cannot be opened as a store: {error}") from error
            if time.monotonic() >= deadline:
                raise StoreBusyError(f"{path}: in use by another process for {wait_s:g} s; try again later") from error
        time.sleep(random.uniform(*PAUSE_S))  # noqa: S311 - spreads those who wait


def needs_migration_or_close(connection: duckdb.DuckDBPyConnection, steps: Sequence[Migration] | None) -> bool:
    """``needs_migration`` that leaves no open connection when it refuses the store."""
    try:
        return needs_migration(connection, steps)
    except BaseException:
        connection.close()
        raise


def _create(path: Path, steps: Sequence[Migration] | None) -> None:
    """Makes an empty store under a temporary name, so that the real name never shows half a file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{path.parent}: cannot be made: {error.strerror}") from error
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        with _errors(path):
            connection = duckdb.connect(str(temporary), config=CONFIG)
            try:
                migrate(connection, steps)
            finally:
                connection.close()
        os.link(temporary, path)
    except FileExistsError:
        pass  # another process was faster; its store is as good
    except OSError as error:
        raise StoreError(f"{path}: cannot be made: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise StoreError(f"{path}: {error}") from error
