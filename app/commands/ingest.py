"""``pactsmith ingest``: histories into the store."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from app.console import Session, with_session
from app.demo import ingest_embedded
from app.flow_tables import show_flow_stored
from app.flow_views import require_history_files, store_flow
from app.node_options import (
    FOLLOW_BLOCKS,
    Checks,
    Fetching,
    NodeOptions,
    Pools,
    checks_option,
    named_decimals,
    reorg_depth_option,
    with_node,
    with_routers,
)
from app.price_options import PriceFiles, with_prices
from app.progress import ProgressReport
from app.stored import Stored
from app.tables import show_fetched, show_gaps, show_stored
from ingest.errors import InputError
from ingest.file_gaps import require_one_chain
from ingest.files import ingest_files
from ingest.flow_sources import FLOW_SOURCES
from ingest.sources import SOURCES
from ingest.sources.paths import expand

EXISTING_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.group(no_args_is_help=True)
def command() -> None:
    """Brings a pool's history into the store. Ingesting the same files again changes nothing."""


@command.command("files")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--initial-state",
    type=EXISTING_FILE,
    help="The pool's state (JSON) right before the first event, or after an event of the files; not for order flow.",
)
@click.option("--name", required=True, help="What to call the history.")
@click.option(
    "--labels", type=EXISTING_FILE, help="CSV with swaps' flow class, and perhaps their limit; overrules the rules."
)
@with_prices
@click.option(
    "--format",
    "format_name",
    type=click.Choice([*(source.name for source in SOURCES), *(source.name for source in FLOW_SOURCES)]),
    help="The kind of file. Default: found by the content.",
)
@click.option("--accept-inexact", is_flag=True, help="Take order flow whose amounts were rounded; every view says so.")
@click.option("--replace", is_flag=True, help="Replace a stored history of this name whose content differs.")
@with_session
def files_command(
    session: Session,
    *,
    files: tuple[Path, ...],
    initial_state: Path | None,
    name: str,
    labels: Path | None,
    price_files: PriceFiles,
    invert_prices: bool | None,
    format_name: str | None,
    accept_inexact: bool,
    replace: bool,
) -> int:
    """Reads one pool's events from FILES that belong together: files, folders or patterns, plain, gzip or zstd.

    Duplicates are dropped and counted, rows out of order are sorted, and where events are missing the blocks are named.
    When anything in a file is wrong, the message names the file, the line and the field, and the store stays as it was.

    Without --initial-state, FILES are order flow: what traders wanted and got, from sources that cannot be replayed
    (Dune, subgraphs, CoW Protocol, whole blocks). It is kept beside the histories, with what its source cannot give.
    """
    session.store.require_free(name, "flow" if initial_state is None else "history")
    files = tuple(expand(files))
    with ProgressReport() as progress:
        progress.step("read", 0, len(files))
        if initial_state is None:
            if labels or price_files[0]:
                raise click.UsageError("--labels and --prices belong to a pool's history: give its --initial-state")
            flow = store_flow(session.store, files, name, format_name, accept_inexact=accept_inexact, replace=replace)
            progress.step("read", len(files), len(files), f"{flow['trades']:,} trades, {flow['intents']:,} intents")
            return session.finish(flow, lambda: show_flow_stored(flow))
        require_history_files(files, format_name)
        ingested = ingest_files(
            files,
            initial_state=initial_state,
            name=name,
            labels=labels,
            prices=price_files[0],
            prices_per=price_files[1],
            invert_prices=invert_prices,
            format=format_name,
        )
        events = sum(ingested.counts.events.values())
        progress.step("read", len(files), len(files), f"{events:,} events")
        progress.step("follow", 0, events)
        ingested, followed = require_one_chain(ingested)
        progress.step("follow", events, events)
        stored = Stored(ingested, session.store.write_ingested(ingested, replace=replace))
    gaps = [asdict(gap) for gap in followed.gaps]
    document = stored.to_json() | {"gaps": gaps, "doubts": len(followed.doubts)}

    def show() -> None:
        show_stored([stored])
        show_gaps(gaps)

    return session.finish(document, show)


