"""The reference rules' Solidity, through the real kernel, against the same rules in plain integers (tests/oracle).

Everything is compared to the wei: each fill, what the pool paid, donations, what stayed behind, where the pool stands
and, for VolatilityDonation, the word that it keeps. The oracle has its own pools too: it sees no quote of the EVM's.
"""

from __future__ import annotations

from dataclasses import dataclass

import call_auction
import function_maximizing
import greedy
import midpoint
import pytest
import sequential
import volatility
from batch import MOST_SOLD, MOST_WANTED, Order, Outcome
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle_worlds import batches, pairs, pools, stands, state_of
from tick_prices import price_at
from uniswap_v2 import LARGEST_RESERVE, Pair
from uniswap_v3 import Pool, fresh_pool

from tests.contracts.templates_world import Ask, Market, Settled
from verify.contracts import contracts_dir
from verify.templates import load_template

RULES = {
    "Sequential": sequential.clear,
    "GreedySequencing": greedy.clear,
    "CallAuction": call_auction.clear,
    "FunctionMaximizing": function_maximizing.clear,
    "MidpointCrossing": midpoint.Rule().clear,
}
ANY_POOL = st.one_of(pools(), pairs())
MOST_FUNDED = (1 << 128) - 1


@dataclass(frozen=True)
class Seen:
    """What is compared of a batch."""

    fills: tuple[tuple[int, int], ...]
    received: tuple[int, int]
    donated: tuple[int, int]
    residue: tuple[int, int]
    pool: tuple[int, ...]


def seen_by_oracle(outcome: Outcome) -> Seen:
    return Seen(outcome.fills, outcome.received, outcome.donated, outcome.residue, outcome.pool.stands)


def seen_on_chain(here: Market, settled: Settled) -> Seen:
    """Inside the anchor that it was settled in."""
    return Seen(settled.fills, settled.received, settled.trail.donated, settled.residue, stands(here.world))


def asks_of(orders: list[Order], partial: bool = False) -> list[Ask]:
    """A partially fillable order is taken as a whole too, so that the oracle knows nothing of it."""
    return [Ask(order.sells0, order.amount, order.limit, partial) for order in orders]


def settled(here: Market, rule: str, orders: list[Order], partial: bool = False) -> Seen:
    kernel = here.kernel(rule, **load_template(contracts_dir() / "templates" / f"{rule}.sol").defaults())
    with here.world.anchor():
        return seen_on_chain(here, here.settle_on(kernel, asks_of(orders, partial)))


def check_batches(rule: str, pool: Pair | Pool, data: st.DataObject, count: int) -> None:
    here = Market(state_of(pool))
    for _ in range(count):
        orders = data.draw(batches(pool))
        assert settled(here, rule, orders, data.draw(st.booleans())) == seen_by_oracle(RULES[rule](orders, pool))


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=100, deadline=None)
@given(ANY_POOL, st.data())
def test_every_fill_is_the_oracle_s_to_the_wei(rule, pool, data):
    check_batches(rule, pool, data, 4)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=4000, deadline=None)
@given(ANY_POOL, st.data())
def test_every_fill_is_the_oracle_s_long(rule, pool, data):
    check_batches(rule, pool, data, 5)


# ---------------------------------------------------------------------- edges


WIDE = fresh_pool(3000, 60, price_at(1) + 5, [(-887_220, 887_220, 10**21)])
SHORT = fresh_pool(3000, 60, price_at(1) + 5, [(-600, 600, 10**15)])
STEPS = fresh_pool(
    500, 10, price_at(1) + 5, [(-10, 10, 10**19), (-20, 30, 10**20), (-100, 80, 10**19), (-3000, 3000, 10**18)]
)
CHEAP = fresh_pool(500, 10, price_at(-700_000) + 5, [(-701_000, -699_000, 10**24), (-800_000, -600_000, 10**20)])
DEAR = fresh_pool(500, 10, price_at(700_000) + 5, [(699_000, 701_000, 10**24), (600_000, 800_000, 10**20)])
EDGES = {
    "wide": WIDE,
    "short": SHORT,
    "steps": STEPS,
    "cheap": CHEAP,
    "dear": DEAR,
    "even": Pair(10**21, 3 * 10**21),
    "small": Pair(10**6, 10**6),
    "full": Pair(LARGEST_RESERVE - 10**6, LARGEST_RESERVE),
    "far": Pair(10**4, 10**30),
}
SIZES = (1, 2, 10**3, 10**9, 10**15, 10**18, 10**21, MOST_SOLD, MOST_SOLD + 1, MOST_FUNDED)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", EDGES)
def test_dust_and_enormous_amounts_and_limits(rule, name):
    """Each size alone, against its like and against a small order, without a limit, at one unit, and beyond reach."""
    pool = EDGES[name]
    here = Market(state_of(pool))
    for size in SIZES:
        for limit in (0, 1, MOST_WANTED + 1):
            large = [Order(True, size, limit), Order(False, size, limit)]
            for orders in ([large[0]], [large[1]], large, [*large, Order(True, 999), Order(False, 999, 2)]):
                assert settled(here, rule, orders) == seen_by_oracle(RULES[rule](orders, pool))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", EDGES)
