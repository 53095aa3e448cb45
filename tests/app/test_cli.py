"""The command line's manners: help, exit codes, errors, interrupts, closed pipes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from importlib import import_module

import click
import pytest

from app import cli
from app.cli import COMMANDS
from app.cli import run as run_here
from app.text import printable
from ingest.errors import PactsmithError

PROGRAM = [sys.executable, "-c", "from app.cli import main; main()"]
EVERY_COMMAND = [
    ["demo"],
    ["ingest"],
    ["ingest", "files"],
    ["ingest", "rpc"],
    ["ingest", "demo"],
    ["history"],
    ["history", "list"],
    ["history", "show"],
    ["history", "audit"],
    ["history", "heal"],
    ["history", "annotate"],
    ["history", "export"],
    ["verify"],
    ["attack"],
    ["synth"],
    ["chat"],
    ["fork"],
    ["fork", "make"],
    ["fork", "show"],
    ["report"],
    ["export"],
    ["doctor"],
]


def leaves(command, path=()):
    """Every command below one, with its words."""
    if isinstance(command, click.Group):
        found = [path] if path else []
        for name in command.list_commands(click.Context(command)):
            found += leaves(command.get_command(click.Context(command), name), (*path, name))
        return found
    return [path]


def test_these_are_all_the_commands_there_are():
    assert sorted(list(words) for words in leaves(cli.cli)) == sorted(EVERY_COMMAND)


@pytest.mark.parametrize("words", EVERY_COMMAND, ids=" ".join)
def test_every_command_explains_itself(words, capsys):
    assert run_here([*words, "--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"Usage: pactsmith {' '.join(words)}")
    assert "Commands:" in shown or "--json" in shown


def test_the_list_of_commands_says_what_the_commands_say(capsys):
    assert run_here(["--help"]) == 0
    shown = capsys.readouterr().out
    for name, (module, _) in COMMANDS.items():
        assert f"  {name} " in shown
        assert isinstance(import_module(module).command, click.Command)


def test_help_imports_nothing_that_takes_time():
    script = (
        "import sys; from app.cli import run; code = run(['--help']); "
        "slow = {'duckdb', 'pyarrow', 'numpy', 'pyrevm', 'rich', 'matplotlib', 'coincurve'} & set(sys.modules); "
        "sys.exit(f'imported {slow}' if slow or code else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["attack"], "name a RULE.sol and a --history"),
        (["synth"], "name a --history, or a run to --resume"),
        (["verify"], "Missing argument"),
        (["verify", "X.sol"], "Missing option '--history'"),
        (["history", "show"], "Missing argument"),
        (["history", "list", "--unknown"], "No such option"),
        (["ingest", "files", "/nowhere.csv", "--initial-state", "/nowhere", "--name", "x"], "does not exist"),
    ],
)
def test_bad_usage_exits_2_and_says_what_is_wrong(arguments, told, capsys):
    assert run_here(arguments) == 2
    plain = capsys.readouterr()
    assert told in plain.err
    assert plain.out == ""
    assert run_here([*arguments, "--json"]) == 2
    as_json = capsys.readouterr()
    error = json.loads(as_json.out)["error"]
    assert told in error["message"]
    assert (error["kind"], error["exit_code"]) == ("usage", 2)


@pytest.fixture
def broken_doctor(monkeypatch, tmp_path):
    """The program with a bug in it."""

    def fail(_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(import_module("app.commands.doctor"), "checks", fail)
    monkeypatch.setattr(import_module("app.failures"), "traceback_dir", lambda: tmp_path / "logs")
    return tmp_path / "logs"


def test_a_bug_shows_no_traceback_but_keeps_it_in_a_file(broken_doctor, capsys):
    assert run_here(["doctor"]) == 1
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    (kept,) = broken_doctor.iterdir()
    assert str(kept) in shown.err
    assert "RuntimeError: a bug" in kept.read_text()


def test_debug_shows_the_traceback(broken_doctor, capsys):
    assert run_here(["doctor", "--debug", "--json"]) == 1
    shown = capsys.readouterr()
    assert "Traceback" in shown.err
    assert json.loads(shown.out)["error"]["kind"] == "unexpected"
    assert not broken_doctor.exists()


def test_a_missing_package_is_said_in_words(monkeypatch, capsys):
    def fail(_):
        raise ModuleNotFoundError("No module named 'duckdb'", name="duckdb")

    monkeypatch.setattr(import_module("app.commands.doctor"), "checks", fail)
    assert run_here(["doctor"]) == 1
    assert "'duckdb' is not installed: run `make setup`" in capsys.readouterr().err


def test_a_workers_last_words_are_kept_in_a_file_and_not_shown(monkeypatch, tmp_path, capsys):
    def fail(_):
        raise PactsmithError("the replay failed: Traceback\n  File one\n    code\n  File two\nValueError: why")

    monkeypatch.setattr(import_module("app.commands.doctor"), "checks", fail)
    monkeypatch.setattr(import_module("app.failures"), "traceback_dir", lambda: tmp_path)
    assert run_here(["doctor"]) == 1
    shown = capsys.readouterr().err
    (kept,) = tmp_path.iterdir()
    assert "ValueError: why" in shown
    assert str(kept) in shown
    assert "File one" not in shown
    assert "File one" in kept.read_text()


def test_ctrl_c_exits_130_without_a_traceback_and_leaves_the_store_sound(tmp_path):
    process = subprocess.Popen(
        [*PROGRAM, "ingest", "demo", "--store", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith("simulate 0/")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "interrupted" in err
    assert out == ""
    assert run_here(["history", "list", "--store", str(tmp_path)]) == 0


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
@pytest.mark.parametrize("words", [["history", "show", "short"], ["history", "list"]], ids=" ".join)
def test_a_closed_pipe_ends_quietly(words, options, market_store):
    reader, writer = os.pipe()
    os.close(reader)
    command = [*PROGRAM, *words, "--store", str(market_store), *options]
    try:
        done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    finally:
        os.close(writer)
    assert done.returncode == 141
    assert done.stderr == ""


def test_a_terminal_that_cannot_show_every_character_does_not_end_the_command(tmp_path):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [*PROGRAM, "history", "list", "--store", str(tmp_path / "härte")]
    done = subprocess.run(command, capture_output=True, env=environment, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert b"has no history yet" in done.stdout


def test_text_from_strangers_cannot_steer_the_terminal():
    assert printable("a\x1b[31mb\x07c\u202ed\u2028e\r") == "a�[31mb�c�d�e�"
    assert printable("kept: \n\t ŷ → 5 %") == "kept: \n\t ŷ → 5 %"
