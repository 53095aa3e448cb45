"""Uniswap's genuine bytecode against its rules in plain integers (tests/oracle): to the wei, at every step."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from dataclasses import replace
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle_worlds import SALE, amount_of, pairs, pool_of, pools, stands, state_of
from tick_prices import FACTORS, HIGHEST_PRICE, HIGHEST_TICK, LOWEST_PRICE, LOWEST_TICK, price_at, tick_at
from uniswap_v2 import LARGEST_RESERVE, Pair
from uniswap_v3 import Pool, last_price

from ingest.files import read_history
from ingest.records import Swap
from verify.abi import selector, word
from verify.evm import Reverted
from verify.venues import OPERATOR, labelled_address
from verify.venues.ranges import positions_needed
from verify.venues.v2 import driver_swap
from verify.world import World

if TYPE_CHECKING:
    from pathlib import Path

TRADER = labelled_address("oracle trader")
SWAP = selector("swap(bool,int256,uint160)")
NEVER = "in no way"
TOO_MUCH = r"UniswapV2: (K|INSUFFICIENT_LIQUIDITY)"


def world_of(pool: Pair | Pool) -> World:
    world = World.build(state_of(pool))
    assert stands(world) == pool.stands
    return world


# ---------------------------------------------------------------------- the oracle's own constants


def test_the_published_constants_are_the_powers_they_stand_for():
    with localcontext() as context:
        context.prec = 120
        power = 1 / Decimal("1.0001").sqrt()
        for factor in FACTORS:
            assert abs(power * 2**128 - factor) <= Decimal("0.5")
            power *= power


def test_tick_prices_are_powers_of_1_0001_as_far_as_128_bits_carry():
    """Each of at most 20 products loses less than a unit of 2**−128; so does the root below tick 0."""
    with localcontext() as context:
        context.prec = 120
        for tick in [*range(LOWEST_TICK, HIGHEST_TICK, 9973), HIGHEST_TICK]:
            root = (Decimal("1.0001") ** tick).sqrt() * 2**96
            least = (Decimal("1.0001") ** -abs(tick)).sqrt() * 2**128
            assert abs(price_at(tick) - root) <= 1 + root * 25 / least


def test_the_ends_are_the_ones_that_the_protocol_names():
    assert LOWEST_PRICE == 4295128739
    assert HIGHEST_PRICE == 1461446703485210103287273052203988822378723970342


@given(st.integers(LOWEST_TICK, HIGHEST_TICK - 1))
def test_a_tick_reaches_from_its_price_to_the_next(tick):
    assert tick_at(price_at(tick)) == tick_at(price_at(tick + 1) - 1) == tick
    assert price_at(tick) < price_at(tick + 1)


# ---------------------------------------------------------------------- v2


def check_pair(pair: Pair, data: st.DataObject, swaps: int) -> None:
    """The router pays the oracle's output, the pair lets it out and not a unit more, and ends at its reserves."""
    world = world_of(pair)
    world.fund([TRADER], [world.router])
    for _ in range(swaps):
        sells0, size = data.draw(SALE)
        amount = min(amount_of(pair, sells0, size), LARGEST_RESERVE)  # the driver's arguments have 112 bits
        after, spent, received = pair.sell(sells0, amount)
        if not pair.takes(sells0, amount):
            with pytest.raises(Reverted, match="OVERFLOW" if received else "INSUFFICIENT_OUTPUT"), world.anchor():
                world.evm.call(world.driver, driver_swap(sells0, amount, received), sender=OPERATOR)
            continue
        with pytest.raises(Reverted, match=TOO_MUCH), world.anchor():
            world.evm.call(world.driver, driver_swap(sells0, amount, received + 1), sender=OPERATOR)
        if not received:
            continue
        with world.anchor():
            paid, _ = world.router_swap(TRADER, sells0, amount, received)
            assert paid == received
            assert stands(world) == after.stands
        swapped = world.swap(sells0, amount)
        assert (swapped.spent, swapped.received) == (spent, received)
        assert stands(world) == after.stands
        pair = after


@settings(max_examples=80, deadline=None)
@given(pairs(), st.data())
def test_a_pair_pays_what_x_y_k_says_and_not_a_unit_more(pair, data):
    check_pair(pair, data, 4)


