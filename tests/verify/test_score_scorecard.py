"""The scorecard: complete, plain, the same every time, and its figures are those of the exact ratios."""

import json
import math
import sys
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

sys.path.insert(0, str(Path(__file__).resolve().parent))

from outcome_strategies import BLOCKS, GAS, UNIT, consistent, market, order, outcomes, shifted

from verify.findings import Finding
from verify.outcomes import Flow
from verify.score import ratios
from verify.score.bootstrap import Draws
from verify.score.frame import OutcomesError
from verify.score.markout import METRICS as MARKOUTS
from verify.score.scorecard import NOT_MEASURED, RESULTS, CandidateInfo, scorecard, turned_down
from verify.score.sensitivity import judge_outcomes
from verify.score.split import Split

CANDIDATE = CandidateInfo("CallAuction", "c" * 64, {"maxRounds": 2**200})
TABLE = {"mean", "lower95", "upper95", "median", "p5", "share_below_zero", "n"}
FIXED_KEYS = {
    "name",
    "candidate_id",
    "status",
    "reason",
    "window_blocks",
    "gates",
    "batches",
    "batch_sizes",
    "orders",
    "metrics",
    "verdict",
    "verdict_why",
    "provisional",
    "parameters",
    *RESULTS,
}


NO_MARKOUT = {12: "one price every 60 s", 300: ""}


def score(replay, *, variants=None, tests=1, seed=1):
    return scorecard(
        replay,
        variants=variants or {},
        ledger_rows=tests,
        draws=Draws(seed),
        candidate=CANDIDATE,
        caveats=("simulated",),
        price_source="a series",
        no_markout=NO_MARKOUT,
    )


def part_orders(replay, part):
    split = Split(replay.first_block, replay.last_block, replay.window_blocks)
    sound = {batch.window for batch in replay.batches if not batch.unscored}
    return [row for row in replay.orders if row.window in sound and split.part(row.window) == part]


@settings(max_examples=60)
@given(consistent())
def test_plain_complete_and_the_same_every_time(outcomes):
    card = score(outcomes)
    text = json.dumps(card, allow_nan=False)
    assert text == json.dumps(score(outcomes), allow_nan=False)
    assert json.loads(text) == card
    assert card.keys() >= FIXED_KEYS
    assert card["verdict"] in {"improvement", "transfer", "worse", "no improvement", "unscored"}
    for part in ("train", "heldout"):
        assert card["metrics"][part].keys() == ratios.MEASURES.keys() | set(MARKOUTS) | NOT_MEASURED.keys()
        for table in card["metrics"][part].values():
            assert table.keys() == TABLE or (table["status"] == "unscored" and table["reason"])


@settings(max_examples=60)
@given(consistent())
def test_means_are_the_exact_ones_and_the_decomposition_adds_up_in_them(outcomes):
    card = score(outcomes)
    if card["status"] != "scored":
        return
    for part in ("train", "heldout"):
        for flow_class, found in card["by_class"][part].items():
            rows = [row for row in part_orders(outcomes, part) if row.flow_class == flow_class]
            for metric, measure in ratios.MEASURES.items():
                defined = [row for row in rows if measure(row) is not None]
                exact = ratios.weighted_mean(map(measure, defined), [row.value for row in defined])
                if exact is None:
                    assert found[metric]["status"] == "unscored"
                    continue
                largest = max(abs(ratios.as_float(measure(row))) for row in defined)
                assert found[metric]["mean"] == pytest.approx(float(exact), rel=1e-12, abs=1e-12 * largest)
                assert found[metric]["n"] == len(defined)
            if "mean" in found["improvement_bps"]:
                parts = found["bots_removed_bps"]["mean"] + found["mechanism_bps"]["mean"]
                assert found["improvement_bps"]["mean"] == pytest.approx(parts, rel=1e-9, abs=1e-3)


