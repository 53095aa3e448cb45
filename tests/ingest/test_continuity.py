"""No event of a pool is missing, or it is said where: on real histories, and on pools acted out step by step."""

from __future__ import annotations

import copy
import gzip
import json
import random
import tracemalloc
from collections import Counter
from dataclasses import replace

import pytest
from concentrated_model import ConcentratedModel, tick_at
from eth_abi import decode
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ingest import gaps
from ingest.continuity import Continuity, follow
from ingest.errors import InputError
from ingest.files import read_history
from ingest.gaps import Mark
from ingest.pool_state import check_pool_state
from ingest.records import LiquidityEvent, PoolState, Position, Swap, TickLiquidity
from ingest.swap_math import sqrt_price_at_tick
from ingest.tick_table import LastSeen
from ingest.v3_chain import V3Chain


def check_continuity(state, events):
    """Where events are missing."""
    return follow(state, events).gaps


def state_after(state, events):
    return follow(state, events).state


PLACE = ("seq", "block_number", "block_ts", "tx_hash", "tx_index", "log_index")
ONE_X96 = 1 << 96


def seeded(seed: int) -> random.Random:
    return random.Random(seed)


def covers(gap, *events) -> bool:
    blocks = [event.block_number for event in events]
    return gap.after_block <= min(blocks) and max(blocks) <= gap.before_block


def moves(event) -> bool:
    return isinstance(event, Swap) or (event.kind in {"mint", "burn", "sync"} and bool(event.liquidity))


def observed(state: PoolState, later: int = 10) -> PoolState:
    """A state as a node would tell it some blocks later: with all of its ticks."""
    return replace(state, after=Position(state.after.block_number + later), ticks_reconstructed=False)


# ---------------------------------------------------------------------- real v3 pools


@pytest.fixture(scope="session")
def real_days(shared_data, day):
    """The four reconstructed days, by name."""
    folders = {
        "mainnet 3000": ("v3_usdc_weth_mainnet_20240105", "pool_8ad5_fee3000"),
        "polygon 2021": ("v3_usdc_weth_polygon", "day_20211222"),
        "polygon 2022": ("v3_usdc_weth_polygon", "day_20220105"),
    }
    found = {"mainnet 500": day}
    for name, (folder, stem) in folders.items():
        paths = (shared_data / folder / f"{stem}{end}" for end in ("_raw_logs.csv.gz", "_initial_state.json"))
        logs, state = paths
        found[name] = read_history(logs, initial_state=state, name=name)
    return found


@pytest.mark.shared_data
def test_a_whole_history_from_its_creation_has_no_gap(velodrome):
    found = follow(velodrome.initial_state, velodrome.events)
    assert (found.gaps, found.doubts) == ((), ())
    assert found.fitting == found.moves == 62_845
    assert not found.state.ticks_reconstructed
    check_pool_state(found.state)
    assert found.check_tail(observed(found.state)) is None


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "unknown"), [("mainnet 500", 0), ("mainnet 3000", 0), ("polygon 2021", 0), ("polygon 2022", 4)]
)
def test_a_reconstructed_day_has_no_gap_but_where_its_liquidity_was_not_known(real_days, name, unknown):
    history = real_days[name]
    found = follow(history.initial_state, history.events)
    assert found.gaps == ()
    assert len(found.doubts) == unknown, "the swaps that the data's README calls not exact, less those off by 1 unit"
    assert all("is not known" in doubt.why for doubt in found.doubts)
    assert found.fitting == found.moves - unknown
    check_pool_state(found.state)


@pytest.mark.shared_data
@pytest.mark.parametrize("part", [1, 1000, 30_000, 62_844])
def test_the_state_after_a_part_carries_the_rest(velodrome, part):
    events = velodrome.events
    middle = state_after(velodrome.initial_state, events[:part])
    check_pool_state(middle)
    rest = follow(middle, events[part:])
    assert (rest.gaps, rest.doubts, rest.fitting) == ((), (), len(events) - part)
    assert rest.state == state_after(velodrome.initial_state, events)


