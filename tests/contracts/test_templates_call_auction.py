"""CallAuction against its definition, on genuine pools: an exact price by bisection over the pool's own quotes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tests.contracts.templates_world import (
    ENDLESS,
    Ask,
    Market,
    Settled,
    Sides,
    fills_at,
    largest,
    market,
    named_batches,
    weigh,
)

RULE = "CallAuction"


@dataclass(frozen=True)
class Cleared:
    """The outcome by definition: who is in, at which net amount and pool output, and how near anybody's limit was."""

    inside: list[int]
    sides: Sides | None
    net: int
    received: int
    undecided: bool


def tolerance(sides: Sides, net: int, received: int) -> int:
    """The documented bound on the slack, in units of the heavier token."""
    return 2 + 2 * (net // max(received, 1) + 1) + (sides.heavy >> 24)


def by_definition(here: Market, asks: list[Ask]) -> Cleared:
    inside = list(range(len(asks)))
    undecided = False
    while inside:
        batch = [asks[i] for i in inside]
        sides = weigh(here, batch)

        def received(n: int, sides: Sides = sides) -> int:
            return here.quote(sides.heavy0, n).received if n else 0

        def feasible(n: int, sides: Sides = sides) -> bool:
            return (sides.heavy - n) * received(n) >= sides.light * n if sides.light else True

        net = largest(feasible, sides.bound if sides.light else sides.heavy)
        out = received(net)
        paid = sides.light + out
        if not paid:
            return Cleared([], None, 0, 0, undecided)
        # The rule's price may be off by its tolerance, so a limit nearer than that may be decided either way.
        slack = Fraction(tolerance(sides, net, out) + 2, max(net, 1)) + Fraction(2, paid) + Fraction(1, 10**6)
        keeps = []
        for place, (_, bought) in zip(inside, fills_at(batch, sides.heavy0, paid, sides.heavy), strict=True):
            limit = max(asks[place].limit, 1)
            if bought >= limit:
                keeps.append(place)
            exact = Fraction(asks[place].amount * paid, sides.heavy)
            if asks[place].sells0 != sides.heavy0:
                exact = Fraction(asks[place].amount * sides.heavy, paid)
            undecided |= sides.light > 0 and abs(exact - limit) <= exact * slack + 1
        if keeps == inside:
            return Cleared(inside, sides, net, out, undecided)
        inside = keeps
    return Cleared([], None, 0, 0, undecided)


def net_of(result: Settled, sides: Sides) -> tuple[int, int]:
    """(n, r): what went through the pool, from its own events and balances."""
    heavy, light = (0, 1) if sides.heavy0 else (1, 0)
    assert result.trail.traded_in[0][light] == 0
    assert result.received[heavy] == 0
    return result.trail.traded_in[0][heavy], result.received[light]


def test_opposite_orders_that_balance_inside_the_fee_band_never_touch_the_pool():
    here = market("v2 small")
    result = here.settle(RULE, [Ask(True, 1_000, 999), Ask(False, 1_001, 999)])
    # p = 1001 / 1000 lies between the pool's bid of 0.997 and its ask of 1 / 0.997.
    assert result.fills == ((1_000, 1_001), (1_001, 1_000))
    assert result.trail.traded_in == ((0, 0),)
    assert result.residue == (0, 0)


def test_a_net_amount_worked_out_by_hand():
    """Reserves of a million each, 3000 token0 against 1000 token1.

    r(n) = floor(997 n * 10**6 / (10**9 + 997 n)), and over all n from 0 to 3000 the largest with
    (3000 - n) * r(n) >= 1000 * n is 1994: r = 1984 and 1006 * 1984 = 1,995,904, while at 1995 it is 1005 * 1985 =
    1,994,925 < 1,995,000. So p = 2984 / 3000.
    """
    here = market("v2 small")
    best = max(n for n in range(1, 3001) if (3000 - n) * (997 * n * 10**6 // (10**9 + 997 * n)) >= 1000 * n)
    received = 997 * best * 10**6 // (10**9 + 997 * best)
    result = here.settle(RULE, [Ask(True, 2_000), Ask(True, 1_000), Ask(False, 1_000)])
    n, r = net_of(result, weigh(here, [Ask(True, 3_000), Ask(False, 1_000)]))
    assert (best, received) == (1994, 1984)
    assert abs(n - best) <= 8
    assert result.fills == tuple(
        fills_at([Ask(True, 2_000), Ask(True, 1_000), Ask(False, 1_000)], True, 1_000 + r, 3_000)
    )
    assert abs(result.fills[0][1] - 2_000 * 2_984 // 3_000) <= 4


@pytest.mark.parametrize("name", ENDLESS)
@pytest.mark.parametrize("sells0", [True, False])
def test_a_single_order_is_a_swap(name, sells0):
    here = market(name)
    amount = here.depth(of0=sells0) // 5_000
    alone = here.quote(sells0, amount)
    assert here.settle(RULE, [Ask(sells0, amount, alone.received)]).fills == ((amount, alone.received),)
    assert here.settle(RULE, [Ask(sells0, amount, alone.received + 1)]).fills == ((0, 0),)


@settings(max_examples=150, deadline=None)
@given(named_batches())
@example(("v3 steps", [Ask(True, 10**19), Ask(False, 10**16), Ask(False, 3 * 10**17)]))
@example(("v3 cheap", [Ask(False, 10**19), Ask(True, 10**6), Ask(True, 1)]))
def test_clears_at_the_definition(drawn):
    name, asks = drawn
    here = market(name)
    expected = by_definition(here, asks)
    assume(not expected.undecided)
    result = here.settle(RULE, asks)
    assert [i for i, (sold, _) in enumerate(result.fills) if sold] == expected.inside
    if not expected.inside:
        assert result.trail.traded_in == ((0, 0),)
        return
    inside, sides = [asks[i] for i in expected.inside], expected.sides
    n, r = net_of(result, sides)
    # One price for all, limits kept, and what stays behind within its documented bound.
    paid = sides.light + r
    assert [result.fills[i] for i in expected.inside] == fills_at(inside, sides.heavy0, paid, sides.heavy)
    assert all(result.fills[i][1] >= max(asks[i].limit, 1) for i in expected.inside)
    allowed = tolerance(sides, n, r)
    slack = sides.heavy - n - Fraction(sides.light * sides.heavy, paid)
    assert 0 <= slack <= allowed + 2  # the rule counts it in whole units, rounded down twice
    residue = result.residue if sides.heavy0 else result.residue[::-1]
    assert residue[0] < slack + sum(1 for ask in inside if ask.sells0 != sides.heavy0) + 1
    assert residue[1] <= sum(1 for ask in inside if ask.sells0 == sides.heavy0)
    # The price is the pool's average for n: exactly, with the slack.
    if n:
        assert Fraction(paid, sides.heavy) == Fraction(r, n) * (1 - slack / (n + slack))
    # And it is the definition's, up to what the tolerance is worth: relative to n. A v2 pair keeps its fee in its
    # reserves, so that it pays a trace less for two trades than for one of both: impact * fee / 512.
    if r:
        off = Fraction(allowed + tolerance(sides, expected.net, expected.received), n) + Fraction(2, r)
        if here.kind == "v2":
            bid = Fraction(here.sqrt_price**2, 2**192) ** (1 if sides.heavy0 else -1) * here.kept
            off += (1 - r / (n * bid)) * (1 - here.kept) / 256
        assert abs(paid - sides.light - expected.received) <= off * paid
    else:
        assert expected.received <= 2 or expected.net <= allowed


@settings(max_examples=60, deadline=None)
@given(named_batches(), st.randoms(use_true_random=False))
def test_the_order_of_the_batch_does_not_matter(drawn, rng):
    name, asks = drawn
    order = list(range(len(asks)))
    rng.shuffle(order)
    one, other = market(name).settle(RULE, asks), market(name).settle(RULE, asks, order)
    assert one.fills == other.fills
    assert (one.residue, one.price) == (other.residue, other.price)


@settings(max_examples=40, deadline=None)
@given(named_batches(limits=False))
def test_nobody_is_left_out_without_a_limit_but_dust(drawn):
    name, asks = drawn
    here = market(name)
    result = here.settle(RULE, asks)
    price = Fraction(here.sqrt_price**2, 2**192)
    for ask, (sold, _) in zip(asks, result.fills, strict=True):
        worth = ask.amount * price if ask.sells0 else ask.amount / price
        assert sold == ask.amount or worth < 2 or ask.amount <= 3


def test_whose_limit_breaks_is_left_out_and_the_price_found_anew():
    here = market("v3 wide")
    small, large = here.depth(of0=True) // 10**5, here.depth(of0=True) // 100
    quote = here.quote(True, small).received
    # Together the price falls by about 2 %: the small one's limit breaks, the large one has none.
    both = here.settle(RULE, [Ask(True, small, quote * 999 // 1000), Ask(True, large)])
    assert both.fills == ((0, 0), (large, here.quote(True, large).received))
    # Who was left out in one pass stays out, although the price would be right for him at the end.
    others = [Ask(True, small, quote * 999 // 1000), Ask(True, large, here.quote(True, small).received * 1000)]
    assert here.settle(RULE, others).fills == ((0, 0), (0, 0))


@pytest.mark.parametrize("name", ["v3 wide", "v2 even"])
def test_the_tolerance_is_what_bounds_the_slack(name):
    """A batch of a million units a side leaves only a few units behind: netting is not sloppy."""
    here = market(name)
    unit = here.depth(of0=True) // 10**7
    asks = [Ask(True, 5 * unit), Ask(True, 3 * unit), Ask(False, here.quote(True, 4 * unit).received)]
    result = here.settle(RULE, asks)
    assert all(sold for sold, _ in result.fills)
    assert max(result.residue) <= 16
