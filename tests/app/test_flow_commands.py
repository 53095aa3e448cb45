"""Order flow through the commands: stored, listed, shown, audited, exported, and refused where it must be replayed."""

from __future__ import annotations

import gzip
import json
from dataclasses import asdict

import pytest

from app.cli import run as run_here
from ingest.flow import OrderFlow
from ingest.flow_ingested import from_records
from ingest.records import Coverage, UserIntent
from ingest.store import Store
from verify.templates import templates


@pytest.fixture
def files(shared_data):
    mev = shared_data / "mev_blocks_mainnet"
    return {
        "dune": [shared_data / "dune_dex_trades_export" / "dex_trades.csv.gz"],
        "uni": [shared_data / "v2_uni_weth_mainnet_subgraph" / "swaps.csv.gz"],
        "wbtc": [shared_data / "v3_wbtc_weth_mainnet_json_doubles" / "univ3-wbtc-weth-0.3-events.json.gz"],
        "cow": [shared_data / "cow_settlements_mainnet" / "settlements.csv.gz"],
        "blocks": [mev / "block_12674514_traces.json.gz", mev / "block_12775690_traces.json.gz"],
    }


@pytest.fixture
def pactsmith(tmp_path, capsys):
    """Runs a command on one store; gives its exit code, and what it wrote (with ``--json``: the document)."""

    def run(*words: object):
        capsys.readouterr()
        code = run_here([*map(str, words), "--store", str(tmp_path / "store")])
        out = capsys.readouterr()
        return code, json.loads(out.out) if "--json" in words else out.out + out.err

    return run


@pytest.fixture
def ingest(pactsmith, files):
    return lambda name, *options: pactsmith("ingest", "files", *files[name], "--name", name, *options)


def test_a_flow_is_stored_with_what_its_source_cannot_give_and_again_changes_nothing(ingest):
    code, stored = ingest("dune", "--json")
    assert code == 0
    assert (stored["kind"], stored["written"], stored["trades"]) == ("order flow", "stored", 29_653)
    assert (stored["aggregate_trades"], stored["exact"], stored["unit"]) == (5417, False, "whole tokens")
    assert any("aggregators'" in caveat for caveat in stored["caveats"])
    assert stored["not_replayable"]
    code, said = ingest("dune")
    assert code == 0
    for notice in ("already stored", "INEXACT", "5,417 of 29,653 trades are aggregators'", "not replayable"):
        assert notice in said


def test_flows_are_listed_beside_histories(ingest, pactsmith, shared_data):
    day = shared_data / "v3_usdc_weth_mainnet_20240105"
    state, logs = day / "pool_8ad5_fee3000_initial_state.json", day / "pool_8ad5_fee3000_raw_logs.csv.gz"
    assert pactsmith("ingest", "files", logs, "--initial-state", state, "--name", "day")[0] == 0
    assert ingest("uni")[0] == 0
    code, document = pactsmith("history", "list", "--json")
    assert code == 0
    assert [found["history"] for found in document["histories"]] == ["day"]
    assert [(found["history"], found["kind"]) for found in document["flows"]] == [("uni", "order flow")]
    _, said = pactsmith("history", "list")
    assert said.index("day") < said.index("order flow") < said.index("uni")
    code, document = pactsmith(
        "ingest", "files", logs, "--initial-state", state, "--name", "uni", "--replace", "--json"
    )
    assert code == 2
    assert "already has an order flow 'uni'" in document["error"]["message"]


def test_a_store_with_flows_only_does_not_say_that_it_is_empty(ingest, pactsmith):
    assert "no history yet" in pactsmith("history", "list")[1]
    ingest("blocks")
    assert "no history yet" not in pactsmith("history", "list")[1]


def test_a_flow_is_shown_by_venue_order_and_class(ingest, pactsmith):
    ingest("blocks")
    code, shown = pactsmith("history", "show", "blocks", "--json")
    assert code == 0
    overview = shown["overview"]
    assert sum(venue["trades"] for venue in overview["venues"]) == shown["trades"] == overview["trades"]
    assert sum(one["intents"] for one in overview["intents"]) == shown["intents"]
    assert overview["classes"]["sandwich"] >= 2
    assert shown["exact"]
    _, said = pactsmith("history", "show", "blocks")
    assert "not replayable: single blocks of a chain" in said
    assert "sandwich" in said


def test_rounded_numbers_are_refused_and_every_view_of_what_was_taken_says_so(ingest, pactsmith, files):
    code, refused = ingest("wbtc", "--json")
    assert code == 2
    assert refused["error"]["file"] == str(files["wbtc"][0])
    assert "8,569 amounts above 2**53" in refused["error"]["message"]
    assert pactsmith("history", "list", "--json")[1]["flows"] == []
    assert ingest("wbtc", "--accept-inexact")[0] == 0
    for words in (["list"], ["show", "wbtc"], ["audit", "wbtc"]):
        code, said = pactsmith("history", *words)
        assert code == 0
        assert "INEXACT" in said
    assert pactsmith("history", "show", "wbtc", "--json")[1]["exact"] is False
    assert pactsmith("history", "audit", "wbtc", "--json")[1]["exact"] is False
    assert pactsmith("history", "list", "--json")[1]["flows"][0]["exact"] is False


