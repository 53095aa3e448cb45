"""The embedded history through the commands, and the whole demo."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.cli import run as run_here


def test_the_embedded_history_is_stored_once_and_called_simulated(tmp_path, capsys):
    arguments = ["ingest", "demo", "--store", str(tmp_path), "--json"]
    assert run_here(arguments) == 0
    first = json.loads(capsys.readouterr().out)["histories"]
    assert {found["history"] for found in first} == {"demo-v3", "demo-v2"}
    for found in first:
        assert (found["source"], found["written"]) == ("simulated", "stored")
        assert found["last_block"] - found["first_block"] > 2_000
        assert found["labels"] == found["known_limits"] == found["counts"]["events"]["swap"]
    assert run_here(arguments) == 0
    again = json.loads(capsys.readouterr().out)["histories"]
    assert again == [{**found, "written": "already stored"} for found in first]


@pytest.mark.long
def test_the_demo_ends_in_two_reports_that_call_themselves_simulated(tmp_path, capsys):
    assert run_here(["demo", "--store", str(tmp_path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [run["history"] for run in document["runs"]] == ["demo-v3", "demo-v2"]
    for run in document["runs"]:
        assert run["audit"]["mismatched"] == 0
        assert len(run["candidates"]) == 10
        assert {card["window_blocks"] for card in run["candidates"]} == {1, 5}
        page = Path(run["report"]["html"]).read_text(encoding="utf-8")
        assert "simulated market: not real trading" in page
        assert Path(run["report"]["json"]).is_file()