@pytest.mark.parametrize("sells0", [True, False])
def test_a_limit_one_unit_too_high_is_noticed(rule, name, sells0):
    """Two orders without limits first; then each asks for just what it got, and for one unit more."""
    pool = EDGES[name]
    here = Market(state_of(pool))
    _, spent, received = pool.sell(sells0, MOST_SOLD if isinstance(pool, Pool) else 10**5)
    orders = [Order(sells0, max(spent // 1000, 1)), Order(not sells0, max(received // 3000, 1))]
    fills = RULES[rule](orders, pool).fills
    for i, (order, (_, bought)) in enumerate(zip(orders, fills, strict=True)):
        for limit in (bought, bought + 1):
            asking = [*orders[:i], Order(order.sells0, order.amount, limit), *orders[i + 1 :]]
            assert settled(here, rule, asking) == seen_by_oracle(RULES[rule](asking, pool))


# Each was found where a change of one unit, or of one step, in the place named changes a fill.
THRESHOLDS = {
    "tolerance of the auction": ("CallAuction", "wide", [(True, 4282, 3842), (False, 29, 0)]),
    "slack in whole units": (
        "CallAuction",
        "steps",
        [(False, 28, 25), (True, 127, 124), (False, 3119, 2804), (False, 84, 81)],
    ),
    "halving of the excess below the root": (
        "CallAuction",
        "steps",
        [(True, 20495254259215286272, 270136494431164352), (False, 20837162121143590912, 324752378325672768)],
    ),
    "tolerance of the marginal price": (
        "FunctionMaximizing",
        "short",
        [(False, 2, 0), (True, 178, 176), (True, 878, 0), (False, 974, 873)],
    ),
    "halving of the excess above n": ("FunctionMaximizing", "wide", [(False, 86545, 83687), (True, 103548, 92922)]),
    "halving of the excess below n": (
        "FunctionMaximizing",
        "steps",
        [(False, 363594540194016896, 326392541852570112), (True, 751138296333751808, 0)],
    ),
    "price just before the liquidity's end": (
        "FunctionMaximizing",
        "short",
        [
            (True, 2384363124439675, 26642708666279),
            (False, 379571308785556, 28617924189959),
            (True, 329397275502178, 26642708666279),
        ],
    ),
}


@pytest.mark.parametrize(("rule", "name", "drawn"), THRESHOLDS.values(), ids=THRESHOLDS)
def test_the_thresholds_of_the_search(rule, name, drawn):
    orders = [Order(*parts) for parts in drawn]
    here = Market(state_of(EDGES[name]))
    assert settled(here, rule, orders) == seen_by_oracle(RULES[rule](orders, EDGES[name]))


QUOTES_END = fresh_pool(500, 200, price_at(1) + 5, [(-400, 200, 10**5), (-400, 1200, 10**12), (-1600, -1400, 10**4)])


def test_function_maximizing_leaves_unfilled_what_sixteen_quotes_did_not_suffice_for():
    """15 quotes find a price that breaks the third order's limit; without it the pool cannot take the bound.

    So the 16th quote ends where the liquidity does, and the price just before that would be the 17th.
    """
    orders = [Order(True, 37_023_440_902), Order(False, 14_557_103), Order(False, 14_542_545_815, 29_085_091_630)]
    expected = seen_by_oracle(function_maximizing.clear(orders, QUOTES_END))
    assert expected.fills[0] == (0, 0)
    assert settled(Market(state_of(QUOTES_END)), "FunctionMaximizing", orders) == expected


# ---------------------------------------------------------------------- the rule with a fee for each side


def check_fees(pool: Pair | Pool, light_fee_pips: int, donation_pips: int, data: st.DataObject) -> None:
    here = Market(state_of(pool))
    parameters = {"lightFeePips": light_fee_pips, "donationPips": donation_pips}
    kernel = here.kernel("MidpointCrossing", **parameters, bestVenue=data.draw(st.integers(0, 1)))
    rule = midpoint.Rule(light_fee_pips, donation_pips)
    for _ in range(4):
        orders = data.draw(batches(pool))
        with here.world.anchor():
            done = here.settle_on(kernel, asks_of(orders))
            assert seen_on_chain(here, done) == seen_by_oracle(rule.clear(orders, pool))


@settings(max_examples=120, deadline=None)
@given(ANY_POOL, st.integers(0, 10_000), st.integers(0, 3_000), st.data())
def test_midpoint_crossing_s_fees_are_the_oracle_s(pool, light_fee_pips, donation_pips, data):
    check_fees(pool, light_fee_pips, donation_pips, data)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=4000, deadline=None)
@given(ANY_POOL, st.integers(0, 10_000), st.integers(0, 3_000), st.data())
def test_midpoint_crossing_s_fees_long(pool, light_fee_pips, donation_pips, data):
    check_fees(pool, light_fee_pips, donation_pips, data)


# ---------------------------------------------------------------------- the rule that remembers


PARAMETERS = st.sampled_from([(0, 20, 20), (50, 100, 1), (0, 1000, 3), (10_000, 0, 1000), (3, 7, 2)])


def check_memory(pool: Pair | Pool, parameters: tuple[int, int, int], data: st.DataObject, count: int) -> None:
    """Batches one after another on one kernel, with trades of others in between."""
    here = Market(state_of(pool))
    names = ("baseFeePips", "gainPercent", "halfLifeBatches")
    kernel = here.kernel("VolatilityDonation", **dict(zip(names, parameters, strict=True)))
    rule = volatility.Rule(*parameters)
    with here.world.anchor():
        for nonce in range(count):
            orders = data.draw(batches(pool, most=5))
            outcome = rule.clear(orders, pool)
            done = here.settle_on(kernel, asks_of(orders), nonce=nonce)
            assert seen_on_chain(here, done) == seen_by_oracle(outcome)
            assert done.trail.stored == ((0, rule.state),)
            pool = outcome.pool
            if data.draw(st.booleans()):
                (other,) = data.draw(batches(pool, most=1))
                here.world.swap(other.sells0, other.amount)
                if isinstance(pool, Pool) or pool.takes(other.sells0, other.amount):
                    pool, _, _ = pool.sell(other.sells0, other.amount)


@settings(max_examples=120, deadline=None)
@given(ANY_POOL, PARAMETERS, st.data())
def test_volatility_donation_s_fees_donations_and_memory_are_the_oracle_s(pool, parameters, data):
    check_memory(pool, parameters, data, 4)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=4000, deadline=None)
@given(ANY_POOL, PARAMETERS, st.data())
def test_volatility_donation_s_fees_donations_and_memory_long(pool, parameters, data):
    check_memory(pool, parameters, data, 8)


@pytest.mark.parametrize("half_life", [1, 2, 3, 20, 999, 1000])
def test_the_decay_is_the_root_of_a_half_and_the_solidity_s(half_life):
    """A whole move, then a batch without one: what is stored is the decay itself."""
    decay = volatility.decay_of(half_life)
    assert decay / 2**64 == pytest.approx(0.5 ** (1 / half_life), rel=1e-15)
    here = Market(state_of(Pair(10**6, 10**6)))
    kernel = here.kernel("VolatilityDonation", baseFeePips=0, gainPercent=0, halfLifeBatches=half_life)
    with here.world.anchor():
        stored = []
        for nonce in range(3):
            stored.append(here.settle_on(kernel, [Ask(True, 10)], nonce=nonce).trail.stored[0][1] >> 160)
            if not nonce:
                here.world.swap(False, 10**9)  # the root price rises to a thousandfold
    whole = 10**18 * (2**64 - decay) // 2**64
    assert stored == [0, whole, whole * decay // 2**64]
