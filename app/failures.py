"""What each kind of failure looks like from outside: its exit code, and words that a user can act on."""

from __future__ import annotations

import os
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from app.exits import EXIT_BAD_INPUT, EXIT_FAILURE, EXIT_INTERRUPTED
from app.settings import traceback_dir
from ingest.errors import InputError, PactsmithError

LONGEST_MESSAGE_LINES = 3


@dataclass(frozen=True, slots=True)
class Failure:
    """How a command ended that did not do what it was asked. ``place`` says where an input is wrong, if one is."""

    code: int
    kind: str
    message: str
    place: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The document that stands on standard output instead of the result."""
        return {"error": {"kind": self.kind, "message": self.message, **self.place, "exit_code": self.code}}


def describe(error: BaseException, *, debug: bool) -> Failure:
    """Turns whatever ended a command into words.

    The traceback of an error that nobody expected is written to a file, or with ``debug`` to standard error.
    """
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return Failure(EXIT_INTERRUPTED, "interrupted", "interrupted; what was stored before is intact")
    if isinstance(error, click.ClickException):
        return Failure(EXIT_BAD_INPUT, "usage", _usage_message(error))
    if isinstance(error, InputError):
        place = {"file": error.file, "line": error.line, "field": error.field}
        known = {key: value for key, value in place.items() if value is not None}
        return Failure(EXIT_BAD_INPUT, "input", str(error), known)
    if isinstance(error, PactsmithError):
        return Failure(EXIT_FAILURE, type(error).__name__.removesuffix("Error"), _in_short(error, debug=debug))
    if isinstance(error, ModuleNotFoundError):
        message = f"the Python package {error.name!r} is not installed: run `make setup` in the checkout"
        return Failure(EXIT_FAILURE, "installation", message)
    if debug:
        traceback.print_exception(error)
        where = ""
    else:
        where = f"; this is a bug: its traceback is in {_keep_traceback(error)}, or run again with --debug"
    return Failure(EXIT_FAILURE, "unexpected", f"unexpected {type(error).__name__}: {error}{where}")


def _in_short(error: PactsmithError, *, debug: bool) -> str:
    """The error's text; of one that quotes a worker's last words only the first and last line, the rest in a file."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if debug or len(lines) <= LONGEST_MESSAGE_LINES:
        return str(error)
    return f"{lines[0]} … {lines[-1]}; all of it is in {_keep_traceback(error)}"


def _usage_message(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f"; see `{context.command_path} --help`" if context else ""
    return error.format_message().rstrip(".") + hint


def _keep_traceback(error: BaseException) -> Path:
    name = f"traceback-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    for folder in (traceback_dir(), Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        except OSError:
            continue
        return folder / name
    return Path("no file, as none could be written")
