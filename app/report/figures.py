"""Plots as inline SVG: themed by the page's style sheet, the same bytes for the same numbers, explained on hover.

Every mark carries a ``<title>``; colours never carry a meaning alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10
from typing import TYPE_CHECKING

from app.report.html import Content, Html, el, join
from app.words import MINUS

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its bounds, all in bps; a bound is None where the data give none."""

    mean: float
    lower: float | None
    upper: float | None

    @property
    def points(self) -> tuple[float, ...]:
        """What of it is known."""
        return tuple(point for point in (self.lower, self.mean, self.upper) if point is not None)


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear axis from ``low`` to ``high`` bps over ``width`` pixels, with ``pad`` left free on each side."""

    low: float
    high: float
    width: float
    pad: float = 8

    def x(self, value: float) -> float:
        """The pixel of a value; values beyond the axis stand at its end."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.pad + share * (self.width - 2 * self.pad)

    def clips(self, value: float) -> bool:
        """Whether a value lies beyond the axis."""
        return not self.low <= value <= self.high


def common_scale(intervals: Sequence[Interval], width: float) -> Scale:
    """An axis that holds zero and the intervals; a few extreme ones are cut off, lest they flatten all others."""
    reaches = sorted(max(map(abs, interval.points)) for interval in intervals)
    typical = reaches[len(reaches) // 2] if reaches else 1.0
    limit = max(4 * typical, 1e-6)
    points = [0.0, *(point for interval in intervals for point in interval.points)]
    low, high = max(min(points), -limit), min(max(points), limit)
    room = (high - low) * 0.06 or 1.0
    return Scale(low - room, high + room, width)


def forest_row(interval: Interval, scale: Scale, label: str) -> Html:
    """One line of a forest plot: the bounds as a whisker, the mean as a dot, zero as the line to beat."""
    height, middle = 24, 12
    lower, upper = (interval.mean if end is None else end for end in (interval.lower, interval.upper))
    left, right = px(scale.x(lower)), px(scale.x(upper))
    marks: list[Content] = [
        el("title", label),
        el("line", x1=px(scale.x(0)), x2=px(scale.x(0)), y1=0, y2=height, class_="zero"),
        el("line", x1=left, x2=right, y1=middle, y2=middle, class_="whisker"),
    ]
    marks += [_end(scale, end, middle) for end in (interval.lower, interval.upper) if end is not None]
    if scale.clips(interval.mean):
        marks.append(_end(scale, interval.mean, middle))
    else:
        marks.append(el("circle", cx=px(scale.x(interval.mean)), cy=middle, r=4, class_="mean"))
    return svg(scale.width, height, label, *marks, class_="forest")


def _end(scale: Scale, value: float, y: float) -> Html:
    """A whisker's end: a bar, or where the axis ends before it an arrow head that points to it."""
    x = px(scale.x(value))
    if not scale.clips(value):
        return el("line", x1=x, x2=x, y1=y - 4, y2=y + 4, class_="whisker")
    back = px(scale.x(value) + (6 if value < scale.low else -6))
    return el("path", d=f"M{back} {y - 4}L{x} {y}L{back} {y + 4}", class_="whisker")


def axis(scale: Scale, unit: str = "bps") -> Html:
    """The axis under a forest plot."""
    marks: list[Content] = []
    for value in ticks(scale.low, scale.high, 5):
        x = px(scale.x(value))
        marks.append(el("line", x1=x, x2=x, y1=0, y2=4, class_="axis"))
        marks.append(el("text", short(value), x=x, y=15, class_="tick", text_anchor="middle"))
    return svg(scale.width, 18, f"axis in {unit}", *marks, class_="forest")


def bars(labels: Sequence[str], values: Sequence[float], titles: Sequence[str], caption: str) -> Html:
    """A bar chart from zero: one bar a label, its value above it, its title on hover."""
    width, height, base, top = 360, 150, 126, 18
    slot = width / max(len(values), 1)
    highest = max([*values, 1e-12])
    marks: list[Content] = [el("line", x1=0, x2=width, y1=base, y2=base, class_="axis")]
    for index, (label, value, title) in enumerate(zip(labels, values, titles, strict=True)):
        tall = (base - top) * value / highest
        middle = slot * (index + 0.5)
        bar = el(
            "rect",
            x=px(slot * index + slot * 0.12),
            y=px(base - tall),
            width=px(slot * 0.76),
            height=px(tall),
            class_="bar",
        )
        marks.append(el("g", el("title", title), bar))
        marks.append(el("text", label, x=px(middle), y=base + 14, class_="tick", text_anchor="middle"))
        if len(values) <= 12:
            marks.append(
                el("text", short(value), x=px(middle), y=px(base - tall - 4), class_="tick", text_anchor="middle")
            )
    return el("figure", svg(width, height, caption, *marks, class_="chart"), el("figcaption", caption))


@dataclass(frozen=True, slots=True)
class Curve:
    """A cumulative distribution: (value in bps, percent at or below it), rising in both."""

    points: Sequence[tuple[float, float]]
    class_: str
    name: str


def cumulative(curves: Sequence[Curve], caption: str) -> Html:
    """Cumulative distributions over a common axis, with zero as a line and each point's numbers on hover."""
    width, top, base, left = 520.0, 8.0, 168.0, 40.0
    values = [value for curve in curves for value, _ in curve.points]
    low, high = min([0.0, *values]), max([0.0, *values])
    room = (high - low) * 0.03 or 1.0
    scale = Scale(low - room, high + room, width - left, 0)

    def place(value: float, percent: float) -> tuple[str, str]:
        return px(left + scale.x(value)), px(base - (base - top) * percent / 100)

    zero, _ = place(0, 0)
    marks: list[Content] = [el("line", x1=zero, x2=zero, y1=top, y2=base, class_="zero")]
    for percent in (0.0, 25.0, 50.0, 75.0, 100.0):
        _, y = place(0, percent)
        marks.append(el("line", x1=px(left), x2=px(width), y1=y, y2=y, class_="grid"))
        marks.append(el("text", f"{percent:g} %", x=px(left - 6), y=px(float(y) + 4), class_="tick", text_anchor="end"))
    for value in ticks(scale.low, scale.high, 6):
        x, _ = place(value, 0)
        marks.append(el("text", short(value), x=x, y=px(base + 15), class_="tick", text_anchor="middle"))
    marks.append(el("text", "bps", x=px(width), y=px(base + 28), class_="tick", text_anchor="end"))
    for curve in curves:
        line = "L".join(" ".join(place(*point)) for point in curve.points)
        marks.append(el("path", d=f"M{line}", class_=f"curve {curve.class_}"))
        for value, percent in curve.points:
            x, y = place(value, percent)
            told = el("title", f"{curve.name}: {percent:g} % of orders at or below {short(value)} bps")
            marks.append(el("g", told, el("circle", cx=x, cy=y, r=3, class_=f"dot {curve.class_}")))
    return el("figure", svg(width, base + 32, caption, *marks, class_="chart"), el("figcaption", caption))


def svg(width: float, height: float, label: str, *marks: Content, class_: str) -> Html:
    """An SVG image with an accessible name."""
    return el(
        "svg",
        join(marks),
        viewBox=f"0 0 {px(width)} {px(height)}",
        width=px(width),
        height=px(height),
        role="img",
        aria_label=label,
        class_=class_,
    )


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers between ``low`` and ``high``, roughly ``about``, in steps of 1, 2 or 5 times a power of ten."""
    raw = (high - low) / about
    power = 10.0 ** floor(log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    # A step above half of the range may have no multiple in it; the power of ten below always has.
    return _multiples(step, low, high) or _multiples(power, low, high)


def _multiples(step: float, low: float, high: float) -> list[float]:
    first = -floor(-low / step)
    return [index * step for index in range(first, floor(high / step) + 1)]


def short(value: float) -> str:
    """A number for an axis."""
    written = f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return written.replace("-", MINUS)


def px(value: float) -> str:
    """A coordinate, to a hundredth of a pixel."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
