"""``pactsmith chat``: a group's chat in, a contract out that holds the group to what it agreed on."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.chat import ADDRESSES_FILE, Wanted, hand_over, understand
from app.chat_tables import show_chat
from app.console import Session, with_session
from app.exits import EXIT_NEGATIVE, EXIT_SUCCESS
from app.price_options import EXISTING_FILE
from app.text import printable
from app.words import count
from ingest.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.chat import Assist, Write
    from synth.llm.endpoint import Endpoint
    from synth.pact.agreement import Agreement
    from synth.pact.llm.ask import Question
    from synth.pact.llm.writer import Written

KEPT_FILE = "sent-to-model.jsonl"
MAX_OUTPUT_TOKENS = 16_384
TIMEOUT_S = 300.0


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
@click.option("--llm", is_flag=True, help="Let a language model read the chat too. Then parts of it leave the machine.")
@click.option("--wish", metavar="TEXT", help="Let the model write the contract, for what the bundled one does not do.")
@click.option("--base-url", metavar="URL", help="Where it answers: any OpenAI-compatible endpoint.")
@click.option("--model", "model_name", help="Its name there.")
@click.option(
    "--key-env", default="OPENAI_API_KEY", show_default=True, help="The environment variable that holds its key."
)
@click.option("--yes", is_flag=True, help="Send without asking.")
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
    llm: bool,
    wish: str | None,
    base_url: str | None,
    model_name: str | None,
    key_env: str,
    yes: bool,
    strict: bool,
) -> int:
    """Reads a chat and turns what its people agreed on into a contract.

    EXPORT is what Telegram, WhatsApp, Discord, Slack, Signal or Matrix exported: a file or a zip. What was agreed is
    told with the messages that say so; what is open is asked; nobody is bound who did not agree. Without --llm nothing
    leaves this machine. The contract is attacked on the group's behalf before it is handed over.
    """
    if addresses_file is None and folder is not None and (folder / ADDRESSES_FILE).exists():
        addresses_file = folder / ADDRESSES_FILE
    wanted = Wanted(export, chat_name, day_first, host, timezone, answers, addresses_file, pact_file)
    if wish is not None and (not llm or pact_file is not None):
        raise click.UsageError("--wish is for a model: it needs --llm, and no --pact")
    model = _model(base_url, model_name, key_env, folder, yes=yes) if llm else None
    understood = understand(
        wanted,
        None if model is None else model.reader(),
        None if model is None or wish is None else model.writer(wish),
    )
    files = [] if folder is None else hand_over(understood, folder)
    if model is not None:
        files.append(model.kept)
    document = understood.to_json() | {"files": [str(file) for file in files]}
    code = EXIT_NEGATIVE if strict and not understood.handed_over else EXIT_SUCCESS
    return session.finish(document, lambda: show_chat(understood, files), code)


@dataclass(frozen=True, slots=True)
class _Model:
    """The model that the user named, and how it is agreed to."""

    base_url: str
    name: str
    key_env: str
    folder: Path
    yes: bool

    @property
    def kept(self) -> Path:
        """Where what is sent is written."""
        return self.folder / KEPT_FILE

    def reader(self) -> Assist:
        """Lets it read the chat."""
        from synth.pact.llm.ask import ask_model  # noqa: PLC0415  openai takes a second to import

        def allow(question: Question) -> None:
            self._allow(f"{count(question.messages)} messages, {count(question.chars)} characters")

        return partial(ask_model, endpoint=self._endpoint(temperature=0.0), kept=self.kept, allow=allow)

    def writer(self, wish: str) -> Write:
        """Lets it write the contract."""
        from synth.pact.llm.writer import write_pact  # noqa: PLC0415

        def write(agreed: Agreement) -> Written:
            return write_pact(
                wish,
                agreed.pact,
                agreed.names,
                endpoint=self._endpoint(temperature=0.8),
                kept=self.kept,
                allow=lambda chars: self._allow(f"Your wish and the bundled contract, {count(chars)} characters,"),
            )

        return write

    def _endpoint(self, temperature: float) -> Endpoint:
        from synth.llm.endpoint import Endpoint  # noqa: PLC0415

        return Endpoint(
            self.base_url,
            self.name,
            self.key_env,
            temperature=temperature,
            max_output_tokens=MAX_OUTPUT_TOKENS,
            timeout_s=TIMEOUT_S,
        )

    def _allow(self, what: str) -> None:
        if self.yes:
            return
        told = f"{what} go to {self.base_url} ({self.name}), without names. They are in {self.kept}. Send them?"
        if not sys.stdin.isatty():
            raise InputError(f"{told} Nothing was sent: say --yes, or answer on a terminal", field="llm")
        click.confirm(printable(told), abort=True, err=True)


def _model(base_url: str | None, name: str | None, key_env: str, folder: Path | None, *, yes: bool) -> _Model:
    """The model that was named.

    Raises:
        click.UsageError: It is not said which, or where what is sent is to be kept.
    """
    if base_url is None or name is None:
        raise click.UsageError("--llm needs --base-url and --model: which model it is, and where")
    if folder is None:
        raise click.UsageError("--llm needs --out: what is sent is kept there for reading")
    return _Model(base_url, name, key_env, folder, yes)
