"""The command line: which commands there are, and what each kind of failure looks like from outside.

The modules of the commands are imported when they are called, so that ``pactsmith --help`` starts in no time.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from app.exits import EXIT_PIPE_CLOSED, write_document
from app.failures import describe
from app.text import printable

if TYPE_CHECKING:
    from app.failures import Failure

COMMANDS = {
    "demo": ("app.commands.demo", "The whole main job on the embedded, simulated history: no key, no network."),
    "ingest": ("app.commands.ingest", "Bring a pool's history into the store."),
    "history": ("app.commands.history", "What is stored, and whether it replays wei for wei."),
    "verify": ("app.commands.verify", "Score settlement rules against a stored history."),
    "attack": ("app.commands.attack", "What a sequencer could take from a rule's batches; whether misreporting pays."),
    "synth": ("app.commands.synth", "Search for a mechanism that serves a history better, and judge what was found."),
    "chat": ("app.commands.chat", "A group's chat into a contract that holds the group to what it agreed on."),
    "fork": ("app.commands.fork", "A chain's own state and code at a block, proven, in a file that needs no node."),
    "report": ("app.commands.report", "Show a finished run again: leaderboard, verdicts, report file."),
    "export": ("app.commands.export", "A candidate as a Foundry project that settles batches of history again."),
    "doctor": ("app.commands.doctor", "What is installed, what is missing, and how to get it."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called; its help needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """The commands in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        """Imports one command: the attribute ``command`` of its module."""
        if cmd_name not in COMMANDS:
            return None
        found = importlib.import_module(COMMANDS[cmd_name][0]).command
        if not isinstance(found, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name][0]}.command is not a command")
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's
        """Writes the list of commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="pactsmith", prog_name="pactsmith")
def cli() -> None:
    """Replays a pool's history through settlement mechanisms, and says honestly whether anyone would be better off.

    Every command takes --json. Exit codes: 0 success; 1 failure; 2 bad usage or input; 3 it ran, but the verdict is
    negative and --strict was given; 130 interrupted.
    """


def main() -> NoReturn:
    """The console script ``pactsmith``."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot show → must not end the job
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = _after_closed_pipe()
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Runs one command line.

    Returns:
        The exit code. Errors were already reported: on standard error as text, or with ``--json`` on standard output
        as ``{"error": {…}}``.
    """
    try:
        # not cli.main(): it answers a closed pipe and Ctrl-C in its own way
        with cli.make_context("pactsmith", arguments) as context:
            result = cli.invoke(context)
    except click.exceptions.Exit as asked:  # --help, --version
        return asked.exit_code
    except BrokenPipeError:
        return _after_closed_pipe()
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001  also Ctrl-C and the EVM's panics: no traceback reaches a user unasked
        return _report(describe(error, debug="--debug" in arguments), as_json="--json" in arguments)
    return int(result)


def _report(failure: Failure, *, as_json: bool) -> int:
    try:
        if as_json:
            write_document(failure.to_json())
        else:
            click.echo(f"pactsmith: {printable(failure.message)}", err=True)
    except BrokenPipeError:
        return _after_closed_pipe()
    return failure.code


def _after_closed_pipe() -> int:
    """Whoever read our output has gone (`pactsmith … | head`): nothing is left to say, and no one to say it to."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_PIPE_CLOSED
