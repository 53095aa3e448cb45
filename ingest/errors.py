"""What can go wrong, typed by whose fault it is and whether a retry may help."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class PactsmithError(Exception):
    """Base of every error that Pactsmith raises on purpose; its text is fit to be shown to a user."""


class InputError(PactsmithError, ValueError):
    """A file, option or value given by the user is wrong; nothing was stored.

    Args:
        message: What is wrong and what to do about it.
        file: The file at fault, if there is one.
        line: Its 1-based line (a CSV's header is line 1).
        field: The column, key or option.
    """

    def __init__(
        self, message: str, *, file: Path | str | None = None, line: int | None = None, field: str | None = None
    ) -> None:
        self.file = None if file is None else str(file)
        self.line = line
        self.field = field
        place = ", ".join(
            part
            for part in (
                self.file,
                None if line is None else f"line {line}",
                None if field is None else f"field {field!r}",
            )
            if part
        )
        super().__init__(f"{place}: {message}" if place else message)


class StoreError(PactsmithError, RuntimeError):
    """The store cannot be read or written."""


class ChangedError(StoreError):
    """What was read is no longer what is stored; reading it again and doing the same may succeed."""


class StoreBusyError(StoreError):
    """Another process holds the store's lock; trying again later may succeed."""
