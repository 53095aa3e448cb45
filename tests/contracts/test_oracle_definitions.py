"""The auctions' definitions (docs/design/reference-rules.md), held for the oracle over many more batches than an EVM
would allow; what holds for the oracle holds for the Solidity, which test_oracle_rules.py shows to be one with it.

A definition does not name one n to the wei: any within the tolerance will do. What is exact is everything that follows
from the n that was found, that it is feasible, and that nothing beyond its excess is.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import call_auction
import function_maximizing
import pytest
from batch import PIPS, Order, Outcome
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle_worlds import batches, pairs, pools
from tick_prices import price_at
from uniswap_v2 import Pair
from uniswap_v3 import Pool, fresh_pool

if TYPE_CHECKING:
    from collections.abc import Callable

    Payment = Callable[[bool, int], Fraction]  # of a unit of the sold token, where so many are sold

TRADES_NOTHING = "the pool would pay enough for a few units, but none are sold"
ORACLE = Path(call_auction.__file__).parent
ANY_POOL = st.one_of(pools(), pairs())
AUCTIONS = {"CallAuction": call_auction.clear, "FunctionMaximizing": function_maximizing.clear}


def test_the_oracle_shares_no_code_with_what_it_checks():
    own = {path.stem for path in ORACLE.glob("*.py")}
    for path in ORACLE.glob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        used = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        used |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
        assert {name.split(".")[0] for name in used} <= own | set(sys.stdlib_module_names)
    assert len(own) >= 9


# ---------------------------------------------------------------------- what came out


@dataclass(frozen=True)
class Netted:
    """A batch that was filled: what either side of it sells, and what went through the pool."""

    inside: list[int]
    heavy0: bool
    heavy: int
    light: int
    n: int
    r: int
    donated: int
    left_heavy: int
    left_light: int


def netted(orders: list[Order], outcome: Outcome) -> Netted:
    """Where nothing went through the pool, token0 counts as the heavier side."""
    inside = [i for i, (sold, _) in enumerate(outcome.fills) if sold]
    totals = [sum(orders[i].amount for i in inside if orders[i].sells0 == of0) for of0 in (True, False)]
    heavy0 = not outcome.traded_in[1]
    a, b = (0, 1) if heavy0 else (1, 0)
    assert outcome.traded_in[b] == outcome.received[a] == outcome.donated[a] == 0
    return Netted(
        inside,
        heavy0,
        totals[a],
        totals[b],
        outcome.traded_in[a],
        outcome.received[b],
        outcome.donated[b],
        outcome.residue[a],
        outcome.residue[b],
    )


def check_fills(orders: list[Order], outcome: Outcome, net: Netted, paid: int) -> None:
    """Everybody in full at paid / heavy, rounded down, within the limit; what rounding left stays behind, no more."""
    light_fills = heavy_fills = 0
    for i in net.inside:
        sold, bought = outcome.fills[i]
        order = orders[i]
        on_heavy = order.sells0 == net.heavy0
        heavy_fills, light_fills = heavy_fills + on_heavy, light_fills + (not on_heavy)
        price = Fraction(paid, net.heavy) if on_heavy else Fraction(net.heavy, paid)
        assert sold == order.amount
        assert order.wanted <= bought <= order.amount * price < bought + 1
    unclaimed = net.heavy - net.n - Fraction(net.light * net.heavy, paid)
    assert 0 <= net.left_heavy - unclaimed < max(light_fills, 1)
    assert 0 <= net.left_light - (net.light + net.r - paid - net.donated) < max(heavy_fills, 1)


def marginal(pool: Pair | Pool, sells0: bool) -> Fraction:
    """What the pool pays for the next unit, fee included; of a pair at the price as the kernel tells it."""
    price = Fraction(pool.price**2, 2**192)
    return (price if sells0 else 1 / price) * (PIPS - pool.fee_pips) / PIPS


def check_nothing_traded(pool: Pair | Pool, net: Netted, payment: Payment) -> str:
    """The sides balance between the pool's bid and ask, or else what it would pay for a few units is too little."""
    outcome = "inside the band"
    for sells0 in (True, False):
        side, other = (net.heavy, net.light) if sells0 == net.heavy0 else (net.light, net.heavy)
        few = 8 + 4 * int(Fraction(side, other) + 1 / marginal(pool, sells0)) + side // 2**24
        if side - other / marginal(pool, sells0) > few:
            if (side - few) * payment(sells0, few) > other:
                return TRADES_NOTHING
            outcome = "too little from the pool"
    return outcome


# ---------------------------------------------------------------------- CallAuction


