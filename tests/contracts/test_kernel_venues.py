"""The venues: prices, quotes, trades and donations against the genuine pools."""

from __future__ import annotations

from math import isqrt

import pytest
from eth_abi import decode, encode
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.kernel_scripts import E18, QUOTE, answers, rule_error, run
from tests.contracts.kernel_world import (
    DEPTH,
    NOBODY,
    Q96,
    UINT_MAX,
    Instance,
    World,
    error_of,
    reverts,
)
from verify.evm import ExecutionError, Reverted

SENDER_FEE = 9
TICKED = pytest.mark.parametrize("kind", ["v3", "v4"])


@pytest.fixture(params=["v3", "v2", "v4"])
def world(request):
    return World(venues=(request.param,))


# ---------------------------------------------------------------------- construction


def test_what_the_rule_is_told_of_the_venues():
    world = World(venues=("v3", "v2", "v3", "v4"))
    run(
        world,
        world.step("venueCount"),
        *(world.step("venue", i) for i in range(4)),
        *(world.step("sqrtPriceX96", i) for i in range(4)),
        world.step("venue", 4, must=False),
    )
    assert answers(world, 0, ["uint256"]) == (4,)
    tokens = (world.token0.address, world.token1.address)
    fees = [3000, 3000, 2998, 2997]
    assert [answers(world, 1 + i, ["address", "address", "uint24"]) for i in range(4)] == [(*tokens, f) for f in fees]
    assert [answers(world, 5 + i, ["uint160"]) for i in range(4)] == [(Q96,)] * 4
    assert error_of(world.rule_result(9)[1]) == ("NoSuchVenue", (4,))


def test_venues_that_cannot_be():
    world = World(venues=("v3", "v2"))
    v3, v2 = (pool.address for pool in world.pools)
    strangers = [world.deploy("HostileToken").address for _ in range(4)]
    apart = [(world.new_pair(*strangers[i : i + 2]), 2) for i in (0, 2)]
    cases = [
        ([], ("VenueCount", (0,))),
        ([(v3, 3), (v2, 2)] * 3, ("VenueCount", (6,))),
        ([(v3, 3), (v2, 1)], ("VenueKind", (1, 1))),
        ([(v2, 2), (v2, 2)], ("VenueTwice", (1,))),
        ([(v3, 3), *apart], ("TokenCount", (6,))),
    ]
    for venues, error in cases:
        with pytest.raises(Reverted) as caught:
            world.new_kernel(signed=True, venues=venues)
        assert error_of(caught.value.output) == error
    for venues in ([(v3, 2)], [(v2, 3)], [(NOBODY, 3)], [(NOBODY, 2)]):  # not what they are said to be
        with pytest.raises(ExecutionError):
            world.new_kernel(signed=True, venues=venues)
    world.rule = Instance(world, NOBODY, [])
    with reverts("RuleHasNoCode", NOBODY):
        world.new_kernel(signed=True)


# ---------------------------------------------------------------------- trades


def test_a_trade_spends_custody_at_the_pools_price(world):
    order = world.order(1, E18)
    world.script([(E18, 997 * 10**15 - 10**13)], world.step("trade", 0, world.token0.address, E18, 0))
    settled = world.settle([order])
    spent, received, price = answers(world, 0, QUOTE)
    assert spent == E18
    assert received == E18 * 997 * DEPTH // (DEPTH * 1000 + E18 * 997)
    assert price < Q96
    assert world.held() == world.residue() == (0, received - settled.fills[0][1])


def test_a_trade_checks_the_least_it_must_get(world):
    with world.evm.anchor():
        run(world, world.step("quote", 0, world.token1.address, E18))
        _, received, _ = answers(world, 0, QUOTE)
    with world.evm.anchor():
        run(world, world.step("trade", 0, world.token1.address, E18, received), fills=[(E18, 0), (E18, 0)])
    trade = world.step("trade", 0, world.token1.address, E18, received + 1)
    assert rule_error(world, trade) == ("MinOut", (received, received + 1))


def test_a_trade_of_more_than_custody(world):
    trade = world.step("trade", 0, world.token0.address, E18 + 1, 0)
    assert rule_error(world, trade) == ("CustodyExceeded", (world.token0.address, E18 + 1, E18))


def test_custody_follows_the_trades(world):
    """What a trade brought may be spent, to the wei, and not more."""
    order = world.order(1, E18)
    steps = [world.step("trade", 0, world.token0.address, E18, 0)]
    received = E18 * 997 * DEPTH // (DEPTH * 1000 + E18 * 997)
    steps.append(world.step("trade", 0, world.token1.address, received + 1, 0, must=False))
    steps.append(world.step("trade", 0, world.token1.address, received, 0))
    world.script([(E18, 0)], *steps)
    world.settle([order])
    assert error_of(world.rule_result(1)[1]) == ("CustodyExceeded", (world.token1.address, received + 1, received))
    _, back, _ = answers(world, 2, QUOTE)
    assert world.held() == world.residue() == (back, 0)