@pytest.mark.long
@settings(max_examples=4000, deadline=None)
@given(pairs(), st.data())
def test_a_pair_pays_what_x_y_k_says_long(pair, data):
    check_pair(pair, data, 8)


@pytest.mark.shared_data
def test_real_pairs_paid_no_more_than_x_y_k_and_mostly_just_that(shared_data):
    with gzip.open(shared_data / "mev_blocks_mainnet" / "v2_hops.csv.gz", "rt") as file:
        hops = [row for row in csv.DictReader(file) if row["reserve0_before"] and not row["error"]]
    exact = 0
    for hop in hops:
        pair = Pair(int(hop["reserve0_before"]), int(hop["reserve1_before"]))
        sells0 = hop["zero_for_one"].lower() in ("1", "true")
        amount, taken = int(hop["amount_in"]), int(hop["amount_out"])
        received = pair.output(sells0, amount)
        assert taken <= received
        exact += taken == received
        world = world_of(pair)
        with world.anchor():
            world.evm.call(world.driver, driver_swap(sells0, amount, received), sender=OPERATOR)
            assert stands(world) == pair.sell(sells0, amount)[0].stands
        with pytest.raises(Reverted, match=TOO_MUCH), world.anchor():
            world.evm.call(world.driver, driver_swap(sells0, amount, received + 1), sender=OPERATOR)
    assert (len(hops), exact) == (329, 282)


# ---------------------------------------------------------------------- v3


def swap_on_chain(world: World, sells0: bool, amount: int, limit: int) -> tuple[int, int]:
    """(spent, received) of a swap straight on the pool; ``amount`` is an exact output where it is negative."""
    output = world.evm.call(world.driver, SWAP + word(sells0) + word(amount) + word(limit), sender=OPERATOR)
    amount0, amount1 = (int.from_bytes(output[i : i + 32], "big", signed=True) for i in (0, 32))
    return (amount0, -amount1) if sells0 else (amount1, -amount0)


def check_pool(pool: Pool, data: st.DataObject, swaps: int) -> None:
    """Exact inputs through the world, one after another: amounts, price, tick and liquidity."""
    world = world_of(pool)
    for _ in range(swaps):
        sells0, size = data.draw(SALE)
        amount = amount_of(pool, sells0, size)
        pool, spent, received = pool.sell(sells0, amount)
        swapped = world.swap(sells0, amount)
        assert (swapped.spent, swapped.received) == (spent, received)
        assert stands(world) == pool.stands


@settings(max_examples=200, deadline=None)
@given(pools(), st.data())
def test_exact_inputs_walk_the_pool_as_the_protocol_says(pool, data):
    check_pool(pool, data, 5)


@pytest.mark.long
@settings(max_examples=6000, deadline=None)
@given(pools((1, 10, 60, 200)), st.data())
def test_exact_inputs_walk_the_pool_long(pool, data):
    check_pool(pool, data, 10)


AWAY = st.one_of(st.just(0), st.integers(0, 10), st.integers(0, 250), st.integers(0, 7000), st.just(2_000_000))
ANY_SWAP = st.tuples(SALE, st.sampled_from([1, -1]), AWAY, st.integers(-1, 1))


def check_any_swaps(pool: Pool, data: st.DataObject, swaps: int) -> None:
    """Exact inputs and outputs with price limits, straight on the pool."""
    world = world_of(pool)
    with world.anchor():
        for _ in range(swaps):
            (sells0, size), sign, away, off = data.draw(ANY_SWAP)
            amount = amount_of(pool, sells0, size) * sign
            tick = min(max(pool.tick - away if sells0 else pool.tick + 1 + away, LOWEST_TICK), HIGHEST_TICK)
            limit = price_at(tick) + off
            end = last_price(sells0)
            limit = max(limit, end) if sells0 else min(limit, end)
            if pool.price == limit or (limit < pool.price) != sells0:
                continue  # the pool refuses a limit on the wrong side
            pool, spent, received = pool.swap(sells0, amount, limit)
            assert swap_on_chain(world, sells0, amount, limit) == (spent, received)
            assert stands(world) == pool.stands


@settings(max_examples=150, deadline=None)
@given(pools(), st.data())
def test_exact_outputs_and_price_limits_too(pool, data):
    check_any_swaps(pool, data, 6)


