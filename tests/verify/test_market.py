"""The simulated market's files: repeatable, read by the ordinary reader, exact on the real pools, near the measured."""

from __future__ import annotations

import csv
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ingest.errors import InputError
from ingest.files import ingest_files, read_history
from ingest.pool_state import read_pool_state
from ingest.routers import ROUTERS
from ingest.sandwiches import jit_events, sandwiches
from verify.audit import audit
from verify.market import MarketConfig, MarketFiles, load_config, simulate
from verify.market.figures import figures
from verify.venues import labelled_address
from verify.venues.ranges import positions_needed
from verify.world import World

if TYPE_CHECKING:
    from ingest.records import History

EMBEDDED = Path(__file__).resolve().parents[2] / "data" / "embedded.toml"
DOCS = EMBEDDED.parents[1] / "docs" / "embedded-history.md"
CONFIGS = load_config(EMBEDDED)
NAMES = ("demo-v3", "demo-v2")
WRITTEN = ("events", "initial_state", "labels", "prices")

MEASURED = {
    # name: (measured, tolerance as a factor); mainnet USDC/WETH 0.05 %, 2024-01-05: FACTS, and the same day's labels
    "size p5": (66, 1.5),
    "size p25": (561, 1.35),
    "size p50": (2_582, 1.35),
    "size p75": (18_300, 1.5),
    "size p90": (116_000, 1.35),
    "size p99": (510_000, 2),
    "size log mean": (8.07, 1.05),
    "size log sd": (2.54, 1.1),
    "blocks with a swap": (0.56, 1.1),
    "swaps per active block mean": (1.53, 1.1),
    "swaps per active block p50": (1, 1.01),
    "price move p50": (0.09, 1.5),
    "price move p90": (4.3, 1.35),
    "price move p99": (20, 1.6),
    "same direction as before": (0.53, 1.1),
    "user: share of swaps": (0.748, 1.15),
    "unknown: share of swaps": (0.080, 1.4),
    "arbitrage: share of swaps": (0.167, 1.4),
    "arbitrage: share of volume": (0.56, 1.3),
    "sandwich: share of swaps": (0.004, 2),
}


def read(files: MarketFiles, name: str = "market") -> History:
    return read_history(
        files.events,
        initial_state=files.initial_state,
        name=name,
        labels=files.labels,
        prices=files.prices,
        source="simulated",
    )


def small(name: str, **changes: object) -> MarketConfig:
    return replace(CONFIGS[name], blocks=60, **changes)


def quiet(config: MarketConfig) -> MarketConfig:
    """Users alone, at a price that stands still."""
    return replace(
        config,
        price=replace(config.price, volatility_bps=0, jumps_per_block=0),
        noise=replace(config.noise, arrivals_per_block=0),
        arbitrage=replace(config.arbitrage, activity=0),
        sandwich=replace(config.sandwich, seen_share=0),
        liquidity=replace(config.liquidity, moves_per_block=0, jit_share=0),
    )


@pytest.fixture(scope="module", params=NAMES)
def embedded(request, tmp_path_factory):
    """(files, history, what the audit found, the audit's trace) of one embedded market, in full."""
    files = simulate(CONFIGS[request.param], tmp_path_factory.mktemp(request.param))
    history = read(files, request.param)
    return files, history, *audit(history)


# ---------------------------------------------------------------------------------------------- repeatable


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(name, tmp_path):
    runs = [simulate(small(name, seed=seed), tmp_path / str(i)) for i, seed in enumerate((11, 11, 12))]
    first, again, other = ([getattr(files, part).read_bytes() for part in WRITTEN] for files in runs)
    assert again == first
    for part, here, there in zip(WRITTEN, first, other, strict=True):
        assert (here == there) == (part == "initial_state")
    assert runs[0].summary == runs[1].summary
    assert sorted(path.name for path in (tmp_path / "0").iterdir()) == [
        "events.csv",
        "initial_state.json",
        "labels.csv",
        "prices.csv",
    ]


def test_a_shorter_run_is_the_beginning_of_a_longer_one(tmp_path):
    short = simulate(small("demo-v3"), tmp_path / "short")
    long = simulate(replace(small("demo-v3"), blocks=80), tmp_path / "long")
    assert long.events.read_bytes().startswith(short.events.read_bytes())
    assert long.prices.read_bytes().startswith(short.prices.read_bytes())


# ---------------------------------------------------------------------------------------------- read and exact


