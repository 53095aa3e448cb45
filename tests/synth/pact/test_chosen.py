"""Of several values in a sentence the one that is meant, or none: never the one that was given up."""

from __future__ import annotations

from datetime import datetime, time

import pytest
from test_consent import PEOPLE, SENT, says

from ingest.chats.message import Chat, Message
from synth.pact import Terms, read_terms
from synth.pact.chosen import Hour, moved, renumbered
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
    ("text", "new", "old"),
    [
        ("let's make it 8 instead of 7", (8, None), (7, None)), ("machen wir 8 statt 7", (8, None), (7, None)),
        ("moved from 7 to 8", (8, None), (7, None)), ("eight instead of seven", (8, None), (7, None)),
        ("could we do 9 instead of 8:30", (9, None), (8, 30)), ("8:30 statt 7", (8, 30), (7, None)),
    ],
)  # fmt: skip
def test_a_number_in_another_ones_place(text: str, new: tuple, old: tuple) -> None:
    assert renumbered(text) == (Hour(*new), Hour(*old))


@pytest.mark.parametrize(
    "text", ["7 people and 8 chairs", "make it 8", "8, 9 or 10 instead of 7", "8 instead of 8", "it is 8, why not 7"]
)
def test_numbers_of_which_none_takes_the_others_place(text: str) -> None:
    assert renumbered(text) is None


def test_a_time_moves_in_its_half_of_the_day() -> None:
    assert moved(time(19), Hour(8, None), Hour(7, None)) == time(20)
    assert moved(time(8, 30), Hour(9, None), Hour(8, 30)) == time(9)
    assert moved(time(19), Hour(21, 15), Hour(19, None)) == time(21, 15)
    assert moved(time(19, 30), Hour(8, None), Hour(7, None)) is None
    assert moved(time(19), Hour(25, None), Hour(7, None)) is None


def test_what_alone_is_given_up_is_nothing_that_is_set() -> None:
    assert find_claims("anything instead of Friday", MONDAY) == []
    assert claimed("why not Friday?", "date") == ("2026-03-06", "")
    assert claimed("warum nicht am Freitag?", "date") == ("2026-03-06", "")


@pytest.mark.parametrize(
    "text", ["13 or 14 March", "March 13 or 14", "13/14 March", "am 13. oder 14. März", "March 13-14"]
)
def test_of_two_days_of_a_month_none_is_taken(text: str) -> None:
    value, doubt = claimed(text, "date")
    assert value == "None"
    assert doubt


@pytest.mark.parametrize(
    "text", ["ok the 13th it is", "dann am 13.", "el 13, entonces", "dia 13 então", "13-го", "那就13号"]
)
def test_a_day_of_the_month_by_itself(text: str) -> None:
    assert claimed(text, "date") == ("2026-03-13", "")


@pytest.mark.parametrize("text", ["on the 5th floor", "the 2nd time", "am 3. Tag", "el 3 de ellos"])
def test_a_number_that_counts_something_is_no_day(text: str) -> None:
    assert [claim for claim in find_claims(text, MONDAY) if claim.slot == "date"] == []


def dinner(*lines: tuple[str, str], plan: str = PLAN) -> Terms:
    """The terms of a chat that Ann begins with her plan."""
    messages = [Message("1", "ann", SENT, plan), *(says(who, text, at) for at, (who, text) in enumerate(lines, 2))]
    return read_terms(Chat("signal", "dinner", PEOPLE, tuple(messages)))


def test_a_suggestion_in_place_of_the_time_is_settled_by_the_principal() -> None:
    found = dinner(("ben", "I'm in"), ("ben", "could we do 8 instead of 7?"), ("ann", "sure, 8 then"), ("ben", "ok"))
    asked = [question.about for question in found.questions if question.required]
    assert "starts_at" in asked or found.terms["starts_at"].value.hour == 20
    found = dinner(("ben", "I'm in"), ("ben", "could we do 8 instead of 7?"), ("ann", "yes"), ("ben", "great"))
    assert found.terms["starts_at"].value.hour == 20


@pytest.mark.parametrize(
    "text",
    ["sure, 9pm then", "let's do 9pm", "let's say 9pm", "давайте в 21:00", "vamos a las 21:00", "lasst uns 21 Uhr"],
)
def test_another_time_that_the_principal_names_is_never_passed_over(text: str) -> None:
    found = dinner(("ben", "I'm in"), ("ann", text), ("ben", "ok"))
    asked = {question.about for question in found.questions if question.required}
    assert "starts_at" in asked or found.terms["starts_at"].value.hour == 21


def test_another_place_or_deposit_that_the_principal_names_is_never_passed_over() -> None:
    found = dinner(("ben", "I'm in"), ("ann", "let's meet at Luigi's"), ("ben", "ok"))
    assert "place" in {question.about for question in found.questions} or found.terms["place"].value == "Luigi's"
    found = dinner(("ben", "I'm in"), ("ann", "let's say 30 USDC"), ("ben", "ok"))
    assert "deposit" in {question.about for question in found.questions}


def test_which_of_two_days_the_principal_settles() -> None:
    plan = PLAN.replace("Friday 13 March", "13 or 14 March")
    assert "starts_at" not in dinner(("ben", "I'm in"), plan=plan).terms
    found = dinner(("ben", "14 works for me"), ("ann", "ok the 14th it is"), ("ben", "I'm in"), plan=plan)
    assert found.terms["starts_at"].value.isoformat() == "2026-03-14T19:00:00+00:00"


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


@pytest.mark.parametrize(
    "text",
    [
        "Rosa is full, let's go to Luigi instead", "we have to move it", "there is a new time", "verschoben!",
        "lo movemos", "mudamos de lugar", "переносим", "改到别的地方",
    ],
)  # fmt: skip
def test_a_change_that_is_not_understood_is_asked_about(text: str) -> None:
    found = dinner(("ben", "I'm in"), ("ann", text), ("ben", "ok"))
    assert found.verdict == "questions"
    assert any((question.about, question.cites) == ("change", ("3",)) for question in found.questions)
    messages = (Message("1", "ann", SENT, PLAN), says("ben", "I'm in", 2), says("ann", text, 3))
    room = Chat("signal", "dinner", PEOPLE, messages)
    assert read_terms(room, answers={"change": "nothing"}).verdict == "pact"


def test_what_others_or_later_talk_moves_is_not_asked_about() -> None:
    assert dinner(("ben", "I'm in"), ("ben", "I moved to Berlin")).verdict == "pact"
    talk = [("ben", f"the film was long, part {number}") for number in range(10)]
    assert dinner(("ben", "I'm in"), *talk, ("ann", "my sister moved house")).verdict == "pact"
