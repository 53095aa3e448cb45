"""Of several values in a sentence the one that is meant, or none: never the one that was given up."""

from __future__ import annotations

from datetime import datetime

import pytest
from test_consent import PEOPLE, SENT, says

from ingest.chats.message import Chat, Message
from synth.pact import Terms, read_terms
from synth.pact.chosen import renumbered
from synth.pact.claims import find_claims

MONDAY = datetime(2026, 3, 2, 18)
PLAN = (
    "Dinner at Rosa on Friday 13 March at 7pm UTC? Deposit 20 USDC each, no-shows' deposits are split. "
    "At most 6 people."
)


def claimed(text: str, slot: str) -> tuple[str, str]:
    """(value, doubt) of the one claim about a slot."""
    (claim,) = [claim for claim in find_claims(text, MONDAY) if claim.slot == slot]
    return str(getattr(claim.value, "written", claim.value)), claim.doubt


@pytest.mark.parametrize(
    "text",
    [
        "moved from Friday to Saturday", "let's make it Saturday instead of Friday", "not Friday but Saturday",
        "Friday → Saturday", "Saturday, not Friday",
        "verschoben von Freitag auf Samstag", "Samstag statt Freitag", "nicht Freitag, sondern Samstag",
        "mejor el sábado en vez del viernes", "cambiamos del viernes al sábado", "sábado em vez de sexta",
        "mudamos de sexta para sábado", "в субботу, а не в пятницу", "переносим с пятницы на субботу",
        "从周五改到周六", "不是周五而是周六", "改到周六，不是周五",
    ],
)  # fmt: skip
def test_the_day_that_is_given_up_is_not_taken(text: str) -> None:
    assert claimed(text, "date") == ("2026-03-07", "")


@pytest.mark.parametrize(
    "text", ["8pm, not 7pm", "moved from 7pm to 8pm", "7pm -> 8pm", "20 Uhr statt 19 Uhr", "20:00 вместо 19:00"]
)
def test_the_time_that_is_given_up_is_not_taken(text: str) -> None:
    assert claimed(text, "time")[0] == "20:00:00"


def test_the_deposit_that_is_given_up_is_not_taken() -> None:
    assert claimed("the deposit is 20 USDC instead of 10 USDC", "deposit")[0] == "20 USDC"
    assert claimed("deposit moved from 10 USDC to 20 USDC", "deposit")[0] == "20 USDC"


def test_a_span_of_time_begins_with_its_first() -> None:
    assert claimed("from 7pm to 11pm", "time") == ("19:00:00", "")
    assert claimed("19:00 bis 23:00", "time") == ("19:00:00", "")


def test_of_two_values_that_both_stand_none_is_taken() -> None:
    assert claimed("Friday or Saturday, your choice", "date") == ("None", "2026-03-06 or 2026-03-07")
    assert claimed("Friday does not work, Saturday then", "date")[0] == "None"
    assert claimed("meet at 18:30 for the film at 19:00", "time") == ("None", "18:30 or 19:00")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("let's make it 8 instead of 7", (8, 7)), ("machen wir 8 statt 7", (8, 7)), ("moved from 7 to 8", (8, 7)),
        ("eight instead of seven", (8, 7)), ("7 people and 8 chairs", None), ("make it 8", None),
        ("8, 9 or 10 instead of 7", None), ("8 instead of 8", None),
    ],
)  # fmt: skip
def test_a_number_in_another_ones_place(text: str, expected: tuple[int, int] | None) -> None:
    assert renumbered(text) == expected


def after(change: str) -> Terms:
    """The terms after Ann's change, with Ben's yes."""
    messages = (Message("1", "ann", SENT, PLAN), says("ben", "I'm in", 2), says("ann", change, 3), says("ben", "ok", 4))
    return read_terms(Chat("signal", "dinner", PEOPLE, messages))


def test_eight_instead_of_seven_is_followed_by_what_is_seven() -> None:
    moved = after("let's make it 8 instead of 7")
    assert moved.terms["starts_at"].value.isoformat() == "2026-03-13T20:00:00+00:00"
    assert moved.terms["starts_at"].cites == ("1", "3")
    assert {consent.participant: consent.cites for consent in moved.consents} == {"ann": ("3",), "ben": ("4",)}
    assert after("8 instead of 6, let's change that").terms["capacity"].value == 8
    assert after("let's make it 30 instead of 20").terms["deposit"].value.units == 30 * 10**6


def test_a_number_that_may_be_two_things_is_asked() -> None:
    messages = (Message("1", "ann", SENT, PLAN.replace("6 people", "7 people")), says("ben", "I'm in", 2))
    found = read_terms(Chat("signal", "dinner", PEOPLE, (*messages, says("ann", "let's make it 8 instead of 7", 3))))
    assert found.verdict == "questions"
    assert any("8 may be the time or the capacity" in question.text for question in found.questions)
