"""``pactsmith verify``: rules against a history, an honest verdict out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.console import Session, positive_number, with_session, workers_option
from app.exits import EXIT_NEGATIVE, EXIT_SUCCESS
from app.node_options import NodeOptions
from app.rules import read_rules
from app.runs import run_and_report
from app.summary import every_rule_improves
from app.tables import show_run
from ingest.fork.file import read_fork
from verify.conventions import MOST_WINDOW_BLOCKS
from verify.run import Options

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from ingest.fork.records import Fork
    from ingest.records import History


@click.command()
@click.argument("rules", metavar="RULE.sol…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--history", "history_name", required=True, help="The stored history to replay.")
@click.option(
    "--beside",
    multiple=True,
    metavar="HISTORY",
    help="The stored history of another pool of the pair, which rules may use as a further venue. Repeatable.",
)
@click.option(
    "--window",
    "windows",
    type=click.IntRange(1, MOST_WINDOW_BLOCKS),
    multiple=True,
    default=(1,),
    show_default=True,
    help="Blocks whose orders settle together; repeat it to score several lengths.",
)
@click.option(
    "--param",
    "parameters",
    multiple=True,
    metavar="[RULE.]NAME=VALUE",
    help="A rule's parameter, instead of the default in the .toml beside the .sol. Repeatable.",
)
@click.option(
    "--fork",
    "fork_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Replay on the chain's own pools and tokens: a fork file of the block before the history's first event, as "
    "`pactsmith fork make` writes it. No node is asked.",
)
@click.option(
    "--rpc-url",
    metavar="URL",
    help="Make that fork file first, through this archive node, and keep it in the store. `fork make` takes a URL with "
    "a key from the environment instead.",
)
@workers_option
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the bootstrap.")
@click.option(
    "--native-price",
    callback=positive_number,
    help="Worth of one native coin in the numeraire, for pools that do not hold it: then gas can be scored.",
)
@click.option(
    "--elasticity",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="In the free-running replay, the share of traders who go to the AMM where it serves them better.",
)
@click.option(
    "--free-running/--no-free-running",
    default=True,
    show_default=True,
    help="Whether to replay the world that each rule makes. Without, longer windows are judged provisionally.",
)
@click.option("--strict", is_flag=True, help="Exit 3 unless every rule improves on the AMM over some window.")
@click.option(
    "--report-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to write the report. Default: reports/RUN in the store.",
)
@with_session
def command(
    session: Session,
    *,
    rules: tuple[Path, ...],
    history_name: str,
    beside: tuple[str, ...],
    windows: tuple[int, ...],
    parameters: tuple[str, ...],
    workers: int,
    seed: int,
    native_price: Fraction | None,
    fork_file: Path | None,
    rpc_url: str | None,
    elasticity: float,
    free_running: bool,
    strict: bool,
    report_dir: Path | None,
) -> int:
    """Scores settlement rules: every order of the history, under every rule, against what the plain AMM gives.

    RULE.sol is a contract that implements IClearingRule; its parameters' defaults come from the .toml of the same
    name beside it, if there is one. What was evaluated before is read from the store. Without a fork, pools of
    Uniswap's own code and plain tokens are made from what the history tells.
    """
    given = read_rules(rules, parameters)
    history = session.store.load_history(history_name)
    options = Options(
        windows=tuple(dict.fromkeys(windows)),
        workers=workers,
        seed=seed,
        native_price=native_price,
        elasticity=elasticity if free_running else None,
    )
    others = [session.store.load_history(name) for name in beside]
    fork = _fork(session, [history, *others], fork_file, rpc_url)
    document, files = run_and_report(session, history, given, options, report_dir, others, fork)
    code = EXIT_NEGATIVE if strict and not every_rule_improves(document) else EXIT_SUCCESS
    return session.finish(document | {"report": files.to_json()}, lambda: show_run(document, files), code)


def _fork(session: Session, histories: Sequence[History], file: Path | None, rpc_url: str | None) -> Fork | None:
    """The fork to replay on, made first where a node is named; None: the worlds are made from the histories.

    Raises:
        click.UsageError: Both are given.
    """
    if rpc_url is not None:
        if file is not None:
            raise click.UsageError("give either --fork or --rpc-url: the one is a file, the other makes one")
        from app.fork import Wanted, make_fork  # noqa: PLC0415  web3 takes a second to import

        made = make_fork(NodeOptions(rpc_url), histories, Wanted(), session.store_root / "forks")
        file = Path(made["file"])
        click.echo(f"forked after block {made['block_number']}: {file}", err=True)
    return None if file is None else read_fork(file)
