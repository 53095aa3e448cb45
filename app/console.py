"""What a command writes and where: its result on standard output, everything else on standard error."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.exits import EXIT_SUCCESS, write_document
from ingest.store import Store, default_root

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Session:
    """How this invocation talks to its user, and which store it works on."""

    as_json: bool
    store_root: Path

    @property
    def store(self) -> Store:
        """The store; nothing is opened or made by this."""
        return Store(self.store_root)

    def finish(self, document: dict[str, Any], show: Callable[[], None], code: int = EXIT_SUCCESS) -> int:
        """Writes the result: the document with ``--json``, else what ``show`` prints.

        Returns:
            The exit code, so that a command ends in ``return session.finish(…)``.
        """
        if self.as_json:
            write_document(document)
        else:
            show()
        return code


workers_option = click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=lambda: os.cpu_count() or 1,
    show_default="one a core",
    help="Processes that replay.",
)


def positive_number(_context: click.Context, _option: click.Parameter, value: str | None) -> Fraction | None:
    """Reads a positive decimal number, exactly.

    Raises:
        click.BadParameter: It is none.
    """
    if value is None:
        return None
    try:
        number = Fraction(value)
    except (ValueError, ZeroDivisionError):
        number = Fraction(0)
    if number <= 0:
        raise click.BadParameter(f"{value!r} is not a positive number")
    return number


def with_session(command: Callable[..., int]) -> Callable[..., int]:
    """Gives a command the options that all have, and passes what they amount to as its first argument."""

    @click.option("--json", "as_json", is_flag=True, help="Write one JSON document on standard output.")
    @click.option(
        "--store",
        "store_dir",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder of histories and results. Default: where PACTSMITH_STORE says, else the user's data folder.",
    )
    @click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an unexpected error.")
    @functools.wraps(command)
    def wrapped(*args: Any, as_json: bool, store_dir: Path | None, **options: Any) -> int:
        return command(Session(as_json, store_dir or default_root()), *args, **options)

    return wrapped