@pytest.mark.long
@settings(max_examples=6000, deadline=None)
@given(pools((1, 10, 60, 200)), st.data())
def test_exact_outputs_and_price_limits_long(pool, data):
    check_any_swaps(pool, data, 10)


# ---------------------------------------------------------------------- v3: real history


def ways(swap: Swap) -> list[tuple[str, int, int | None]]:
    """How a recorded swap may have been called: (name, amount, price limit)."""
    return [
        ("exact_in", swap.amount_in, None),
        ("exact_out", -swap.amount_out, None),
        ("price_limit", 2**200, swap.sqrt_price_x96),
    ]


def check_history(folder: Path, events: str, initial_state: str, swaps: int) -> Counter[str]:
    """How many swaps were called in which way: what the chain recorded is what bytecode and oracle do.

    The oracle starts at the recorded state and then goes its own way, without a look at the bytecode.
    """
    history = read_history(folder / events, initial_state=folder / initial_state, name="history")
    world = World.build(
        history.initial_state, separate_positions=positions_needed(history.initial_state, history.events)
    )
    pool, modes = pool_of(history.initial_state), Counter()
    for event in history.events:
        if modes.total() == swaps:
            break
        applied = world.apply(event)
        if isinstance(event, Swap):
            pool, mode = followed(replace(pool, fee_pips=event.fee_pips), event)
            modes[mode] += 1
            assert (applied.exact, applied.mode) == (True, mode) if mode != NEVER else not applied.exact
        elif event.kind in ("mint", "burn"):
            change = event.liquidity if event.kind == "mint" else -event.liquidity
            pool = pool.with_position(event.tick_lower, event.tick_upper, change)
        assert stands(world) == pool.stands
    return modes


def followed(pool: Pool, swap: Swap) -> tuple[Pool, str]:
    """The pool after the first way to call it that meets everything recorded; else where history says it stood."""
    recorded = {"price": swap.sqrt_price_x96, "tick": swap.tick, "liquidity": swap.liquidity}
    for mode, amount, limit in (
        ("exact_in", swap.amount_in, None),
        ("exact_out", -swap.amount_out, None),
        ("price_limit", 2**200, swap.sqrt_price_x96),
    ):
        after, spent, received = pool.swap(swap.zero_for_one, amount, limit)
        if (spent, received, *after.stands) == (swap.amount_in, swap.amount_out, *recorded.values()):
            return after, mode
    return replace(pool, **recorded), NEVER


MAINNET = ("v3_usdc_weth_mainnet_20240105", "pool_88e6_fee500_raw_logs.csv.gz", "pool_88e6_fee500_initial_state.json")
MAINNET_3000 = (MAINNET[0], "pool_8ad5_fee3000_raw_logs.csv.gz", "pool_8ad5_fee3000_initial_state.json")
POLYGON = ("v3_usdc_weth_polygon", "day_20211222_raw_logs.csv.gz", "day_20211222_initial_state.json")
POLYGON_2022 = ("v3_usdc_weth_polygon", "day_20220105_raw_logs.csv.gz", "day_20220105_initial_state.json")
VELODROME = ("v3_velodrome_weth_op_optimism", "events_from_creation.csv.gz", "initial_state.json")


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("files", "swaps"), [(MAINNET, 300), (MAINNET_3000, 266), (POLYGON, 198), (VELODROME, 300)], ids=str
)
def test_real_swaps_are_the_oracle_s_to_the_wei(shared_data, files, swaps):
    folder, *names = files
    modes = check_history(shared_data / folder, *names, swaps)
    assert modes.total() == swaps
    assert modes[NEVER] == 0


@pytest.mark.long
@pytest.mark.shared_data
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("files", "swaps", "never"), [(MAINNET, 6_045, 3), (POLYGON_2022, 3_971, 4), (VELODROME, 49_330, 0)]
)
def test_whole_histories_are_the_oracle_s_to_the_wei(shared_data, files, swaps, never):
    """The seven that nothing meets jump over prices whose liquidity no event of the day reports."""
    folder, *names = files
    modes = check_history(shared_data / folder, *names, swaps)
    assert (modes.total(), modes[NEVER]) == (swaps, never)
