"""Liquidity providers' markout: by hand, against the ledger, and what cannot be told."""

import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from outcome_strategies import UNIT, market, order, outcomes

from verify.outcomes import Flow
from verify.score import markout, welfare
from verify.score.bootstrap import Draws, Resamples
from verify.score.frame import frame, rows_by_part
from verify.score.ratios import MEASURES

ETHER = 10**18
TOLD = {12: "one price every 60 s", 300: ""}


def with_later(replay, factor):
    """The same, where the price of token0 moves by a factor within 300 s of every settlement."""
    batches = tuple(replace(batch, later={300: (batch.value0 * factor, batch.value1)}) for batch in replay.batches)
    return replace(replay, batches=batches)


def test_a_trade_by_hand():
    """The pool sold 1 ether at 2,200 for 2,201.10 dollars, 1.10 of them fee; 300 s later an ether is worth 2,300."""
    row = order(1, sell_amount=2_201_100_000, value=2_201_100_000, bought=ETHER, history_out=ETHER, amm_out=ETHER)
    (batch,) = outcomes([row]).batches
    fees = Flow(0, 1_100_000)
    batch = replace(
        batch,
        lp_fees={"history": fees, "amm": fees, "candidate": fees},
        later={300: (Fraction(2_300 * UNIT, ETHER), Fraction(1))},
    )
    found = markout.markouts([batch], TOLD, UNIT)
    assert found["12"] == {"status": "unscored", "reason": "one price every 60 s"}
    assert found["300"]["batches"] == 1
    for world in ("history", "amm", "candidate"):
        assert found["300"][world] == {"inventory": "-100.000000", "fees": "1.100000"}


def test_where_the_price_stays_it_is_what_the_ledger_says():
    replay = with_later(outcomes(market(3, gain_bps=4, bots_bps=7)), 1)
    found = markout.markouts(replay.batches, {300: ""}, UNIT)["300"]
    ledger = welfare.totals(replay.batches, replay.orders, UNIT)
    for world, column in (("history", "vs_history"), ("amm", "vs_amm")):
        for name, party in (("inventory", "liquidity_providers"), ("fees", "liquidity_provider_fees")):
            gain = Fraction(found["candidate"][name]) - Fraction(found[world][name])
            assert abs(gain - Fraction(ledger[party][column])) <= Fraction(2, UNIT)


def test_the_metric_is_the_sum_over_what_was_sold_with_bounds_around_it():
    replay = with_later(outcomes(market(4)), Fraction(101, 100))
    rows = rows_by_part(replay)["heldout"]
    found = frame(rows, replay.unit, MEASURES)
    table = markout.tables(found, TOLD, Resamples(len(found.batches), 3, Draws(1)))
    totals = markout.markouts(rows.batches, {300: ""}, UNIT)["300"]["candidate"]
    sold = sum(row.value for row in rows.orders)
    before, fees = (float(totals[name]) * UNIT * 10_000 / sold for name in ("inventory", "fees"))
    assert table["lp_markout_bps"]["mean"] == pytest.approx(before, abs=1e-6)
    assert table["lp_markout_net_bps"]["mean"] == pytest.approx(before + fees, abs=1e-6)
    for each in table.values():
        assert each["lower95"] < each["mean"] < each["upper95"]
        assert each["n"] == len(rows.batches)


def test_what_cannot_be_told_is_unscored_with_the_reason():
    replay = outcomes(market(5))
    rows = rows_by_part(replay)["heldout"]
    found = frame(rows, replay.unit, MEASURES)
    resamples = Resamples(len(found.batches), 3, Draws(1))
    for reasons, words in (({300: "no series"}, "no series"), ({300: ""}, "the reference price ends before that")):
        for table in markout.tables(found, reasons, resamples).values():
            assert table == {"status": "unscored", "reason": words}
        assert markout.markouts(rows.batches, reasons, UNIT)["300"] == {"status": "unscored", "reason": words}