def tolerance_of_call_auction(net: Netted) -> int:
    return 2 + 2 * (net.n // max(net.r, 1) + 1) + net.heavy // 2**24


def check_call_auction(pool: Pair | Pool, orders: list[Order]) -> str:
    outcome = call_auction.clear(orders, pool)
    net = netted(orders, outcome)
    if not net.inside:
        assert (outcome.traded_in, outcome.residue) == ((0, 0), (0, 0))
        return "nobody"
    check_fills(orders, outcome, net, net.light + net.r)
    assert net.donated == 0
    alone = pool.sell(net.heavy0, net.n)[2]
    if not net.light:
        assert (net.n, net.r) == (net.heavy, alone)
        return "one side"
    if not net.n:
        return check_nothing_traded(pool, net, lambda sells0, n: Fraction(pool.sell(sells0, n)[2], n))
    # n is feasible, and what stays unclaimed is within the tolerance, which the rule measures in whole units.
    assert (net.heavy - net.n) * net.r >= net.light * net.n
    slack = net.heavy - net.n - Fraction(net.light * net.heavy, net.light + net.r)
    assert slack >= 0
    within = slack < tolerance_of_call_auction(net) + 2
    if isinstance(pool, Pair):
        # The rest of a bound that the pair would give nothing for stays; and two trades pay a trace less than one.
        assert within or slack <= net.heavy // 512 + 1
        assert net.r <= alone
        return "v2"
    assert within
    # All of the largest feasible n but its excess: a unit beyond that, and the pool's rounding, is not feasible.
    excess = net.heavy - net.n - net.light * net.n // net.r
    spare = 2 * ((net.n // net.r + 1) * (net.light + net.r) // net.r + 1)
    beyond = net.n + excess + spare
    assert (net.heavy - beyond) * pool.sell(net.heavy0, beyond)[2] < net.light * beyond
    return "v3"


@settings(max_examples=250, deadline=None)
@given(ANY_POOL, st.data())
def test_call_auction_is_its_definition(pool, data):
    for _ in range(4):
        assert check_call_auction(pool, data.draw(batches(pool, most=9))) != TRADES_NOTHING


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=20_000, deadline=None)
@given(ANY_POOL, st.data())
def test_call_auction_is_its_definition_long(pool, data):
    assert check_call_auction(pool, data.draw(batches(pool, most=9))) != TRADES_NOTHING


# ---------------------------------------------------------------------- FunctionMaximizing


def check_function_maximizing(pool: Pair | Pool, orders: list[Order]) -> str:
    outcome = function_maximizing.clear(orders, pool)
    net = netted(orders, outcome)
    if not net.inside:
        assert (outcome.traded_in, outcome.residue) == ((0, 0), (0, 0))
        return "nobody"
    after, _, alone = pool.sell(net.heavy0, net.n)
    assert net.r == alone
    m = marginal(after, net.heavy0)
    if not net.light:
        # H·m(H), rounded down twice, if the pool paid as much; the rest is the pool's, if it has anybody to take it.
        assert net.n == net.heavy
        donates = isinstance(after, Pair) or after.liquidity > 0
        worth = int(net.heavy * m)
        paid = min(worth, net.r)
        if donates:
            paid = net.r - net.donated
            assert paid in (min(worth, net.r), min(worth - 1, net.r)) or after.price >> 128
        check_fills(orders, outcome, net, paid)
        return "one side"
    paid = -(-net.light * net.heavy // (net.heavy - net.n))
    check_fills(orders, outcome, net, paid)
    donates = isinstance(after, Pair) or after.liquidity > 0
    assert net.donated == (net.light + net.r - paid if donates else 0)
    if not net.n:
        return check_nothing_traded(pool, net, lambda sells0, n: marginal(pool.sell(sells0, n)[0], sells0))
    # n is feasible, and what stays unclaimed is within the tolerance, or the next unit is not feasible.
    assert (net.heavy - net.n) * m >= net.light
    units = int(1 / m) + 1
    if net.heavy - net.n - net.light / m <= 4 + 6 * units + net.heavy // 2**24:
        return "within the tolerance"
    following, _, received = pool.sell(net.heavy0, net.n + 1)
    rest = net.heavy - net.n - 1
    unpaid = rest == 0 or -(-net.light * net.heavy // rest) > net.light + received
    assert unpaid or rest * marginal(following, net.heavy0) < net.light + 2
    return "to the next unit"


def check_all_but_sides_far_beyond_the_pool(pool: Pair | Pool, orders: list[Order]) -> None:
    """See `test_function_maximizing_takes_a_side_far_beyond_the_pool_to_the_other_side_alone`."""
    if check_function_maximizing(pool, orders) == TRADES_NOTHING:
        assert not pool.sell(True, 1)[2] or not pool.sell(False, 1)[2]


@settings(max_examples=250, deadline=None)
@given(ANY_POOL, st.data())
def test_function_maximizing_is_its_definition(pool, data):
    for _ in range(4):
        check_all_but_sides_far_beyond_the_pool(pool, data.draw(batches(pool, most=9)))


def test_function_maximizing_takes_a_side_far_beyond_the_pool_to_the_other_side_alone():
    """A side of 1e5 times the pool's depth: the search ends at n = 1, for which the pool pays 0.

    To look for a larger n would take many quotes past the pool's liquidity, each of which walks all of its ticks.
    """
    pool = fresh_pool(3000, 60, price_at(1) + 5, [(-887_220, 887_220, 10**16), (-2400, 1200, 10**20)])
    orders = [Order(True, 10**25), Order(False, 4 * 10**20)]
    assert check_function_maximizing(pool, orders) == TRADES_NOTHING


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=20_000, deadline=None)
@given(ANY_POOL, st.data())
def test_function_maximizing_is_its_definition_long(pool, data):
    check_all_but_sides_far_beyond_the_pool(pool, data.draw(batches(pool, most=9)))


# ---------------------------------------------------------------------- both


@pytest.mark.parametrize("rule", AUCTIONS)
@settings(max_examples=150, deadline=None)
@given(ANY_POOL, st.data())
def test_the_set_of_orders_decides_and_never_their_order(rule, pool, data):
    orders = data.draw(batches(pool, most=9))
    places = data.draw(st.permutations(range(len(orders))))
    shuffled = AUCTIONS[rule]([orders[i] for i in places], pool)
    fills = dict(zip(places, shuffled.fills, strict=True))
    assert [fills[i] for i in range(len(orders))] == list(AUCTIONS[rule](orders, pool).fills)