def test_an_audit_of_a_flow_checks_what_it_can_and_says_what_it_cannot(ingest, pactsmith):
    ingest("cow")
    code, document = pactsmith("history", "audit", "cow", "--strict", "--json")
    assert code == 0
    (limits,) = document["checks"]
    assert (limits["name"], limits["checked"], limits["failed"]) == ("limits", 853, 0)
    assert document["cannot_check"][0].startswith("It cannot be replayed: ")
    ingest("uni")
    code, said = pactsmith("history", "audit", "uni", "--strict")
    assert code == 3
    assert "6 of 100 (6.0 %): The newest swaps" in said
    assert "FAILED: between blocks 12650307 and 12670495" in said
    assert pactsmith("history", "audit", "uni")[0] == 0


def test_a_flow_is_exported_and_an_existing_folder_is_not_overwritten(ingest, pactsmith, tmp_path):
    ingest("cow")
    out = tmp_path / "out"
    code, document = pactsmith("history", "export", "cow", "--out", out, "--as", "csv", "--json")
    assert code == 0
    assert document["files"] == [str(out / "flow.json"), str(out / "intents.csv")]
    assert len((out / "intents.csv").read_text().splitlines()) == 1 + 853
    code, said = pactsmith("history", "export", "cow", "--out", out)
    assert code == 2
    assert "exists already" in said


def test_an_exported_flow_says_which_blocks_a_node_was_asked_for(pactsmith, tmp_path):
    covered = Coverage(first_block=1, last_block=9, proof="none", why="a test")
    intent = UserIntent("v", "m", "sell", "filled", ("A", "B"), 1, 1, tx_hash=f"0x{1:064x}")
    flow = OrderFlow("cow", "", "chain", ("rpc",), "smallest units", 0, True, "a test", (), (intent,), coverage=covered)
    Store(tmp_path / "store").flows.write(from_records(flow))
    assert pactsmith("history", "export", "cow", "--out", tmp_path / "out")[0] == 0
    assert json.loads((tmp_path / "out" / "flow.json").read_text())["coverage"] == asdict(covered)


def test_verify_refuses_a_flow_with_the_reason(ingest, pactsmith):
    ingest("blocks")
    rule = next(path for path in templates() if path.stem == "Sequential")
    code, document = pactsmith("verify", rule, "--history", "blocks", "--json")
    assert code == 2
    assert "'blocks' is an order flow and cannot be replayed: single blocks" in document["error"]["message"]


def test_a_pools_logs_without_its_state_say_that_it_is_missing(pactsmith, shared_data):
    for name in (
        "v3_usdc_weth_mainnet_20240105/pool_8ad5_fee3000_raw_logs.csv.gz",
        "v3_velodrome_weth_op_optimism/events_from_creation.csv.gz",
    ):
        code, document = pactsmith("ingest", "files", shared_data / name, "--name", "x", "--json")
        assert code == 2
        assert "give the pool's state with --initial-state" in document["error"]["message"]
        assert document["error"]["field"] == "--initial-state"


def test_a_flow_has_no_initial_state_labels_or_prices(ingest, shared_data):
    state = shared_data / "v3_usdc_weth_mainnet_20240105" / "pool_8ad5_fee3000_initial_state.json"
    code, said = ingest("dune", "--initial-state", state)
    assert code == 2
    assert "leave --initial-state out" in said
    for option in ("--labels", "--prices"):
        code, said = ingest("dune", option, state)
        assert code == 2
        assert "belong to a pool's history" in said


def test_damage_is_named_with_its_place_and_the_store_stays(pactsmith, files, tmp_path):
    assert pactsmith("ingest", "files", *files["uni"], "--name", "uni")[0] == 0
    before = Store(tmp_path / "store").database.read_bytes()
    text = gzip.decompress(files["uni"][0].read_bytes()).decode()
    damaged = tmp_path / "damaged.csv"
    damaged.write_text(text.replace("10.328125", "1o.328125"))
    code, document = pactsmith("ingest", "files", damaged, "--name", "uni", "--replace", "--json")
    error = document["error"]
    assert (code, error["file"], error["line"], error["field"]) == (2, str(damaged), 4, "amount1In")
    assert Store(tmp_path / "store").database.read_bytes() == before


def test_a_hostile_symbol_is_shown_as_text(pactsmith, tmp_path):
    header = "block_time,token_a_symbol,token_b_symbol,token_a_amount,token_b_amount,project,category\n"
    path = tmp_path / "dune.csv"
    path.write_text(header + "2022-04-20T00:00:53+00:00,[red]\u202eX,Ξ,1,2,[link=x]Uni[/link],DEX\n")
    assert pactsmith("ingest", "files", path, "--name", "odd")[0] == 0
    code, said = pactsmith("history", "show", "odd")
    assert code == 0
    assert "[red]" in said
    assert "[link=x]Uni[/link]" in said
    assert "\u202e" not in said
