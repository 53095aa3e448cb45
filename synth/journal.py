"""A run's journal: one JSON line for each thing that happened, on the disk before the next one happens.

A run is repeatable: the same configuration proposes the same candidates, and what was evaluated lies in the store. The
journal is what cannot be had again: the time that was spent, and what models were asked and answered. A line that a
crash cut short is dropped; every line before it is whole.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from ingest.errors import InputError, StoreBusyError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

Json = dict[str, Any]


class Journal:
    """The lines of one run, read when it is opened, written one by one; a context manager, which holds it for itself.

    Args:
        file: Where it lies; made where there is none.

    Raises:
        StoreError: It cannot be read or written.
        StoreBusyError: Another process works on this run.
        InputError: A line before the last is none of a journal.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        with ExitStack() as opening:
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                self._stream = opening.enter_context(file.open("a+b"))
                fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)  # gone with the process, however it ends
                self._stream.seek(0)
                content = self._stream.read()
                whole = content.rfind(b"\n") + 1
                self._stream.truncate(whole)
            except BlockingIOError as error:
                raise StoreBusyError(f"{file}: another process works on this run") from error
            except OSError as error:
                raise StoreError(f"{file}: the run's journal cannot be opened: {error.strerror}") from error
            lines = content[:whole].splitlines()
            self._lines = [self._parsed(line, place) for place, line in enumerate(lines, start=1)]
            opening.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def append(self, kind: str, **fields: Any) -> None:
        """Writes a line, and returns when it is on the disk.

        Raises:
            StoreError: The disk is full, or the like.
        """
        line = {"kind": kind} | fields
        try:
            self._stream.write(json.dumps(line, sort_keys=True).encode() + b"\n")
            self._stream.flush()
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise StoreError(f"{self.file}: the run's journal cannot be written: {error.strerror}") from error
        self._lines.append(line)

    def lines(self, kind: str) -> Iterator[Json]:
        """The lines of one kind, in order."""
        return (line for line in tuple(self._lines) if line["kind"] == kind)

    def first(self, kind: str) -> Json | None:
        """The first line of a kind, if there is one."""
        return next(self.lines(kind), None)

    def _parsed(self, line: bytes, place: int) -> Json:
        try:
            content = json.loads(line)
            if isinstance(content, dict) and isinstance(content.get("kind"), str):
                return content
        except ValueError:
            pass
        raise InputError(
            "is no line of a run's journal; restore the file, or start a new run", file=self.file, line=place
        )
