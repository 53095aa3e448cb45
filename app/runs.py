"""Running the evaluator with its progress shown, and finding the reports of what was run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from app.progress import ProgressReport
from app.report.page import ReportFiles, write_report
from ingest.errors import InputError
from verify.run import Options, Rule, verify

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from app.console import Session
    from ingest.fork.records import Fork
    from ingest.records import History
    from ingest.store import Store

Json = dict[str, Any]

LATEST = "latest"
RUN_ID = re.compile(r"[0-9a-f]{16}")


def run_and_report(
    session: Session,
    history: History,
    rules: Sequence[Rule],
    options: Options,
    folder: Path | None,
    beside: Sequence[History] = (),
    fork: Fork | None = None,
) -> tuple[Json, ReportFiles]:
    """Scores rules and writes the report, to the store's own place for it where no folder is given."""
    with ProgressReport() as progress:
        document = verify(
            history,
            rules,
            session.store,
            options,
            lambda step: progress.step(step.stage, step.done, step.total, step.detail),
            beside,
            fork,
        )
    return document, report_of(session, document, folder)


def report_of(session: Session, document: Json, folder: Path | None = None) -> ReportFiles:
    """Writes a run's report, to the store's own place for it where no folder is given, and notes it as the last one."""
    files = write_report(document, folder or report_dir(session.store_root, document["run_id"]))
    _remember(session.store_root, document["run_id"])
    return files


def report_dir(store_root: Path, run_id: str) -> Path:
    """Where a run's report lies when no other place was asked for."""
    return store_root / "reports" / run_id


def stored_run(store: Store, run_id: str | None) -> Json:
    """A run's document; the last one's where none is named.

    Raises:
        InputError: There is no such run.
    """
    named = _last(store.root) if run_id is None else run_id
    if named is None:
        raise InputError(f"the store at {store.root} has no run yet; `pactsmith verify` makes one", field="RUN")
    found = store.get_result(f"run-{named}") if RUN_ID.fullmatch(named) else None
    if found is None:
        raise InputError(f"the store at {store.root} has no run {named!r}", field="RUN")
    return found.document


def _last(store_root: Path) -> str | None:
    try:
        return (store_root / "reports" / LATEST).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None


def _remember(store_root: Path, run_id: str) -> None:
    """Notes which run was the last one; renamed into place, so that no reader sees half of it."""
    place = store_root / "reports" / LATEST
    place.parent.mkdir(parents=True, exist_ok=True)
    written = place.with_name(f"{LATEST}.{run_id}.tmp")
    written.write_text(run_id + "\n", encoding="ascii")
    written.replace(place)