def test_the_ordinary_reader_takes_the_files_and_calls_them_simulated(embedded):
    files, history, _, _ = embedded
    assert history.source == "simulated"
    assert len(history.swaps) == sum(files.summary.swaps.values()) > 1_500
    assert history.events[-1].block_number - history.events[0].block_number >= 2_000
    assert len(history.prices) == files.summary.blocks >= 2_000
    assert {token.symbol for token in (history.pool.token0, history.pool.token1)} == {"WETH", "USDC"}
    assert history.pool.chain_id == 31337


def test_nothing_of_the_files_is_left_over(embedded):
    files = embedded[0]
    found = ingest_files(
        files.events, initial_state=files.initial_state, name="again", labels=files.labels, prices=files.prices
    )
    assert found.counts.duplicates == found.counts.out_of_order == found.counts.dropped_before_state == 0
    assert found.told.unmatched_labels == 0
    assert set(found.counts.ignored) <= {"Transfer"}  # a v2 pair's shares at mints and burns
    assert found.counts.events["mint"] + found.counts.events["burn"] == files.summary.liquidity_moves > 0


def test_the_audit_finds_every_event_exact(embedded):
    _, history, report, _ = embedded
    assert report.exact == report.swaps == len(history.swaps)
    assert report.liquidity_exact == report.liquidity_events > 0
    assert report.unexplained == ()
    assert report.audited_share_by_value == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_audit_would_notice_one_wei(name, tmp_path):
    files = simulate(small(name), tmp_path)
    rows = list(csv.reader(files.events.read_text().splitlines()))
    data = rows[0].index("data")
    place = next(i for i, row in enumerate(rows[1:], 1) if len(row[data]) == 2 + 64 * (5 if name == "demo-v3" else 2))
    first_word = rows[place][data][2:66]
    rows[place][data] = f"0x{(int(first_word, 16) + 1) % 2**256:064x}" + rows[place][data][66:]
    with files.events.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    report, _ = audit(read_history(files.events, initial_state=files.initial_state, name="changed"))
    assert report.mismatched > 0


# ---------------------------------------------------------------------------------------------- the truth beside it


def test_every_swap_has_its_true_class_and_limit(embedded):
    files, history, _, _ = embedded
    assert history.labels.keys() == history.known_limits.keys() == {swap.seq for swap in history.swaps}
    assert all(label.rule.startswith("simulated: ") for label in history.labels.values())
    counts = {}
    for swap in history.swaps:
        flow_class = history.labels[swap.seq].flow_class
        counts[flow_class] = counts.get(flow_class, 0) + 1
        assert 0 < history.known_limits[swap.seq] <= swap.amount_out
    assert counts == files.summary.swaps
    assert set(counts) == {"user", "unknown", "arbitrage", "sandwich"}


def test_users_come_through_routers_for_many_recipients(embedded):
    _, history, _, _ = embedded
    by_class = {}
    for swap in history.swaps:
        by_class.setdefault(history.labels[swap.seq].flow_class, []).append(swap)
    senders = {swap.sender for swap in by_class["user"]}
    assert len(senders & ROUTERS.keys()) >= 3
    assert len(senders - ROUTERS.keys()) == 1
    assert len({swap.recipient for swap in by_class["user"]}) > 200
    for flow_class in ("unknown", "arbitrage", "sandwich"):
        assert all(swap.sender == swap.recipient for swap in by_class[flow_class])
        assert senders.isdisjoint(swap.sender for swap in by_class[flow_class])
    assert len({swap.sender for swap in by_class["arbitrage"]}) == 4


def test_gas_is_that_of_the_genuine_router_on_cold_state(embedded):
    _, history, _, trace = embedded
    users = [swap for swap in history.swaps if history.labels[swap.seq].flow_class == "user"]
    world = World.build(
        history.initial_state, separate_positions=positions_needed(history.initial_state, history.events)
    )
    world.fund({swap.recipient for swap in users[:40]}, [world.router])
    for swap in users[:40]:
        world.load(trace.at(swap.seq))
        world.evm.set_block(swap.block_number, swap.block_ts)
        with world.anchor():
            limit = history.known_limits[swap.seq]
            received, gas = world.router_swap(swap.recipient, swap.zero_for_one, swap.amount_in, limit)
        assert received == swap.amount_out
        assert gas == swap.gas_used
    assert all(swap.gas_used and swap.gas_price_wei for swap in history.swaps)