@command.command("rpc")
@click.option("--pool", "pools", multiple=True, help="A v2 pair's or v3 pool's address, or a v4 pool's id. Repeatable.")
@click.option("--cow", is_flag=True, help="CoW Protocol's settled orders, as an order flow, instead of pools.")
@click.option("--cow-settlement", help="Their settlement contract, where it is not CoW Protocol's own.")
@click.option(
    "--name", required=True, help="What to call the history; the name of a stored one from a node goes on with it."
)
@click.option("--from-block", type=click.IntRange(0), help="Default: since the last time, else the pool's creation.")
@click.option("--to-block", type=click.IntRange(0), help="Default: as far behind the newest block as --follow says.")
@click.option(
    "--follow",
    type=click.IntRange(0),
    default=FOLLOW_BLOCKS,
    show_default=True,
    help="How many blocks to stay behind the newest one.",
)
@reorg_depth_option
@checks_option
@click.option("--decimals", multiple=True, metavar="TOKEN=N", help="Of a token that does not tell its own. Repeatable.")
@click.option("--manager", help="v4's PoolManager, where it is not Uniswap's.")
@click.option(
    "--v2-fee-pips", type=click.IntRange(0, 999_999), help="Of a v2 pair. Default: as the last time, else 3000."
)
@click.option(
    "--created-block",
    type=click.IntRange(0),
    help="In which block the pool was created, where that takes too long to find out.",
)
@with_routers
@with_node
@with_session
def rpc_command(
    session: Session,
    *,
    node_options: NodeOptions,
    pools: tuple[str, ...],
    cow: bool,
    cow_settlement: str | None,
    name: str,
    from_block: int | None,
    to_block: int | None,
    follow: int,
    reorg_depth: int,
    checks: Checks,
    decimals: tuple[str, ...],
    manager: str | None,
    v2_fee_pips: int | None,
    created_block: int | None,
    routers: tuple[str, ...],
    wrapped_native: str | None,
) -> int:
    """Fetches pools' logs from a node, with the transactions they stand in, and makes histories of them.

    What was fetched is kept: an ingest that was ended goes on where it was, and no block is asked for twice. Without
    --from-block a stored history is brought up to date. Blocks that the chain replaced meanwhile are fetched anew.
    Where events are missing, the node is asked again, and the history says what is still not there.
    """
    from app.rpc import ingest_pools  # noqa: PLC0415  web3 takes a second to import

    fetching = Fetching(to_block, follow, checks, reorg_depth)
    asked = Pools(
        addresses=pools,
        first_block=from_block,
        decimals=named_decimals(decimals),
        manager=manager,
        v2_fee_pips=v2_fee_pips,
        created_block=created_block,
        routers=routers,
        wrapped_native=wrapped_native,
    )
    if cow or cow_settlement is not None:
        return _settlements(session, node_options, asked, cow_settlement, fetching, name)
    with ProgressReport() as progress:
        done = ingest_pools(session, node_options, asked, fetching, name, progress)
    return session.finish({"histories": done}, lambda: show_fetched(done))


def _settlements(
    session: Session,
    node_options: NodeOptions,
    asked: Pools,
    settlement: str | None,
    fetching: Fetching,
    name: str,
) -> int:
    from app.cow import ingest_settlements, show_settlements  # noqa: PLC0415  as above

    if asked.addresses:
        raise InputError("either pools or --cow in one run, which become histories and an order flow", field="pool")
    with ProgressReport() as progress:
        done = ingest_settlements(session, node_options, asked, settlement, fetching, name, progress)
    return session.finish(done, lambda: show_settlements(done))


@command.command("demo")
@with_session
def demo_command(session: Session) -> int:
    """Makes the embedded, simulated market and stores its two histories, one of a v3 and one of a v2 pool."""
    with ProgressReport() as progress:
        stored = ingest_embedded(session.store, progress)
    return session.finish({"histories": [one.to_json() for one in stored]}, lambda: show_stored(stored))
