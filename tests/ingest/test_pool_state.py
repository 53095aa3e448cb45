"""The pool state file: reads the data's files, round-trips exactly, refuses what no pool can be."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import InputError
from ingest.pool_state import (
    MAX_TICK,
    parse_pool_state,
    pool_state_document,
    price_fits_tick,
    read_pool_state,
    write_pool_state,
)
from ingest.records import Pool, PoolState, Position, TickLiquidity, Token


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "ticks"),
    [
        ("v3_usdc_weth_mainnet_20240105/pool_88e6_fee500_initial_state.json", True),
        ("v3_usdc_weth_mainnet_20240105/pool_8ad5_fee3000_initial_state.json", True),
        ("v3_usdc_weth_polygon/day_20211222_initial_state.json", True),
        ("v3_usdc_weth_polygon/day_20220105_initial_state.json", True),
        ("v3_velodrome_weth_op_optimism/initial_state.json", False),
    ],
)
def test_the_datas_files_are_read_field_by_field(shared_data, name, ticks):
    document = json.loads((shared_data / name).read_text())
    state = read_pool_state(shared_data / name)
    initial = "" if ticks else "initial_"
    assert state.sqrt_price_x96 == int(document[f"{initial}sqrt_price_x96"])
    assert state.tick == document[f"{initial}tick"]
    assert state.pool.fee_pips == document[f"{initial}fee_pips"]
    assert (state.pool.chain_id, state.pool.address) == (document["chain_id"], document["pool"].lower())
    assert (state.pool.token0.symbol, state.pool.token1.decimals) == (document["token0"]["symbol"], 18)
    assert state.ticks_reconstructed is ticks
    table = [(entry["tick"], int(entry["liquidity_net"])) for entry in document.get("reconstructed_ticks", [])]
    assert [(entry.tick, entry.liquidity_net) for entry in state.ticks] == table
    assert (state.after is None) is not ticks
    if ticks:
        after = document["state_is_after"]
        assert state.after == Position(after["block_number"], after["tx_hash"], after["log_index"])


ANY_INT = st.integers(-(1 << 255), (1 << 256) - 1)
HEX20 = st.integers(0, (1 << 160) - 1).map(lambda number: f"0x{number:040x}")
HEX32 = st.integers(0, (1 << 256) - 1).map(lambda number: f"0x{number:064x}")
TOKENS = st.builds(Token, HEX20, st.text(min_size=1, max_size=8), ANY_INT)
POSITIONS = st.none() | st.builds(Position, ANY_INT, st.none() | HEX32, st.none() | ANY_INT)
V3 = st.builds(
    PoolState,
    st.builds(Pool, st.just("v3"), ANY_INT, HEX20, TOKENS, TOKENS, ANY_INT, ANY_INT),
    POSITIONS,
    sqrt_price_x96=ANY_INT,
    tick=ANY_INT,
    liquidity=ANY_INT,
    ticks=st.lists(st.builds(TickLiquidity, ANY_INT, ANY_INT), max_size=4).map(tuple),
    ticks_reconstructed=st.booleans(),
)
V2 = st.builds(
    PoolState,
    st.builds(Pool, st.just("v2"), ANY_INT, HEX20, TOKENS, TOKENS, ANY_INT),
    POSITIONS,
    reserve0=ANY_INT,
    reserve1=ANY_INT,
)


@settings(deadline=None)
@given(V3 | V2)
def test_every_state_round_trips_through_its_document(state):
    assert parse_pool_state(json.loads(json.dumps(pool_state_document(state)))) == state


@pytest.mark.shared_data
def test_a_written_file_reads_back(day_paths, tmp_path):
    state = read_pool_state(day_paths[1])
    write_pool_state(state, tmp_path / "state.json")
    assert read_pool_state(tmp_path / "state.json") == state
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_prices_fit_their_tick_at_the_ends_of_the_range():
    lowest, highest = 4295128739, 1461446703485210103287273052203988822378723970342  # TickMath's MIN and MAX_SQRT_RATIO
    assert price_fits_tick(lowest, -MAX_TICK)
    assert price_fits_tick(highest - 1, MAX_TICK - 1)
    assert price_fits_tick(1 << 96, 0)
    assert price_fits_tick(1 << 96, -1), "a price that fell exactly onto a tick belongs to the tick below"
    assert not price_fits_tick(1 << 96, 1)
    assert not price_fits_tick(1 << 96, -2)
    assert not price_fits_tick(0, 0)


def document(build, **changes) -> dict:
    base = pool_state_document(build.make_state())
    base |= {"liquidity": "50", "ticks": [{"tick": -60, "liquidity_net": "50"}, {"tick": 60, "liquidity_net": -50}]}
    return {key: value for key, value in (base | changes).items() if value is not None}


def test_the_base_of_the_refusals_is_fine(build, state_file):
    assert read_pool_state(state_file(document(build))).liquidity == 50


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"chain_id": None}, "chain_id"),
        ({"chain_id": 0}, "chain_id"),
        ({"chain_id": True}, "chain_id"),
        ({"chain_id": 1.0}, "chain_id"),
        ({"pool": "0x12"}, "pool"),
        ({"pool": 7}, "pool"),
        ({"kind": "v5"}, "kind"),
        ({"kind": "v4"}, "pool"),
        ({"token0": None}, "token0"),
        ({"token0": "USDC"}, "token0"),
        ({"token0": {"address": "0x" + "f" * 40, "symbol": "A", "decimals": 18}}, "token0"),
        ({"token0": {"address": "0x" + "1" * 40, "symbol": "A", "decimals": 256}}, "token0.decimals"),
        ({"token0": {"address": "0x" + "1" * 40, "symbol": "A\n", "decimals": 6}}, "token0.symbol"),
        ({"token0": {"address": "0x" + "1" * 40, "decimals": 6}}, "token0.symbol"),
        ({"fee_pips": 10**6}, "fee_pips"),
        ({"fee_pips": "0x10"}, "fee_pips"),
        ({"fee_pips": None}, "fee_pips"),
        ({"tick_spacing": 0}, "tick_spacing"),
        ({"sqrt_price_x96": "1e30"}, "sqrt_price_x96"),
        ({"sqrt_price_x96": 7.9e28}, "sqrt_price_x96"),
        ({"sqrt_price_x96": str(10**80)}, "sqrt_price_x96"),
        ({"sqrt_price_x96": "-5"}, "sqrt_price_x96"),
        ({"tick": 60}, "sqrt_price_x96"),
        ({"tick": "0.0"}, "tick"),
        ({"liquidity": "51"}, "liquidity"),
        ({"liquidity": "-1"}, "liquidity"),
        ({"ticks": None}, "ticks"),
        ({"ticks": {}}, "ticks"),
        ({"ticks": [7]}, "ticks[0]"),
        ({"ticks": [{"tick": -60, "liquidity_net": "50"}]}, "ticks"),
        ({"ticks": [{"tick": -60, "liquidity_net": "-50"}]}, "ticks[0].liquidity_net"),
        ({"ticks": [{"tick": -61, "liquidity_net": "50"}]}, "ticks[0].tick"),
        ({"ticks": [{"tick": -887280, "liquidity_net": "50"}]}, "ticks[0].tick"),
        (
            {"ticks": [{"tick": 60, "liquidity_net": "50"}, {"tick": 60, "liquidity_net": "-50"}], "liquidity": 0},
            "ticks[1].tick",
        ),
        ({"reconstructed_ticks": []}, "reconstructed_ticks"),
        ({"state_is_after": {"block_number": -1}}, "state_is_after.block_number"),
        ({"state_is_after": {"block_number": 5, "tx_hash": "0x12"}}, "state_is_after.tx_hash"),
        ({"state_is_after": {}}, "state_is_after.block_number"),
        ({"kind": "v2", "reserve0": "5"}, "reserve1"),
        ({"kind": "v2", "reserve0": "5", "reserve1": str(1 << 112)}, "reserve1"),
    ],
)
def test_a_wrong_field_is_named(build, state_file, changes, field):
    path = state_file(document(build, **changes))
    with pytest.raises(InputError) as refusal:
        read_pool_state(path)
    assert (refusal.value.field, refusal.value.file) == (field, str(path))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no JSON"),
        ("[]", "must be a JSON object"),
        ('{"pool": "0x", "pool": "0x"}', "stands twice"),
        ("[" * 100_000, "no pool state file|no JSON"),
        ('{"tick": ' + "1" * 10_000 + "}", "no pool state file"),
    ],
)
def test_what_is_no_state_file_is_refused(tmp_path, text, why):
    path = tmp_path / "state.json"
    path.write_text(text)
    with pytest.raises(InputError, match=why):
        read_pool_state(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="UTF-8"):
        read_pool_state(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_pool_state(tmp_path / "missing.json")
