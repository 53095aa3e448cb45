"""What the page's sections are made of: tables, verdict badges, figures with their explanation on hover."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.report.html import Content, Html, el, join
from app.words import UNSCORED, bounds, count, figure, is_scored, metric_of, percent, verdict_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.report.html import Attribute


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column; ``help`` is shown on hover over its heading."""

    title: str
    help: str = ""
    number: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A table's row: its cells in the columns' order, the first one its heading."""

    cells: tuple[Content, ...]
    class_: str | None = None


def table(columns: Sequence[Column], rows: Sequence[Row], caption: str = "") -> Html:
    """A table that stacks into cards on a narrow screen."""
    head = el("tr", *(_heading(column) for column in columns))
    body = [el("tr", *_cells(columns, row), class_=row.class_) for row in rows]
    return el(
        "div",
        el("table", el("caption", caption) if caption else None, el("thead", head), el("tbody", *body), class_="stack"),
        class_="scroll",
    )


def _heading(column: Column) -> Html:
    title = explained(column.title, column.help) if column.help else column.title
    return el("th", title, scope="col", class_="number" if column.number else None)


def _cells(columns: Sequence[Column], row: Row) -> list[Html]:
    heading, *rest = row.cells
    cells = [el("th", heading, scope="row")]
    for column, content in zip(columns[1:], rest, strict=True):
        cells.append(el("td", content, class_="number" if column.number else None, data_label=column.title))
    return cells


def explained(content: Content, why: str, **attributes: Attribute) -> Html:
    """Content with an explanation on hover."""
    return el("span", content, title=why, **attributes)


def unscored(value: Any) -> Html:
    """The word for what was not measured, with the reason on hover."""
    reason = value.get("reason") if isinstance(value, dict) else None
    return explained(UNSCORED, str(reason or "not part of this result"), class_="dim")


def verdict_badge(card: dict[str, Any]) -> Html:
    """A verdict with its mark and colour; its meaning on hover."""
    name = str(card["verdict"])
    verdict = verdict_of(name)
    badge = explained(f"{verdict.mark} {name}", verdict.meaning, class_=f"verdict {verdict.tone}")
    return join((badge, el("span", " provisional", class_="dim") if card.get("provisional") else None))


def statistic(value: Any, metric: str) -> Html:
    """A mean with its interval; everything else about it on hover."""
    if not is_scored(value):
        return unscored(value)
    named = metric_of(metric)
    told = [f"{named.title}: {named.formula}"]
    if value.get("median") is not None:
        told.append(
            f"median {figure(value['median'])}, 5th percentile {figure(value['p5'])} {named.unit}, "
            f"{percent(value['share_below_zero'])} below 0 (each order alike, dust left out)"
        )
    if "n" in value:
        told.append(f"n = {count(value['n'])} orders, the mean weighted by value")
    interval = bounds(value)
    spread = el("span", f" {interval}", class_="dim") if interval else None
    return join((explained(figure(value["mean"]), ". ".join(told)), spread))


def definitions(rows: Sequence[tuple[Content, Content]]) -> Html:
    """Terms and what they are here."""
    return el("dl", *(join((el("dt", term), el("dd", meaning))) for term, meaning in rows))


def section(title: str, *content: Content, anchor: str) -> Html:
    """A part of the page that can be linked to."""
    return el("section", el("h2", title), *content, id=anchor)


def fold(title: Content, *content: Content, opened: bool = False) -> Html:
    """Something that opens on a click, without a script."""
    return el("details", el("summary", title), *content, open=opened)
