"""The rehearsal as a table and as pictures: who gets what, in every way that the evening may go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.report.figures import px, svg
from app.report.html import Html, el
from app.report.parts import Column, Row, section, table
from app.words import count
from verify.pact.rehearsal import dearest

if TYPE_CHECKING:
    from app.pact.words import PactWords
    from synth.pact.draft import Draft
    from verify.pact.play import Action
    from verify.pact.rehearsal import Scene

WIDTH, HEIGHT = 300, 16
ACTIONS: dict[Action, str] = {
    "join": "Joining",
    "cancel": "Cancelling",
    "attest": "Saying who stayed away",
    "contest": "Contesting an absence",
    "claim": "Taking the own part",
    "claim_to": "Taking it to another address",
    "claim_for": "Paying the charity, or burning",
}


def rehearsal_section(draft: Draft, words: PactWords) -> Html | None:
    """Every scene; nothing where the contract was turned down, and so not played."""
    if not draft.scenes:
        return None
    text = (
        "The group's own evening, played on the real contract. A dashed frame is what somebody paid in, the bar what "
        "came back: a bar beyond its frame is a gain, one that falls short a loss."
    )
    return section(
        "Rehearsal: who gets what",
        el("p", text),
        _table(draft.scenes, words),
        *(_scene(scene, words) for scene in draft.scenes),
        _gas(draft),
        anchor="rehearsal",
    )


def _gas(draft: Draft) -> Html:
    rows = [Row((ACTIONS[action], count(gas))) for action, gas in dearest(draft.scenes).items()]
    caption = "What acting costs, at most, in the scenes above; a transaction of its own costs some thousands more"
    return table([Column("Action"), Column("Gas", number=True)], rows, caption=caption)


def _table(scenes: tuple[Scene, ...], words: PactWords) -> Html:
    people = list(dict.fromkeys(who for scene in scenes for who in scene.paid_out))
    rows = [
        Row((scene.title, *(_cell(scene, who, words) if who in scene.paid_out else "" for who in people)))
        for scene in scenes
    ]
    columns = [Column("Scene"), *(Column(who, number=True) for who in people)]
    return table(columns, rows, caption="What each gets back, and the difference to what was paid in")


def _cell(scene: Scene, who: str, words: PactWords) -> str:
    out = scene.paid_out[who]
    change = out - scene.paid_in.get(who, 0)
    sign = "+" if change > 0 else "−"
    return words.amount(out) if change == 0 else f"{words.amount(out)} ({sign}{words.amount(abs(change))})"


def _scene(scene: Scene, words: PactWords) -> Html:
    return el(
        "div", el("h3", scene.title), el("p", f"{scene.told}.", class_="dim"), _bars(scene, words), class_="scene"
    )


def _bars(scene: Scene, words: PactWords) -> Html:
    """A row for each person. Only the lengths are rounded; the numbers beside them are exact."""
    most = max([*scene.paid_in.values(), *scene.paid_out.values(), 1])
    cells = [cell for who in scene.paid_out for cell in _row(scene, who, most, words)]
    return el("div", *cells, class_="bars")


def _row(scene: Scene, who: str, most: int, words: PactWords) -> tuple[Html, Html, Html]:
    paid_in, out = scene.paid_in.get(who, 0), scene.paid_out[who]
    label = _cell(scene, who, words)
    marks = [
        el("rect", x=0, y=0, width=px(WIDTH * out / most), height=HEIGHT, class_="got"),
        el("rect", x=1, y=1, width=px(WIDTH * paid_in / most - 2), height=HEIGHT - 2, class_="in") if paid_in else None,
    ]
    bar = svg(WIDTH, HEIGHT, f"{who}: {label}", *marks, class_="bar-row")
    return el("span", who), bar, el("span", label, class_="less" if out < paid_in else None)
