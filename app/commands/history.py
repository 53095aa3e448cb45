"""``pactsmith history``: what is stored, and whether it replays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.console import Session, with_session
from app.coverage import continuity, coverage, covered
from app.exits import EXIT_NEGATIVE, EXIT_SUCCESS
from app.flow_tables import show_all, show_flow, show_flow_audit
from app.flow_views import flow_audit_document, flow_document, flow_summaries
from app.node_options import (
    Checks,
    Fetching,
    NodeOptions,
    Pools,
    checks_option,
    reorg_depth_option,
    with_node,
    with_routers,
)
from app.price_options import EXISTING_FILE, PriceFiles, with_prices
from app.progress import ProgressReport
from app.tables import say, show_audit, show_coverage, show_fetched
from app.words import pool_name
from ingest.annotate import annotate
from ingest.errors import ChangedError
from ingest.flow_export import export_flow

if TYPE_CHECKING:
    from ingest.export import ExportFormat

MOST_WRITES = 5  # of one history that others change at the same time


@click.group(no_args_is_help=True)
def command() -> None:
    """What is stored, and whether it replays wei for wei through the real pool bytecode."""


@command.command("list")
@with_session
def list_command(session: Session) -> int:
    """Lists the stored histories, and the order flows beside them."""
    summaries = session.store.list_histories()
    document = {
        "store": str(session.store_root),
        "histories": [
            {
                "history": summary.name,
                "source": summary.source,
                "pool": pool_name(summary.pool_kind, summary.token0_symbol, summary.token1_symbol, summary.fee_pips),
                "chain_id": summary.chain_id,
                "pool_address": summary.pool_address,
                "events": summary.events,
                "swaps": summary.swaps,
                "first_block": summary.first_block,
                "last_block": summary.last_block,
                "content_id": summary.content_id,
            }
            for summary in summaries
        ],
        "flows": flow_summaries(session.store),
    }
    return session.finish(document, lambda: show_all(document))


@command.command("show")
@click.argument("name")
@with_session
def show_command(session: Session, *, name: str) -> int:
    """Shows one history: its pool, coverage and gaps, flow by class, limits and prices; or one order flow."""
    if session.store.flows.find(name) is not None:
        flow = flow_document(session.store, name)
        return session.finish(flow, lambda: show_flow(flow))
    document = coverage(session.store.load_history(name))
    return session.finish(document, lambda: show_coverage(document))


@command.command("audit")
@click.argument("name")
@click.option(
    "--strict", is_flag=True, help="Exit 3 unless every event replays exactly, and none is known to be missing."
)
@with_session
def audit_command(session: Session, *, name: str, strict: bool) -> int:
    """Replays every event through the real pool bytecode and compares amounts, price, liquidity and tick exactly.

    What does not come out exactly is listed, with its block, its transaction and what is known of the reason.
    Of an order flow, which cannot be replayed, it checks what can be checked (with --strict: exit 3 where some fail).
    """
    if session.store.flows.find(name) is not None:
        checked = flow_audit_document(session.store, name)
        code = EXIT_NEGATIVE if strict and checked["failed"] else EXIT_SUCCESS
        return session.finish(checked, lambda: show_flow_audit(checked), code)
    from verify.audit import audit  # noqa: PLC0415  only this command of the group needs the EVM

    history = session.store.load_history(name)
    with ProgressReport() as progress:
        progress.step("audit", 0, len(history.events))
        report, _ = audit(history)
        progress.step("audit", len(history.events), len(history.events))
    unproven = history.coverage is not None and history.coverage.proof == "none"
    document = report.to_json() | {"gaps": continuity(history)["gaps"], "coverage": covered(history)}
    negative = document["mismatched"] or document["unexplained"] or document["gaps"] or unproven
    return session.finish(
        document, lambda: show_audit(document), EXIT_NEGATIVE if strict and negative else EXIT_SUCCESS
    )


@command.command("heal")
@click.argument("name")
@checks_option
@reorg_depth_option
@with_routers
@with_node
@with_session
def heal_command(
    session: Session,
    *,
    node_options: NodeOptions,
    name: str,
    checks: Checks,
    reorg_depth: int,
    routers: tuple[str, ...],
    wrapped_native: str | None,
) -> int:
    """Fetches again the blocks of a history in which events are missing, and checks anew.

    Only of a history that came from a node. Which blocks these are shows `history show`. With --checks headers or
    receipts all of its blocks are fetched again: these find what leaves no trace in the pool's state, such as collects.
    """
    from app.rpc import heal  # noqa: PLC0415  web3 takes a second to import

    fetching = Fetching(None, 0, checks, reorg_depth)
    asked = Pools((), routers=routers, wrapped_native=wrapped_native)
    with ProgressReport() as progress:
        done = heal(session, node_options, asked, fetching, name, progress)
    return session.finish(done, lambda: show_fetched([done]))


@command.command("annotate")
@click.argument("name")
@click.option("--labels", type=EXISTING_FILE, help="CSV with swaps' flow class, and perhaps their limit.")
@with_prices
@with_session
def annotate_command(
    session: Session, *, name: str, labels: Path | None, price_files: PriceFiles, invert_prices: bool | None
) -> int:
    """Gives a stored history labels, limits or a reference price from files.

    What the files say overrules what was there, and stays when the history is brought up to date from a node.
    """
    prices, per = price_files
    for attempt in range(1, MOST_WRITES + 1):
        before = session.store.load_history(name)
        history = annotate(before, labels=labels, prices=prices, prices_per=per, invert_prices=invert_prices)
        try:
            session.store.write_history(history, instead_of=before)
            break
        except ChangedError:  # an ingest has just brought it up to date
            if attempt == MOST_WRITES:
                raise
    document = coverage(history)
    return session.finish(document, lambda: show_coverage(document))


@command.command("export")
@click.argument("name")
@click.option(
    "--out",
    "folder",
    required=True,
    type=click.Path(exists=False, path_type=Path),
    help="The folder to make; it must not exist.",
)
@click.option(
    "--as", "file_format", type=click.Choice(["parquet", "csv"]), default="parquet", show_default=True, help="Format."
)
@with_session
def export_command(session: Session, *, name: str, folder: Path, file_format: ExportFormat) -> int:
    """Writes a history as plain files: events, labels, limits, prices, and the pool's state as JSON.

    Of an order flow: its trades, intents and labels, and what it is as JSON.
    """
    if session.store.flows.find(name) is not None:
        written = export_flow(session.store.flows, name, folder, file_format)
    else:
        written = session.store.export_history(name, folder, file_format)
    files = [str(path) for path in written]
    return session.finish({"history": name, "files": files}, lambda: say(*files))