def removals(history, picks):
    """Each event picked, and what following the history without it finds: (event, in range, gap, doubt, tail)."""
    events, chain = history.events, V3Chain(history.initial_state)
    whole = follow(history.initial_state, events)
    known = {doubt.tx for doubt in whole.doubts}
    at = 0
    for pick in sorted(picks):
        while at < pick:
            chain.follow(events[at])
            at += 1
        event, tick, without = events[pick], chain.state().tick, copy.deepcopy(chain)
        for later in events[pick + 1 :]:
            without.follow(later)
            if without.gaps:
                break
        without.finish()
        in_range = not isinstance(event, Swap) and (event.tick_lower or 0) <= tick < (event.tick_upper or 0)
        doubts = [doubt for doubt in without.doubts if doubt.tx not in known and covers(doubt, event)]
        tail = None
        if not without.gaps and events[pick + 1 :]:
            tail = Continuity((), (), without.state(), 0, 0, without).check_tail(observed(whole.state))
        yield event, in_range, without.gaps[:1], doubts, tail


def kind_of(event, in_range: bool) -> str:
    if isinstance(event, Swap):
        return "swap"
    return f"{event.kind} {'in' if in_range else 'out of'} range" if moves(event) else "nothing moved"


@pytest.mark.shared_data
def test_any_one_event_of_the_real_day_that_is_missing_is_noticed(day):
    """Swaps and liquidity in range, always; liquidity out of range, once the price comes there. See the counts."""
    last = max(place for place, event in enumerate(day.events) if isinstance(event, Swap))
    noticed, total = Counter(), Counter()
    picks = seeded(3).sample(range(last), 1500)
    picks += [place for place, event in enumerate(day.events[:last]) if not isinstance(event, Swap)]
    for event, in_range, found, doubts, tail in removals(day, set(picks)):
        kind = kind_of(event, in_range)
        total[kind] += 1
        if found:
            assert covers(found[0], event)
            noticed[kind] += 1
        elif doubts:
            noticed[f"{kind}, doubt"] += 1
        elif tail:
            assert covers(tail, event)
            noticed[f"{kind}, tail"] += 1
    for kind in ("swap", "mint in range", "burn in range"):
        assert noticed[kind] == total[kind] > 30
    out = {kind: count for kind, count in noticed.items() if "out of" in kind}
    assert out == {"mint out of range": 10, "burn out of range": 13, "burn out of range, doubt": 1}
    assert total["burn out of range"] == 17, "three burns lie beyond the ends of the day's reconstructed table"
    assert total["nothing moved"] == 79
    assert noticed["nothing moved"] == 0, "collects and pokes leave no trace in a pool's state"


@pytest.mark.shared_data
def test_with_the_last_state_every_event_missing_of_a_whole_history_is_noticed(velodrome):
    part = replace(velodrome, events=velodrome.events[:9000])
    ways = Counter()
    picks = seeded(4).sample(range(8999), 300)
    picks += [place for place, event in enumerate(part.events[:-1]) if not isinstance(event, Swap)][::2]
    for event, in_range, found, _, tail in removals(part, set(picks)):
        gap = found[0] if found else tail
        assert covers(gap, event)
        ways[kind_of(event, in_range), "gap" if found else "tail"] += 1
    assert ways["swap", "gap"] > 100
    assert ways["mint in range", "gap"] > 10
    assert ways["burn in range", "gap"] > 10
    assert not {kind for kind, way in ways if way == "tail"} - {"burn out of range", "mint out of range"}


@pytest.mark.shared_data
@pytest.mark.parametrize("which", ["day", "velodrome"])
def test_a_run_of_missing_events_is_one_gap(which, day, velodrome):
    history = {"day": day, "velodrome": velodrome}[which]
    events, chance, seen = history.events[:6000], seeded(5), 0
    for _ in range(25):
        first = chance.randrange(3000, 5500)
        hole = events[first : first + chance.randrange(2, 60)]
        if not any(isinstance(event, Swap) for event in hole):
            continue
        found = follow(history.initial_state, [*events[:first], *events[first + len(hole) :]])
        assert len(found.gaps) == 1
        assert covers(found.gaps[0], *(event for event in hole if moves(event)))
        seen += 1
    assert seen > 10


