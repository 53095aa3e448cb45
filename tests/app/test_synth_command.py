"""``synth`` as a user or another program meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import run as run_here
from tests.app.conftest import write_market

FIXED_KEYS = {"run_id", "spent", "compile_at_1", "gate_pass", "best", "verdict"}
WORDS = ["--history", "short", "--max-candidates", "4", "--window", "1", "--window", "2", "--no-attack", "--seed", "2"]


def synth(store, *more):
    program = [sys.executable, "-c", "from app.cli import main; main()", "synth", *WORDS, *more]
    return subprocess.run([*program, "--store", str(store)], capture_output=True, text=True, check=False, timeout=240)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Of its own: what is judged on held-out blocks counts for every later verdict of a store."""
    root = tmp_path_factory.mktemp("searched")
    write_market(root, tmp_path_factory.mktemp("market"), "short", "WETH")
    return root


@pytest.fixture(scope="module")
def searched(store):
    return synth(store, "--json")


def test_the_document_has_the_fixed_keys_and_a_report(searched):
    assert searched.returncode == 0, searched.stderr
    document = json.loads(searched.stdout)
    assert set(document) >= FIXED_KEYS
    assert set(document["spent"]) == {"usd", "tokens", "seconds", "candidates"}
    assert document["spent"]["candidates"] == 4
    assert "search: parameters 4/4" in searched.stderr
    for file in document["report"].values():
        assert Path(file).is_file()


def test_what_is_shown_names_the_champion_and_what_people_wrote(searched, store):
    shown = synth(store)
    document = json.loads(searched.stdout)
    assert shown.returncode == 0, shown.stderr
    assert document["proposers"]["parameters"]["champion"]["title"] in shown.stdout
    for one in document["by_hand"]:
        assert one["title"] in shown.stdout
    assert f"{document['verdict']}:" in shown.stdout
    assert document["run_id"] in shown.stdout


def test_a_negative_verdict_exits_3_where_that_was_asked_for(searched, store):
    assert json.loads(searched.stdout)["verdict"] != "improvement"
    assert synth(store, "--strict", "--json").returncode == 3


def test_a_run_is_resumed_by_its_name(searched, store, capsys):
    document = json.loads(searched.stdout)
    assert run_here(["synth", "--resume", document["run_id"], "--json", "--store", str(store)]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["proposers"] == document["proposers"]


def test_a_run_that_is_not_there_is_bad_input(store, capsys):
    assert run_here(["synth", "--resume", "0123456789abcdef", "--json", "--store", str(store)]) == 2
    assert "has no run '0123456789abcdef'" in json.loads(capsys.readouterr().out)["error"]["message"]
    assert run_here(["synth", "--resume", "../../etc", "--json", "--store", str(store)]) == 2
