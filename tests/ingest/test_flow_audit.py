"""What can be checked of order flow without a replay, and that each check fails where it must."""

from __future__ import annotations

import csv
import gzip
import io

import pytest
from flow_samples import POOL, csv_text, dune_older, flow_of, subgraph_v2, tx
from hypothesis import given
from hypothesis import strategies as st
from whole_blocks import MEV, MEV_BLOCKS

from ingest.flow_audit import audit_flow, keeps_limit, surplus_bps
from ingest.flow_files import ingest_flow
from ingest.flow_ingested import from_records
from ingest.flow_overview import overview
from ingest.records import UserIntent
from ingest.store import Store

E18 = 10**18


@pytest.fixture
def checks(tmp_path):
    """Stores a flow and audits it."""

    def audit(ingested) -> dict:
        store = Store(tmp_path / "store")
        store.flows.write(ingested, replace=True)
        with store.flows.open(ingested.about.name) as stored:
            return {check.name: check for check in audit_flow(stored)}

    return audit


def intent(**changed) -> UserIntent:
    given = {
        "venue": "v",
        "method": "m",
        "kind": "sell",
        "status": "filled",
        "path": ("A", "B"),
        "amount_in": 100,
        "amount_out": 50,
        "executed_in": 100,
        "executed_out": 50,
        "tx_hash": tx(1),
    }
    return UserIntent(**(given | changed))


@pytest.mark.parametrize(
    ("changed", "kept", "bps"),
    [
        ({}, True, 0),
        ({"executed_out": 49}, False, -200),
        ({"executed_out": 55}, True, 1000),
        ({"kind": "buy", "executed_in": 90}, True, 1000 / 0.9),
        ({"kind": "buy", "executed_in": 101}, False, -100 / 1.01),
        ({"kind": "buy", "executed_out": 49}, True, -200),  # the token kept a part: no limit of the call
        ({"partially_fillable": True, "executed_in": 10, "executed_out": 5}, True, 0),
        ({"partially_fillable": True, "executed_in": 10, "executed_out": 4}, False, -2000),
        ({"partially_fillable": True, "executed_in": 101, "executed_out": 99}, False, None),
        ({"partially_fillable": True, "kind": "buy", "executed_in": 21, "executed_out": 10}, False, None),
        ({"executed_out": None}, None, None),
        ({"amount_out": None}, None, None),
        ({"amount_out": 0, "executed_out": 7}, True, None),
    ],
)
def test_limits_are_kept_in_proportion_where_an_order_may_be_filled_in_part(changed, kept, bps):
    given = intent(**changed)
    assert keeps_limit(given) is kept
    if bps is not None:
        assert surplus_bps(given) == pytest.approx(bps)
    elif None in (given.executed_out, given.amount_out) or not given.amount_out:
        assert surplus_bps(given) is None


@given(st.integers(1, 10**30), st.integers(1, 10**30), st.integers(1, 10**30), st.integers(1, 10**30))
def test_an_order_beyond_its_limit_has_a_surplus_and_one_within_none(limit_in, limit_out, sold, bought):
    given_order = intent(
        amount_in=limit_in, amount_out=limit_out, executed_in=sold, executed_out=bought, partially_fillable=True
    )
    within = sold * limit_out <= bought * limit_in
    assert (surplus_bps(given_order) >= 0) == within
    assert keeps_limit(given_order) == (within and sold <= limit_in)


def test_a_broken_limit_and_a_late_fill_are_found_and_named(checks):
    intents = (
        intent(),
        intent(tx_hash=tx(2), executed_out=49, block_number=7),
        intent(tx_hash=tx(3), executed_out=None),
        intent(tx_hash=tx(4), status="reverted", executed_out=1),
        intent(tx_hash=tx(5), deadline_ts=100, block_ts=100),
        intent(tx_hash=tx(6), deadline_ts=100, block_ts=101),
    )
    found = checks(from_records(flow_of(intents=intents)))
    limits = found["limits"]
    assert (limits.checked, limits.failed, limits.untold) == (4, 1, 1)
    assert limits.cases == (f"block 7, {tx(2)}, 0: sell 100 for 50, executed 100 for 49",)
    assert (found["deadlines"].checked, found["deadlines"].failed) == (2, 1)


def test_no_settled_cow_order_breaks_its_limit(shared_data, checks):
    found = checks(ingest_flow(shared_data / "cow_settlements_mainnet" / "settlements.csv.gz", "cow"))
    assert set(found) == {"limits"}
    limits = found["limits"]
    assert (limits.checked, limits.failed, limits.untold) == (853, 0, 0)
    assert limits.figures["surplus_bps_p50"] == pytest.approx(55.5, abs=0.1)  # FACTS: 0.55 %


def test_no_executed_call_of_the_real_blocks_breaks_its_limit(shared_data, checks):
    paths = [shared_data / MEV / f"block_{number}_traces.json.gz" for number in MEV_BLOCKS]
    found = checks(ingest_flow(paths, "mev"))
    assert found["limits"].failed == found["deadlines"].failed == 0
    assert found["limits"].checked >= 210


# --- price path ------------------------------------------------------------------------------------------------------