def test_foreign_tokens_are_not_traded(world):
    for name, rest in (("quote", (1,)), ("trade", (1, 0)), ("donate", (1,))):
        assert rule_error(world, world.step(name, 0, NOBODY, *rest)) == ("NotTraded", (NOBODY,))


def test_nothing_for_nothing(world):
    steps = [world.step(name, 0, world.token0.address, 0, *rest) for name, rest in (("quote", ()), ("trade", (0,)))]
    run(world, *steps, world.step("donate", 0, world.token0.address, 0))
    assert answers(world, 0, QUOTE) == answers(world, 1, QUOTE) == (0, 0, Q96)
    assert answers(world, 2, ["uint256"]) == (0,)


@pytest.mark.parametrize("amount", [2**112 - 1, 2**112, 2**255 - 1, 2**255, UINT_MAX])
def test_amounts_beyond_a_venues_range(world, amount):
    with world.evm.anchor():
        run(world, world.step("quote", 0, world.token0.address, amount, must=False))
        ok, raw = world.rule_result(0)
    if amount >= {2: 2**112 - 1, 3: 2**255, 4: 2**127}[world.kinds[0]]:  # a pair holds something already
        assert (ok, error_of(raw)) == (False, ("AmountTooLarge", (amount,)))
    else:
        spent, _, price = decode(QUOTE, raw)
        assert spent == amount if price > 4295128740 else spent < amount


@TICKED
def test_where_liquidity_ends_a_quote_says_how_much_fits_and_a_trade_refuses(kind):
    world = World(venues=(kind,), liquidity=10**15, edge=60)
    both = [
        world.step(name, 0, world.token0.address, E18, *r, must=False) for name, r in (("quote", ()), ("trade", (0,)))
    ]
    run(world, *both)
    spent, received, price = answers(world, 0, QUOTE)
    assert 0 < received < spent < E18
    assert price == 4295128740
    ok, raw = world.rule_result(1)
    assert (ok, error_of(raw)) == (False, ("NotExactInput", (spent, E18)))


@TICKED
def test_a_price_at_its_bound_gives_nothing_more(kind):
    world = World(venues=(kind,), liquidity=10**15, edge=60)
    world.outsider.call_only(*world.outside(0, True, E18))
    run(
        world,
        world.step("quote", 0, world.token0.address, E18),
        world.step("trade", 0, world.token0.address, E18, 0, must=False),
        world.step("quote", 0, world.token1.address, 10**9),
    )
    assert answers(world, 0, QUOTE) == (0, 0, 4295128740)
    assert error_of(world.rule_result(1)[1]) == ("NotExactInput", (0, E18))
    assert answers(world, 2, QUOTE)[1] > 0


def test_an_amount_too_small_for_a_pair_to_give_anything():
    world = World(venues=("v2",))
    world.outsider.call_only("tradeV2", world.pools[0].address, True, DEPTH)
    run(
        world,
        world.step("quote", 0, world.token0.address, 1),
        world.step("trade", 0, world.token0.address, 1, 0, must=False),
    )
    spent, received, price = answers(world, 0, QUOTE)
    assert (spent, received) == (0, 0)
    assert 0 < price < Q96
    assert error_of(world.rule_result(1)[1]) == ("NotExactInput", (0, 1))


def test_an_empty_pair_has_no_price_and_an_empty_pool_takes_no_donation():
    world = World(venues=("v2", "v3", "v4"), liquidity=0)
    for name, rest in (
        ("sqrtPriceX96", ()),
        ("quote", (world.token0.address, 5)),
        ("donate", (world.token0.address, 5)),
    ):
        assert rule_error(world, world.step(name, 0, *rest)) == ("NoLiquidity", (0,))
    assert rule_error(world, world.step("trade", 0, world.token0.address, 5, 0)) == ("NoLiquidity", (0,))
    for venue in (1, 2):
        assert rule_error(world, world.step("donate", venue, world.token1.address, 5)) == ("NoLiquidity", (venue,))
    assert world.pools[1].call("slot0")[0] == Q96


# ---------------------------------------------------------------------- quote = trade


@pytest.fixture(scope="module", params=["v3", "v2", "v4", "v3 narrow", "v4 narrow"])
def mirror(request):
    rule = ("MirrorRule", encode(["uint256"], [0]))
    kind, *narrow = request.param.split()
    if narrow:
        return World(venues=(kind,), rule=rule, liquidity=10**20, edge=6000)
    return World(venues=(request.param,), rule=rule, liquidity=10**20)


