"""What no rule may do, whatever the batch: revert, fill below a limit, or take what it cannot serve."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.templates_world import NAMES, Ask, Market, asks_in, market
from verify.templates import load_template, templates

RULES = [path.stem for path in templates()]
DEFAULTS = {path.stem: load_template(path).defaults() for path in templates()}
UNIFORM = [path.stem for path in templates() if load_template(path).promises.uniform_price]


def settle(here: Market, rule: str, asks: list[Ask]):
    result = here.settle(rule, asks, **DEFAULTS[rule])
    for ask, (sold, bought) in zip(asks, result.fills, strict=True):
        # All or nothing also where partial fills are allowed, never for nothing, and never below the limit.
        assert (sold, bought) == (0, 0) or (sold == ask.amount and bought >= max(ask.limit, 1))
    return result


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", NAMES)
def test_no_orders(rule, name):
    assert market(name).settle(rule, [], **DEFAULTS[rule]).fills == ()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", NAMES)
def test_dust(rule, name):
    here = market(name)
    for asks in (
        [Ask(True, 1)],
        [Ask(False, 1)],
        [Ask(True, 1), Ask(False, 1)],
        [Ask(True, 2), Ask(False, 1), Ask(False, 1)],
        [Ask(True, 1)] * 5 + [Ask(False, 1)] * 3,
        [Ask(True, 1), Ask(False, here.depth(of0=False) // 1000)],
    ):
        settle(here, rule, asks)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", NAMES)
def test_enormous_amounts_and_limits(rule, name):
    here = market(name)
    for asks in (
        [Ask(True, 10**30)],
        [Ask(False, 10**30)],
        [Ask(True, 10**30), Ask(False, 10**30)],
        [Ask(True, 10**30, 1), Ask(True, 10**30 - 1), Ask(False, 10**18)],
        [Ask(True, 2**112 - 1), Ask(False, 2**112 - 1), Ask(True, 2**112 - 1)],
        [Ask(True, 2**120), Ask(False, 2**120), Ask(True, here.depth(of0=True) // 1000)],
        [Ask(True, here.depth(of0=True) // 1000, 2**256 - 1), Ask(False, here.depth(of0=False) // 1000)],
        [Ask(True, 2**112 - 1, 2**128 - 1), Ask(False, 1, 2**128), Ask(False, here.depth(of0=False) // 1000)],
    ):
        settle(here, rule, asks)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("sells0", [True, False])
def test_what_the_pool_cannot_take_is_left_unfilled_and_the_rest_is_served(rule, sells0):
    """The pool's liquidity ends 6 % away: an order of its whole depth cannot be served, a thousandth can."""
    here = market("v3 short")
    whole, small = here.depth(of0=sells0), here.depth(of0=sells0) // 1000
    assert here.quote(sells0, whole).spent < whole
    assert settle(here, rule, [Ask(sells0, whole)]).fills == ((0, 0),)
    served = settle(here, rule, [Ask(sells0, whole, partial=True), Ask(sells0, small)])
    assert served.fills[0] == (0, 0)
    assert served.fills[1][0] == small
    opposite = Ask(not sells0, here.quote(sells0, small).received)
    against = settle(here, rule, [Ask(sells0, whole), Ask(sells0, small), opposite])
    assert against.fills[0] == (0, 0)
    assert against.fills[1][0] == small
    assert against.fills[2][0] > 0


@pytest.mark.parametrize("rule", RULES)
def test_one_order_that_no_pool_can_serve_does_not_keep_the_others(rule):
    here = market("v3 wide")
    unit = here.depth(of0=True) // 10**4
    back = here.quote(True, unit // 2).received
    for hopeless in (Ask(True, unit, 2**256 - 1), Ask(False, unit, 2**200), Ask(True, unit, unit * 2)):
        result = settle(here, rule, [hopeless, Ask(True, unit), Ask(False, back)])
        assert [sold > 0 for sold, _ in result.fills] == [False, True, True]


@pytest.mark.parametrize("rule", UNIFORM)
@pytest.mark.parametrize("name", ["v3 wide", "v2 even"])
def test_equal_orders_get_equal_fills(rule, name):
    here = market(name)
    unit = here.depth(of0=True) // 10**4
    back = here.quote(True, unit // 3).received
    fills = settle(here, rule, [Ask(True, unit)] * 4 + [Ask(False, back)] * 3).fills
    assert len(set(fills[:4])) == len(set(fills[4:])) == 1
    assert all(sold for sold, _ in fills)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(NAMES), st.data())
def test_any_batch_settles(name, data):
    here = market(name)
    ordinary = asks_in(name, most=6)
    wild = st.lists(
        st.builds(
            Ask,
            st.booleans(),
            st.one_of(st.integers(1, 10), st.integers(0, 120).map(lambda bits: 2**bits), st.integers(1, 2**112)),
            st.one_of(st.just(0), st.integers(0, 255).map(lambda bits: 2**bits)),
            st.booleans(),
        ),
        max_size=3,
    )
    asks = data.draw(ordinary) + data.draw(wild)
    for rule in RULES:
        settle(here, rule, asks)
