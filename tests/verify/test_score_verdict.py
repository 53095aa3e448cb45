"""Every verdict is reached by a replay made for it, and none by a replay that falls just short."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from outcome_strategies import BLOCKS, GWEI, UNIT, market, order, outcomes, shifted

from verify.score.bootstrap import Bounds, Draws
from verify.score.evidence import Evidence, Figures
from verify.score.sensitivity import judge_outcomes
from verify.score.verdict import Judgement, _number, judge, over_windows, unscored


def verdict_of(rows, *, tests=1, seed=1, **closing):
    return judge_outcomes(outcomes(rows, **closing), tests, Draws(seed)).judgement


def test_improvement_out_of_saved_gas():
    judgement = verdict_of(market(1, gas_saved=60_000))
    assert judgement.verdict == "improvement"
    assert not judgement.provisional
    assert judgement.why.startswith("Users got 7.59 bps more than from the pool alone in their own block")
    assert "95 % bounds" in judgement.why
    assert "over 300 orders in 178 settlements" in judgement.why


def test_transfer_when_liquidity_providers_pay():
    judgement = verdict_of(market(1, gain_bps=3, noise_bps=2))
    assert judgement.verdict == "transfer"
    assert "together with the liquidity providers the gain is nothing" in judgement.why
    assert "the liquidity providers pay most (364.57 USDC)" in judgement.why


def test_transfer_when_unknown_traders_pay():
    users = [order(2 * i, block_number=i, sells_token0=True) for i in range(300)]
    others = [order(2 * i + 1, block_number=i, sells_token0=True, flow_class="unknown") for i in range(300)]
    gain = shifted(users[0].amm_out, 5) - users[0].amm_out
    rows = [replace(row, bought=row.amm_out + gain) for row in users]
    rows += [replace(row, bought=row.amm_out - gain) for row in others]
    judgement = verdict_of(rows)
    assert judgement.verdict == "transfer"
    assert "together with all traders and liquidity providers the gain is nothing" in judgement.why
    assert "the unknown traders pay most (49.50 USDC)" in judgement.why


def test_worse_when_gas_eats_it():
    judgement = verdict_of(market(1, gas_saved=-50_000))
    assert judgement.verdict == "worse"
    assert "6.33 bps less" in judgement.why


def test_no_improvement_when_nothing_can_be_told():
    judgement = verdict_of(market(3, noise_bps=5))
    assert judgement.verdict == "no improvement"
    assert judgement.why.endswith("this cannot be told from no change.")


def test_no_improvement_when_nothing_changes():
    judgement = verdict_of(market(1))
    assert judgement.verdict == "no improvement"
    assert "exactly as much as from the pool alone" in judgement.why


def test_a_removed_sandwich_is_not_the_mechanisms_skill():
    judgement = verdict_of(market(3, noise_bps=5, bots_bps=20))
    assert judgement.verdict == "no improvement"
    assert "protection untested" in judgement.why
    assert "protection untested" in verdict_of(market(1, gas_saved=-50_000, bots_bps=20)).why
    assert "protection untested" not in verdict_of(market(3, noise_bps=5)).why


def test_the_level_pays_for_what_was_tried():
    rows = market(1, gain_bps=0.4, noise_bps=5)
    assert verdict_of(rows).verdict == "transfer"
    judgement = verdict_of(rows, tests=100)
    assert judgement.verdict == "no improvement"
    assert "100 evaluations were made on these blocks" in judgement.why


@pytest.mark.parametrize("tests", [2, 10, 40])
def test_the_strict_bounds_are_wider_than_the_plain_ones(tests):
    found = judge_outcomes(outcomes(market(1, gas_saved=60_000)), tests, Draws(1)).evidence
    assert found.strict.m.lower < found.plain.m.lower < found.plain.m.upper < found.strict.m.upper
    assert found.resamples == max(2_000, 200 * tests)


def test_a_strong_gain_survives_many_evaluations_and_says_at_what_level():
    judgement = verdict_of(market(1, gas_saved=60_000), tests=50)
    assert judgement.verdict == "improvement"
    assert "pays for the 50 evaluations" in judgement.why


def test_a_few_large_orders_cannot_carry_a_verdict():
    rows = market(1, gas_saved=60_000, sigma=0.1)
    whales = {row.seq for row in rows[-200::10]}
    rows = [replace(row, value=row.value * 10**6) if row.seq in whales else row for row in rows]
    judgement = verdict_of(rows)
    assert judgement.verdict == "no improvement"
    assert "a few large orders carry it: they weigh like 19." in judgement.why or "weigh like 20.0" in judgement.why


def test_a_gain_of_the_largest_orders_only_fails_with_their_weight_capped():
    rows = []
    for row in market(4, blocks=3_000, noise_bps=4, sigma=0.2):
        large = row.seq % 150 == 0  # fewer than one in a hundred, and nearly all of the value
        rows.append(
            replace(row, value=row.value * 10**4, bought=shifted(row.amm_out, 8))
            if large
            else replace(row, bought=shifted(row.bought, -1))
        )
    judged = judge_outcomes(outcomes(rows), 1, Draws(1))
    assert judged.evidence.plain.m.lower is None or judged.evidence.plain.m.estimate > 0
    assert judged.evidence.plain.m_capped.estimate < 0
    assert judged.judgement.verdict == "no improvement"


def test_unscored_when_gas_has_no_price():
    judgement = verdict_of(market(1, gas_saved=60_000, bought_per_wei=None))
    assert judgement.verdict == "unscored"
    assert "gas money" in judgement.why


def test_unscored_when_nothing_is_held_out():
    judgement = verdict_of([order(seq) for seq in range(30)], last_block=BLOCKS - 1)
    assert judgement.verdict == "unscored"
    assert "no order falls into the held-out part" in judgement.why


def test_unscored_when_too_much_of_the_value_has_no_sound_outcome():
    rows = market(1, gas_saved=60_000)
    windows = sorted({row.window for row in rows if row.window > 600})
    assert verdict_of(rows, unsound=windows[::20]).verdict == "improvement"
    assert "could not be replayed soundly and is left out" in verdict_of(rows, unsound=windows[::20]).why
    judgement = verdict_of(rows, unsound=windows[::3])
    assert judgement.verdict == "unscored"
    assert "of the value could not be replayed soundly" in judgement.why
    everything = verdict_of(rows, unsound=windows)
    assert everything.verdict == "unscored"
    assert "ran past the known liquidity" in everything.why


def test_rejected_by_a_gate_with_its_reason():
    rows = market(1, gas_saved=60_000)
    rows[5] = replace(rows[5], limit=rows[5].bought + 1)
    judgement = verdict_of(rows)
    assert judgement.verdict == "rejected"
    assert judgement.why.startswith("Rejected: individual rationality: 1 of")


GAIN, SHIFT, EVEN, LOSS = (
    Judgement(name, f"{name}.", provisional=False) for name in ("improvement", "transfer", "no improvement", "worse")
)


@pytest.mark.parametrize(
    ("anchored", "free", "together"),
    [
        (GAIN, GAIN, "improvement"),
        (GAIN, SHIFT, "transfer"),
        (SHIFT, GAIN, "transfer"),
        (SHIFT, SHIFT, "transfer"),
        (GAIN, EVEN, "no improvement"),
        (EVEN, GAIN, "no improvement"),
        (GAIN, LOSS, "no improvement"),
        (EVEN, LOSS, "no improvement"),
        (LOSS, EVEN, "no improvement"),
        (LOSS, LOSS, "worse"),
    ],
)
def test_longer_windows_are_granted_only_what_both_replays_show(anchored, free, together):
    judgement = over_windows(anchored, free, window_blocks=5, provisional="")
    assert (judgement.verdict, judgement.provisional) == (together, False)
    assert anchored.why in judgement.why
    assert free.why in judgement.why
    assert judgement.why.startswith("The two replays differ") == (anchored.verdict != free.verdict)


@pytest.mark.parametrize("free", [None, unscored("it ran past the known liquidity")])
def test_without_a_sound_free_running_replay_longer_windows_are_judged_provisionally(free):
    judgement = over_windows(GAIN, free, window_blocks=5, provisional="")
    assert (judgement.verdict, judgement.provisional) == ("improvement", True)
    assert "Provisional for windows of 5 blocks" in judgement.why
    longer = replace(GAIN, why="improvement. And more.", finding="improvement.")
    assert over_windows(GAIN, longer, window_blocks=5, provisional="").why.endswith(": improvement.")
    told = over_windows(GAIN, GAIN, window_blocks=5, provisional="no price from outside")
    assert told.provisional
    assert told.why.endswith("Provisional for windows of 5 blocks: no price from outside.")
    assert over_windows(unscored("nothing"), free, window_blocks=5, provisional="") == unscored("nothing")


def test_users_are_judged_where_there_are_any_and_all_traders_where_there_are_none():
    good_for_users = market(1, gas_saved=60_000)
    last = len(good_for_users)
    bad_for_others = [
        replace(row, seq=last + row.seq, flow_class="unknown", bought=shifted(row.amm_out, -1)) for row in market(2)
    ]
    assert verdict_of([*good_for_users, *bad_for_others]).why.startswith("Users got 7.59 bps more")
    judgement = verdict_of([replace(row, flow_class="unknown") for row in good_for_users])
    assert judgement.verdict == "improvement"
    assert judgement.why.startswith("Traders (none is known to be a user) got 7.59 bps more")


def test_too_few_settlements_prove_nothing():
    rows = [order(seq, gas=60_000, value=UNIT * 1_000) for seq in range(45)]
    judgement = verdict_of(rows)
    assert judgement.verdict == "no improvement"
    assert "only 14 settlements" in judgement.why


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("saved", [0, 99_000])
def test_a_rule_that_fills_nothing_never_scores_above_zero(seed, saved):
    rows = market(seed, blocks=300, bots_bps=30, gas_saved=saved, gas_price_wei=(1 + seed) * 100 * GWEI)
    rows = [replace(row, filled=False, fallback_out=row.bought * (9 + row.seq % 3) // 10) for row in rows]
    rows = [replace(row, bought=min(row.fallback_out, row.amm_out)) for row in rows]
    judged = judge_outcomes(outcomes(rows), 1, Draws(seed))
    assert judged.judgement.verdict in {"worse", "no improvement"}
    assert judged.evidence.plain.m.estimate <= 0
    assert judged.evidence.plain.m.upper <= 0


GOOD = Bounds(2.0, 1.0, 3.0)
FLAT = Bounds(0.5, -1.0, 2.0)
LEVEL = Bounds(0.5, 0.0, 2.0)
ALL_GOOD = Figures(m=GOOD, m_capped=GOOD, together=GOOD, everyone=GOOD, bots_removed=FLAT)


def evidence(plain=ALL_GOOD, strict=ALL_GOOD, effective_n=30.0):
    return Evidence(
        flow_class="user",
        orders=100,
        batches=90,
        effective_n=effective_n,
        tests=3,
        resamples=2_000,
        plain=plain,
        strict=strict,
        payers=(("liquidity_providers", -5.0), ("unknown", -1.0)),
    )


def judged(found):
    return judge(found, numeraire="USDC", unscored_share=0.0).verdict


@pytest.mark.parametrize(
    ("field", "bounds", "verdict"),
    [
        ("m", LEVEL, "no improvement"),
        ("m", Bounds(2.0, None, 3.0), "no improvement"),
        ("m", Bounds(-2.0, -3.0, -1.0), "worse"),
        ("m", Bounds(-2.0, -3.0, 0.0), "no improvement"),
        ("m_capped", LEVEL, "no improvement"),
        ("together", LEVEL, "transfer"),
        ("together", FLAT, "transfer"),
        ("everyone", LEVEL, "transfer"),
    ],
)
def test_each_condition_is_needed_and_a_bound_at_zero_is_not_above_it(field, bounds, verdict):
    assert judged(evidence()) == "improvement"
    assert judged(evidence(strict=replace(ALL_GOOD, **{field: bounds}))) == verdict


def test_it_takes_thirty_effective_orders():
    assert judged(evidence(effective_n=29.99)) == "no improvement"


def test_without_strict_bounds_nothing_is_claimed():
    assert judged(evidence(strict=None)) == "no improvement"
    losing = replace(ALL_GOOD, m=Bounds(-2.0, -3.0, -1.0))
    assert judged(evidence(plain=losing, strict=None)) == "no improvement"


@pytest.mark.parametrize(
    ("bps", "text"),
    [(0.0, "0.00"), (-0.0, "0.00"), (4e-23, "0.00"), (-0.0012, "−0.0012"), (0.05, "0.05"), (-3.456, "−3.46")],
)
def test_figures_in_sentences_are_readable(bps, text):
    assert _number(bps) == text
