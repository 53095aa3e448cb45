"""What is to be said of a file that is of no known kind: how it is written, and which kinds come near."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from ingest.errors import InputError
from ingest.sources.parquet import MAGIC
from ingest.sources.text import BYTE_ORDER_MARK, header_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

Syntax = Literal["CSV", "JSON", "Parquet"]

EMPTY: dict[Syntax, bytes] = {"CSV": b"\n", "JSON": b"{}", "Parquet": MAGIC + b"[]"}
HINT = "; if it does not belong to the others, name those by a pattern such as 'FOLDER/*.csv.gz'"


class Kind(Protocol):
    """A kind of file; see ``ingest.sources.base`` and ``ingest.flow_sources.base``."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def what(self) -> str:
        """What it is, in words."""

    @property
    def missing(self) -> Callable[[bytes], list[str]]:
        """What the beginning of a file lacks to be of this kind."""

    @property
    def syntaxes(self) -> tuple[Syntax, ...]:
        """How such files are written."""


def syntax_of(head: bytes) -> Syntax | None:
    """How a file is written, by its beginning (``ingest.sources.opening.head_of``); None where in no way known."""
    if head.startswith(MAGIC):
        return "Parquet"
    if head.removeprefix(BYTE_ORDER_MARK).lstrip().startswith((b"{", b"[")):
        return "JSON"
    return "CSV" if len(header_of(head)) > 1 else None


def unknown_kind(path: Path, head: bytes, kinds: Sequence[Kind], *, among: int) -> InputError:
    """The error for a file, one ``among`` so many, that is of none of these kinds.

    It names all that are written alike, and the nearest of them, if the file has half of what that needs.
    """
    syntax = syntax_of(head)
    hint = HINT if among > 1 else ""
    if syntax is None:
        message = f"is of no known kind: no CSV in UTF-8 with a header, no JSON, no Parquet{hint}"
        return InputError(message, file=path, line=1)
    alike = [kind for kind in kinds if syntax in kind.syntaxes]
    known = f"known kinds of {syntax} are {', '.join(kind.name for kind in alike)}{hint}"
    lacking = [(kind.missing(head), len(kind.missing(EMPTY[syntax])), kind) for kind in alike]
    missing, needed, nearest = min(lacking, key=lambda entry: len(entry[0]) / entry[1])
    if 2 * len(missing) > needed:
        return InputError(f"is {syntax} of no known kind; {known}", file=path, line=1)
    message = f"is {syntax} of no known kind; to be {nearest.what} it lacks {', '.join(missing)}; {known}"
    return InputError(message, file=path, line=1, field=missing[0])