@pytest.mark.shared_data
def test_several_holes_are_several_gaps(day):
    holes = [(700, 703), (2500, 2501), (4000, 4020)]
    kept = [event for place, event in enumerate(day.events) if not any(a <= place < b for a, b in holes)]
    found = check_continuity(day.initial_state, kept)
    assert len(found) == 3
    for gap, (first, end) in zip(found, holes, strict=True):
        assert covers(gap, *filter(moves, day.events[first:end]))
        assert gap.after_log_index is not None
        assert gap.tx in {event.tx_hash for event in day.events[end : end + 20]}


@pytest.mark.shared_data
def test_two_events_in_each_others_place_are_noticed(day):
    noticed = 0
    for first in seeded(6).sample(range(6000), 40):
        one, other = day.events[first], day.events[first + 1]
        if not (isinstance(one, Swap) and isinstance(other, Swap)):
            continue
        exchanged = [replace(a, **{name: getattr(b, name) for name in PLACE}) for a, b in ((other, one), (one, other))]
        found = check_continuity(day.initial_state, [*day.events[:first], *exchanged, *day.events[first + 2 :]])
        assert any(covers(gap, one) for gap in found)
        assert any(covers(gap, other) for gap in found)
        noticed += 1
    assert noticed > 20


@pytest.mark.shared_data
def test_a_v4_pool_is_followed_without_its_liquiditys_amounts(velodrome):
    state = replace(velodrome.initial_state, pool=replace(velodrome.pool, kind="v4"))
    events = [
        event if isinstance(event, Swap) else replace(event, amount0=0, amount1=0) for event in velodrome.events[:9000]
    ]
    found = follow(state, events)
    assert (found.gaps, found.doubts, found.fitting) == ((), (), 9000)
    minted = next(place for place, event in enumerate(events[5000:], 5000) if not isinstance(event, Swap))
    assert check_continuity(state, events[:minted] + events[minted + 1 :])


@pytest.mark.shared_data
def test_another_fee_is_a_doubt_that_names_it_and_no_gap(velodrome):
    change = next(place for place, event in enumerate(velodrome.events) if getattr(event, "fee_pips", 0) == 500)
    before = state_after(velodrome.initial_state, velodrome.events[:change])
    events = [
        replace(event, fee_pips=3000) if isinstance(event, Swap) else event
        for event in velodrome.events[change : change + 500]
    ]
    found = follow(before, events)
    assert found.gaps == ()
    assert len(found.doubts) == sum(isinstance(event, Swap) for event in events)
    assert {doubt.why for doubt in found.doubts} == {"the fee is 3000 pips, the amounts tell 500"}


# ---------------------------------------------------------------------- pools acted out


