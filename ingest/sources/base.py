"""What every source of history offers: how it is recognised, and how it is read into event columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

    from ingest.records import Pool
    from ingest.sources.text import Int64s


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """One file's events, in the file's order, each field checked by itself.

    ``events`` has the columns of ``ingest.event_table`` (places as int64), ``lines`` each event's 1-based line.
    ``order`` (rows, keys) is what sorts the events, most significant key first; a source that numbers its events has
    that one key, and ``numbered`` says so: then no number may be missing. ``ignored`` counts known logs that a replay
    does not need, by name. ``caveats`` say what this source cannot give. ``fields`` tells which of the file's fields
    an event's column is read from, where the names differ.
    """

    events: pa.Table
    lines: Int64s
    order: Int64s
    rows: int
    numbered: bool = False
    ignored: dict[str, int] = field(default_factory=dict)
    caveats: tuple[str, ...] = ()
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of file.

    ``missing`` gets the unpacked content and names what keeps it from being of this kind (nothing: it is one);
    ``read`` gets the path, the content and the pool.
    """

    name: str
    what: str
    missing: Callable[[bytes], list[str]]
    read: Callable[[Path, bytes, Pool], ParsedFile]
