"""Order flow from files: their kind is found by the content, everything is checked, nothing is guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.errors import InputError
from ingest.flow import OrderFlow
from ingest.flow_ingested import settled
from ingest.flow_sources import FLOW_SOURCES
from ingest.flow_spool import FlowSpool
from ingest.sources import SOURCES
from ingest.sources.kinds import unknown_kind
from ingest.sources.opening import head_of, pieces
from ingest.sources.paths import expand

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ingest.flow_ingested import IngestedFlow
    from ingest.flow_sources import FlowSource
    from ingest.sources import Source

ROUNDED = "Its amounts were taken as inexact on request: nothing computed from them is exact."
HOW_TO_ACCEPT = "find the original numbers, or take them as inexact with --accept-inexact"


def ingest_flow(
    paths: Sequence[Path | str] | Path | str,
    name: str,
    format: str | None = None,  # noqa: A002 - the option's name at the command line
    *,
    accept_inexact: bool = False,
) -> IngestedFlow:
    """Reads an order flow from one or several files of one kind.

    Args:
        paths: The files, folders or patterns (see ``ingest.sources.paths``); what stands in several is taken once.
        name: What the flow will be called.
        format: The kind of file, by its name in ``FLOW_SOURCES``; None finds it by the content.
        accept_inexact: Whether rounded amounts are taken where the source should have exact ones.

    Raises:
        InputError: Anything in any file is not exactly what it must be, or its amounts were rounded; nothing was
            stored.
    """
    files = expand(paths)
    sources = [find_flow_source(path, format, among=len(files)) for path in files]
    source = sources[0]
    for path, other in zip(files, sources, strict=True):
        if other is not source:
            raise InputError(f"is {other.what}, the first file is {source.what}: one flow is of one kind", file=path)
    spool, reader = FlowSpool(lined=source.lined), source.reader()
    for path in files:
        spool.open_file(str(path))
        for rows in reader.read(path):
            spool.add(rows.table, rows.rows, rows.lines)
    for rows in reader.rest():
        spool.add(rows.table, rows.rows, rows.lines)
    told = reader.told()
    if told.refused is not None and not accept_inexact:
        raise InputError(f"{told.refused}; {HOW_TO_ACCEPT}", file=files[0])
    flow = OrderFlow(
        name=name,
        content_id="",
        source="file",
        formats=(source.name,),
        unit=told.unit,
        amount_places=0,
        exact=told.exact,
        lacks=told.lacks,
        caveats=told.caveats if told.refused is None else (ROUNDED, *told.caveats),
        counts=dict(told.counts),
    )
    return settled(spool, flow, source.identities)


def find_flow_source(path: Path, name: str | None = None, *, among: int = 1) -> FlowSource:
    """The kind of a file of order flow, one ``among`` so many: as named, or as the beginning of its content shows.

    Raises:
        InputError: No kind has that name, or the content is of no known kind (says what the nearest lacks), or is a
            pool's events, which need its state.
    """
    if name is not None:
        for source in FLOW_SOURCES:
            if source.name == name:
                return source
        for events in SOURCES:
            if events.name == name:
                raise _needs_state(path, events)
        known = ", ".join(source.name for source in FLOW_SOURCES)
        raise InputError(f"unknown format {name!r}; known are {known}", field="format")
    head = head_of(path)
    if head.lstrip().startswith((b"{", b"[")):
        head = next(pieces(path))  # a JSON document may name its parts later than a table its columns
    for source in FLOW_SOURCES:
        if not source.missing(head):
            return source
    for events in reversed(SOURCES):
        if not events.missing(head):
            raise _needs_state(path, events)
    raise unknown_kind(path, head, (*FLOW_SOURCES, *SOURCES), among=among)


def _needs_state(path: Path, events: Source) -> InputError:
    message = f"is {events.what}; to replay them, give the pool's state with --initial-state"
    return InputError(message, file=path, field="--initial-state")