@st.composite
def pools(draw, dust: bool = True, most_actions: int = 25):
    """A pool with what happened to it: swaps of any size and mode, stopped at ticks too, mints and burns.

    Without dust, no amount is so small, and no price so near to a tick, that the pool's rounding hides liquidity.
    """
    spacing = draw(st.sampled_from([1, 10, 60]))
    start = draw(st.integers(-300, 300) | st.integers(-200_000, 200_000)) // spacing * spacing
    price = sqrt_price_at_tick(start) + draw(st.sampled_from([0, 0, 1, 10**9]) if dust else st.just(1 << 80))
    liquidity = st.integers(1, 10**6) | st.integers(10**9, 10**21) if dust else st.integers(10**20, 10**22)
    sizes = st.integers(1, 50) | st.integers(1, 10**19) if dust else st.integers(10**12, 10**20)
    model = ConcentratedModel(spacing, draw(st.sampled_from([0, 100, 500, 3000, 10_000])), price)
    model.start = PoolState(None, None, sqrt_price_x96=price, tick=model.tick)
    for _ in range(draw(st.integers(1, most_actions))):
        action = draw(st.sampled_from(["mint", "mint", "burn", "swap", "swap", "swap", "limit" if dust else "swap"]))
        held = [span for span, liquidity in model.positions.items() if liquidity]
        if action == "mint":
            lower = (start + spacing * draw(st.integers(-12, 10))) // spacing * spacing
            model.change("mint", lower, lower + spacing * draw(st.integers(1, 8)), draw(liquidity))
        elif action == "burn" and held:
            span = draw(st.sampled_from(held))
            most = model.positions[span]
            model.change("burn", *span, draw(st.sampled_from([most, max(most // 2, 1)])))
        elif action == "limit":
            limit = sqrt_price_at_tick(start + draw(st.integers(-150, 150))) + draw(st.integers(-1, 1))
            model.swap(limit < model.price, draw(st.sampled_from([1, -1])) * 10**30, limit)
        elif action == "swap":
            down = draw(st.booleans())
            limit = sqrt_price_at_tick(start + (-13 if down else 13) * spacing) + (1 << 80)
            model.swap(down, draw(st.sampled_from([1, -1])) * draw(sizes), limit)
    return model


def state_of(build, model: ConcentratedModel, *, at_creation: bool = False) -> PoolState:
    pool = replace(build.make_pool(), fee_pips=model.fee_pips, tick_spacing=model.spacing)
    if at_creation:
        return replace(model.start, pool=pool)
    where = Position(model.block, "0x" + "0" * 64, None)
    return PoolState(pool, where, model.price, model.tick, model.liquidity, model.ticks())


@settings(max_examples=300, deadline=None)
@given(model=pools())
def test_any_pool_followed_from_its_creation_has_no_gap_and_ends_where_it_is(build, model):
    found = follow(state_of(build, model, at_creation=True), model.events)
    assert (found.gaps, found.doubts) == ((), ())
    assert found.fitting == found.moves == len(model.events)
    end = state_of(build, model)
    assert replace(found.state, after=end.after) == end
    assert found.check_tail(end) is None


@settings(max_examples=200, deadline=None)
@given(data=st.data(), model=pools())
def test_any_pool_followed_from_a_state_has_no_gap_though_ticks_of_net_0_do_not_show(build, data, model):
    part = data.draw(st.integers(0, len(model.events)))
    middle = state_after(state_of(build, model, at_creation=True), model.events[:part])
    found = follow(replace(middle, after=middle.after or Position(1)), model.events[part:])
    assert (found.gaps, found.doubts) == ((), ())
    end = state_of(build, model)
    assert replace(found.state, after=end.after) == end


@settings(max_examples=300, deadline=None)
@given(data=st.data(), model=pools(dust=False))
def test_where_rounding_hides_nothing_one_gap_contains_what_is_missing(build, data, model):
    pick = data.draw(st.integers(0, len(model.events)))
    assume(pick < len(model.events))
    event = model.events[pick]
    assume(not isinstance(event, Swap) or event.amount0 or event.amount1)
    found = follow(state_of(build, model, at_creation=True), model.events[:pick] + model.events[pick + 1 :])
    assert len(found.gaps) <= 1
    assert covers(found.gaps[0] if found.gaps else found.check_tail(state_of(build, model)), event)


def traded(seed: int = 7, swaps: int = 200) -> ConcentratedModel:
    """A pool of four positions that trades about, its first mint before everything else."""
    chance = seeded(seed)
    model = ConcentratedModel(60, 3000, ONE_X96)
    for lower, upper in ((-6000, 6000), (-1200, 1200), (-120, 60), (60, 600)):
        model.change("mint", lower, upper, 10**20)
    for _ in range(swaps):
        model.swap(
            tick_at(model.price) > chance.randrange(-800, 800), chance.choice([1, -1]) * chance.randrange(10**18)
        )
    return model


def creation(build) -> PoolState:
    return replace(build.make_state(), sqrt_price_x96=ONE_X96, tick=0)


def test_beyond_the_ends_of_a_reconstructed_table_it_is_not_known(build):
    model = traded()
    middle = state_after(creation(build), model.events[:60])
    low = middle.tick // 60 * 60
    ends = TickLiquidity(low, middle.liquidity), TickLiquidity(low + 60, -middle.liquidity)
    found = follow(replace(middle, ticks=ends, ticks_reconstructed=True), model.events[60:])
    assert found.gaps == ()
    assert found.doubts
    assert all("not known" in doubt.why and doubt.after_block == middle.after.block_number for doubt in found.doubts)
    assert found.fitting + len(found.doubts) == found.moves
    assert found.state.ticks_reconstructed
    check_pool_state(found.state)
    whole = observed(state_after(creation(build), model.events))
    assert found.check_tail(whole) is None, "what is not known cannot differ"


def test_a_missing_mint_out_of_range_is_noticed_where_the_price_comes_to_it(build):
    model = ConcentratedModel(60, 3000, ONE_X96)
    model.change("mint", -6000, 6000, 10**20)
    model.swap(True, 10**17)
    model.swap(False, 10**17)
    model.change("mint", -300, -120, 10**20)  # event 3, missing
    for _ in range(3):
        model.swap(True, 2 * 10**17)
        model.swap(False, 2 * 10**17)
    model.swap(True, 2 * 10**18)
    came = len(model.events) - 1
    model.swap(False, 2 * 10**18)
    found = follow(creation(build), model.events[:3] + model.events[4:])
    (gap,) = found.gaps
    assert covers(gap, model.events[3])
    assert gap.before_block == model.events[came].block_number
    assert "from tick" in gap.why
    tail = follow(creation(build), model.events[:3] + model.events[4:came]).check_tail(
        observed(state_after(creation(build), model.events[:came]))
    )
    assert covers(tail, model.events[3])
    assert "2 ticks (-300, -120)" in tail.why


def test_a_burn_of_what_was_never_minted_is_noticed(build):
    model = traded(swaps=20)
    model.change("mint", 1200, 2400, 10**18)
    mint = model.events[-1]
    model.swap(True, 10**15)
    model.change("burn", 1200, 2400, 10**18)
    (gap,) = check_continuity(creation(build), [event for event in model.events if event is not mint])
    assert covers(gap, mint)
    assert "burns 1000000000000000000 more from tick 1200 to 2400" in gap.why


def test_a_burn_of_part_of_what_was_never_minted_is_one_gap_and_what_is_left_a_doubt(build):
    model = traded(swaps=20)
    model.change("mint", 1200, 2400, 10**20)
    mint = model.events[-1]
    model.swap(True, 10**15)
    model.change("burn", 1200, 2400, 10**19)
    model.swap(False, 10**30, sqrt_price_at_tick(1300))
    found = follow(creation(build), [event for event in model.events if event is not mint])
    (gap,), (doubt,) = found.gaps, found.doubts
    assert covers(gap, mint)
    assert "burns" in gap.why
    assert covers(doubt, mint)
    assert "not known" in doubt.why


def test_a_missing_mint_and_swap_that_show_one_after_the_other_are_one_gap(build):
    model = traded(swaps=20)
    model.change("mint", 1200, 2400, 10**18)
    model.swap(True, 10**17)
    hole = model.events[-2:]
    model.change("burn", 1200, 2400, 10**18)
    model.swap(True, 10**17)
    (gap,) = check_continuity(creation(build), [event for event in model.events if event not in hole])
    assert covers(gap, *hole)
    assert gap.before_block == model.events[-1].block_number


def test_a_mint_that_the_price_was_only_at_the_edge_of_is_not_taken_for_seen(build):
    model = ConcentratedModel(60, 3000, ONE_X96)
    model.change("mint", -6000, 6000, 10**20)
    model.change("mint", 0, 120, 10**20)  # in range, but the price leaves it without a step; missing
    mint = model.events[-1]
    model.swap(True, 10**17)
    model.swap(False, 3 * 10**17)
    (gap,) = check_continuity(creation(build), [event for event in model.events if event is not mint])
    assert covers(gap, mint)


def test_what_the_price_jumped_over_in_a_gap_was_not_seen(build):
    model = ConcentratedModel(60, 3000, ONE_X96)
    model.change("mint", -6000, 6000, 10**20)
    model.change("mint", 300, 420, 10**20)
    mint = model.events[-1]
    model.swap(True, 10**16)
    model.swap(False, 10**30, sqrt_price_at_tick(900))
    jump = model.events[-1]
    model.swap(False, 10**16)
    model.swap(True, 10**30, sqrt_price_at_tick(30))
    found = follow(creation(build), [event for event in model.events if event not in (mint, jump)])
    (gap,), (doubt,) = found.gaps, found.doubts
    assert covers(gap, jump)
    assert not covers(gap, mint)
    assert covers(doubt, mint), "on the way back, where nothing was known since before the mint"


def test_what_comes_after_the_last_swap_is_noticed_beside_the_nodes_state(build):
    model = traded(swaps=20)
    without = follow(creation(build), model.events[:-1])
    end = state_of(build, model)
    gap = without.check_tail(end)
    assert covers(gap, model.events[-1])
    assert "sqrt_price_x96" in gap.why
    with pytest.raises(ValueError, match="after the events"):
        without.check_tail(replace(end, after=Position(1)))
    with pytest.raises(ValueError, match="different pools"):
        without.check_tail(replace(end, pool=replace(end.pool, address=build.address(9))))


def test_what_changes_no_state_cannot_be_missed(build):
    model = traded(swaps=10)
    quiet = [
        LiquidityEvent(kind="collect", tick_lower=-60, tick_upper=60, amount0=5, **model.place()),
        LiquidityEvent(kind="flash", amount0=7, **model.place()),
        LiquidityEvent(kind="burn", tick_lower=-60, tick_upper=60, **model.place()),
    ]
    found = follow(creation(build), [*model.events, *quiet])
    assert (found.gaps, found.moves) == ((), len(model.events))


def test_a_pools_price_comes_with_its_initialisation(build):
    model = traded(swaps=10)
    opening = LiquidityEvent(
        kind="initialize", sqrt_price_x96=ONE_X96, tick=0, **(model.place() | {"block_number": 50})
    )
    unopened = replace(creation(build), sqrt_price_x96=0)
    for state in (unopened, creation(build)):
        assert follow(state, [opening, *model.events]).gaps == ()
    (gap,) = check_continuity(unopened, model.events)
    assert (gap.after_block, gap.why) == (0, "the pool has no price before this mint")
    without_mint = check_continuity(creation(build), [opening, *model.events[1:]])
    assert without_mint[0].after_block == 50, "nothing can be missing before the initialisation"
    twice = check_continuity(creation(build), [*model.events, opening])
    assert "before it is initialised" in twice[0].why


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"sqrt_price_x96": None}, "tells no price"),
        ({"liquidity": None}, "tells no price"),
        ({"sqrt_price_x96": 0}, "does not lie in the tick"),
        ({"tick": 900_000}, "does not lie in the tick"),
        ({"tick": -887273}, "does not lie in the tick"),
    ],
)
def test_a_swap_that_tells_no_state_is_refused(build, change, why):
    model = traded(swaps=3)
    with pytest.raises(InputError, match=why) as refusal:
        follow(creation(build), [*model.events[:-1], replace(model.events[-1], **change)])
    assert model.events[-1].tx_hash in refusal.value.field


@pytest.mark.parametrize("span", [(None, 60), (60, 60), (-7, 60), (-887280, 60)])
def test_a_mint_over_an_impossible_range_is_refused(build, span):
    mint = replace(traded(swaps=0).events[0], tick_lower=span[0], tick_upper=span[1])
    with pytest.raises(InputError, match="is not one that the pool can have"):
        follow(creation(build), [mint])


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_changed_figures_are_noticed_or_refused_and_never_crash(build, data):
    model = traded(swaps=12)
    place = data.draw(st.integers(0, len(model.events) - 1))
    event = model.events[place]
    names = ["amount0", "amount1", "liquidity"] + (["sqrt_price_x96", "tick"] if isinstance(event, Swap) else [])
    name = data.draw(st.sampled_from(names))
    value = data.draw(st.integers(-10, 10) | st.integers(-(10**80), 10**80))
    assume(value != getattr(event, name))
    events = [*model.events[:place], replace(event, **{name: value}), *model.events[place + 1 :]]
    try:
        found = follow(creation(build), events)
    except InputError:
        return
    assert found.gaps or found.doubts or found.check_tail(state_of(build, model))


def test_gaps_without_end_are_kept_as_one(build, monkeypatch):
    monkeypatch.setattr(gaps, "MOST_GAPS", 5)
    model = traded(swaps=90)
    found = check_continuity(creation(build), model.events[:10] + model.events[10::3])
    assert len(found) == 5
    assert found[-1].before_block == model.events[88].block_number or covers(found[-1], model.events[80])


def test_a_stream_is_read_once_and_not_kept(build):
    model = traded(swaps=300)

    def stream():
        for _ in range(20):
            yield from model.events[4:]
            yield from back

    back = [Swap(**{name: getattr(model.events[-1], name) for name in Swap.__slots__})]
    follow(creation(build), model.events)
    tracemalloc.start()
    follow(creation(build), stream())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200_000


@settings(max_examples=200)
@given(st.lists(st.integers(-6, 6), max_size=30), st.integers(-7, 7))
def test_the_last_visit_to_an_interval_is_remembered(path, asked):
    seen, here, visits = LastSeen(0, Mark(0, 0)), 0, {}
    for number, to in enumerate(path, 1):
        seen.move(to, Mark(number, number))
        if to != here:
            visits |= dict.fromkeys(range(min(here, to), max(here, to) + 1), number)
        here = to
    now = Mark(len(path) + 1, len(path) + 1)
    way = range(min(here, asked), max(here, asked) + 1)
    assert seen.oldest(asked, now).number == min([visits.get(at, 0) for at in way if at != here], default=now.number)


# ---------------------------------------------------------------------- v2


class Pair:
    """A v2 pair acted out: swaps by the formula, mints, burns, tokens sent and synced."""

    def __init__(self, build, reserves=(10**21, 3 * 10**21)) -> None:
        self.state = replace(build.make_state("v2", reserve0=reserves[0], reserve1=reserves[1]), after=Position(99))
        self.reserves = list(reserves)
        self.sent = [0, 0]
        self.events: list = []

    def add(self, kind: str, amounts, change) -> None:
        self.reserves = [reserve + off for reserve, off in zip(self.reserves, change, strict=True)]
        number = len(self.events)
        fields = dict.fromkeys(("seq", "log_index"), number) | {"tx_hash": f"0x{number:064x}", "tx_index": 0}
        fields |= {"block_number": 100 + number, "block_ts": 12 * number}
        fields |= dict(zip(("reserve0", "reserve1"), self.reserves, strict=True))
        fields |= dict(zip(("amount0", "amount1"), amounts, strict=True))
        made = Swap(fee_pips=3000, **fields) if kind == "swap" else LiquidityEvent(kind=kind, **fields)
        self.events.append(made)

    def swap(self, token: int, amount: int) -> None:
        kept = amount * 997
        out = kept * self.reserves[1 - token] // (self.reserves[token] * 1000 + kept)
        amounts = [amount, -out] if token == 0 else [-out, amount]
        self.add("swap", amounts, amounts)

    def act(self, action: str, token: int, size: int) -> None:
        if action == "swap":
            self.swap(token, size)
        elif action == "mint":
            amounts = [reserve * size // 10**19 for reserve in self.reserves]
            self.add("mint", amounts, amounts)
        elif action == "burn":
            amounts = [reserve * size // 10**20 for reserve in self.reserves]
            self.add("burn", amounts, [-amount for amount in amounts])
        else:
            amounts = [size, 0] if token == 0 else [0, size]
            self.add("sync", amounts, amounts)


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["swap", "swap", "swap", "mint", "burn", "sync"]), st.integers(0, 1), st.integers(10**4, 10**19)
    ),
    min_size=1,
    max_size=30,
)