def test_a_sandwich_pays_before_gas_and_its_victim_gets_less(embedded):
    files, history, _, trace = embedded
    world = World.build(
        history.initial_state, separate_positions=positions_needed(history.initial_state, history.events)
    )
    legs = [swap for swap in history.swaps if history.labels[swap.seq].flow_class == "sandwich"]
    assert len(legs) == 2 * files.summary.sandwiches >= 6
    for front, back in zip(legs[::2], legs[1::2], strict=True):
        assert front.sender == back.sender
        assert front.amount_out == back.amount_in
        assert back.amount_out > front.amount_in
        victim = history.events[front.seq + 1]
        assert back.seq == front.seq + 2
        assert history.labels[victim.seq].flow_class == "user"
        world.load(trace.at(front.seq))
        world.evm.set_block(front.block_number, front.block_ts)
        assert world.quote(victim.zero_for_one, victim.amount_in).received > victim.amount_out
        assert victim.amount_out >= history.known_limits[victim.seq]


def test_the_rules_find_the_true_sandwiches_and_the_just_in_time_liquidity(embedded):
    files, history, _, _ = embedded
    true_legs = {seq for seq, label in history.labels.items() if label.flow_class == "sandwich"}
    found = {leg.seq for case in sandwiches(history.swaps) for leg in (case.front, case.back)}
    assert true_legs <= found
    assert len(jit_events(history)) == 2 * files.summary.just_in_time
    assert (files.summary.just_in_time > 0) == (history.pool.kind == "v3")


def test_the_price_file_is_the_exogenous_price_in_every_block(embedded):
    files, history, _, _ = embedded
    rows = list(csv.DictReader(files.prices.read_text().splitlines()))
    times = [int(row["ts"]) for row in rows]
    assert times == [times[0] + 12 * i for i in range(len(rows))]
    assert {event.block_ts for event in history.events} <= set(times)
    assert float(rows[0]["price"]) == pytest.approx(2270, rel=0.01)


@pytest.mark.parametrize("embedded", ["demo-v3"], indirect=True)
def test_the_flow_comes_near_to_what_was_measured(embedded):
    _, history, _, _ = embedded
    found = figures(history, quote_is_token0=True)
    far = {
        name: (found[name], measured)
        for name, (measured, factor) in MEASURED.items()
        if not measured / factor <= found[name] <= measured * factor
    }
    assert far == {}


def test_the_table_in_the_docs_is_this_simulation(embedded):
    _, history, _, _ = embedded
    found = figures(history, quote_is_token0=history.pool.kind == "v3")
    lines = [line.strip("| ").split(" | ") for line in DOCS.read_text().splitlines() if line.startswith("|")]
    table = {
        cells[0]: float(cells[NAMES.index(history.name) + 2].replace(",", "")) for cells in lines if cells[0] in found
    }
    assert table.keys() == found.keys()
    for name, value in table.items():
        assert value == pytest.approx(found[name], rel=0.02), f"{name}: run benchmarks/market.py and write it anew"


@pytest.mark.shared_data
def test_the_measured_figures_are_those_of_the_real_day(shared_data):
    folder = shared_data / "v3_usdc_weth_mainnet_20240105"
    history = read_history(
        folder / "pool_88e6_fee500_raw_logs.csv.gz",
        initial_state=folder / "pool_88e6_fee500_initial_state.json",
        name="day",
    )
    found = figures(history, quote_is_token0=True)
    for name, (measured, _) in MEASURED.items():
        # What counts as arbitrage or sandwich is the labels' matter; the named four senders make 56 % of the volume.
        tolerance = 0.25 if "arbitrage" in name or "sandwich" in name else 0.05
        assert found[name] == pytest.approx(measured, rel=tolerance), name


# ---------------------------------------------------------------------------------------------- limits and switches


@pytest.mark.parametrize("name", NAMES)
def test_orders_whose_limit_breaks_are_in_no_log(name, tmp_path):
    config = small(name)
    config = replace(
        config,
        price=replace(config.price, volatility_bps=60),
        users=replace(config.users, delayed_share=1, delay_blocks=4, slack=((0, 1), (1, 5)), arrivals_per_block=2),
        sandwich=replace(config.sandwich, seen_share=0),
    )
    files = simulate(config, tmp_path)
    history = read(files)
    assert files.summary.reverted > 10
    included = [swap for swap in history.swaps if history.labels[swap.seq].flow_class == "user"]
    assert len(included) > 10
    assert all(swap.amount_out >= history.known_limits[swap.seq] for swap in included)
    assert any("included" in history.labels[swap.seq].rule for swap in included)
    assert audit(history)[0].exact == len(history.swaps)


