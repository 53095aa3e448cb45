"""Plots and numbers: what they show is what they were given."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.report.figures import Interval, Scale, bars, common_scale, forest_row, ticks
from app.report.html import Html, el, text
from app.words import bounds, figure, is_scored, money, percent, plural

REAL = st.floats(-1e6, 1e6)


@given(st.lists(st.tuples(REAL, st.floats(0, 1e5), st.floats(0, 1e5)), min_size=1, max_size=20))
def test_an_axis_holds_zero_and_the_typical_interval(found):
    intervals = [Interval(mean, mean - down, mean + up) for mean, down, up in found]
    scale = common_scale(intervals, 220)
    assert scale.low < scale.high
    assert not scale.clips(0)
    shown = sum(not any(scale.clips(point) for point in interval.points) for interval in intervals)
    assert shown > len(intervals) // 2


@given(REAL, REAL, st.integers(2, 10))
@example(low=1.0, high=400_002.0, about=2)
def test_ticks_are_few_even_and_within(low, high, about):
    low, high = sorted((low, high))
    if high - low < 1e-3:
        high = low + 1
    found = ticks(low, high, about)
    assert 1 <= len(found) <= 2 * about + 1
    rounding = 1e-9 * (abs(low) + abs(high))
    assert all(low - rounding <= value <= high + rounding for value in found)


def test_a_mark_stands_where_its_value_is():
    drawn = forest_row(Interval(5, 0, 10), Scale(-10, 10, 216), "x")
    assert re.search(r'<circle cx="158"', drawn)  # 8 + 15/20 · 200
    assert 'x1="108" x2="208"' in drawn


def test_what_lies_beyond_the_axis_is_drawn_as_cut_off():
    within, beyond = (forest_row(Interval(5, 0, end), Scale(-10, 10, 216), "x") for end in (9, 99))
    assert "<path" not in within
    assert "<path" in beyond


def test_an_interval_beyond_the_axis_points_to_where_it_is():
    left, right = (forest_row(Interval(at, at - 1, at + 1), Scale(-10, 10, 216), "x") for at in (-99, 99))
    assert set(re.findall(r'd="M([\d.]+) 8L([\d.]+) ', left)) == {("14", "8")}
    assert set(re.findall(r'd="M([\d.]+) 8L([\d.]+) ', right)) == {("202", "208")}
    assert "<circle" not in left + right


def test_an_interval_without_bounds_is_a_dot():
    drawn = forest_row(Interval(5, None, None), Scale(-10, 10, 216), "x")
    assert "<circle" in drawn
    assert drawn.count('class="whisker"') == 1  # the whisker has no length and no ends


def test_bars_are_in_proportion():
    heights = [
        float(found) for found in re.findall(r'height="([\d.]+)" class="bar"', bars(["a", "b"], [4, 1], ["", ""], "c"))
    ]
    assert heights[0] == pytest.approx(4 * heights[1])


def test_text_is_escaped_and_markup_is_not():
    assert text("<b>&\"'") == "&lt;b&gt;&amp;&quot;&#x27;"
    assert el("p", el("b", "<i>"), title='">') == '<p title="&quot;&gt;"><b>&lt;i&gt;</b></p>'
    assert el("p", Html("<hr>"), None, hidden=True, id=None) == "<p hidden><hr></p>"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"),
        (0.0, "0"),
        (1e-9, "≈0"),
        (-1e-9, "≈0"),
        (0.0321, "+0.0321"),
        (-12.345, "−12.35"),
        (1234.5, "+1,234.50"),
    ],
)
def test_a_number_never_loses_its_sign_nor_pretends_to_be_nothing(value, written):
    assert figure(value) == written


def test_other_words():
    assert bounds({"lower95": -1.0, "upper95": None}) == "[−1.00, …]"
    assert bounds({"lower95": None, "upper95": None}) == ""
    assert (percent(1), percent(0), percent(0.9999), percent(0.5)) == ("100.0 %", "0.0 %", "99.9900 %", "50.0 %")
    assert money("-1234.567891", "USDC") == "−1,234.57 USDC"
    assert (plural(1, "batch", "batches"), plural(2, "batch", "batches")) == ("1 batch", "2 batches")
    assert not is_scored({"status": "unscored", "reason": "x"})
    assert not is_scored(None)
    assert is_scored({"mean": 0})
    assert is_scored(0.0)
