"""``doctor`` on this machine, and on ones that lack something."""

from __future__ import annotations

import json

import pytest

from app.cli import run as run_here

ESSENTIAL = {"python", "python packages", "solidity compiler", "uniswap bytecode", "evm", "store"}


@pytest.fixture
def examine(tmp_path, capsys):
    def run(store=tmp_path):
        code = run_here(["doctor", "--store", str(store), "--json"])
        document = json.loads(capsys.readouterr().out)
        return code, document["fit"], {check["name"]: check for check in document["checks"]}

    return run


def test_this_machine_has_what_is_needed(examine):
    code, fit, checks = examine()
    assert (code, fit) == (0, True)
    assert {name for name, check in checks.items() if check["essential"]} == ESSENTIAL
    assert "0.8.30" in checks["solidity compiler"]["detail"]
    assert "exact to the wei" in checks["evm"]["detail"]
    assert {"node", "network isolation", "memory", "disk"} <= checks.keys()


def test_missing_npm_parts_are_found_with_the_remedy(examine, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PACTSMITH_NODE_MODULES", str(tmp_path / "empty"))
    code, fit, checks = examine()
    assert (code, fit) == (1, False)
    assert not checks["uniswap bytecode"]["passed"]
    assert "make setup" in checks["uniswap bytecode"]["remedy"]


def test_a_store_that_cannot_be_written_is_found(examine, tmp_path):
    (tmp_path / "file").write_text("")
    code, fit, checks = examine(tmp_path / "file" / "store")
    assert (code, fit) == (1, False)
    assert "--store" in checks["store"]["remedy"]


def test_a_damaged_store_is_found(examine, tmp_path):
    (tmp_path / "history.duckdb").write_text("this is no database")
    code, _, checks = examine()
    assert code == 1
    assert not checks["store"]["passed"]


def test_a_machine_without_node_is_not_lost_when_it_has_a_native_compiler(examine, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    _, _, checks = examine()
    assert not checks["node"]["passed"]
    assert not checks["node"]["essential"]
    assert "Node.js" in checks["node"]["remedy"]


def test_the_terminal_says_ok_or_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PACTSMITH_NODE_MODULES", str(tmp_path))
    assert run_here(["doctor", "--store", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert "ok      python " in shown
    assert "MISSING uniswap bytecode" in shown
    assert "→ run `make setup`" in shown
