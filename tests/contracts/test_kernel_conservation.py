"""Conservation to the wei, over random batches, random fills, trades and donations, and tokens that misbehave.

A model in plain integers says what must come out of each batch; the kernel must agree with it in every balance.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.kernel_world import Order, Settled, World, reverts

STRAY = 10**18 + 7
"""Of each token in the kernel before the batch: nobody's, and still not to be touched."""

PLAIN, NO_RETURN, RECIPIENT_FEE, SENDER_FEE, RETURN_BOMB, CALLS = 0, 1, 8, 9, 11, 14
MODES = range(16)
GIFT = 10
PULL_REASONS = {8: "ReceivedMismatch", 4: "ReceivedMismatch"}
CORRUPTIONS = ["SoldTooMuch", "BelowLimit", "CustodySpent", "FillCount", "BoughtWithoutSelling", "NotPartiallyFillable"]


def fault(mode: int, amount: int) -> bool:
    """Whether a transfer of this amount in this mode is not what it should be."""
    if mode in (RECIPIENT_FEE, SENDER_FEE):
        return amount >= 10  # the tenth that is missing rounds to nothing below
    return mode not in (PLAIN, NO_RETURN, RETURN_BOMB, CALLS)


@dataclass
class Plan:
    """One batch and what must come of it. Amounts by token number; `live` are the indices that are pulled."""

    orders: list[Order]
    sells0: list[bool]
    dropped: dict[int, str]
    live: list[int]
    fills: dict[int, tuple[int, int]]
    modes: dict[int, tuple[int, int]]
    trades: list[tuple[str, int, int, int]]
    error: str = ""
    answer: list[tuple[int, int]] = field(default_factory=list)


amounts = st.integers(0, 30).flatmap(lambda exponent: st.integers(1, 10**exponent))
shares = st.integers(0, 100)


