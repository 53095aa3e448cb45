"""``ingest`` and ``history`` on real data, as files come."""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import asdict, replace

import pytest

from app.cli import run as run_here
from ingest.content import content_id
from ingest.records import Coverage
from ingest.store import Store


@pytest.fixture
def day(shared_data):
    folder = shared_data / "v3_usdc_weth_mainnet_20240105"
    return folder / "pool_8ad5_fee3000_raw_logs.csv.gz", folder / "pool_8ad5_fee3000_initial_state.json"


@pytest.fixture
def busy_day(shared_data):
    folder = shared_data / "v3_usdc_weth_mainnet_20240105"
    return folder / "pool_88e6_fee500_raw_logs.csv.gz", folder / "pool_88e6_fee500_initial_state.json"


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


def rows_of(path):
    with gzip.open(path, "rt", newline="") as stream:
        header, *rows = csv.reader(stream)
    return header, rows


def written(path, header, rows):
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


@pytest.mark.shared_data
def test_rows_cut_out_of_a_day_are_named_and_stay_with_the_history(busy_day, tmp_path, capsys):
    events, state = busy_day
    header, rows = rows_of(events)
    holed = written(tmp_path / "holed.csv", header, [*rows[:2000], *rows[2400:]])
    assert ingest((holed, state), tmp_path / "store", "--json") == 0
    stored = answered(capsys)
    (gap,) = stored["gaps"]
    assert gap["after_block"] <= int(rows[2000][0]) <= int(rows[2399][0]) <= gap["before_block"]
    (caveat,) = [caveat for caveat in stored["caveats"] if "missing" in caveat]
    assert caveat.startswith(f"Events are missing in 1 place, first in blocks {gap['after_block']} to ")
    assert caveat in Store(tmp_path / "store").load_history("day").caveats
    assert ingest((holed, state), tmp_path / "other") == 0
    said = capsys.readouterr().out
    assert f"events are missing in blocks {gap['after_block']} to {gap['before_block']}: the swap begins" in said


@pytest.mark.shared_data
@pytest.mark.parametrize("left_out", [lambda place, _: place % 20 == 7, lambda _, row: "0xc42079f94a" not in row[5]])
def test_logs_that_leave_much_out_are_refused(busy_day, tmp_path, capsys, left_out):
    """One row in twenty; all mints and burns, as in an export of Swap logs alone."""
    events, state = busy_day
    header, rows = rows_of(events)
    kept = [row for place, row in enumerate(rows) if not left_out(place, row)]
    sparse = written(tmp_path / "sparse.csv", header, kept)
    assert ingest((sparse, state), tmp_path / "store", "--json") == 2
    error = answered(capsys)["error"]
    assert "do not come out of those before them, first in blocks" in error["message"]
    assert error["file"] == str(sparse)
    assert not (tmp_path / "store" / "history.duckdb").exists()


@pytest.mark.shared_data
def test_two_pools_logs_in_one_file_are_refused(day, busy_day, tmp_path, capsys):
    (other, _), (events, state) = day, busy_day
    header, rows = rows_of(events)
    _, foreign = rows_of(other)
    for row in foreign:
        row[5] = row[5].replace("'", '"')
    for number, some in enumerate((foreign, foreign[:60])):
        mixed = written(tmp_path / f"mixed{number}.csv", header, [*rows, *some])
        assert ingest((mixed, state), tmp_path / "store") == 2
        assert "Are these the events of one pool" in capsys.readouterr().err


@pytest.mark.shared_data
def test_swaps_at_another_fee_than_the_states_are_said_and_not_refused(day, tmp_path, capsys):
    """The pool may have changed it; no log of a pool tells its fee."""
    events, state = day
    document = json.loads(state.read_text())
    document["fee_pips"] = 500
    (tmp_path / "state.json").write_text(json.dumps(document))
    assert ingest((events, tmp_path / "state.json"), tmp_path / "store", "--json") == 0
    stored = answered(capsys)
    assert (stored["gaps"], stored["doubts"]) == ([], 266)
    assert any("Before 266 of 281 events" in caveat and "amounts tell 3000" in caveat for caveat in stored["caveats"])


@pytest.mark.shared_data
def test_whole_real_files_have_no_gaps(shared_data, day, tmp_path, capsys):
    polygon, velodrome = shared_data / "v3_usdc_weth_polygon", shared_data / "v3_velodrome_weth_op_optimism"
    whole = [
        day,
        (polygon / "day_20211222_raw_logs.csv.gz", polygon / "day_20211222_initial_state.json"),
        (polygon / "day_20220105_raw_logs.csv.gz", polygon / "day_20220105_initial_state.json"),
        (velodrome / "events_from_creation.csv.gz", velodrome / "initial_state.json"),
    ]
    for place, files in enumerate(whole):
        assert ingest(files, tmp_path / str(place), "--json") == 0
        stored = answered(capsys)
        assert stored["gaps"] == []
        assert not any("missing" in caveat for caveat in stored["caveats"])


@pytest.mark.shared_data
def test_a_name_that_cannot_be_used_is_refused_before_anything_is_read(day, tmp_path, capsys):
    for name in ("", " x", "x" * 101):
        assert (
            run_here(["ingest", "files", str(tmp_path / "absent.csv"), "--name", name, "--store", str(tmp_path)]) == 2
        )
        assert "must be 1 to 100 printable characters" in capsys.readouterr().err
    assert ingest(day, tmp_path) == 0
    assert run_here(["ingest", "files", str(tmp_path / "absent.csv"), "--name", "day", "--store", str(tmp_path)]) == 2
    assert "already has a history 'day'" in capsys.readouterr().err


@pytest.mark.shared_data
def test_a_format_of_order_flow_with_a_state_is_called_so(day, tmp_path, capsys):
    assert ingest(day, tmp_path, "--format", "dune-trades", "--json") == 2
    error = answered(capsys)["error"]
    assert "order flow, which is not replayed from a state; leave --initial-state out" in error["message"]
    assert error["field"] == "--format"


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


def test_an_export_says_which_blocks_a_node_was_asked_for(market_store, tmp_path):
    history = Store(market_store).load_history("short")
    covered = Coverage(first_block=1, last_block=9, proof="none", why="a test")
    Store(tmp_path).write_history(replace(history, coverage=covered))
    assert run_here(["history", "export", "short", "--out", str(tmp_path / "out"), "--store", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "out" / "history.json").read_text())["coverage"] == asdict(covered)
    assert run_here(["history", "export", "short", "--out", str(tmp_path / "o"), "--store", str(market_store)]) == 0
    assert json.loads((tmp_path / "o" / "history.json").read_text())["coverage"] is None


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
