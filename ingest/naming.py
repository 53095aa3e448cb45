"""What a history or an order flow may be called: printable, and never as another one of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ingest.errors import InputError

if TYPE_CHECKING:
    import duckdb

MAX_NAME_CHARS = 100

Kind = Literal["history", "flow"]
WORDS: dict[Kind, str] = {"history": "a history", "flow": "an order flow"}
TAKEN: dict[Kind, str] = {
    "history": "SELECT 1 FROM history WHERE name = ?",
    "flow": "SELECT 1 FROM flow WHERE name = ?",
}


def check_name(name: str) -> None:
    """Refuses what cannot be typed or shown.

    Raises:
        InputError: The name is empty, too long, has blanks around it or characters that do not print.
    """
    if not (name and name == name.strip() and name.isprintable() and len(name) <= MAX_NAME_CHARS):
        raise InputError(f"must be 1 to {MAX_NAME_CHARS} printable characters, found {name[:120]!r}", field="name")


def require_free(connection: duckdb.DuckDBPyConnection, name: str, other: Kind) -> None:
    """Refuses a name that the store has given to something of the other kind.

    Raises:
        InputError: It has.
    """
    if connection.execute(TAKEN[other], [name]).fetchall():
        raise InputError(f"the store already has {WORDS[other]} {name!r}; choose another name", field="name")
