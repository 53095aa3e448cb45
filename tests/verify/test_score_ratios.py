"""Per-order metrics are exact, and what they add up to, they add up to exactly."""

import sys
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parent))

from outcome_strategies import GAS, GWEI, UNIT, consistent, order

from verify.score import ratios


def exact(ratio):
    return Fraction(*ratio)


def test_formulas_on_round_numbers():
    # Sells 1,000 dollars; y = 1,000,000, amm 1,002,000, ŷ 1,003,000; 30,000 more gas than the amm at 1 wei,
    # and one wei is worth 1/100 of a smallest unit: 300 units, 3 bps of y.
    row = order(
        1,
        block_number=7,
        window_blocks=5,
        history_out=1_000_000,
        amm_out=1_002_000,
        delay_out=1_001_500,
        standalone_out=2_000_000,
        ebbo_most=1_250_000,
        ebbo_least=1_000_000,
        bought=1_003_000,
        gas=GAS + 30_000,
        gas_history=GAS + 10_000,
        gas_price_wei=1,
        bought_per_wei=Fraction(1, 100),
        drift_bps=-2.5,
    )
    expected = {
        "improvement_bps": 30,
        "bots_removed_bps": 20,
        "mechanism_bps": 10,
        "delay_bps": -5,
        "net_mechanism_bps": 7,
        "net_of_gas_bps": 28,
        "standalone_bps": -4985,
        "ebbo_strict_bps": -1976,
        "ebbo_lenient_bps": 30,
        "latency_drift_bps": Fraction(-5, 2),
        "latency_blocks": 2,
    }
    assert {name: exact(measure(row)) for name, measure in ratios.MEASURES.items()} == expected
    assert exact(ratios.net_mechanism(0)(row)) == 10
    assert exact(ratios.net_mechanism(2)(row)) == 4


@given(consistent())
def test_bots_removed_and_mechanism_add_up_to_improvement_exactly(outcomes):
    defined = [row for row in outcomes.orders if row.history_out > 0]
    for row in defined:
        parts = exact(ratios.bots_removed(row)) + exact(ratios.mechanism(row))
        assert exact(ratios.improvement(row)) == parts
    weights = [row.value for row in defined]

    def mean(measure):
        return ratios.weighted_mean(map(measure, defined), weights)

    if sum(weights):
        assert mean(ratios.improvement) == mean(ratios.bots_removed) + mean(ratios.mechanism)


@given(st.lists(st.tuples(st.integers(-(10**40), 10**40), st.integers(1, 10**30), st.integers(0, 10**13)), max_size=40))
def test_the_tree_of_sums_is_the_plain_weighted_mean(rows):
    total = sum(weight for _, _, weight in rows)
    plain = sum((Fraction(n, d) * weight for n, d, weight in rows), Fraction(0)) / total if total else None
    assert ratios.weighted_mean([(n, d) for n, d, _ in rows], [weight for _, _, weight in rows]) == plain


@given(consistent(filled=False))
def test_an_unfilled_order_never_has_a_positive_m(outcomes):
    for row in outcomes.orders:
        for gas_scale in (0, 1, 2):
            ratio = ratios.net_mechanism(gas_scale)(row)
            assert ratio is None or ratio[0] <= 0


def test_a_fallback_is_charged_no_less_gas_than_the_amm():
    cheap = order(1, filled=False, gas=21_000)
    assert ratios.charged_gas(cheap) == GAS
    assert ratios.net_mechanism(1)(cheap)[0] == 0
    assert ratios.charged_gas(order(1, gas=21_000)) == 21_000


def test_what_cannot_be_divided_is_not_defined():
    nothing = order(1, history_out=0, amm_out=5, standalone_out=0)
    assert {name for name, measure in ratios.MEASURES.items() if measure(nothing) is None} == {
        "improvement_bps",
        "bots_removed_bps",
        "mechanism_bps",
        "delay_bps",
        "net_mechanism_bps",
        "net_of_gas_bps",
        "standalone_bps",
    }
    unpriced = order(1, bought_per_wei=None)
    assert {name for name, measure in ratios.MEASURES.items() if measure(unpriced) is None} == ratios.GAS_PRICED
    assert ratios.net_mechanism(0)(unpriced) == (0, unpriced.history_out)


def test_the_float_is_the_nearest_one():
    row = order(1, history_out=3 * 10**30, bought=3 * 10**30 + 1, value=UNIT, gas_price_wei=GWEI)
    assert ratios.as_float(ratios.improvement(row)) == pytest.approx(1e4 / 3e30, rel=1e-15)
