"""The welfare ledger sums to zero exactly; a batch that does not is named."""

import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parent))

from outcome_strategies import GAS, GWEI, PRICE, UNIT, consistent, order, outcomes

from verify.outcomes import Flow
from verify.score import welfare
from verify.score.frame import OutcomesError


def column_sums(table):
    parties = {party: row for party, row in table.items() if party != "gas"}
    return [sum(Fraction(row[column]) for row in parties.values()) for column in ("vs_history", "vs_amm")]


@given(consistent())
def test_every_batch_and_every_total_sums_to_zero_exactly(outcomes):
    for batch in outcomes.batches:
        gains = welfare.batch_gains(batch)
        assert sum(gain.vs_history for gain in gains.values()) == 0
        assert sum(gain.vs_amm for gain in gains.values()) == 0
    table = welfare.totals(outcomes.batches, outcomes.orders, outcomes.unit)
    assert column_sums(table) == [0, 0]


@given(consistent())
def test_the_totals_are_the_sums_of_the_batches(outcomes):
    exact: dict[str, Fraction] = {}
    for batch in outcomes.batches:
        for party, gain in welfare.batch_gains(batch).items():
            exact[party] = exact.get(party, Fraction(0)) + gain.vs_amm
    table = welfare.totals(outcomes.batches, outcomes.orders, outcomes.unit)
    for party, gain in exact.items():
        shown = Fraction(table[party]["vs_amm"]) * outcomes.unit
        assert abs(shown - gain) <= 1 + abs(gain) / 2**100
        assert welfare.gains_over_amm(outcomes.batches[0], (party,))[0] / welfare.ONE == pytest.approx(
            float(_whole_flow_gain(outcomes.batches[0], party)), rel=1e-12, abs=1e-12
        )


def _whole_flow_gain(batch, party):
    """What a party gained over the AMM, its fees included."""
    got, base = batch.candidate.get(party, Flow()), batch.amm.get(party, Flow())
    return (got.token0 - base.token0) * batch.value0 + (got.token1 - base.token1) * batch.value1


def test_who_gained_what_in_dollars():
    # A user sells 1 token0 (2,200 dollars): history 2,190, amm 2,195, candidate 2,199 dollars, 30,000 gas saved.
    row = order(
        1,
        sells_token0=True,
        value=2_200 * UNIT,
        sell_amount=10**18,
        history_out=2_190 * UNIT,
        amm_out=2_195 * UNIT,
        bought=2_199 * UNIT,
        gas=GAS - 30_000,
        gas_price_wei=10 * GWEI,
    )
    replay = outcomes([row], sandwiched={1: Flow(0, 3 * UNIT)})
    table = welfare.totals(replay.batches, replay.orders, replay.unit)
    assert table["users"] == {"vs_history": "9.000000", "vs_amm": "4.000000"}
    assert table["sandwichers"] == {"vs_history": "-3.000000", "vs_amm": "0.000000"}
    assert table["liquidity_providers"] == {"vs_history": "-6.000000", "vs_amm": "-4.000000"}
    assert table["gas"] == {"vs_history": "0.660000", "vs_amm": "0.660000"}
    assert list(table) == [
        "users",
        "unknown",
        "liquidity_providers",
        "liquidity_provider_fees",
        "sandwichers",
        "residue",
        "capped",
        "gas",
    ]


def test_liquidity_providers_fees_stand_apart_from_their_inventory():
    replay = outcomes([order(1)])
    batch = replay.batches[0]
    batch = replace(batch, lp_fees=batch.lp_fees | {"candidate": Flow(0, batch.lp_fees["amm"].token1 + 7)})
    gains = welfare.batch_gains(batch)
    assert gains["liquidity_provider_fees"].vs_amm == 7
    assert gains["liquidity_providers"].vs_amm == -7


@pytest.mark.parametrize("world", ["history", "amm", "candidate"])
def test_a_batch_that_does_not_balance_is_named(world):
    replay = outcomes([order(seq) for seq in range(5)])
    broken = replay.batches[3]
    flows = getattr(broken, world) | {"arbitrageurs": Flow(0, 1)}
    batches = (*replay.batches[:3], replace(broken, **{world: flows}), *replay.batches[4:])
    with pytest.raises(OutcomesError, match=rf"window 3, block 3: the flows of token1 in the world '{world}' sum to 1"):
        welfare.totals(batches, replay.orders, replay.unit)
    with pytest.raises(OutcomesError):
        welfare.batch_gains(batches[3])


def test_gas_without_a_price_is_unscored_and_never_zero():
    replay = outcomes([order(1, bought_per_wei=None)])
    row = welfare.totals(replay.batches, replay.orders, replay.unit)["gas"]
    assert row["status"] == "unscored"
    assert row["vs_history"] is None
    assert row["vs_amm"] is None


@given(st.integers(-(10**40), 10**40), st.integers(0, 20))
def test_decimal_text_is_exact(amount, places):
    text = welfare.decimal_text(amount, 10**places)
    assert Fraction(text) * 10**places == amount
    assert not text.startswith("-0") or amount < 0


def test_a_unit_that_is_no_power_of_ten_is_refused():
    with pytest.raises(OutcomesError, match="power of ten"):
        welfare.decimal_text(1, 12)


def test_prices_are_what_a_smallest_unit_is_worth():
    price0, price1 = welfare.prices(outcomes([order(1)]).batches[0])
    assert Fraction(price0, welfare.ONE) == pytest.approx(PRICE, rel=1e-40)
    assert price1 == welfare.ONE
