"""``pactsmith ingest``: histories into the store."""

from __future__ import annotations

from pathlib import Path

import click

from app.console import Session, with_session
from app.demo import ingest_embedded
from app.progress import ProgressReport
from app.stored import Stored
from app.tables import show_stored
from ingest.files import ingest_files
from ingest.sources import SOURCES

EXISTING_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.group(no_args_is_help=True)
def command() -> None:
    """Brings a pool's history into the store. Ingesting the same files again changes nothing."""


@command.command("files")
@click.argument("files", nargs=-1, required=True, type=EXISTING_FILE)
@click.option(
    "--initial-state",
    required=True,
    type=EXISTING_FILE,
    help="The pool's state (JSON) right before the first event, or after an event of the files.",
)
@click.option("--name", required=True, help="What to call the history.")
@click.option(
    "--labels", type=EXISTING_FILE, help="CSV with swaps' flow class, and perhaps their limit; overrules the rules."
)
@click.option("--prices", type=EXISTING_FILE, help="CSV with a reference price from elsewhere, such as an exchange's.")
@click.option(
    "--invert-prices/--prices-as-they-are",
    default=None,
    help="Whether the prices are token0 per token1. Default: found out from the pool's first price.",
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice([source.name for source in SOURCES]),
    help="The kind of file. Default: found by the content.",
)
@click.option("--replace", is_flag=True, help="Replace a stored history of this name whose content differs.")
@with_session
def files_command(
    session: Session,
    *,
    files: tuple[Path, ...],
    initial_state: Path,
    name: str,
    labels: Path | None,
    prices: Path | None,
    invert_prices: bool | None,
    format_name: str | None,
    replace: bool,
) -> int:
    """Reads one pool's events from FILES (CSV, also gzip) that belong together.

    Duplicates are dropped and counted, rows out of order are sorted. When anything in a file is wrong, the message
    names the file, the line and the field, and the store stays as it was.
    """
    with ProgressReport() as progress:
        progress.step("read", 0, len(files))
        ingested = ingest_files(
            files,
            initial_state=initial_state,
            name=name,
            labels=labels,
            prices=prices,
            invert_prices=invert_prices,
            format=format_name,
        )
        progress.step("read", len(files), len(files), f"{sum(ingested.counts.events.values()):,} events")
        stored = Stored(ingested, session.store.write_ingested(ingested, replace=replace))
    return session.finish(stored.to_json(), lambda: show_stored([stored]))


@command.command("demo")
@with_session
def demo_command(session: Session) -> int:
    """Makes the embedded, simulated market and stores its two histories, one of a v3 and one of a v2 pool."""
    with ProgressReport() as progress:
        stored = ingest_embedded(session.store, progress)
    return session.finish({"histories": [one.to_json() for one in stored]}, lambda: show_stored(stored))