def test_a_rule_that_does_what_the_amm_does_has_no_m_at_gas_price_zero():
    card = score(outcomes(market(1, bots_bps=5)))
    mechanism = card["metrics"]["heldout"]["mechanism_bps"]
    assert {mechanism[key] for key in TABLE - {"n"}} == {0.0}
    sensitivity = card["sensitivity"]["gas price: 0"]
    assert (sensitivity["mean"], sensitivity["lower95"], sensitivity["verdict"]) == (0.0, 0.0, "no improvement")


def test_gas_prices_and_variants_are_judged_beside_the_headline():
    rows = market(1, gas_saved=60_000)
    variants = {
        "labelling: all": outcomes([replace(row, gas=GAS + 60_000) for row in rows]),
        "limits: 10 bps": outcomes([replace(row, limit=row.bought + (row.seq == 9)) for row in rows]),
        "no gas price": outcomes([replace(row, bought_per_wei=None) for row in rows]),
    }
    card = score(outcomes(rows), variants=variants)
    found = card["sensitivity"]
    assert {name: entry["verdict"] for name, entry in found.items()} == {
        "gas price: 0": "no improvement",
        "gas price: double": "improvement",
        "labelling: all": "worse",
        "limits: 10 bps": "rejected",
        "no gas price": "unscored",
    }
    m = card["metrics"]["heldout"]["net_mechanism_bps"]["mean"]
    assert found["gas price: double"]["mean"] == pytest.approx(2 * m)
    assert found["labelling: all"]["mean"] == pytest.approx(-m)
    assert found["no gas price"]["status"] == "unscored"
    assert "mean" not in found["no gas price"]


def test_the_table_and_the_verdict_show_the_same_bounds():
    card = score(outcomes(market(1, noise_bps=3, gas_saved=20_000)))
    m = card["metrics"]["heldout"]["net_mechanism_bps"]
    assert (card["verdict_bounds"]["m"]["lower"], card["verdict_bounds"]["m"]["upper"]) == (m["lower95"], m["upper95"])
    assert card["bootstrap"]["resamples"] == 2_000
    assert card["bootstrap"]["block_length"]["heldout"] >= 6


def test_what_has_nothing_to_do_with_a_candidate_has_the_same_bounds_for_each():
    rng = np.random.default_rng(3)
    gas_prices = np.repeat(rng.integers(10, 200, 90), 10)  # the same for ten blocks on end
    rows = [
        replace(row, gas_price_wei=int(gas_prices[row.block_number]) * 10**9)
        for row in market(1, bots_bps=20, sigma=0.3)
    ]
    cards = [score(outcomes([replace(row, gas=GAS + extra) for row in rows])) for extra in (-50_000, 0, 90_000)]
    assert cards[0]["bootstrap"]["block_length"]["heldout"] > 6  # the floor for 178 batches: gas prices hang together
    found = [card["metrics"]["heldout"]["bots_removed_bps"] for card in cards]
    assert found[0] == found[1] == found[2]


