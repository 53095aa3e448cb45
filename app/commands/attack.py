"""``pactsmith attack``: what a sequencer could take from a rule's batches, and whether misreporting pays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.console import Session, positive_number, with_session, workers_option
from app.exits import EXIT_FAILURE, EXIT_NEGATIVE, EXIT_SUCCESS
from app.progress import ProgressReport
from app.rules import read_rules
from app.tables import console, grid, say
from app.words import count, figure
from ingest.fork.file import read_fork
from verify.adversary.plays import MOST_OWN
from verify.adversary.run import AttackOptions, attack_rule, replay_witness
from verify.adversary.structured import Budget
from verify.adversary.witness import read_witness
from verify.conventions import MOST_WINDOW_BLOCKS

if TYPE_CHECKING:
    from fractions import Fraction

WITNESSES = "witnesses"


@click.command()
@click.argument("rule", metavar="[RULE.sol]", required=False, type=click.Path(path_type=Path))
@click.option("--history", "history_name", help="The stored history whose batches are attacked.")
@click.option("--beside", multiple=True, metavar="HISTORY", help="Another pool of the pair, as of verify. Repeatable.")
@click.option(
    "--fork",
    "fork_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The chain's own pools and tokens, as of verify.",
)
@click.option(
    "--window",
    "window_blocks",
    type=click.IntRange(1, MOST_WINDOW_BLOCKS),
    default=1,
    show_default=True,
    help="Blocks whose orders settle together.",
)
@click.option(
    "--batches",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="How many are attacked: half of them those of most value, half drawn.",
)
@click.option(
    "--capital",
    callback=positive_number,
    help="What one trade or order of the attacker's may be worth, in the numeraire. Default: 100 times the batch.",
)
@click.option(
    "--plays",
    type=click.IntRange(0),
    default=2_000,
    show_default=True,
    help="Plays of the black-box search, for each batch; the structured one makes as many as it needs.",
)
@click.option(
    "--censor", "censored", type=click.IntRange(0), default=1, show_default=True, help="Orders that may be left out."
)
@click.option(
    "--insert",
    "insertions",
    type=click.IntRange(0, MOST_OWN),
    default=4,
    show_default=True,
    help="Own trades before the batch and orders in it; the answers after it are not counted.",
)
@click.option("--param", "parameters", multiple=True, metavar="NAME=VALUE", help="A rule's parameter. Repeatable.")
@click.option("--native-price", callback=positive_number, help="As of verify.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of all that is drawn.")
@click.option("--strict", is_flag=True, help="Exit 3 where the rule gives an attacker more than the AMM does.")
@click.option(
    "--replay",
    "witness_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Play a witness again instead, and compare to the wei; exit 1 where it comes to something else.",
)
@workers_option
@with_session
def command(
    session: Session,
    *,
    rule: Path | None,
    history_name: str | None,
    beside: tuple[str, ...],
    fork_file: Path | None,
    window_blocks: int,
    batches: int,
    capital: Fraction | None,
    plays: int,
    censored: int,
    insertions: int,
    parameters: tuple[str, ...],
    native_price: Fraction | None,
    seed: int,
    strict: bool,
    witness_file: Path | None,
    workers: int,
) -> int:
    """Attacks a settlement rule on sampled batches of a stored history, with the power of a sequencer.

    The attacker orders and censors a batch, puts orders of its own into it, and trades before and after it; traders
    try other limits, amounts, splits, fakes and delays. All of it runs on the real kernel and pools. What is found is
    a lower bound. Each attack that pays is kept as a witness in the store, and every later rule faces it again.
    """
    others = [session.store.load_history(name) for name in beside]
    fork = None if fork_file is None else read_fork(fork_file)
    if witness_file is not None:
        witness = read_witness(witness_file)
        history = session.store.load_history(history_name or witness.history)
        again = replay_witness(witness, history, others, fork)
        return session.finish(again, lambda: _show_replay(again), EXIT_SUCCESS if again["same"] else EXIT_FAILURE)
    if rule is None or history_name is None:
        raise click.UsageError("name a RULE.sol and a --history, or a witness to --replay")
    (given,) = read_rules([rule], parameters)
    options = AttackOptions(
        window_blocks=window_blocks,
        batches=batches,
        capital=capital,
        budget=Budget(censored=censored, insertions=insertions, plays=plays, seed=seed),
        workers=workers,
        native_price=native_price,
    )
    with ProgressReport() as progress:
        document = attack_rule(
            session.store.load_history(history_name),
            given,
            options,
            session.store_root / WITNESSES,
            lambda step: progress.step(step.stage, step.done, step.total, step.detail),
            others,
            fork,
        )
    worse = document["bad_ev"] > document["amm"]["bad_ev"]
    return session.finish(document, lambda: _show(document), EXIT_NEGATIVE if strict and worse else EXIT_SUCCESS)


def _show(document: dict[str, Any]) -> None:
    """What an attacker could take from the rule and from the AMM, side by side, and what misreporting pays."""
    batches, unit = document["batches"], document["numeraire"]
    where = f"{document['name']} on {document['history']}, windows of {count(document['window_blocks'])}"
    say(
        f"{where}: {count(batches['attacked'])} of {count(batches['of'])} batches attacked; the rule fills "
        f"{count(batches['filled'])} of their {count(batches['orders'])} orders",
        "",
    )
    rows = [
        (title, *(figure(found[key]) for found in (document, document["amm"])))
        for title, key in (
            (f"taken in all ({unit})", "ev"),
            (f"  with no orders there ({unit})", "ev_without_orders"),
            (f"bad: because of the orders ({unit})", "bad_ev"),
            (f"users lose ({unit})", "user_loss"),
            ("order dependence, most (bps)", "order_dependence_bps"),
        )
    ]
    columns = "an attacker's best", document["name"], "AMM"
    console().print(grid(columns, rows, numbers=columns[1:]))
    regret = document["regret_bps"]
    say(
        "",
        f"Misreporting gains a trader {figure(regret['mean'])} bps in the mean of {count(regret['n'])} orders, "
        f"{figure(regret['max'])} bps at most; two together {figure(document['collusion_bps'])} bps.",
        f"The attacks were found within {count(document['budget']['plays_made'])} plays: they are lower bounds, as the "
        "misreports are.",
        f"{count(len(document['witnesses']))} witnesses in the store's {WITNESSES}.",
    )


def _show_replay(document: dict[str, Any]) -> None:
    came = "comes to the same" if document["same"] else "comes to something else"
    say(f"witness {document['witness']} against the {document['against']} on {document['history']} {came}")
    for name in ("taken", "bought", "gas"):
        say(f"  {name}: {document['again'][name]}" + ("" if document["same"] else f", not {document['said'][name]}"))
