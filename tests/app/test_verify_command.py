"""``verify`` and ``report`` as a user or another program meets them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.cli import run as run_here
from app.settings import embedded_market
from ingest.files import ingest_files
from ingest.store import Store
from verify.market import load_config, simulate
from verify.templates import templates

METRIC_KEYS = {"mean", "lower95", "upper95", "median", "p5", "share_below_zero", "n"}
FIXED_KEYS = {
    "name",
    "candidate_id",
    "status",
    "reason",
    "window_blocks",
    "gates",
    "batches",
    "batch_sizes",
    "orders",
    "metrics",
    "gas_per_order",
    "welfare",
    "verdict",
    "verdict_why",
}


def test_the_result_is_one_json_document_and_progress_goes_elsewhere(run):
    assert run.code == 0, run.err
    document = run.document
    assert document["history"] == "short"
    assert document["source"] == "simulated"
    for stage in ("admission", "audit", "baselines", "replay", "score"):
        assert f"{stage} " in run.err
    assert "Traceback" not in run.err


def test_every_candidate_has_the_fixed_keys(run):
    cards = run.document["candidates"]
    assert [card["name"] for card in cards] == ["Sequential", "Rejected"]
    for card in cards:
        assert card.keys() >= FIXED_KEYS
    scored, rejected = cards
    assert scored["metrics"]["heldout"]["net_mechanism_bps"].keys() == METRIC_KEYS
    assert (rejected["status"], rejected["verdict"]) == ("rejected", "rejected")
    assert rejected["gates"]["admission"]["passed"] is False
    assert "origin" in rejected["reason"]


def test_the_control_does_not_beat_the_pool_that_it_copies(run):
    control = run.document["candidates"][0]
    assert control["verdict"] in {"no improvement", "worse"}
    assert control["sensitivity"]["gas price: 0"]["mean"] == 0
    assert control["sensitivity"]["gas price: 0"]["verdict"] == "no improvement"


def test_a_second_run_answers_from_the_store_with_the_same_report(run, market_store, rule_files, capsys):
    files = {kind: Path(path) for kind, path in run.document["report"].items()}
    before = {kind: path.read_bytes() for kind, path in files.items()}
    code = run_here(["verify", *map(str, rule_files), "--history", "short", "--store", str(market_store), "--json"])
    again = json.loads(capsys.readouterr().out)
    assert code == 0
    assert again["from_store"] == 1
    assert run.document["from_store"] == 0
    volatile = {"from_store", "seconds"}
    assert {k: v for k, v in again.items() if k not in volatile} == {
        k: v for k, v in run.document.items() if k not in volatile
    }
    assert {kind: path.read_bytes() for kind, path in files.items()} == before


def test_strict_exits_3_on_a_negative_verdict_with_the_same_document(run, market_store, rule_files, capsys):
    arguments = ["verify", str(rule_files[0]), "--history", "short", "--store", str(market_store)]
    assert run_here([*arguments, "--strict", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["candidates"][0]["name"] == "Sequential"
    assert run_here(arguments) == 0


def test_the_terminal_shows_leaderboard_baselines_and_a_sentence_for_each(run, market_store, capsys):
    assert run_here(["report", run.document["run_id"], "--store", str(market_store)]) == 0
    shown = capsys.readouterr().out
    for card in run.document["candidates"]:
        assert card["verdict_why"] in shown
    for text in ("SIMULATED", "(history)", "(amm)", "(standalone)", "Sequential  ", "rejected", "No improvement"):
        assert text in shown
    for path in run.document["report"].values():
        assert path in shown


def test_report_without_a_run_shows_the_last_one(run, market_store, rule_files, tmp_path, capsys):
    store = ["--store", str(market_store)]
    run_here(["verify", *map(str, rule_files), "--history", "short", "--workers", "2", *store])
    capsys.readouterr()
    assert run_here(["report", "--json", "--report-dir", str(tmp_path / "here"), *store]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["run_id"] == run.document["run_id"]
    assert Path(document["report"]["html"]) == tmp_path / "here" / "report.html"
    assert (tmp_path / "here" / "report.json").is_file()


@pytest.mark.parametrize("name", ["0123456789abcdef", "../../etc/passwd", "", "latest"])
def test_report_of_an_unknown_run_is_bad_input(name, market_store, run, capsys):
    assert run_here(["report", name, "--store", str(market_store), "--json"]) == 2
    assert "has no run" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_report_before_any_run_says_what_to_do(tmp_path, capsys):
    assert run_here(["report", "--store", str(tmp_path)]) == 2
    assert "pactsmith verify" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--param", "gamma=1"], "'gamma' is not a parameter of any of the rules"),
        (["--param", "Sequential.gamma=1"], "the rule 'Sequential'"),
        (["--param", "gamma"], "is not NAME=VALUE"),
        (["--param", "gamma=-1"], "is not NAME=VALUE"),
        (["--param", "gamma=x"], "is not NAME=VALUE"),
        (["--window", "0"], "--window"),
        (["--workers", "0"], "--workers"),
        (["--native-price", "-3"], "not a positive number"),
        (["--native-price", "1/0"], "not a positive number"),
        (["--history", "absent"], "no history 'absent'; it has: short"),
    ],
)
def test_a_wrong_option_is_bad_input_and_says_which(options, told, market_store, rule_files, capsys):
    history = [] if "--history" in options else ["--history", "short"]
    assert run_here(["verify", str(rule_files[0]), *history, *options, "--store", str(market_store)]) == 2
    answer = capsys.readouterr()
    assert told in answer.err
    assert answer.out == ""


def test_a_value_out_of_its_range_names_the_parameter(market_store, tmp_path, capsys):
    with_range = tmp_path / "Ranged.sol"
    with_range.write_text("contract Ranged {}")
    with_range.with_suffix(".toml").write_text(
        'name = "Ranged"\nfamily = "settlement"\nsummary = "x"\n[promises]\norder_independent = true\n'
        "uniform_price = true\nkeeps_state = false\ntime_dependent = false\n[[parameter]]\n"
        'name = "fee"\ndefault = 5\nmin = 0\nmax = 10\nunit = "bps"\ndescription = "x"\n'
    )
    arguments = ["verify", str(with_range), "--history", "short", "--store", str(market_store), "--json"]
    assert run_here([*arguments, "--param", "fee=11"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["field"] == "fee"
    assert "0 to 10" in error["message"]


def test_a_missing_or_undecodable_rule_file_is_bad_input(market_store, tmp_path, capsys):
    (tmp_path / "Latin.sol").write_bytes(b"// ok\n// \xff\n")
    for path, told in ((tmp_path / "None.sol", "cannot be read"), (tmp_path / "Latin.sol", "not UTF-8")):
        assert run_here(["verify", str(path), "--history", "short", "--store", str(market_store), "--json"]) == 2
        error = json.loads(capsys.readouterr().out)["error"]
        assert error["file"] == str(path)
        assert told in error["message"]


def test_a_report_folder_that_cannot_be_written_is_a_failure_without_traceback(run, market_store, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    code = run_here(["report", "--report-dir", str(tmp_path / "file" / "x"), "--store", str(market_store)])
    assert code == 1
    assert "cannot be written" in capsys.readouterr().err


def test_the_stored_run_is_what_was_answered(run, market_store):
    stored = Store(market_store).get_result(f"run-{run.document['run_id']}")
    assert stored is not None
    assert stored.document["candidates"] == run.document["candidates"]


def test_another_pool_of_the_pair_is_named_in_the_result_and_on_the_report(tmp_path, capsys):
    store, configs = tmp_path / "store", load_config(embedded_market())
    config = replace(configs["demo-v3"], blocks=60)
    pair = replace(configs["demo-v2"], blocks=60, base=config.base, quote=config.quote, price=config.price)
    for name, market in (("own", config), ("other", pair)):
        files = simulate(market, tmp_path / name)
        ingested = ingest_files(
            files.events,
            initial_state=files.initial_state,
            name=name,
            labels=files.labels,
            prices=files.prices,
            source="simulated",
        )
        Store(store).write_ingested(ingested)
    rule = next(path for path in templates() if path.stem == "Sequential")
    command = ["verify", str(rule), "--history", "own", "--store", str(store), "--json", "--beside"]
    assert run_here([*command, "other"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [pool["kind"] for pool in document["market"]["pools_beside"]] == ["v2"]
    assert document["best_pool"]["better_elsewhere"] > 0
    page = Path(document["report"]["html"]).read_text(encoding="utf-8")
    assert "other (USDC/WETH" in page
    assert f"for {document['best_pool']['better_elsewhere']} of {document['best_pool']['orders']} orders" in page
    assert run_here([*command, "none"]) == 2
    assert "has no history 'none'" in capsys.readouterr().out
