"""Order flows for the commands: brought in, listed, described and checked, as JSON values."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ingest.errors import InputError
from ingest.flow_audit import audit_flow
from ingest.flow_files import find_flow_source, ingest_flow
from ingest.flow_overview import overview
from ingest.sources import SOURCES
from ingest.sources.opening import head_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ingest.flow_sources import FlowSource
    from ingest.flow_store import FlowSummary
    from ingest.store import Store

Json = dict[str, Any]

KIND = "order flow"
FORMATS = tuple(source.name for source in SOURCES)


def store_flow(
    store: Store, files: Sequence[Path], name: str, format_name: str | None, *, accept_inexact: bool, replace: bool
) -> Json:
    """Reads an order flow from files and stores it; returns what was done.

    Raises:
        InputError: The files hold a pool's events, which need a state; or as ``ingest_flow`` and ``FlowStore.write``.
    """
    ingested = ingest_flow(files, name, format_name, accept_inexact=accept_inexact)
    written = store.flows.write(ingested, replace=replace)
    summary = store.flows.find(name)
    assert summary is not None  # noqa: S101 - it was written just now
    return summary_document(summary) | {"written": written}


def require_history_files(files: Sequence[Path], format_name: str | None) -> None:
    """Refuses files of order flow where a pool's state was given for them.

    Raises:
        InputError: They are no kind of events, but one of order flow.
    """
    if format_name in FORMATS:
        return
    for path in files:
        source = _flow_source(path, format_name)
        if source is not None and (format_name is not None or not _is_events(path)):
            message = f"is {source.what}: order flow, which is not replayed from a state; leave --initial-state out"
            raise InputError(message, file=path, field=None if format_name is None else "--format")


def summary_document(summary: FlowSummary) -> Json:
    """A flow in a few values."""
    flow = summary.flow
    return {
        "history": flow.name,
        "kind": KIND,
        "source": flow.source,
        "formats": list(flow.formats),
        "unit": flow.unit,
        "exact": flow.exact,
        "trades": summary.trades,
        "aggregate_trades": summary.aggregates,
        "intents": summary.intents,
        "first_block": summary.first_block,
        "last_block": summary.last_block,
        "first_ts": summary.first_ts,
        "last_ts": summary.last_ts,
        "content_id": flow.content_id,
        "not_replayable": flow.lacks,
        "caveats": list(flow.caveats),
        "counts": flow.counts,
    }


def flow_summaries(store: Store) -> list[Json]:
    """The stored flows, by name."""
    return [summary_document(summary) for summary in store.flows.summaries()]


def flow_document(store: Store, name: str) -> Json:
    """One flow: what it holds and what its source cannot give. Totals leave aggregates out."""
    with store.flows.open(name) as stored:
        return summary_document(stored.summary) | {"overview": asdict(overview(stored))}


def flow_audit_document(store: Store, name: str) -> Json:
    """What could be checked of a flow, what failed, and what cannot be checked."""
    with store.flows.open(name) as stored:
        checks = [asdict(check) for check in audit_flow(stored)]
        flow = stored.summary.flow
    return {
        "history": name,
        "kind": KIND,
        "source": flow.source,
        "exact": flow.exact,
        "checks": checks,
        "failed": sum(check["failed"] for check in checks),
        "cannot_check": [f"It cannot be replayed: {flow.lacks}.", *flow.caveats],
    }


def _flow_source(path: Path, format_name: str | None = None) -> FlowSource | None:
    try:
        return find_flow_source(path, format_name)
    except InputError:
        return None


def _is_events(path: Path) -> bool:
    head = head_of(path)
    return any(not source.missing(head) for source in SOURCES)
