"""``pactsmith chat``: a group's chat in, a contract out that holds the group to what it agreed on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.chat import ADDRESSES_FILE, Wanted, hand_over, understand
from app.chat_tables import show_chat
from app.console import Session, with_session
from app.exits import EXIT_NEGATIVE, EXIT_SUCCESS
from app.price_options import EXISTING_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence


def read_answers(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    """``NAME=TEXT``, each name once.

    Raises:
        click.BadParameter: One is no such pair, or a name stands there twice.
    """
    answers: dict[str, str] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not text.strip():
            raise click.BadParameter(f"{value!r} is no NAME=TEXT, such as deposit='20 USDC'")
        if name.strip() in answers:
            raise click.BadParameter(f"{name.strip()} is answered twice")
        answers[name.strip()] = text.strip()
    return answers


@click.command()
@click.argument("export", type=EXISTING_FILE)
@click.option("--chat", "chat_name", metavar="TITLE", help="Which chat, where the export holds several: title or id.")
@click.option("--day-first/--month-first", default=None, help="How its dates begin, where the file leaves that open.")
@click.option("--host", metavar="NAME", help="Who is responsible, by name or @id. Default: whoever proposed the plan.")
@click.option("--timezone", metavar="ZONE", help="Of the chat's times, such as Europe/Berlin. Never guessed.")
@click.option(
    "--answer", "answers", multiple=True, metavar="NAME=TEXT", callback=read_answers,
    help="The answer to a question, such as deposit='20 USDC'. Repeatable.",
)  # fmt: skip
@click.option(
    "--addresses", "addresses_file", type=EXISTING_FILE,
    help=f"Who has which address. Default: {ADDRESSES_FILE} in --out, if it is there; else stand-ins.",
)  # fmt: skip
@click.option("--pact", "pact_file", type=EXISTING_FILE, help="Check and hand over this contract, not the bundled one.")
@click.option(
    "--out", "folder", type=click.Path(file_okay=False, path_type=Path), help="Folder for what is handed over."
)
@click.option("--strict", is_flag=True, help="Exit with 3 unless there is a contract that passed every check.")
@with_session
def command(
    session: Session,
    export: Path,
    chat_name: str | None,
    day_first: bool | None,
    host: str | None,
    timezone: str | None,
    answers: dict[str, str],
    addresses_file: Path | None,
    pact_file: Path | None,
    folder: Path | None,
    strict: bool,
) -> int:
    """Reads a chat and turns what its people agreed on into a contract.

    EXPORT is what Telegram, WhatsApp, Discord, Slack, Signal or Matrix exported: a file or a zip. What was agreed is
    told with the messages that say so; what is open is asked; nobody is bound who did not agree. Nothing leaves this
    machine. The contract is attacked on the group's behalf before it is handed over.
    """
    if addresses_file is None and folder is not None and (folder / ADDRESSES_FILE).exists():
        addresses_file = folder / ADDRESSES_FILE
    wanted = Wanted(export, chat_name, day_first, host, timezone, answers, addresses_file, pact_file)
    understood = understand(wanted)
    files = [] if folder is None else hand_over(understood, folder)
    document = understood.to_json() | {"files": [str(file) for file in files]}
    code = EXIT_NEGATIVE if strict and not understood.handed_over else EXIT_SUCCESS
    return session.finish(document, lambda: show_chat(understood, files), code)
