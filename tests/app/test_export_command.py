"""``export`` as a user meets it: a folder that forge takes, or a sentence that says why there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cli import run as run_here
from tests.app.conftest import pactsmith


@pytest.fixture(scope="module")
def exported(run, market_store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "project"
    arguments = "Sequential", "--out", folder, "--largest", 3, "--drawn", 2, "--json"
    return run, folder, pactsmith("export", *arguments, store=market_store)


def exit_code(market_store, *arguments):
    return run_here(["export", *map(str, arguments), "--store", str(market_store)])


def test_a_project_is_written_and_told(exported):
    run, folder, done = exported
    assert done.code == 0, done.err
    told = done.document
    assert (told["name"], told["window_blocks"], told["batches"]) == ("Sequential", 1, 5)
    assert told["run_id"] == run.document["run_id"]
    assert told["verdict"] == run.document["candidates"][0]["verdict"]
    written = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert written == told["files"]
    assert {"foundry.toml", "README.md", "src/Sequential.sol", "lib/pactsmith/SignedSettlement.sol"} <= set(written)
    assert sum(path.startswith("test/batches/") for path in written) == 5


def test_an_id_is_as_good_as_a_name(exported, market_store, tmp_path):
    _, folder, done = exported
    arguments = done.document["candidate_id"], "--out", tmp_path / "again", "--largest", 3, "--drawn", 2
    assert exit_code(market_store, *arguments, "--run", done.document["run_id"]) == 0
    for path in done.document["files"]:
        assert (tmp_path / "again" / path).read_bytes() == (folder / path).read_bytes()


def test_nothing_is_overwritten(exported, market_store, capsys):
    _, folder, _ = exported
    (folder / "README.md").write_text("mine")
    assert exit_code(market_store, "Sequential", "--out", folder) == 2
    assert "not empty" in capsys.readouterr().err
    assert (folder / "README.md").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["Nobody"], "no 'Nobody'; it has: Sequential, Rejected"),
        (["Sequential", "--window", "7"], "no 'Sequential' with windows of 7 blocks"),
        (["Rejected"], "Rejected has no outcomes to repeat"),
        (["Sequential", "--run", "0" * 16], "has no run"),
        (["Sequential", "--largest", "0", "--drawn", "0"], "would show nothing"),
    ],
)
def test_what_cannot_be_exported_is_said(run, market_store, tmp_path, capsys, arguments, sentence):
    assert run.code == 0
    assert exit_code(market_store, *arguments, "--out", tmp_path / "project") == 2
    assert sentence in " ".join(capsys.readouterr().err.split())
    assert not Path(tmp_path / "project").exists()
