"""What every source of a pool's history offers: how it is recognised, and how it is read into event columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pyarrow as pa

    from ingest.records import Pool
    from ingest.sources.kinds import Syntax
    from ingest.sources.text import Int64s


@dataclass(frozen=True, slots=True)
class ParsedRows:
    """Some rows of a file as events, in the file's order, each field checked by itself.

    ``events`` has the schema of ``ingest.event_table``, ``lines`` each event's 1-based line. ``order`` is what sorts
    the events where their source numbers them; None: block and log index sort them. ``rows`` counts the file's rows,
    ``ignored`` those of them that are known logs which a replay does not need, by name.

    ``block_times`` (block_number, block_ts, line) and ``costs`` (tx_hash, gas_used, gas_price_wei as text, line) are
    told of blocks and transactions, whatever events they have; see ``ingest.sidecars``.
    """

    events: pa.Table
    lines: Int64s
    rows: int
    order: Int64s | None = None
    ignored: dict[str, int] = field(default_factory=dict)
    block_times: pa.Table | None = None
    costs: pa.Table | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of file.

    ``missing`` gets the first unpacked 64 kB of a file and names what keeps it from being of this kind (nothing: it is
    one); ``read`` gives the rows some megabytes at a time. A source that is ``numbered`` gives its events numbers of
    its own, none of which may be missing, instead of a log index that counts through the block. ``caveats`` say what
    this source cannot give. ``fields`` tells which of the file's fields an event's column is read from, where the
    names differ. A source ``in_parts`` has block times and gas in files of their own. ``syntaxes`` are how such files
    are written.
    """

    name: str
    what: str
    missing: Callable[[bytes], list[str]]
    read: Callable[[Path, Pool], Iterator[ParsedRows]]
    numbered: bool = False
    caveats: tuple[str, ...] = ()
    fields: dict[str, str] = field(default_factory=dict)
    in_parts: bool = False
    syntaxes: tuple[Syntax, ...] = ("CSV",)
