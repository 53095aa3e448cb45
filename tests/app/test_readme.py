"""What the documents say must be so: commands exist, the example is admitted, links lead somewhere."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest

from app.cli import COMMANDS, cli
from app.words import VERDICTS
from verify.admission import admit
from verify.templates import templates

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "docs" / "cli.md", ROOT / "docs" / "reports.md"]


def commands(page):
    """The words after ``pactsmith`` of every line that is a command."""
    lines = re.findall(r"^    pactsmith (.+)$", page.read_text(), re.MULTILINE)
    return [shlex.split(re.split(r"  |#", line)[0]) for line in lines]


@pytest.mark.parametrize("page", PAGES[:3], ids=lambda page: page.name)
def test_every_command_that_is_shown_exists_with_its_options(page):
    for words in commands(page):
        command, context = cli, click.Context(cli)
        while isinstance(command, click.Group):
            command = command.get_command(context, words.pop(0))
            assert command is not None, words
        known = {option for parameter in command.params for option in parameter.opts}
        for word in words:
            assert not word.startswith("--") or word in known, (command.name, word)


def test_every_option_of_every_command_is_documented_or_common():
    told = (ROOT / "docs" / "cli.md").read_text()
    for name in COMMANDS:
        found = [cli.get_command(click.Context(cli), name)]
        while found:
            command = found.pop()
            if isinstance(command, click.Group):
                found += command.commands.values()
                continue
            for parameter in command.params:
                if isinstance(parameter, click.Option) and command.name not in {"export", "audit"}:
                    assert parameter.opts[0] in told, (command.name, parameter.opts)


def test_the_example_rule_is_admitted():
    (source,) = re.findall(r"```solidity\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert admit(source, file="README.md").name == "LastFirst"


def test_every_verdict_and_every_bundled_rule_is_named():
    readme, changes = PAGES[0].read_text(), PAGES[1].read_text()
    assert set(re.findall(r"^\| `([a-z ]+)` \|", readme, re.MULTILINE)) == set(VERDICTS)
    assert set(re.findall(r"`([A-Z][a-zA-Z]+)`", changes)) == {path.stem for path in templates()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_that_exist(page):
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+)\)", prose):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), target


def test_the_changelog_begins_with_this_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert re.findall(r"^## (\S+)", PAGES[1].read_text(), re.MULTILINE)[0] == version
