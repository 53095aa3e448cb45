"""The audit: every event of a history on the real pool, and the trace of states that it leaves."""

from __future__ import annotations

import json
import pickle
import random
from dataclasses import replace
from fractions import Fraction

import pytest
from v4_histories import v4_state

from ingest.files import read_history
from ingest.records import History, LiquidityEvent, Pool, PoolState, Swap, TickLiquidity, Token
from verify import trace as trace_module
from verify.audit import AuditReport, audit, fees_in_force
from verify.trace import StateTrace
from verify.venues.ranges import positions_needed
from verify.world import FEE, World

USD = Token("0x" + "a0" * 20, "USD", 6)
ETH = Token("0x" + "c0" * 20, "ETH", 18)
DEPTH = 12 * 10**18
STATES = {
    "v2": PoolState(
        Pool("v2", 1, "0x" + "b2" * 20, USD, ETH, fee_pips=3000),
        None,
        reserve0=30_000_000 * 10**6,
        reserve1=13_200 * 10**18,
    ),
    "v3": PoolState(
        Pool("v3", 1, "0x" + "b3" * 20, USD, ETH, fee_pips=500, tick_spacing=10),
        None,
        sqrt_price_x96=1662995104975155420368771254341874,
        tick=199045,
        liquidity=DEPTH,
        ticks=(
            TickLiquidity(198000, DEPTH),
            TickLiquidity(199090, -(DEPTH // 3)),
            TickLiquidity(200500, -DEPTH * 2 // 3),
        ),
    ),
}
STATES["v4"] = v4_state(STATES["v3"])
KINDS = pytest.mark.parametrize("kind", ["v2", "v3", "v4"])
FEE_CHANGES = pytest.mark.parametrize(("kind", "fee"), [("v3", 3000), ("v4", 1200)])


def made_history(kind: str, count: int, seed: int, fee_changes: dict[int, int] | None = None) -> History:
    """A history that a pool executed: swaps, and on v3 mints and burns of a few ranges."""
    generator = random.Random(seed)
    world = World.build(STATES[kind])
    events: list[Swap | LiquidityEvent] = []
    held: list[tuple[int, int, int]] = []
    for i in range(count):
        if fee_changes and i in fee_changes:
            world.set_fee(fee_changes[i])
        block = 100 + i // 3
        world.evm.set_block(block, 12 * block)
        place = (block, 12 * block, f"0x{i:064x}", i % 3, i)
        if kind != "v2" and generator.random() < 0.2:
            minting = not held or generator.random() < 0.6
            if minting:
                lower = 198900 + 10 * generator.randrange(20)
                held.append((lower, lower + 10 * generator.randrange(1, 12), generator.randrange(1, 10**18)))
            lower, upper, size = held[-1] if minting else held.pop(generator.randrange(len(held)))
            event = LiquidityEvent(i, "mint" if minting else "burn", *place, "0x" + "01" * 20, lower, upper, size)
            with world.anchor():
                why = world.apply(event).why
            amounts = {part.split()[0]: int(part.split()[1]) for part in why.split(", ") if part}
            event = replace(event, **amounts)
            assert world.apply(event).exact
        else:
            event = made_swap(world, generator, i, place)
        events.append(event)
    return History(f"made-{kind}", "0" * 64, "simulated", STATES[kind], tuple(events))


def made_swap(world: World, generator: random.Random, seq: int, place: tuple) -> Swap:
    zero_for_one = generator.random() < 0.5
    amount = int(10 ** generator.uniform(5, 12.3) * (1 if zero_for_one else 4 * 10**8))
    result = world.swap(zero_for_one, amount)
    amounts = (result.spent, -result.received) if zero_for_one else (-result.received, result.spent)
    balances = world.capture()
    after = (
        {
            "reserve0": balances[world.balance_key(USD.address, world.pool)],
            "reserve1": balances[world.balance_key(ETH.address, world.pool)],
        }
        if world.state.pool.kind == "v2"
        else {"sqrt_price_x96": world.price(), "liquidity": world.liquidity(), "tick": world.tick()}
    )
    return Swap(seq, *place, *amounts, world.fee_pips, **after)


def world_of(history: History) -> World:
    needed = positions_needed(history.initial_state, history.events)
    return World.build(history.initial_state, separate_positions=needed)


# ---------------------------------------------------------------- the report


@KINDS
def test_a_history_that_the_pool_made_is_exact(kind):
    history = made_history(kind, 300, seed=1)
    report, trace = audit(history)
    assert (report.exact, report.swaps, report.mismatched) == (len(history.swaps), len(history.swaps), 0)
    assert report.liquidity_exact == report.liquidity_events == 300 - len(history.swaps)
    assert (report.unexplained, report.audited_share_by_value) == ((), 1)
    assert sum(report.modes.values()) == 300 == len(trace)


@KINDS
def test_every_tampered_event_is_listed_and_no_other(kind):
    history = made_history(kind, 300, seed=2)
    generator = random.Random(5)
    swaps = generator.sample([event.seq for event in history.swaps], 5)
    events = list(history.events)
    for seq in swaps:
        swap = events[seq]
        off = 10**6 if swap.zero_for_one else 10**15
        events[seq] = replace(
            swap, **({"amount1": swap.amount1 - off} if swap.zero_for_one else {"amount0": swap.amount0 - off})
        )
        if kind == "v2":  # a v2 pair knows its reserves from its balances: they go along
            events[seq] = replace(swap, reserve0=swap.reserve0 + 1)
    report, _ = audit(replace(history, events=tuple(events)))
    listed = {tx for _, tx, _ in report.unexplained}
    follow = {history.events[seq + 1].tx_hash for seq in swaps if seq + 1 < 300} if kind == "v2" else set()
    assert (
        {history.events[seq].tx_hash for seq in swaps}
        <= listed
        <= {history.events[seq].tx_hash for seq in swaps} | follow
    )
    assert all("instead of" in why or "reverted" in why for _, _, why in report.unexplained)
    assert report.mismatched == len(listed)
    assert report.exact + report.mismatched == report.swaps
    total = sum(abs(swap.amount1) for swap in history.swaps)
    if kind != "v2":
        lost = sum(abs(events[seq].amount1) for seq in swaps)
        total += lost - sum(abs(history.events[seq].amount1) for seq in swaps)
        assert report.audited_share_by_value == Fraction(total - lost, total)


def test_a_tampered_mint_is_listed_though_no_swap_is_wrong():
    history = made_history("v3", 120, seed=3)
    mint = next(event for event in history.events if isinstance(event, LiquidityEvent))
    events = tuple(replace(e, amount0=e.amount0 + 1) if e is mint else e for e in history.events)
    report, _ = audit(replace(history, events=events))
    assert [(block, tx) for block, tx, _ in report.unexplained] == [(mint.block_number, mint.tx_hash)]
    assert (report.mismatched, report.liquidity_events - report.liquidity_exact) == (0, 1)


def test_the_reports_json_has_the_fixed_keys():
    report = AuditReport("h", "file", 5, 3, 2, 1, 1, ((7, "0xab", "why"),), Fraction(2, 3), {"exact_in": 2, "mint": 1})
    document = json.loads(json.dumps(report.to_json()))
    assert document["unexplained"] == [{"block": 7, "tx": "0xab", "why": "why"}]
    assert {key: document[key] for key in ("history", "source", "events", "swaps", "exact", "mismatched")} == {
        "history": "h",
        "source": "file",
        "events": 5,
        "swaps": 3,
        "exact": 2,
        "mismatched": 1,
    }
    assert document["audited_share_by_value"] == pytest.approx(2 / 3)


def test_a_history_without_events_is_audited_to_nothing():
    report, trace = audit(History("none", "0" * 64, "file", STATES["v3"], ()))
    assert (report.events, len(trace), trace.at(0)) == (0, 0, {})


@FEE_CHANGES
def test_a_fee_change_is_followed_in_the_swaps_and_in_the_trace(kind, fee):
    history = made_history(kind, 200, seed=4, fee_changes={90: fee, 150: 500})
    report, trace = audit(history)
    assert report.unexplained == ()
    key = world_of(history).pool, FEE
    cursor, world = trace.cursor(), world_of(history)
    for seq, in_force in enumerate(fees_in_force(history.events, 500)):
        world.update(cursor.move(seq))
        assert cursor.value(key) == world.fee_pips == in_force
        if seq < 200 and isinstance(event := history.events[seq], Swap):
            assert world.quote(event.zero_for_one, event.amount_in).received == event.amount_out
    assert {swap.fee_pips for swap in history.swaps} == {500, fee}
    wrong = tuple(replace(e, fee_pips=500) if isinstance(e, Swap) else e for e in history.events)
    assert audit(replace(history, events=wrong))[0].mismatched > 0


@FEE_CHANGES
def test_a_fee_that_is_not_the_pools_first_one(kind, fee):
    history = made_history(kind, 40, seed=9, fee_changes={0: fee})
    report, trace = audit(history)
    assert report.unexplained == ()
    world = world_of(history)
    assert trace.at(0) == {(world.pool, FEE): fee}
    world.update(trace.cursor().move(0))
    assert world.fee_pips == fee


def test_fees_in_force_are_the_next_swaps():
    history = made_history("v3", 30, seed=6)
    fees = fees_in_force(history.events, 500)
    assert len(fees) == 31
    assert set(fees) == {500}
    assert fees_in_force((), 777) == [777]


# ---------------------------------------------------------------- the trace


@KINDS
def test_every_moment_of_the_trace_is_the_state_of_the_pool(kind, monkeypatch):
    monkeypatch.setattr(trace_module, "_STRIDE", 64)
    history = made_history(kind, 400, seed=8)
    trace = pickle.loads(pickle.dumps(audit(history)[1]))  # noqa: S301 - made two words before
    walked, jumped, stepped = (world_of(history) for _ in range(3))
    forward, there_and_back = trace.cursor(), trace.cursor()
    generator = random.Random(11)
    for seq in range(401):
        stepped.update(forward.move(seq))
        if seq % 7 == 0 or seq == 400:
            jumped.load(trace.at(seq))
            assert same_pool(jumped, walked)
            assert same_pool(stepped, walked)
            slots = jumped.capture()
            assert all(forward.value(key) == slots[key] for key in slots)
        if seq < 400:
            assert walked.apply(history.events[seq]).exact
    back = world_of(history)
    for seq in [400, *generator.sample(range(401), 30), 0]:
        back.update(there_and_back.move(seq))
        jumped.load(trace.at(seq))
        assert same_pool(back, jumped)


def same_pool(one: World, other: World) -> bool:
    """Whether every slot that either world watches is the same in both."""
    keys = one.capture().keys() | other.capture().keys()
    return all(one.evm.storage(*key) == other.evm.storage(*key) for key in keys) and one.fee_pips == other.fee_pips


def test_a_trace_knows_what_one_event_changed():
    history = made_history("v2", 50, seed=12)
    trace = audit(history)[1]
    world = world_of(history)
    for event in history.events[:20]:
        assert world.apply(event).changed.items() >= trace.changes(event.seq).items()


def test_moments_outside_the_trace_are_refused():
    trace = StateTrace({("0xaa", 1): 5}, {})
    trace.extend([{("0xaa", 1): 6, ("0xbb", 2): 1}, {("0xaa", 1): 5}])
    assert [trace.at(seq) for seq in range(3)] == [{}, {("0xaa", 1): 6, ("0xbb", 2): 1}, {("0xbb", 2): 1}]
    for seq in (-1, 3):
        with pytest.raises(IndexError):
            trace.at(seq)
        with pytest.raises(IndexError):
            trace.cursor().move(seq)
    cursor = trace.cursor()
    assert cursor.value(("0xcc", 9)) == 0
    assert cursor.move(2) == {("0xaa", 1): 5, ("0xbb", 2): 1}  # the first move: whatever state the world was in
    assert cursor.move(1) == {("0xaa", 1): 6}
    assert cursor.move(2) == {("0xaa", 1): 5}
    with pytest.raises(IndexError):
        cursor.move(3)


# ---------------------------------------------------------------- real histories; all of them in test_audit_long


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("folder", "events", "state", "swaps", "exact", "liquidity"),
    [
        # figures of shared/data/README.md, found there with independent integer mathematics
        ("v3_usdc_weth_mainnet_20240105", "pool_8ad5_fee3000", "pool_8ad5_fee3000", 266, 266, 15),
        ("v3_usdc_weth_polygon", "day_20211222", "day_20211222", 198, 198, 8),
        ("v3_usdc_weth_mainnet_20240105", "pool_88e6_fee500", "pool_88e6_fee500", 6045, 6042, 109),
    ],
)
def test_real_days_replay_to_the_wei(shared_data, folder, events, state, swaps, exact, liquidity):
    history = read_history(
        shared_data / folder / f"{events}_raw_logs.csv.gz",
        initial_state=shared_data / folder / f"{state}_initial_state.json",
        name=events,
    )
    report, _ = audit(history)
    assert (report.swaps, report.exact, report.liquidity_exact) == (swaps, exact, liquidity)
    assert report.liquidity_events == liquidity
    assert len(report.unexplained) == swaps - exact == report.mismatched


@pytest.mark.shared_data
def test_a_pool_from_its_creation_replays_to_the_wei(shared_data):
    folder = shared_data / "v3_velodrome_weth_op_optimism"
    history = read_history(
        folder / "events_from_creation.csv.gz", initial_state=folder / "initial_state.json", name="velodrome"
    )
    head = replace(history, events=history.events[:4000])
    report, trace = audit(head)
    assert report.unexplained == ()
    assert (report.exact + report.liquidity_exact, len(trace)) == (4000, 4000)