@pytest.mark.parametrize("name", NAMES)
def test_every_part_can_be_switched_off(name, tmp_path):
    config = quiet(small(name))
    users = simulate(config, tmp_path / "users")
    assert set(users.summary.swaps) == {"user"}
    assert users.summary.liquidity_moves == users.summary.sandwiches == users.summary.just_in_time == 0
    nobody = replace(config, users=replace(config.users, arrivals_per_block=0))
    empty = simulate(nobody, tmp_path / "nobody")
    assert empty.summary.swaps == {}
    assert len(empty.events.read_text().splitlines()) == 1
    free = replace(config, gas=replace(config.gas, median_gwei=0))
    assert {swap.gas_price_wei for swap in read(simulate(free, tmp_path / "free")).swaps} == {0}


@pytest.mark.parametrize("every", [5, 10])
def test_one_order_in_every_so_many_blocks(every, tmp_path):
    config = quiet(small("demo-v3"))
    users = replace(config.users, arrivals_per_block=0, every_blocks=every, delayed_share=0, size_mu=8, size_sigma=0.5)
    history = read(simulate(replace(config, users=users), tmp_path))
    blocks = [swap.block_number - config.first_block for swap in history.swaps]
    assert blocks == list(range(every - 1, 60, every))


def test_opposite_pairs_in_one_block(tmp_path):
    config = quiet(small("demo-v3"))
    users = replace(
        config.users,
        arrivals_per_block=0,
        every_blocks=4,
        orders_at_once=2,
        repeat_direction=0,
        delayed_share=0,
        size_mu=8,
        size_sigma=0.5,
    )
    swaps = read(simulate(replace(config, users=users), tmp_path)).swaps
    assert len(swaps) == 30
    for one, other in zip(swaps[::2], swaps[1::2], strict=True):
        assert one.block_number == other.block_number
        assert one.zero_for_one != other.zero_for_one


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("blocks", [1, 3])
def test_a_planted_gain_moves_the_price_in_each_users_favour(name, blocks, tmp_path):
    config = quiet(small(name))
    config = replace(
        config,
        price=replace(config.price, planted_gain_bps=10, planted_blocks=blocks),
        users=replace(config.users, arrivals_per_block=0, every_blocks=5, delayed_share=0, size_mu=8, size_sigma=0.5),
    )
    files = simulate(config, tmp_path)
    history = read(files)
    prices = [math.log(float(row["price"])) for row in csv.DictReader(files.prices.read_text().splitlines())]
    assert len(history.swaps) == 12
    for swap in history.swaps[:-1]:
        sold = (history.pool.token0 if swap.zero_for_one else history.pool.token1).symbol
        block = swap.block_number - config.first_block
        gain = 1e4 * (prices[block + blocks] - prices[block])  # of whoever waits to sell WETH
        assert gain == pytest.approx(10 if sold == "WETH" else -10, abs=1e-3)


def test_a_folder_is_made_and_its_files_are_replaced(tmp_path):
    folder = tmp_path / "new" / "folder"
    first = simulate(small("demo-v2", seed=1), folder)
    before = first.events.read_bytes()
    assert simulate(small("demo-v2", seed=2), folder).events.read_bytes() != before
    assert len(list(folder.iterdir())) == 4


def test_a_pool_that_cannot_be_is_an_input_error(tmp_path):
    config = small("demo-v2")
    with pytest.raises(InputError):
        simulate(replace(config, pool=replace(config.pool, depth=1e40)), tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("name", NAMES)
def test_the_state_file_names_the_markets_own_pool_before_its_first_block(name, tmp_path):
    state = read_pool_state(simulate(small(name), tmp_path).initial_state)
    assert state.pool.address == labelled_address(f"market:{name} pool")
    assert state.after.block_number == CONFIGS[name].first_block - 1


def test_another_process_writes_the_same_bytes(tmp_path):
    here = simulate(small("demo-v3"), tmp_path / "here")
    code = (
        "import sys; from dataclasses import replace; from pathlib import Path\n"
        "from verify.market import load_config, simulate\n"
        "config = load_config(Path(sys.argv[1]))['demo-v3']\n"
        "simulate(replace(config, blocks=60), Path(sys.argv[2]))\n"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7"}
    arguments = [sys.executable, "-c", code, str(EMBEDDED), str(tmp_path / "there")]
    subprocess.run(arguments, check=True, env=environment, cwd=EMBEDDED.parents[1], timeout=120)
    for part in WRITTEN:
        path = getattr(here, part)
        assert (tmp_path / "there" / path.name).read_bytes() == path.read_bytes()