@settings(deadline=None)
@given(actions=ACTIONS, data=st.data())
def test_a_pairs_reserves_prove_that_no_event_is_missing(build, actions, data):
    pair = Pair(build)
    for action in actions:
        pair.act(*action)
    whole = follow(pair.state, pair.events)
    assert (whole.gaps, whole.doubts, whole.fitting) == ((), (), len(actions))
    assert [whole.state.reserve0, whole.state.reserve1] == pair.reserves
    end = replace(whole.state, after=Position(500))
    assert whole.check_tail(end) is None
    pick = data.draw(st.integers(0, len(actions) - 1))
    found = follow(pair.state, pair.events[:pick] + pair.events[pick + 1 :])
    noticed = found.gaps or found.doubts or (found.check_tail(end),)
    assert len(noticed) == 1
    assert covers(noticed[0], pair.events[pick])
    if found.doubts:
        assert (pair.events[pick].kind, pair.events[pick + 1].kind) == ("sync", "burn")


def test_tokens_sent_before_a_burn_are_a_doubt_and_a_missing_mint_before_one_is_a_gap(build):
    pair = Pair(build)
    pair.swap(0, 10**18)
    pair.add("burn", [5, 7], [-5 + 100, -7])
    (doubt,) = follow(pair.state, pair.events).doubts
    assert doubt.why.endswith("off by +100 and +0 from what the events make them, or somebody sent it to the pair")
    pair = Pair(build)
    pair.act("mint", 0, 10**18)
    pair.act("burn", 0, 10**18)
    (gap,) = check_continuity(pair.state, pair.events[1:])
    assert (gap.after_block, gap.before_block, gap.tx) == (99, 101, pair.events[1].tx_hash)


