"""``pactsmith synth``: search for a mechanism on a history's training blocks, judge what was found on the others."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.console import Session, positive_number, with_session, workers_option
from app.exits import EXIT_NEGATIVE, EXIT_SUCCESS
from app.progress import ProgressReport
from app.runs import report_of
from app.tables import console, grid, say
from app.words import bounds, count, figure, is_scored
from ingest.errors import InputError
from ingest.fork.file import read_fork
from synth.budget import Limits
from synth.llm.endpoint import Endpoint
from synth.options import PROPOSERS, WINDOWS, SynthOptions
from synth.run import Market, stored_options, synthesize
from verify.conventions import MOST_WINDOW_BLOCKS
from verify.run import Options

if TYPE_CHECKING:
    from fractions import Fraction

    from app.report.page import ReportFiles
    from synth.llm.replies import Kind


def price(_context: click.Context, _option: click.Parameter, value: str | None) -> Decimal | None:
    """Reads an amount of dollars, exactly.

    Raises:
        click.BadParameter: It is none, or below 0.
    """
    if value is None:
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise click.BadParameter(f"{value!r} is no amount of dollars")
    return amount


@click.command()
@click.option("--history", "history_name", help="The stored history whose traders are to be served better.")
@click.option("--beside", multiple=True, metavar="HISTORY", help="Another pool of the pair, as of verify. Repeatable.")
@click.option(
    "--fork",
    "fork_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The chain's own pools and tokens, as of verify.",
)
@click.option(
    "--proposer",
    "proposers",
    type=click.Choice(PROPOSERS),
    multiple=True,
    default=("parameters",),
    show_default=True,
    help="Who proposes; several are compared at equal budgets. random: the best of N without feedback.",
)
@click.option("--base-url", metavar="URL", help="Where the model of llm answers: any OpenAI-compatible endpoint.")
@click.option("--model", "model_name", help="Its name there.")
@click.option(
    "--key-env", default="OPENAI_API_KEY", show_default=True, help="The environment variable that holds its key."
)
@click.option(
    "--writes",
    type=click.Choice(["source", "template"]),
    default="source",
    show_default=True,
    help="Whether the model writes Solidity, or chooses a template and values, as small models can.",
)
@click.option("--temperature", type=click.FloatRange(0, 2), default=0.8, show_default=True, help="Of its sampling.")
@click.option("--max-output-tokens", type=click.IntRange(1), default=4096, show_default=True, help="Of one reply.")
@click.option(
    "--reply-timeout", type=click.FloatRange(0, min_open=True), default=120.0, show_default=True, help="In s."
)
@click.option("--usd-per-million-in", callback=price, help="What a million tokens that are sent cost.")
@click.option("--usd-per-million-out", callback=price, help="What a million tokens that come back cost.")
@click.option("--max-usd", callback=price, help="The most that models may cost; needs both prices.")
@click.option("--max-tokens", type=click.IntRange(1), help="The most tokens that models may take.")
@click.option(
    "--window",
    "windows",
    type=click.IntRange(1, MOST_WINDOW_BLOCKS),
    multiple=True,
    default=WINDOWS,
    show_default=True,
    help="Window lengths in blocks that may be proposed. Repeatable.",
)
@click.option("--max-candidates", type=click.IntRange(1), default=40, show_default=True, help="For each proposer.")
@click.option("--max-seconds", type=click.FloatRange(0, min_open=True), help="Time of the search; judging comes after.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of all that is drawn.")
@click.option("--native-price", callback=positive_number, help="As of verify.")
@click.option(
    "--free-running/--no-free-running",
    default=True,
    show_default=True,
    help="Whether candidates are tried and judged in the world that each makes, too.",
)
@click.option(
    "--attack/--no-attack",
    default=True,
    show_default=True,
    help="Whether the best three are attacked, and one that gives an attacker more than the AMM does is passed over.",
)
@click.option("--resume", "run_id", metavar="RUN", help="Go on with a run that was stopped, with its own options.")
@click.option("--strict", is_flag=True, help="Exit 3 unless what was found is an improvement.")
@workers_option
@with_session
def command(
    session: Session,
    *,
    history_name: str | None,
    beside: tuple[str, ...],
    fork_file: Path | None,
    proposers: tuple[str, ...],
    base_url: str | None,
    model_name: str | None,
    key_env: str,
    writes: Kind,
    temperature: float,
    max_output_tokens: int,
    reply_timeout: float,
    usd_per_million_in: Decimal | None,
    usd_per_million_out: Decimal | None,
    max_usd: Decimal | None,
    max_tokens: int | None,
    windows: tuple[int, ...],
    max_candidates: int,
    max_seconds: float | None,
    seed: int,
    native_price: Fraction | None,
    free_running: bool,
    attack: bool,
    run_id: str | None,
    strict: bool,
    workers: int,
) -> int:
    """Searches for a settlement mechanism that would have served a history's traders better.

    Candidates are tried on the first two thirds of the blocks; only the best of each proposer, and the hand-written
    rules at the windows that suit them best, are judged on the rest. A run that was stopped goes on where the same is
    asked for again, or with --resume.
    """
    if run_id is not None:
        config, options = stored_options(session.store, run_id, workers)
        history_name, beside = config["history"], tuple(config["beside"])
        if config["forked"] and fork_file is None:
            raise InputError("the run was begun on a fork: name its file", field="fork")
    elif history_name is None:
        raise click.UsageError("name a --history, or a run to --resume")
    else:
        options = SynthOptions(
            proposers=tuple(dict.fromkeys(proposers)),
            limits=Limits(max_candidates, max_seconds, max_usd, max_tokens),
            windows=tuple(dict.fromkeys(windows)),
            attack=attack,
            evaluation=Options(
                workers=workers,
                seed=seed,
                native_price=native_price,
                elasticity=0.0 if free_running else None,
            ),
            endpoint=None
            if base_url is None
            else Endpoint(
                base_url=base_url,
                model=model_name or "default",
                key_env=key_env,
                temperature=temperature,
                seed=seed,
                max_output_tokens=max_output_tokens,
                timeout_s=reply_timeout,
                usd_per_million_in=usd_per_million_in,
                usd_per_million_out=usd_per_million_out,
            ),
            writes=writes,
        )
    market = Market(
        session.store.load_history(history_name),
        tuple(session.store.load_history(name) for name in beside),
        None if fork_file is None else read_fork(fork_file),
    )
    with ProgressReport() as progress:
        document, judged = synthesize(
            market,
            session.store,
            options,
            lambda step: progress.step(step.stage, step.done, step.total, step.detail),
        )
    files = report_of(session, judged)
    code = EXIT_NEGATIVE if strict and document["verdict"] != "improvement" else EXIT_SUCCESS
    return session.finish(document | {"report": files.to_json()}, lambda: _show(document, files), code)


def _show(document: dict[str, Any], files: ReportFiles) -> None:
    """Who was put forward, beside what people wrote; then the verdict, and what it cost."""
    for name, found in document["proposers"].items():
        counts = ", ".join(f"{count(found[status])} {status}" for status in ("scored", "rejected", "unscored"))
        say(f"{name}: {count(found['candidates'])} candidates ({counts}); {found['ended']}")
        champion = found["champion"]
        if "candidate_id" not in champion:
            say(f"  nobody is put forward: {champion['reason']}")
        elif found["attacks"]:
            attack = found["attacks"][-1]
            say(
                f"  an attacker takes {figure(attack['bad_ev'])} {attack['numeraire']} from the best one's "
                f"{count(attack['batches'])} attacked batches, {figure(attack['amm_bad_ev'])} from the AMM's"
            )
    say("", f"{document['history']}: M in bps, on training blocks and on held-out ones", "")
    champions = [found["champion"] for found in document["proposers"].values() if "candidate_id" in found["champion"]]
    rows = [_row(one) for one in (*champions, *document["by_hand"])]
    columns = ("rule", "window", "parameters", "training", "held out", "gas/order", "verdict")
    console().print(grid(columns, rows, numbers=columns[3:6], whole=columns[:2]))
    spent = document["spent"]
    say(
        "",
        f"{document['verdict']}: {document['verdict_why']}",
        "It is ahead of every hand-written rule there."
        if document["beats_by_hand"]
        else "No rule that was found is ahead of the hand-written ones.",
        f"Spent: {count(spent['candidates'])} candidates, {spent['seconds']:.0f} s, {count(spent['tokens'])} tokens, "
        f"{spent['usd']} USD. Run {document['run_id']}.",
        f"Report: {files.html}",
        wrap=True,
    )


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    score, heldout = one["score"], one["heldout"]
    return (
        one["title"],
        one["window_blocks"],
        ", ".join(f"{name} {value}" for name, value in one["parameters"].items()) or "–",
        "–" if score is None else f"{figure(score['m']['estimate'])} [{figure(one['lower'])}",
        f"{figure(heldout['mean'])} {bounds(heldout).replace(' ', '')}" if is_scored(heldout) else "–",
        count(one["gas_per_order"]) if is_scored(one["gas_per_order"]) else "–",
        one["verdict"],
    )
