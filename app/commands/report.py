"""``pactsmith report``: a finished run again."""

from __future__ import annotations

from pathlib import Path

import click

from app.console import Session, with_session
from app.report.page import write_report
from app.runs import report_dir, stored_run
from app.tables import show_run


@click.command()
@click.argument("run", required=False)
@click.option(
    "--report-dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to write the report. Default: reports/RUN in the store.",
)
@with_session
def command(session: Session, *, run: str | None, folder: Path | None) -> int:
    """Shows a run again, by default the last one: leaderboard, verdicts, and its report written anew."""
    document = stored_run(session.store, run)
    files = write_report(document, folder or report_dir(session.store_root, document["run_id"]))
    return session.finish(document | {"report": files.to_json()}, lambda: show_run(document, files))