@st.composite
def plans(draw, world: World) -> Plan:
    count = draw(st.integers(1, 12))
    sells0 = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    sells = draw(st.lists(amounts, min_size=count, max_size=count))
    misbehaving = st.tuples(st.sampled_from([m for m in MODES if m != GIFT]), st.integers(0, count - 1))
    modes = {token: draw(misbehaving | st.just((PLAIN, 0))) for token in (0, 1)}
    dropped = {}
    for i in range(count):
        mode, subject = modes[0 if sells0[i] else 1]
        if subject == i and fault(mode, sells[i]):
            dropped[i] = PULL_REASONS.get(mode, "PullFailed")
    live = [i for i in range(count) if i not in dropped]
    budget = [sum(sells[i] for i in live if sells0[i]), sum(sells[i] for i in live if not sells0[i])]
    fills = {}
    for i in live:
        sold = draw(st.sampled_from([sells[i], sells[i], 0, -(-sells[i] * draw(shares) // 100)]))
        budget[0 if sells0[i] else 1] -= sells[i] - sold
        fills[i] = (sold, 0)
    trades = []
    for name in draw(st.lists(st.sampled_from(["trade", "donate"]), max_size=3)):
        token = draw(st.integers(0, 1))
        amount = budget[token] * draw(shares) // 100
        budget[token] -= amount
        trades.append((name, draw(st.integers(0, 2)), token, amount))
    orders = []
    for i in range(count):
        sold, bought, least = fills.get(i, (0, 0))[0], 0, draw(amounts)
        buys = 1 if sells0[i] else 0
        if sold:
            bought = budget[buys] * draw(shares) // 100
            budget[buys] -= bought
            fills[i] = (sold, bought)
            least = bought * sells[i] // sold * draw(st.sampled_from([0, 50, 99, 100])) // 100
        partial = i in live and 0 < sold < sells[i]
        order = world.order(i, sells[i], sells0=sells0[i], min_buy_amount=least, partially_fillable=partial)
        orders.append(order)
    plan = Plan(orders, sells0, dropped, live, fills, modes, trades, answer=[fills[i] for i in live])
    error = draw(st.sampled_from(["", "", *CORRUPTIONS]))
    if error:
        corrupt(plan, error, draw(st.integers(0, 11)))
    return plan


def corrupt(plan: Plan, error: str, first: int) -> None:
    """Breaks one promise in the first fill, counted from `first` on and around, that can break it."""
    for turn in range(len(plan.live)):
        k = (first + turn) % len(plan.live)
        i = plan.live[k]
        order, (sold, bought) = plan.orders[i], plan.answer[k]
        if error == "SoldTooMuch":
            plan.answer[k] = (order.sell_amount + 1, bought)
        elif error == "FillCount":
            plan.answer.append((0, 0))
        elif error == "BelowLimit" and sold:
            plan.orders[i] = replace(order, min_buy_amount=bought * order.sell_amount // sold + 1)
        elif error == "CustodySpent" and sold:
            plan.answer[k] = (sold, bought + 2**210)
        elif error == "BoughtWithoutSelling" and not sold:
            plan.answer[k] = (0, 1)
        elif error == "NotPartiallyFillable" and 0 < sold < order.sell_amount:
            plan.orders[i] = replace(order, partially_fillable=False)
        else:
            continue
        plan.error = error
        return


def totals(world: World, traders: list[str]) -> tuple[int, int]:
    """All there is of each token, wherever it is."""
    owners = {*traders, world.kernel.address, world.outsider.address, *(pool.address for pool in world.pools)}
    return (
        sum(world.balance(world.token0, owner) for owner in owners),
        sum(world.balance(world.token1, owner) for owner in owners),
    )


def check(world: World, plan: Plan) -> None:
    traders = [order.trader for order in plan.orders]
    tokens = [world.token0, world.token1]
    for number, token in enumerate(tokens):
        mode, subject = plan.modes[number]
        token.call_only("callOut", world.kernel.address, world.kernel.data("claim", token.address))
        token.call_only("behave", mode, traders[subject])
        token.call_only("mint", world.kernel.address, STRAY)
    steps = [
        world.step(name, venue, tokens[token].address, amount, *((0,) if name == "trade" else ()), must=False)
        for name, venue, token, amount in plan.trades
    ]
    world.script(plan.answer, *steps)
    before = totals(world, traders)
    if plan.error:
        with reverts(plan.error):
            world.settle(plan.orders)
        expected = [(order.sell_amount, 0) for order in plan.orders]
        assert world.held() == (STRAY, STRAY)
        assert world.residue() == (0, 0)
    else:
        settled = world.settle(plan.orders)
        expected = check_outcome(world, plan, settled)
    assert totals(world, traders) == before
    for order, (sold_side, bought_side) in zip(plan.orders, expected, strict=True):
        sell, buy = (tokens[0], tokens[1]) if order.sell_token == tokens[0].address else (tokens[1], tokens[0])
        assert (world.balance(sell, order.trader), world.balance(buy, order.trader)) == (sold_side, bought_side)


def check_outcome(world: World, plan: Plan, settled: Settled) -> list[tuple[int, int]]:
    """Events and bookings of a batch that settled; returns what each trader must hold, (sell side, buy side)."""
    assert settled.dropped() == plan.dropped
    assert settled.fills == [plan.fills.get(i, (0, 0)) for i in range(len(plan.orders))]
    expected, claims = [], []
    for i, order in enumerate(plan.orders):
        sold, bought = plan.fills.get(i, (0, 0))
        assert bought * order.sell_amount >= order.min_buy_amount * sold
        mode, subject = plan.modes[1 if plan.sells0[i] else 0]
        if bought and subject == i and fault(mode, bought):
            claims.append({"token": order.buy_token, "trader": order.trader, "amount": bought})
            bought = 0
        expected.append((order.sell_amount - sold, bought))
    assert settled.of("Claimable") == claims
    # Every token in the kernel is somebody's claim or booked as residue; what lay there before still does.
    for number, token in enumerate((world.token0, world.token1)):
        claimable = sum(world.kernel.call("claimable", token.address, order.trader) for order in plan.orders)
        assert claimable == sum(claim["amount"] for claim in claims if claim["token"] == token.address)
        assert world.held()[number] == STRAY + claimable + world.residue()[number]
    return expected


@pytest.fixture(scope="module")
def world():
    return World(venues=("v3", "v2", "v4"))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_nothing_is_made_lost_or_locked(world, data):
    with world.evm.anchor():
        check(world, data.draw(plans(world)))


@pytest.mark.long
@settings(max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_nothing_is_made_lost_or_locked_in_the_long_run(world, data):
    with world.evm.anchor():
        check(world, data.draw(plans(world)))


def test_the_model_meets_all_that_can_happen(world):
    """The plans above are not all of one kind: every corruption, drops, claims, trades and donations come up."""
    seen: set[str] = set()

    @settings(max_examples=400, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def collect(data):
        with world.evm.anchor():
            plan = data.draw(plans(world))
            seen.add(plan.error or "settled")
            seen.update(plan.dropped.values())
            seen.update(name for name, _, _, amount in plan.trades if amount)

    collect()
    assert seen >= {*CORRUPTIONS, "settled", "PullFailed", "ReceivedMismatch", "trade", "donate"}
