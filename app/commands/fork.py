"""``pactsmith fork``: a chain's own state and code at a block, in a file that needs no node."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.console import Session, with_session
from app.node_options import NodeOptions, with_node
from app.tables import say
from app.words import count

if TYPE_CHECKING:
    from ingest.fork.reader import Proofs

MOST_TRANSACTIONS = 500


@click.group(no_args_is_help=True)
def command() -> None:
    """A chain's own state and code at a block, proven where the node gives proofs, in a file that needs no node."""


@command.command("make")
@click.argument("history_names", metavar="HISTORY…", nargs=-1, required=True)
@click.option("--block", type=click.IntRange(0), help="After which block. Default: the one before the first event.")
@click.option(
    "--transactions",
    type=click.IntRange(0, MOST_TRANSACTIONS),
    default=20,
    show_default=True,
    help="How many of the pools' transactions that followed are replayed on the fork; their state goes into it.",
)
@click.option(
    "--proofs",
    type=click.Choice(("auto", "required", "off")),
    default="auto",
    show_default=True,
    help="Whether state must be proven against the block's hash; auto: where the node gives proofs.",
)
@click.option("--party", "parties", multiple=True, metavar="ADDRESS", help="Who must be able to hold the tokens.")
@click.option("--manager", help="The PoolManager of v4 pools, where it is not Uniswap's own.")
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the file goes. Default: forks in the store.",
)
@with_node
@with_session
def make_command(
    session: Session,
    *,
    node_options: NodeOptions,
    history_names: tuple[str, ...],
    block: int | None,
    transactions: int,
    proofs: Proofs,
    parties: tuple[str, ...],
    manager: str | None,
    folder: Path | None,
) -> int:
    """Forks the pools of stored HISTORIES at a block, through an archive node.

    Their tokens are tried out with their own code: one that no settlement can work with (a fee on transfer, balances
    that change by themselves, somebody shut out) is refused by name. Nothing is written before everything holds.
    """
    from app.fork import Wanted, make_fork  # noqa: PLC0415  web3 takes a second to import

    histories = [session.store.load_history(name) for name in history_names]
    wanted = Wanted(block, transactions, proofs, tuple(map(str.lower, parties)), manager and manager.lower())
    document = make_fork(node_options, histories, wanted, folder or session.store_root / "forks")

    def show() -> None:
        _say(document)
        say(
            f"  {count(document['transactions_as_recorded'])} of {count(document['transactions'])} transactions that "
            f"followed go as recorded ({count(document['transactions_with_recorded_gas'])} of them with known gas), "
            "without what others did in between",
            f"  {document['file']}",
        )

    return session.finish(document, show)


@command.command("show")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_session
def show_command(session: Session, *, file: Path) -> int:
    """Says what a fork FILE holds, after proving it again. No node is asked."""
    from app.fork import described  # noqa: PLC0415  web3 takes a second to import
    from ingest.fork.file import read_fork  # noqa: PLC0415

    document = described(read_fork(file))
    return session.finish(document, lambda: _say(document))


def _say(document: dict[str, Any]) -> None:
    say(
        f"chain {document['chain_id']} after block {document['block_number']} ({document['block_hash']})",
        f"  {count(document['accounts'])} accounts, {count(document['slots'])} slots; "
        f"{count(document['only_told'])} accounts not proven",
        *(f"  note: {caveat}" for caveat in document["caveats"]),
    )
