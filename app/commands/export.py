"""``pactsmith export``: a candidate as a Foundry project that settles batches of history again, to the wei."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.console import Session, with_session
from app.runs import stored_run
from app.tables import say
from app.words import count
from ingest.errors import InputError
from verify.foundry.candidate import Sampling, candidate_project
from verify.kept import kept

if TYPE_CHECKING:
    from verify.kept import Kept

Json = dict[str, Any]


@click.command()
@click.argument("candidate")
@click.option(
    "--out",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the project goes: a folder that does not exist yet, or is empty.",
)
@click.option("--run", "run_id", help="The run that judged it. Default: the last one.")
@click.option("--window", "window_blocks", type=click.IntRange(1), help="Of which window length. Default: the best.")
@click.option("--largest", type=click.IntRange(0), default=20, show_default=True, help="Batches of most value.")
@click.option("--drawn", type=click.IntRange(0), default=20, show_default=True, help="Batches drawn from the others.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of what is drawn.")
@with_session
def command(
    session: Session,
    *,
    candidate: str,
    folder: Path,
    run_id: str | None,
    window_blocks: int | None,
    largest: int,
    drawn: int,
    seed: int,
) -> int:
    """Writes a Foundry project for CANDIDATE, a name or an id of a run: the rule, the kernel, and tests.

    The tests settle batches of history on Uniswap's own pools, as they stood, and require of every order the amounts
    that the verdict was computed from. `forge test` needs neither this program nor a network.
    """
    if largest + drawn == 0:
        raise click.UsageError("a project without a batch would show nothing: give --largest or --drawn")
    document = stored_run(session.store, run_id)
    card = _card(document, candidate, window_blocks)
    chosen = _kept(kept(session.store, document["run_id"]), card)
    _require_empty(folder)
    project = candidate_project(session.store, document, card, chosen, Sampling(largest, drawn, seed))
    _write(project, folder)
    batches = sum(path.startswith("test/batches/") for path in project)
    result = {
        "folder": str(folder),
        "run_id": document["run_id"],
        "name": card["name"],
        "candidate_id": card["candidate_id"],
        "window_blocks": card["window_blocks"],
        "verdict": card["verdict"],
        "batches": batches,
        "files": sorted(project),
    }
    return session.finish(result, lambda: _show(result))


def _card(document: Json, candidate: str, window_blocks: int | None) -> Json:
    """The scorecard that is meant: of several lengths the one that ranks best.

    Raises:
        InputError: The run has none.
    """
    for row in document["ranking"]:
        named = candidate in (row["name"], row["candidate_id"])
        if named and window_blocks in (None, row["window_blocks"]):
            return next(card for card in document["candidates"] if _identity(card) == _identity(row))
    known = ", ".join(dict.fromkeys(row["name"] for row in document["ranking"]))
    at = "" if window_blocks is None else f" with windows of {window_blocks} blocks"
    raise InputError(f"the run {document['run_id']} has no {candidate!r}{at}; it has: {known}", field="CANDIDATE")


def _kept(candidates: tuple[Kept, ...], card: Json) -> Kept:
    for one in candidates:
        if (one.candidate_id, one.window_blocks) == _identity(card):
            return one
    raise InputError("the run did not keep its candidates' sources: make it again with `pactsmith verify`", field="RUN")


def _identity(row: Json) -> tuple[str, int]:
    return row["candidate_id"], row["window_blocks"]


def _require_empty(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise InputError("the folder is not empty; nothing in it is overwritten", file=folder, field="--out")


def _write(project: dict[str, str], folder: Path) -> None:
    for path, text in project.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


def _show(result: Json) -> None:
    windows = f"windows of {count(result['window_blocks'])}"
    say(
        f"{result['name']}, {windows}: {result['verdict']}",
        f"{count(result['batches'])} batches to settle again in {result['folder']}",
        f"Try it: cd {result['folder']} && forge test",
    )
