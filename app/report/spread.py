"""How far a candidate's result carries: under other readings, by class and size, and over the single orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.report.figures import Curve, Interval, axis, common_scale, cumulative, forest_row
from app.report.html import Content, Html, el, join
from app.report.parts import Column, Row, statistic, table, unscored
from app.words import VERDICT_METRIC, bounds, count, figure, in_order, is_scored, metric_of, or_dash
from ingest.records import FLOW_CLASSES

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]


def sensitivity(card: Json) -> Html:
    """The verdict and its M when one convention is changed."""
    headline = card["metrics"]["heldout"][VERDICT_METRIC]
    entries = {"headline": headline | {"verdict": card["verdict"]}} if is_scored(headline) else {}
    entries |= dict(in_order(card["sensitivity"], ()))
    if is_scored(without := card["without_sandwich_batches"]["heldout"].get(VERDICT_METRIC)):
        entries["batches without a sandwich"] = without
    title = "Would another reading of history change the verdict?"
    note = "The verdict's M, held out, when one convention is changed and all else stays."
    return join((el("h3", title), _interval_table("Convention", entries, note)))


def by_class(card: Json) -> Html:
    """M of each class of orders."""
    entries = {name: found.get(VERDICT_METRIC) for name, found in in_order(card["by_class"]["heldout"], FLOW_CLASSES)}
    note = f"M by flow class, held out; the verdict is on “{card['verdict_class']}”."
    return el("div", el("h3", "By class"), _interval_table("Class", entries, note))


def by_decile(card: Json) -> Html:
    """M of each tenth of the orders by size."""
    deciles = sorted(card["by_size_decile"]["heldout"].items(), key=lambda item: int(item[0]))
    entries = {name: found.get(VERDICT_METRIC) for name, found in deciles}
    note = "M by the order's value, held out; 1 is the smallest tenth of the orders, 10 the largest."
    return el("div", el("h3", "By order size"), _interval_table("Decile", entries, note))


def _interval_table(what: str, entries: Mapping[str, Any], note: str) -> Html:
    """Named intervals of the verdict's M, as numbers and as a forest plot with a common axis."""
    intervals = {name: found for name, value in entries.items() if (found := interval_of(value)) is not None}
    scale = common_scale(list(intervals.values()), 190)
    with_verdict = any(isinstance(value, dict) and "verdict" in value for value in entries.values())
    rows = []
    for name, value in entries.items():
        plot = forest_row(intervals[name], scale, f"{name}: {plain_statistic(value)}") if name in intervals else None
        n = value.get("orders", value.get("n")) if isinstance(value, dict) else None
        cells: tuple[Content, ...] = (name, statistic(value, VERDICT_METRIC), plot, or_dash(n, count))
        rows.append(
            Row((*cells, value.get("verdict", "–") if isinstance(value, dict) else "–") if with_verdict else cells)
        )
    columns = [
        Column(what),
        Column("M, bps", metric_of(VERDICT_METRIC).formula, number=True),
        Column("95 % bounds"),
        Column("Orders", number=True),
    ]
    if with_verdict:
        columns.append(Column("Verdict"))
    rows.append(Row(("", "", axis(scale), *("",) * (len(columns) - 3)), "axis-row"))
    return table(columns, rows, note)


def interval_of(value: Any) -> Interval | None:
    """A statistic's mean and bounds; None where it was not measured."""
    return Interval(value["mean"], value["lower95"], value["upper95"]) if is_scored(value) else None


def plain_statistic(value: Json) -> str:
    """A statistic in one line of text."""
    return f"{figure(value['mean'])} bps {bounds(value)}".strip()


DISTRIBUTED = ((VERDICT_METRIC, "mean", "M, solid"), ("improvement_bps", "other", "improvement over history, dashed"))
STEP_PERCENT = 5
"""The distribution is given at every fifth percentile; the outermost step on each side is left out of the plot."""


def distribution(card: Json) -> Html:
    """How M and the improvement over history are spread over the orders: the share of orders at or below each value."""
    found = card["distribution"]["heldout"]
    known = [(name, style, words) for name, style, words in DISTRIBUTED if is_scored(found[name])]
    title = el("h3", "Single orders")
    if not known:
        return join((title, el("p", unscored(found[VERDICT_METRIC]))))
    curves = []
    for name, style, _ in known:
        points = [(value, step * STEP_PERCENT) for step, value in enumerate(found[name])]
        curves.append(Curve(points[1:-1], style, metric_of(name).title))
    shown = " and ".join(words for _, _, words in known)
    ends = "; ".join(
        f"{metric_of(name).title} from {figure(found[name][0])} to {figure(found[name][-1])} bps"
        for name, _, _ in known
    )
    caption = (
        f"Share of orders (each alike, dust left out) that got this much or less: {shown}. Held out, from the 5th to "
        f"the 95th percentile; in all, {ends}."
    )
    return join((title, cumulative(curves, caption)))
