"""``ingest`` and ``history`` on real data, as files come."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace

import pytest

from app.cli import run as run_here
from ingest.content import content_id
from ingest.store import Store


@pytest.fixture
def day(shared_data):
    folder = shared_data / "v3_usdc_weth_mainnet_20240105"
    return folder / "pool_8ad5_fee3000_raw_logs.csv.gz", folder / "pool_8ad5_fee3000_initial_state.json"


def ingest(files, store, *options):
    events, state = files
    return run_here(
        [
            "ingest",
            "files",
            str(events),
            "--initial-state",
            str(state),
            "--name",
            "day",
            "--store",
            str(store),
            *options,
        ]
    )


def answered(capsys):
    return json.loads(capsys.readouterr().out)


@pytest.mark.shared_data
def test_a_real_day_is_stored_audited_and_shown(day, tmp_path, capsys):
    assert ingest(day, tmp_path, "--json") == 0
    stored = answered(capsys)
    assert (stored["written"], stored["counts"]["events"]["swap"]) == ("stored", 266)
    assert run_here(["history", "audit", "day", "--store", str(tmp_path), "--strict", "--json"]) == 0
    audit = answered(capsys)
    assert (audit["swaps"], audit["exact"], audit["mismatched"], audit["unexplained"]) == (266, 266, 0, [])
    assert audit["source"] == "file"
    assert run_here(["history", "show", "day", "--store", str(tmp_path), "--json"]) == 0
    shown = answered(capsys)
    assert shown["events"]["swap"] == 266
    assert sum(shown["flow"]["rules"].values()) == 266
    assert run_here(["history", "list", "--store", str(tmp_path), "--json"]) == 0
    assert [found["history"] for found in answered(capsys)["histories"]] == ["day"]


@pytest.mark.shared_data
def test_ingesting_again_changes_nothing(day, tmp_path, capsys):
    assert ingest(day, tmp_path) == 0
    capsys.readouterr()
    assert ingest(day, tmp_path, "--json") == 0
    assert answered(capsys)["written"] == "already stored"


@pytest.mark.shared_data
def test_another_history_of_the_name_is_refused_unless_it_replaces(day, tmp_path, capsys):
    events, state = day
    shorter = tmp_path / "shorter.csv"
    lines = gzip.decompress(events.read_bytes()).splitlines(keepends=True)
    shorter.write_bytes(b"".join(lines[:200]))
    store = tmp_path / "store"
    assert ingest(day, store) == 0
    assert ingest((shorter, state), store) == 2
    assert "already has another history 'day'" in capsys.readouterr().err
    assert ingest((shorter, state), store, "--replace") == 0


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("damage", "line", "field"),
    [
        (lambda text: text.replace("0x", "0xzz", 40), None, None),
        (lambda text: text.replace("block_number", "blok"), 1, None),
    ],
)
def test_a_damaged_file_is_named_with_line_and_field_and_nothing_is_stored(day, tmp_path, capsys, damage, line, field):
    events, state = day
    damaged = tmp_path / "damaged.csv"
    damaged.write_text(damage(gzip.decompress(events.read_bytes()).decode()))
    assert ingest((damaged, state), tmp_path / "store", "--json") == 2
    error = answered(capsys)["error"]
    assert error["file"] == str(damaged)
    assert error["line"] >= 1
    assert line is None or error["line"] == line
    assert error["field"]
    assert not (tmp_path / "store" / "history.duckdb").exists()


@pytest.mark.shared_data
def test_a_truncated_gzip_is_bad_input(day, tmp_path, capsys):
    events, state = day
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(events.read_bytes()[:-1000])
    assert ingest((cut, state), tmp_path / "store") == 2
    assert str(cut) in capsys.readouterr().err


@pytest.mark.shared_data
def test_an_export_has_every_event(day, tmp_path, capsys):
    assert ingest(day, tmp_path / "store") == 0
    out = tmp_path / "out"
    capsys.readouterr()
    arguments = ["history", "export", "day", "--out", str(out), "--as", "csv", "--store", str(tmp_path / "store")]
    assert run_here([*arguments, "--json"]) == 0
    assert str(out / "events.csv") in answered(capsys)["files"]
    assert len((out / "events.csv").read_text().splitlines()) == 1 + 303
    assert run_here(arguments) == 2
    assert "exists already" in capsys.readouterr().err


def test_an_unknown_history_lists_those_there_are(market_store, capsys):
    for words in (["show"], ["audit"]):
        assert run_here(["history", *words, "absent", "--store", str(market_store), "--json"]) == 2
        error = answered(capsys)["error"]
        assert "it has: short" in error["message"]
        assert error["kind"] == "input"


def test_a_simulated_history_is_called_so(market_store, capsys):
    for words in (["list"], ["show", "short"], ["audit", "short"]):
        assert run_here(["history", *words, "--store", str(market_store)]) == 0
        assert "SIMULATED" in capsys.readouterr().out
        assert run_here(["history", *words, "--store", str(market_store), "--json"]) == 0
        assert '"source": "simulated"' in capsys.readouterr().out


def test_a_damaged_store_is_a_failure_without_a_traceback(tmp_path, capsys):
    (tmp_path / "history.duckdb").write_text("this is no database")
    assert run_here(["history", "list", "--store", str(tmp_path)]) == 1
    assert "cannot be opened as a store" in capsys.readouterr().err


def test_the_embedded_history_never_replaces_ones_own(market_store, tmp_path, capsys):
    """A history from files that is called as an embedded one is refused, not overwritten."""
    history = Store(market_store).load_history("short")
    own = replace(
        history,
        name="demo-v3",
        source="file",
        labels={},
        known_limits={},
        prices=(),
        price_source="",
    )
    Store(tmp_path).write_history(replace(own, content_id=content_id(own)))
    assert run_here(["ingest", "demo", "--store", str(tmp_path)]) == 2
    assert "already has another history 'demo-v3'" in capsys.readouterr().err
    assert Store(tmp_path).load_history("demo-v3").source == "file"
