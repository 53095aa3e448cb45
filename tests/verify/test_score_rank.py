"""The leaderboard: verdicts first, then the Pareto front; nobody is ahead on an axis that nobody measured."""

import json
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parent))

from outcome_strategies import market, outcomes

from verify.findings import Finding
from verify.score.bootstrap import Draws
from verify.score.metrics import unscored
from verify.score.rank import VERDICT_ORDER, rank
from verify.score.scorecard import CandidateInfo, scorecard, turned_down


def card(name, lower=1.0, waited=0.0, gas=100.0, verdict="no improvement", window_blocks=1, markout=0.0):
    """The keys of a scorecard that ranking reads."""
    return {
        "name": name,
        "candidate_id": name,
        "window_blocks": window_blocks,
        "status": "scored",
        "verdict": verdict,
        "verdict_why": "",
        "provisional": window_blocks > 1,
        "gas_per_order": gas,
        "metrics": {
            "heldout": {
                "net_mechanism_bps": {"mean": 1.0, "lower95": lower},
                "latency_blocks": {"mean": waited},
                "lp_markout_net_bps": unscored("no price") if markout is None else {"mean": markout},
            }
        },
    }


def names(rows):
    return [row["name"] for row in rows]


def test_the_front_goes_before_the_rest_whatever_the_bound():
    cards = [
        card("slow", lower=3.0, waited=4.0),
        card("cheap", lower=1.0, gas=50.0),
        card("beaten", lower=2.0, waited=5.0),
    ]
    rows = rank(cards)
    assert names(rows) == ["slow", "cheap", "beaten"]
    assert [row["pareto"] for row in rows] == [True, True, False]
    assert [row["place"] for row in rows] == [1, 2, 3]


def test_equals_share_the_front():
    assert [row["pareto"] for row in rank([card("b"), card("a")])] == [True, True]


def test_verdicts_come_before_everything():
    cards = [card(verdict, lower=float(i), verdict=verdict) for i, verdict in enumerate(reversed(VERDICT_ORDER))]
    assert names(rank(cards)) == list(VERDICT_ORDER)


def test_without_bounds_a_card_is_last_on_that_axis_and_says_why():
    rows = rank([card("unbounded", lower=None), card("bounded", lower=-9.0)])
    assert names(rows) == ["bounded", "unbounded"]
    assert rows[1]["axes"]["net_mechanism_lower95_bps"]["status"] == "unscored"
    assert rows[1]["pareto"] is False


def test_axes_that_nobody_measured_are_listed_as_unscored():
    axes = rank([card("a")])[0]["axes"]
    assert {name for name, value in axes.items() if isinstance(value, dict)} == {
        "bad_ev",
        "regret_p99_bps",
    }
    assert all(axes[name]["status"] == "unscored" for name in ("bad_ev", "regret_p99_bps"))


def test_where_the_markout_cannot_be_told_nobody_is_ahead_on_it():
    told, untold = card("told", markout=-5.0), card("untold", markout=None)
    assert [row["pareto"] for row in rank([told, untold])] == [True, False]
    axes = {row["name"]: row["axes"]["lp_markout_net_bps"] for row in rank([told, untold])}
    assert axes["told"] == -5.0
    assert axes["untold"]["status"] == "unscored"


def test_the_front_keeps_what_is_better_for_liquidity_providers():
    rows = rank([card("for users", lower=2.0, markout=-3.0), card("for both", lower=1.0, markout=1.0)])
    assert [row["pareto"] for row in rows] == [True, True]


def test_real_scorecards_scored_unscored_and_rejected():
    def scored(name, rows):
        info = CandidateInfo(name, name, {})
        return scorecard(
            outcomes(rows),
            variants={},
            ledger_rows=3,
            draws=Draws(1),
            candidate=info,
            caveats=(),
            price_source="a series",
            no_markout={300: "no price"},
        )

    cards = [
        turned_down(CandidateInfo("broken", "b", {}), 1, [Finding("compile", "solc-error", "expected ';'")]),
        scored("unpriced", market(1, bought_per_wei=None)),
        scored("same", market(1)),
        scored("thrifty", market(1, gas_saved=60_000)),
    ]
    rows = rank(cards)
    assert names(rows) == ["thrifty", "same", "unpriced", "broken"]
    assert [row["pareto"] for row in rows] == [True, False, None, None]
    assert rows[3]["axes"]["gas_per_order"]["reason"].startswith("Rejected")
    json.dumps(rows, allow_nan=False)


cards = st.lists(
    st.builds(
        card,
        st.text("abc", min_size=1, max_size=3),
        lower=st.one_of(st.none(), st.integers(-3, 3).map(float)),
        waited=st.integers(0, 3).map(float),
        gas=st.integers(1, 3).map(float),
        verdict=st.sampled_from(VERDICT_ORDER[:5]),
        window_blocks=st.sampled_from((1, 5)),
    ),
    max_size=8,
    unique_by=lambda entry: (entry["candidate_id"], entry["window_blocks"]),
)


@given(cards, st.randoms(use_true_random=False))
def test_the_order_of_the_cards_does_not_matter(found, random):
    shuffled = list(found)
    random.shuffle(shuffled)
    assert rank(shuffled) == rank(found)


@given(cards)
def test_somebody_is_on_the_front(found):
    rows = rank(found)
    assert not rows or any(row["pareto"] for row in rows)
    assert sorted(names(rows)) == sorted(entry["name"] for entry in found)