def test_a_swap_that_gets_more_than_the_fee_leaves_is_a_doubt(build):
    pair = Pair(build)
    pair.add("swap", [10**18, -(10**18 * 3 * 9985 // 10_000)], [10**18, -(10**18 * 3 * 9985 // 10_000)])
    (doubt,) = follow(pair.state, pair.events).doubts
    assert "a fee of 3000 pips" in doubt.why
    with pytest.raises(InputError, match="tells no reserves"):
        follow(pair.state, [replace(pair.events[0], reserve1=None)])


@pytest.mark.shared_data
def test_the_syncs_of_real_pairs_chain(build, shared_data):
    """Two whole blocks: pairs with several swaps; 31 pairs of consecutive Syncs, as the data's README counts them."""
    topics = {
        "0xd78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822": "swap",
        "0x1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1": "sync",
    }
    syncs, by_pair = {}, {}
    with gzip.open(shared_data / "etl_blocks_mainnet_17173049_17173050" / "logs.jsonl.gz", "rt") as lines:
        for log in map(json.loads, lines):
            kind = topics.get(log["topics"][0]) if log["topics"] else None
            data = bytes.fromhex(log["data"][2:])
            if kind == "sync":
                syncs[log["address"]] = decode(["uint112", "uint112"], data)
            elif kind == "swap":
                in0, in1, out0, out1 = decode(["uint256"] * 4, data)
                reserves = dict(zip(("reserve0", "reserve1"), syncs[log["address"]], strict=True))
                where = {name: log[name] for name in ("block_number", "log_index")} | {
                    "tx_hash": log["transaction_hash"]
                }
                figures = {"amount0": in0 - out0, "amount1": in1 - out1, "fee_pips": 3000, **reserves}
                swap = Swap(
                    seq=0, block_ts=log["block_timestamp"], tx_index=log["transaction_index"], **where, **figures
                )
                by_pair.setdefault(log["address"], []).append(swap)
    followed = 0
    for first, *rest in by_pair.values():
        start = build.make_state(
            "v2", reserve0=first.reserve0, reserve1=first.reserve1, after=Position(first.block_number)
        )
        found = follow(start, rest)
        assert (found.gaps, found.doubts) == ((), ())
        followed += found.fitting
        if len(rest) > 1:
            assert covers(check_continuity(start, rest[1:])[0], rest[0])
    assert followed == 31
