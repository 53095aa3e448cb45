"""The raw-log reader against the data's own decoded files, against an independent encoder, and on real v2 logs."""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import InputError
from ingest.files import ingest_files, read_history
from ingest.records import LiquidityEvent, Swap

REAL = [
    ("v3_usdc_weth_mainnet_20240105/pool_88e6_fee500", 6046, {"swap": 6045, "mint": 54, "burn": 69, "collect": 65}),
    ("v3_usdc_weth_mainnet_20240105/pool_8ad5_fee3000", 267, {"swap": 266, "mint": 4, "burn": 17, "collect": 16}),
    ("v3_usdc_weth_polygon/day_20211222", 199, {"swap": 198, "mint": 7, "burn": 2, "collect": 2}),
    ("v3_usdc_weth_polygon/day_20220105", 3972, {"swap": 3971, "mint": 64, "burn": 62, "collect": 60}),
]


def as_decoded_row(event) -> dict[str, str]:
    """An event in the form of the data's decoded files."""
    row = {"block_number": event.block_number, "tx_hash": event.tx_hash, "tx_index": event.tx_index}
    row |= {"log_index": event.log_index, "amount0": event.amount0, "amount1": event.amount1}
    if isinstance(event, Swap):
        row |= {"event": "swap", "sender_or_owner": event.sender, "recipient": event.recipient}
        row |= {"sqrt_price_x96_after": event.sqrt_price_x96, "liquidity_after": event.liquidity}
        row |= {"tick_after": event.tick, "tick_lower": "", "tick_upper": "", "liquidity_amount": ""}
    else:
        row |= {"event": event.kind, "sender_or_owner": event.owner, "recipient": "", "tick_lower": event.tick_lower}
        row |= {"tick_upper": event.tick_upper, "liquidity_amount": event.liquidity}
        row |= {"sqrt_price_x96_after": "", "liquidity_after": "", "tick_after": ""}
    return {name: str(value) for name, value in row.items()}


@pytest.mark.shared_data
@pytest.mark.parametrize(("stem", "swaps", "kinds"), REAL)
def test_every_field_is_as_the_decoded_file_has_it(shared_data, stem, swaps, kinds):
    read = ingest_files(
        shared_data / f"{stem}_raw_logs.csv.gz", initial_state=shared_data / f"{stem}_initial_state.json", name="x"
    )
    with gzip.open(shared_data / f"{stem}_decoded.csv.gz", "rt") as stream:
        decoded = list(csv.DictReader(stream))
    assert sum(row["event"] == "swap" for row in decoded) == swaps
    after = json.loads((shared_data / f"{stem}_initial_state.json").read_text())["state_is_after"]
    expected = [
        row
        for row in decoded
        if (int(row["block_number"]), int(row["log_index"])) > (after["block_number"], after["log_index"])
    ]
    times = [row.pop("block_timestamp")[:19] for row in expected]
    events = [
        event for event in read.history.events if not (event.__class__ is LiquidityEvent and event.kind == "collect")
    ]
    assert [as_decoded_row(event) for event in events] == expected
    assert read.counts.events == kinds
    assert (read.counts.duplicates, read.counts.out_of_order, read.counts.dropped_before_state) == (0, 0, 1)
    from datetime import UTC, datetime

    assert [datetime.fromtimestamp(event.block_ts, UTC).strftime("%Y-%m-%d %H:%M:%S") for event in events] == times


@pytest.mark.shared_data
def test_seq_is_the_place_and_the_fee_is_the_pools(day):
    assert [event.seq for event in day.events] == list(range(len(day.events)))
    assert {swap.fee_pips for swap in day.swaps} == {500}


INT256 = st.one_of(st.sampled_from([-(1 << 255), (1 << 255) - 1, -1, 0, 1]), st.integers(-(1 << 255), (1 << 255) - 1))
UINT256 = st.one_of(st.sampled_from([0, (1 << 256) - 1, 1 << 255]), st.integers(0, (1 << 256) - 1))
UINT128 = st.one_of(st.sampled_from([0, (1 << 128) - 1]), st.integers(0, (1 << 128) - 1))
ADDRESS = st.integers(0, (1 << 160) - 1).map(lambda number: f"0x{number:040x}")


@settings(deadline=None)
@given(
    amount0=INT256,
    amount1=INT256,
    liquidity=UINT128,
    sender=ADDRESS,
    recipient=ADDRESS,
    gas=st.integers(0, (1 << 63) - 1),
    gas_price=UINT256,
)
def test_a_swap_log_reads_back_to_what_was_encoded(
    build, tmp_path_factory, amount0, amount1, liquidity, sender, recipient, gas, gas_price
):
    if amount0 * amount1 > 0:
        amount1 = -amount1 if amount1 != -(1 << 255) else 0
    file = build.LogFile().add(
        "Swap",
        (sender, recipient),
        (amount0, amount1, build.ONE_X96, liquidity, -1),
        gas_used=gas,
        effective_gas_price=gas_price,
    )
    path = file.write(tmp_path_factory.mktemp("logs") / "logs.csv")
    (swap,) = read_history(path, initial_state=build.make_state(), name="x").events
    read = (swap.amount0, swap.amount1, swap.liquidity, swap.sender, swap.recipient, swap.gas_used, swap.gas_price_wei)
    assert read == (amount0, amount1, liquidity, sender, recipient, gas, gas_price)
    assert (swap.sqrt_price_x96, swap.tick) == (build.ONE_X96, -1)


