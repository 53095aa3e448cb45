"""VolatilityDonation: a call auction, a fee, and the average that it follows, against a model in plain integers."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.templates_world import PIPS, Ask, Market, fills_at, market, named_batches, weigh

RULE = "VolatilityDonation"
ONE = 10**18
X64 = 1 << 64


def decay_of(half_life: int) -> int:
    """The largest d with (d / 2**64)**half_life <= 1/2, by bisection, powers by squaring and rounded down."""

    def power(base: int) -> int:
        result, exponent = X64, half_life
        while exponent:
            if exponent % 2:
                result = result * base // X64
            base, exponent = base * base // X64, exponent // 2
        return result

    low, high = 0, X64
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if power(middle) <= X64 // 2 else (low, middle)
    return low


class Model:
    """The rule's memory and its fee."""

    def __init__(self, base_fee_pips: int, gain_percent: int, half_life: int) -> None:
        self.base, self.gain, self.decay = base_fee_pips, gain_percent, decay_of(half_life)
        self.variance = self.last = 0

    def fee_pips(self, root: int) -> int:
        if self.last:
            move = min(2 * abs(root - self.last) * ONE // self.last, ONE)
            self.variance = (self.variance * self.decay + move * move // ONE * (X64 - self.decay)) // X64
        volatility = math.isqrt(self.variance * ONE)
        return min(self.base + volatility * self.gain // 100 // 10**12, 10_000)


@pytest.mark.parametrize("half_life", [1, 2, 20, 1000])
def test_the_decay_is_a_half_after_the_half_life(half_life):
    assert decay_of(half_life) / X64 == pytest.approx(0.5 ** (1 / half_life), abs=1e-15)


def settle_and_check(here: Market, kernel: str, model: Model, asks: list[Ask], nonce: int) -> None:
    """One batch without limits: fee, fills, donations and state to the wei; before fee it is the call auction."""
    with here.world.anchor():
        gross = here.settle_on(here.kernel("CallAuction"), asks, nonce=nonce)
    fee = model.fee_pips(here.sqrt_price)
    result = here.settle_on(kernel, asks, nonce=nonce)
    fees = [0, 0]
    for ask, (sold, bought), (sold_net, net) in zip(asks, gross.fills, result.fills, strict=True):
        assert sold_net == sold == ask.amount
        assert net == bought * (PIPS - fee) // PIPS
        fees[1 if ask.sells0 else 0] += bought - net
    assert result.trail.donated == tuple(fees)
    assert result.residue == gross.residue
    model.last = here.sqrt_price
    assert result.trail.stored == ((0, model.variance << 160 | model.last),)


@pytest.mark.parametrize("name", ["v3 wide", "v3 cheap", "v2 even"])
@pytest.mark.parametrize(("base", "gain", "half_life"), [(0, 20, 20), (50, 100, 1), (0, 1000, 3)])
def test_the_average_and_the_fee_follow_the_model_over_many_batches(name, base, gain, half_life):
    here = market(name)
    here.kernel("CallAuction")
    kernel = here.kernel(RULE, baseFeePips=base, gainPercent=gain, halfLifeBatches=half_life)
    model = Model(base, gain, half_life)
    rng = random.Random(f"{name} {gain}")
    with here.world.anchor():
        for batch in range(12):
            sides = [rng.random() < 0.5 for _ in range(rng.randint(1, 4))]
            asks = [Ask(sells0, here.depth(of0=sells0) * rng.randint(1, 99) // 10**5) for sells0 in sides]
            settle_and_check(here, kernel, model, asks, nonce=batch)
            if batch % 3:  # the price moves between some batches
                sells0 = rng.random() < 0.5
                here.world.swap(sells0, here.depth(of0=sells0) * rng.randint(1, 999) // 10**5)
    assert model.variance > 0


def test_the_first_batch_pays_the_base_fee_and_a_calm_pool_keeps_it():
    here = market("v3 wide")
    kernel = here.kernel(RULE, baseFeePips=700, gainPercent=1000, halfLifeBatches=5)
    asks = [Ask(True, 10**15)]
    with here.world.anchor():
        for nonce in range(3):
            alone = here.quote(True, 10**15).received
            # The price that the first batch itself moved is no move between batches.
            assert here.settle_on(kernel, asks, nonce=nonce).fills == ((10**15, alone * 999_300 // PIPS),)


def test_the_fee_is_capped_at_one_percent():
    here = market("v2 small")
    kernel = here.kernel(RULE, baseFeePips=0, gainPercent=1000, halfLifeBatches=1)
    with here.world.anchor():
        here.settle_on(kernel, [Ask(True, 1000)])
        here.world.swap(True, 900_000)
        alone = here.quote(True, 10_000).received
        assert here.settle_on(kernel, [Ask(True, 10_000)], nonce=1).fills == ((10_000, alone * 99 // 100),)


def test_the_limit_holds_after_the_fee():
    here = market("v3 wide")
    fee = {"baseFeePips": 1000, "gainPercent": 0, "halfLifeBatches": 1}
    net = here.quote(True, 10**18).received * 999 // 1000
    assert here.settle(RULE, [Ask(True, 10**18, net)], **fee).fills == ((10**18, net),)
    assert here.settle(RULE, [Ask(True, 10**18, net + 1)], **fee).fills == ((0, 0),)


@settings(max_examples=40, deadline=None)
@given(named_batches(), st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_one_price_before_fee_limits_after_it_and_no_matter_which_order(drawn, fee, rng):
    name, asks = drawn
    here = market(name)
    order = list(range(len(asks)))
    rng.shuffle(order)
    parameters = {"baseFeePips": fee // 100 * 100, "gainPercent": 20, "halfLifeBatches": 20}
    result = here.settle(RULE, asks, **parameters)
    assert result.fills == here.settle(RULE, asks, order, **parameters).fills
    inside = [i for i, (sold, _) in enumerate(result.fills) if sold]
    for i in inside:
        assert result.fills[i][0] == asks[i].amount
        assert result.fills[i][1] >= max(asks[i].limit, 1)
    if inside:
        batch = [asks[i] for i in inside]
        sides = weigh(here, batch)
        paid = sides.light + result.received[1 if sides.heavy0 else 0]
        kept = PIPS - parameters["baseFeePips"]
        gross = fills_at(batch, sides.heavy0, paid, sides.heavy)
        assert [result.fills[i] for i in inside] == [(sold, bought * kept // PIPS) for sold, bought in gross]
        assert Fraction(paid, sides.heavy) > 0


@settings(max_examples=40, deadline=None)
@given(named_batches())
def test_without_a_fee_it_is_the_call_auction(drawn):
    name, asks = drawn
    here = market(name)
    free = here.settle(RULE, asks, baseFeePips=0, gainPercent=0, halfLifeBatches=1)
    auction = here.settle("CallAuction", asks)
    assert free.fills == auction.fills
    assert (free.residue, free.price) == (auction.residue, auction.price)
