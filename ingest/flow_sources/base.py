"""What every source of order flow offers: how it is recognised, and how it is read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import pyarrow as pa

    from ingest.flow import Unit
    from ingest.flow_spool import Identity
    from ingest.sources.kinds import Syntax
    from ingest.sources.text import Int64s


@dataclass(frozen=True, slots=True)
class FlowRows:
    """Rows for one table of a flow (``flow_table.given_schema``), with each one's line or number in its file."""

    table: str
    rows: pa.Table
    lines: Int64s


@dataclass(frozen=True, slots=True)
class FlowTold:
    """What a reader says of all its files when they are read; see ``OrderFlow``.

    ``refused`` is why the amounts may only be used by somebody who takes them as inexact.
    """

    unit: Unit
    exact: bool
    lacks: str
    caveats: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    refused: str | None = None


class FlowReader(ABC):
    """Reads the files of one flow, one after the other; then ``rest``, then ``told``."""

    @abstractmethod
    def read(self, path: Path) -> Iterator[FlowRows]:
        """A file's rows, some megabytes at a time.

        Raises:
            InputError: Something in the file is not exactly what it must be.
        """

    def rest(self) -> Iterator[FlowRows]:
        """The rows that only all files together tell; by default none.

        Raises:
            InputError: The files contradict each other.
        """
        return iter(())

    @abstractmethod
    def told(self) -> FlowTold:
        """What is to be said of everything that was read."""


@dataclass(frozen=True, slots=True)
class FlowSource:
    """One kind of file.

    ``missing`` gets the beginning of a file (unpacked) and names what keeps it from being of this kind; ``reader``
    makes a reader for one flow. ``identities`` say what makes two rows the same (see ``FlowSpool.settle``); ``lined``:
    the rows' places are lines, not items of a list; ``syntaxes`` are the ways in which such files are written.
    """

    name: str
    what: str
    missing: Callable[[bytes], list[str]]
    reader: Callable[[], FlowReader]
    identities: Mapping[str, Identity] = field(default_factory=dict)
    lined: bool = True
    syntaxes: tuple[Syntax, ...] = ("CSV",)
