"""``pactsmith demo``: the whole main job on the embedded history."""

from __future__ import annotations

import click

from app.console import Session, with_session, workers_option
from app.demo import ingest_embedded
from app.progress import ProgressReport
from app.rules import read_rules
from app.runs import run_and_report
from app.tables import say, show_run, show_stored
from verify.run import Options
from verify.templates import templates

WINDOWS = (1, 5)


@click.command()
@workers_option
@with_session
def command(session: Session, *, workers: int) -> int:
    """Runs the whole main job on the embedded history, without a key and without the network.

    Makes the simulated market, stores its two histories, audits them, scores the hand-written rules over windows of 1
    and 5 blocks, and writes a report for each history. Everything that it shows is about simulated trading.
    """
    with ProgressReport() as progress:
        stored = ingest_embedded(session.store, progress)
    rules = read_rules(templates(), ())
    options = Options(windows=WINDOWS, workers=workers)
    runs = [run_and_report(session, one.ingested.history, rules, options, None) for one in stored]

    def show() -> None:
        show_stored(stored)
        for document, files in runs:
            say("")
            show_run(document, files)

    document = {
        "histories": [one.to_json() for one in stored],
        "runs": [run | {"report": files.to_json()} for run, files in runs],
    }
    return session.finish(document, show)