@settings(max_examples=60, deadline=None)
@given(
    sales=st.lists(
        st.tuples(st.booleans(), st.one_of(st.integers(1, 10**30), st.integers(1, 10**20), st.integers(1, 2000))),
        min_size=1,
        max_size=6,
    ),
    before=st.just(0) | st.integers(10**6, 10**21),
    surplus=st.tuples(st.integers(0, 10**20), st.integers(0, 10**20)),
)
def test_a_quote_is_to_the_wei_what_the_trade_then_does(mirror, sales, before, surplus):
    """Over whole sequences, so each trade starts where the one before it left the pool."""
    world = mirror
    (pool,) = world.pools
    with world.evm.anchor():
        if before:
            world.outsider.call_only(*world.outside(0, True, before))
        for token, amount in zip((world.token0, world.token1), surplus, strict=True):
            world.outsider.call_only("give", token.address, pool.address, amount)  # more than the pool has booked
        orders = [world.order(1 + i, amount, sells0=sells0) for i, (sells0, amount) in enumerate(sales)]
        settled = world.settle(orders, gas=100_000_000)
        mirrored = [values for _, values in world.rule.events()]
    assert len(mirrored) == len(orders)
    for (_, amount), event in zip(sales, mirrored, strict=True):
        exact = event["quoted"] and event["quote"][0] == amount
        assert event["traded"] == exact
        if exact:
            assert event["trade"] == event["quote"]
    assert settled.of("Residue") == []


# ---------------------------------------------------------------------- the price of a pair


@settings(max_examples=150, deadline=None)
@given(reserves=st.tuples(st.integers(1, 112), st.integers(1, 112), st.integers(0, 2**112), st.integers(0, 2**112)))
def test_the_price_of_a_pair_is_the_exact_root_rounded_down(pair_world, reserves):
    bits0, bits1, seed0, seed1 = reserves
    reserve0, reserve1 = ((1 << bits - 1) + seed % (1 << bits - 1) for bits, seed in ((bits0, seed0), (bits1, seed1)))
    world = pair_world
    (pool,) = world.pools
    with world.evm.anchor():
        for token, amount in ((world.token0, reserve0), (world.token1, reserve1)):
            world.outsider.call_only("give", token.address, pool.address, amount)
        pool.call_only("sync")
        run(world, world.step("sqrtPriceX96", 0))
        (price,) = answers(world, 0, ["uint160"])
    exact = isqrt((reserve1 << 192) // reserve0)
    if reserve1 // reserve0 < 1 << 64:
        assert price == exact
    else:
        assert price == exact >> 32 << 32


@pytest.fixture(scope="module")
def pair_world():
    return World(venues=("v2",), liquidity=0)


# ---------------------------------------------------------------------- donations


def test_a_donation_reaches_the_liquidity_providers_of_a_v3_pool():
    world = World()
    (pool,) = world.pools
    settled = run(world, world.step("donate", 0, world.token0.address, 10**15), fills=[(E18, 0), (E18, E18 - 10**15)])
    assert settled.of("Donated") == [{"venue": 0, "token": world.token0.address, "amount": 10**15}]
    assert answers(world, 0, ["uint256"]) == (10**15,)
    assert pool.call("feeGrowthGlobal0X128") == (10**15 << 128) // DEPTH
    assert pool.call("feeGrowthGlobal1X128") == 0
    assert world.held() == world.residue() == (0, E18)


def test_a_donation_raises_the_reserves_of_a_v2_pair():
    world = World(venues=("v2",))
    settled = run(world, world.step("donate", 0, world.token1.address, 10**15), fills=[(E18, E18 - 10**15), (E18, E18)])
    assert settled.of("Donated") == [{"venue": 0, "token": world.token1.address, "amount": 10**15}]
    assert world.pools[0].call("getReserves")[:2] == (DEPTH, DEPTH + 10**15)
    assert world.held() == (0, 0)


def test_a_donation_of_more_than_custody(world):
    donate = world.step("donate", 0, world.token1.address, E18 + 1)
    assert rule_error(world, donate) == ("CustodyExceeded", (world.token1.address, E18 + 1, E18))


def test_a_donation_that_takes_more_than_it_gives(world):
    world.token0.call_only("behave", SENDER_FEE, world.pools[0].address)
    assert rule_error(world, world.step("donate", 0, world.token0.address, 1000)) == ("NotExactInput", (1100, 1000))


def test_what_was_donated_is_gone(world):
    with reverts("CustodySpent", world.token0.address):
        run(world, world.step("donate", 0, world.token0.address, 1), fills=[(E18, E18), (E18, E18)])