def swaps_of_a_pool(count: int) -> list[dict]:
    """A pool's swaps by its own formula, with the reserves after the last one on every row."""
    reserves = [200_000 * E18, 2_000 * E18]
    rows = []
    for number in range(count):
        side = number % 2
        sold = (number * 7_919 % 900 + 100) * E18 // (1 if side == 0 else 100) + number
        kept = sold * 997
        bought = kept * reserves[1 - side] // (reserves[side] * 1000 + kept)
        reserves[side] += sold
        reserves[1 - side] -= bought
        amounts = {
            f"amount{side}In": sold,
            f"amount{1 - side}Out": bought,
            f"amount{side}Out": 0,
            f"amount{1 - side}In": 0,
        }
        rows.append(subgraph_v2(number, **{name: decimal(amount) for name, amount in amounts.items()}))
    asked = {f"pair.reserve{side}": decimal(reserves[side]) for side in (0, 1)}
    return [row | asked for row in reversed(rows)]


def decimal(amount: int) -> str:
    return f"{amount // E18}.{amount % E18:018d}"


@pytest.fixture
def pool_checks(tmp_path, checks):
    def audit(rows: list[dict]) -> dict:
        path = tmp_path / "swaps.csv"
        path.write_text(csv_text(rows))
        return checks(ingest_flow(path, "pool"))

    return audit


def test_a_pools_swaps_follow_on_one_another_and_undo_to_the_first(pool_checks):
    found = pool_checks(swaps_of_a_pool(60))
    assert (found["price path"].checked, found["price path"].failed) == (59, 0)
    assert found["price path"].figures["gap_p50"] < 1e-5
    assert (found["newest swaps"].checked, found["newest swaps"].found) == (60, 60)


def test_a_missing_swap_is_found_where_it_is_missing(pool_checks):
    rows = swaps_of_a_pool(60)
    del rows[29]  # newest first: number 30
    found = pool_checks(rows)
    assert (found["price path"].checked, found["price path"].failed) == (58, 1)
    assert found["price path"].cases[0].startswith(f"between blocks {12684280 + 29} and {12684280 + 31} of {POOL}")
    assert (found["newest swaps"].checked, found["newest swaps"].found) == (59, 29)


def test_swaps_of_one_block_are_compared_in_no_order(pool_checks):
    rows = swaps_of_a_pool(60)
    together = {row["transaction.blockNumber"]: str(int(row["transaction.blockNumber"]) // 2) for row in rows}
    found = pool_checks([row | {"transaction.blockNumber": together[row["transaction.blockNumber"]]} for row in rows])
    assert (found["price path"].checked, found["price path"].failed) == (29, 0)


def test_the_real_subgraph_answer_has_one_gap_between_its_two_pages(shared_data, checks):
    """The six newest swaps undo exactly; its two pages of 1,000 do not adjoin: swaps between them are missing."""
    path = shared_data / "v2_uni_weth_mainnet_subgraph" / "swaps.csv.gz"
    found = checks(ingest_flow(path, "uni"))
    assert (found["newest swaps"].checked, found["newest swaps"].found, found["newest swaps"].failed) == (100, 6, 0)
    prices = found["price path"]
    assert (prices.checked, prices.failed) == (1818, 1)
    assert prices.figures["gap_p50"] < 7e-7
    assert prices.figures["gap_p90"] < 1.6e-5
    rows = list(csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode())))
    ends = rows[1000]["transaction.blockNumber"], rows[999]["transaction.blockNumber"]
    assert (rows[999][""], rows[1000][""]) == ("999", "0")
    assert prices.cases[0].startswith(f"between blocks {ends[0]} and {ends[1]} of ")


# --- double counting -------------------------------------------------------------------------------------------------


def test_aggregators_trades_are_found_beside_what_they_consist_of(tmp_path, checks):
    path = tmp_path / "dune.csv"
    aggregate = {"category": "Aggregator", "project": "1inch"}
    rows = [
        dune_older(),
        dune_older(**aggregate),
        dune_older(**aggregate, usd_amount="1", trader_a=""),
        dune_older(**aggregate, block_time="2022-04-20T00:00:54+00:00"),  # another second
    ]
    path.write_text(csv_text(rows))
    found = checks(ingest_flow(path, "dune"))["double counting"]
    assert (found.checked, found.found, found.failed) == (3, 2, 0)


def test_no_total_of_the_real_dune_export_counts_aggregators(shared_data, tmp_path):
    path = shared_data / "dune_dex_trades_export" / "dex_trades.csv.gz"
    store = Store(tmp_path)
    store.flows.write(ingest_flow(path, "dune"))
    rows = list(csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode())))
    dex = [row for row in rows if row["category"] == "DEX"]
    with store.flows.open("dune") as stored:
        found = overview(stored)
        doubled = audit_flow(stored)[0]
    assert (found.trades, found.aggregates) == (len(dex), len(rows) - len(dex))
    assert found.usd == pytest.approx(sum(float(row["usd_amount"]) for row in dex))
    assert sum(one.trades for one in found.venues) >= 29_640
    assert (doubled.checked, doubled.found) == (5417, 4603)