def test_dust_weighs_by_value_and_is_left_out_of_unweighted_figures():
    rows = [order(seq, bought=shifted(10**18, 10), amm_out=10**18, history_out=10**18) for seq in range(300)]
    dusty = [replace(row, value=UNIT - 1, bought=row.amm_out // 2) if row.seq % 3 else row for row in rows]
    card = score(outcomes(dusty))
    table = card["metrics"]["heldout"]["mechanism_bps"]
    assert table["median"] == table["p5"] == 10.0
    assert table["share_below_zero"] == 0.0
    assert table["mean"] < 0.1 * 10 * 100  # the dust pulls it down, by its worth only
    assert table["mean"] == pytest.approx((10 * 33 * 1000 - 5000 * 66 * (UNIT - 1) / UNIT) / (33_000 + 66), rel=1e-2)
    assert card["dust"] == sum(row.value < UNIT for row in part_orders(outcomes(dusty), "heldout"))
    only = score(outcomes([replace(row, value=UNIT - 1) for row in rows]))["metrics"]["heldout"]["mechanism_bps"]
    assert only["mean"] == pytest.approx(10.0)
    assert only["median"] is None


def test_results_with_and_without_sandwich_batches():
    rows = [order(seq) for seq in range(300)]
    victims = set(range(250, 300, 5))
    rows = [replace(row, history_out=row.amm_out * 9 // 10) if row.seq in victims else row for row in rows]
    card = score(outcomes(rows, sandwiched={window: Flow(0, 10 * UNIT) for window in victims}))
    with_bots = card["metrics"]["heldout"]["bots_removed_bps"]
    without = card["without_sandwich_batches"]["heldout"]["bots_removed_bps"]
    assert with_bots["mean"] == pytest.approx(10_000 / 9 * 10 / 99, rel=1e-6)
    assert (without["mean"], without["n"]) == (0.0, 89)


def test_by_class_and_by_size():
    rows = market(5, 600, gas_saved=30_000)
    rows = [replace(row, flow_class="unknown") if row.seq % 4 == 0 else row for row in rows]
    card = score(outcomes(rows))
    heldout = card["metrics"]["heldout"]["net_mechanism_bps"]
    assert heldout == card["by_class"]["heldout"]["user"]["net_mechanism_bps"]
    counts = {name: card["by_class"]["heldout"][name]["net_mechanism_bps"]["n"] for name in ("user", "unknown")}
    assert sum(counts.values()) == card["parts"]["heldout"]["orders"]
    deciles = card["by_size_decile"]["heldout"]
    assert list(deciles) == [str(i) for i in range(1, 11)]
    assert sum(table["net_mechanism_bps"]["n"] for table in deciles.values()) == heldout["n"]
    dusty = score(outcomes([replace(row, value=1) if row.seq % 2 else row for row in rows]))["by_size_decile"][
        "heldout"
    ]
    worth = [row for row in part_orders(outcomes(rows), "heldout") if row.flow_class == "user" and row.seq % 2 == 0]
    assert sum(table["net_mechanism_bps"]["n"] for table in dusty.values()) == len(worth)
    # The same gas weighs more on a small order.
    medians = [table["net_mechanism_bps"]["median"] for table in deciles.values()]
    assert medians == sorted(medians, reverse=True)


def test_effective_n_and_the_mean_without_the_ten_largest():
    rows = [order(seq, gas=GAS - 50_000) for seq in range(300)]
    rows = [
        replace(row, value=row.value * 100, bought=shifted(row.amm_out, -50)) if row.seq > 289 else row for row in rows
    ]
    card = score(outcomes(rows))
    assert card["effective_n"] == pytest.approx((89 + 10 * 100) ** 2 / (89 + 10 * 100**2))
    assert card["mean_without_ten_largest"] == pytest.approx(card["metrics"]["heldout"]["net_mechanism_bps"]["median"])
    assert card["metrics"]["heldout"]["net_mechanism_bps"]["mean"] < 0 < card["mean_without_ten_largest"]


def test_what_was_filled_and_what_fell_back():
    rows = [order(seq) for seq in range(297)]
    rows += [order(seq, filled=False, fallback_out=5, limit=10, value=4_000 * UNIT) for seq in range(297, 300)]
    fills = score(outcomes(rows))["fills"]["heldout"]
    assert fills["fallbacks"] == 3
    assert fills["fallbacks_below_limit"] == 3
    assert fills["filled"] == 96
    assert fills["fill_rate_by_value"] == pytest.approx(96 / (96 + 12))


def test_batch_sizes_and_gas_per_settlement():
    rows = [order(seq, block_number=seq // 3) for seq in range(300)] + [order(300, block_number=100)]
    card = score(outcomes(rows))
    assert card["batch_sizes"] == {"1": 1, "3": 100}
    assert card["batches"] == 101
    assert card["orders"] == 301
    assert card["gas"]["per_settlement"] == {"1": GAS, "3": 3 * GAS}
    assert card["gas_per_order"] == GAS


def test_fairness_and_the_worst_order():
    rows = [order(seq) for seq in range(300)]
    rows = [replace(row, bought=shifted(row.amm_out, -40)) if row.seq in {210, 250} else row for row in rows]
    card = score(outcomes(rows))
    assert card["worst_order"]["seq"] == 210
    assert card["worst_order"]["net_mechanism_bps"] == pytest.approx(-40, abs=1e-6)
    assert card["fairness"]["share_below_standalone"] == pytest.approx(2 / 99)
    served = np.array([1.0] * 97 + [0.996] * 2)
    gini = np.abs(served[:, None] - served[None, :]).mean() / (2 * served.mean())
    assert card["fairness"]["gini"] == pytest.approx(gini)


def test_the_distribution_leaves_out_dust_and_runs_from_the_least_to_the_most():
    rows = [order(seq, bought=shifted(10**18, seq % 99), amm_out=10**18, history_out=10**18) for seq in range(300)]
    rows[250] = replace(rows[250], value=1, bought=1)
    found = score(outcomes(rows))["distribution"]["heldout"]["improvement_bps"]
    assert len(found) == 21
    assert found == sorted(found)
    assert (found[0], found[10], found[-1]) == (0.0, 48.5, 98.0)
    unpriced = score(outcomes([replace(row, bought_per_wei=None) for row in rows]))["distribution"]["heldout"]
    assert unpriced["net_mechanism_bps"]["status"] == "unscored"


def test_prices_within_a_batch():
    replay = outcomes([order(seq, block_number=seq // 2) for seq in range(600)])
    replay = replace(replay, batches=tuple(replace(b, price_spread_bps=float(b.window % 5)) for b in replay.batches))
    found = score(replay)["price_uniformity"]
    assert (found["median"], found["max"], found["n"]) == (2.0, 4.0, 99)
    assert score(outcomes(market(1, orders_per_block=0.01, blocks=900)))["price_uniformity"]["status"] == "unscored"


def test_gas_money_without_a_price_leaves_only_what_needs_it_unscored():
    card = score(outcomes(market(1, gain_bps=2, bought_per_wei=None)))
    heldout = card["metrics"]["heldout"]
    assert card["status"] == "scored"
    assert card["verdict"] == "unscored"
    unpriced = {name for name, table in heldout.items() if "mean" not in table}
    assert unpriced == ratios.GAS_PRICED | set(MARKOUTS) | NOT_MEASURED.keys()
    assert heldout["mechanism_bps"]["lower95"] > 0
    assert card["mean_without_ten_largest"]["status"] == "unscored"
    assert card["sensitivity"]["gas price: 0"]["verdict"] == "transfer"


def test_gas_priced_for_some_orders_only_is_the_evaluators_error():
    rows = market(1)
    rows[-1] = replace(rows[-1], bought_per_wei=None)
    with pytest.raises(OutcomesError, match=r"gas money has a price for \d+ of \d+ orders only"):
        score(outcomes(rows))


def test_an_order_without_an_outcome_in_history_is_left_out_and_counted():
    rows = market(1, gas_saved=60_000)
    blank = replace(rows[-1], history_out=0)
    card = score(outcomes([*rows[:-1], blank]))
    assert card["metrics"]["heldout"]["net_mechanism_bps"]["n"] == 299
    assert card["metrics"]["heldout"]["standalone_bps"]["n"] == 300
    assert card["parts"]["heldout"]["without_history_outcome"] == 1


def test_unsound_batches_are_left_out_with_their_share_by_value():
    rows = [order(seq) for seq in range(300)]
    rows[260] = replace(rows[260], value=rows[260].value * 5)
    card = score(outcomes(rows, unsound=[260]))
    assert card["unscored_share_by_value"] == pytest.approx(5 / 103)
    assert card["parts"]["heldout"]["unscored_reasons"] == ["ran past the known liquidity"]
    assert card["metrics"]["heldout"]["net_mechanism_bps"]["n"] == 98


def test_a_gate_that_fails_leaves_no_scores():
    rows = market(1, gas_saved=60_000)
    rows[5] = replace(rows[5], limit=rows[5].bought + 1)
    card = score(outcomes(rows))
    assert card["status"] == card["verdict"] == "rejected"
    assert card["gates"]["individual_rationality"]["passed"] is False
    assert card["gates"]["budget_balance"]["passed"] is True
    assert all(table["status"] == "unscored" for part in card["metrics"].values() for table in part.values())
    assert card.keys() >= FIXED_KEYS


def test_a_world_that_does_not_balance_is_an_error_of_the_evaluator():
    replay = outcomes([order(seq) for seq in range(300)])
    broken = replace(replay.batches[299], amm=replay.batches[299].amm | {"arbitrageurs": Flow(1, 0)})
    with pytest.raises(OutcomesError, match="window 299"):
        score(replace(replay, batches=(*replay.batches[:-1], broken)))


def test_a_candidate_turned_down_early_has_every_key_and_the_finding():
    card = turned_down(CANDIDATE, 5, [Finding("compile", "solc-error", "expected ';'", "Rule.sol", 9, 2)])
    assert card.keys() >= FIXED_KEYS
    assert card["status"] == card["verdict"] == "rejected"
    assert card["verdict_why"] == "Rejected: admission: Rule.sol:9:2: expected ';' [solc-error]."
    json.dumps(card, allow_nan=False)


def test_outcomes_that_contradict_themselves_are_refused():
    replay = outcomes([order(seq) for seq in range(9)])
    with pytest.raises(OutcomesError, match="order 8 belongs to window 8"):
        score(replace(replay, batches=replay.batches[:-1]))
    with pytest.raises(OutcomesError, match="two batches"):
        score(replace(replay, batches=(*replay.batches, replay.batches[0])))
    with pytest.raises(ValueError, match="ledger_rows is 0"):
        score(replay, tests=0)


def test_nothing_held_out_is_unscored():
    card = score(outcomes([order(seq) for seq in range(10)], last_block=BLOCKS - 1))
    assert card["status"] == card["verdict"] == "unscored"
    assert card["metrics"]["train"]["improvement_bps"]["reason"].startswith("Not scored: no order falls")


@settings(max_examples=60)
@given(consistent(filled=False))
def test_a_rule_that_fills_nothing_never_scores_above_zero(outcomes):
    card = score(outcomes)
    assert card["verdict"] in {"no improvement", "worse", "unscored"}
    if card["status"] != "scored":
        return
    for part in ("train", "heldout"):
        table = card["metrics"][part]["net_mechanism_bps"]
        assert table.get("mean", 0) <= 0
        assert (table.get("upper95") or 0) <= 0
    for found in card["sensitivity"].values():
        assert found.get("mean", 0) <= 0


def test_every_number_is_finite():
    def walk(value):
        if isinstance(value, dict):
            for entry in value.values():
                yield from walk(entry)
        elif isinstance(value, list):
            for entry in value:
                yield from walk(entry)
        else:
            yield value

    card = score(outcomes(market(9, gas_saved=10_000, noise_bps=5, sigma=3.0)))
    assert all(math.isfinite(leaf) for leaf in walk(card) if isinstance(leaf, float))
    assert not any(isinstance(leaf, Fraction | np.generic) for leaf in walk(card))


@pytest.mark.long
def test_a_day_is_scored_in_time():
    replay = outcomes(market(2, 4_000, gas_saved=60_000, sigma=2.5))

    def seconds(work):
        start = time.process_time()
        work()
        return time.process_time() - start

    assert min(seconds(lambda: score(replay, tests=10)) for _ in range(4)) < 0.4
    assert min(seconds(lambda: judge_outcomes(replay, 10, Draws(1))) for _ in range(4)) < 0.1