@settings(deadline=None)
@given(owner=ADDRESS, liquidity=UINT128, amount0=UINT256, amount1=UINT256, lower=st.integers(-14787, 14786))
def test_liquidity_logs_read_back_to_what_was_encoded(
    build, tmp_path_factory, owner, liquidity, amount0, amount1, lower
):
    span = (60 * lower, 60 * (lower + 1))
    owed = (amount0 >> 128, amount1 >> 128)
    path = (
        build.LogFile()
        .add("Initialize", (), (build.ONE_X96, 0))
        .add("Mint", (owner, *span), (build.address(9), liquidity, amount0, amount1))
        .add("Burn", (owner, *span), (liquidity, amount0, amount1))
        .add("Collect", (owner, *span), (build.address(9), *owed))
        .add("Flash", (owner, build.address(9)), (5, 6, amount0, amount1))
        .add("SetFeeProtocol", (), (0, 0, 4, 4))
        .write(tmp_path_factory.mktemp("logs") / "logs.csv")
    )
    read = ingest_files(path, initial_state=build.make_state(), name="x")
    first, *others = read.history.events
    assert (first.kind, first.sqrt_price_x96, first.tick) == ("initialize", build.ONE_X96, 0)
    facts = [(event.kind, event.owner, event.liquidity, event.amount0, event.amount1) for event in others]
    assert facts == [
        ("mint", owner, liquidity, amount0, amount1),
        ("burn", owner, liquidity, amount0, amount1),
        ("collect", owner, 0, *owed),
        ("flash", owner, 0, amount0, amount1),
    ]
    assert [(event.tick_lower, event.tick_upper) for event in others] == [span] * 3 + [(None, None)]
    assert read.counts.ignored == {"SetFeeProtocol": 1}


def v2_file(build):
    pair = build.LogFile("v2")
    owner = build.address(5)
    pair.add("Transfer", (build.address(0), owner), (7,), tx=1)
    pair.add("Sync", (), (1000, 4000), tx=1).add("Mint", (owner,), (1000, 4000), tx=1)
    pair.add("Sync", (), (1100, 3640), tx=2)
    pair.add("Swap", (owner, build.address(6)), (100, 0, 0, 360), tx=2)
    pair.add("Sync", (), (1100, 3640), tx=3)
    pair.add("Sync", (), (1150, 3640), tx=4)
    pair.add("Sync", (), (575, 1820), tx=5).add("Burn", (owner, owner), (575, 1820), tx=5)
    return pair


def test_v2_logs_carry_the_reserves_of_their_sync(build, tmp_path):
    path = v2_file(build).write(tmp_path / "pair.csv")
    read = ingest_files(path, initial_state=build.make_state("v2"), name="x")
    facts = [
        (getattr(event, "kind", "swap"), event.amount0, event.amount1, event.reserve0, event.reserve1)
        for event in read.history.events
    ]
    assert facts == [
        ("mint", 1000, 4000, 1000, 4000),
        ("swap", 100, -360, 1100, 3640),
        ("sync", 50, 0, 1150, 3640),
        ("burn", 575, 1820, 575, 1820),
    ]
    assert read.counts.ignored == {"Transfer": 1, "Sync without change": 1}


def test_a_v2_swap_without_its_sync_is_refused(build, tmp_path):
    pair = v2_file(build)
    del pair.rows[3]
    with pytest.raises(InputError, match="no Sync log") as refusal:
        read_history(pair.write(tmp_path / "pair.csv"), initial_state=build.make_state("v2"), name="x")
    assert (refusal.value.line, refusal.value.field) == (5, "log_index")


@pytest.mark.shared_data
def test_real_v2_logs_give_the_listed_swaps(shared_data, build, tmp_path):
    """Every v2 pair of two whole mainnet blocks, read as a history of its own."""
    folder = shared_data / "etl_blocks_mainnet_17173049_17173050"
    with gzip.open(folder / "logs.jsonl.gz", "rt") as stream:
        logs = [json.loads(line) for line in stream]
    with gzip.open(folder / "derived_swaps.csv.gz", "rt") as stream:
        listed = list(csv.DictReader(stream))
    swap_topic = "0xd78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822"
    pairs = {log["address"] for log in logs if log["topics"][0] == swap_topic}
    found = set()
    for number, pair in enumerate(sorted(pairs)):
        file = build.LogFile("v2")
        for log in (log for log in logs if log["address"] == pair):
            file.rows.append(
                {
                    "block_number": log["block_number"],
                    "block_timestamp": f"2023-05-02 {log['block_number'] % 24:02}:00:00",
                    "transaction_hash": log["transaction_hash"],
                    "transaction_index": log["transaction_index"],
                    "log_index": log["log_index"],
                    "topics": str(log["topics"]),
                    "data": log["data"],
                }
            )
        state = replace(build.make_state("v2"), reserve0=1, reserve1=1)
        history = read_history(file.write(tmp_path / f"{number}.csv"), initial_state=state, name="x")
        for swap in history.swaps:
            found.add((swap.block_number, swap.log_index, pair, swap.amount_in, swap.amount_out, swap.sender))
            assert swap.reserve0
    expected = {
        (int(row["b"]), int(row["li"]), row["pool"].lower(), int(row["ain"]), int(row["aout"]), row["sender"].lower())
        for row in listed
        if row["pool"].lower() in pairs
    }
    assert found == expected
    assert len(found) == 69


def test_a_pair_where_nothing_changed_is_no_history(build, tmp_path):
    path = build.LogFile("v2").add("Sync", (), (5, 6)).write(tmp_path / "pair.csv")
    state = build.make_state("v2", reserve0=5, reserve1=6)
    with pytest.raises(InputError, match="no event that changes the pool"):
        read_history(path, initial_state=state, name="x")
