"""Terms as a page edits them: answers go in, the JSON form comes out, what is not certain is asked for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from test_consent import PEOPLE, PLAN, SENT, says, terms

from ingest.chats.message import Chat, Message, Participant
from ingest.errors import InputError
from synth.pact import Deposit, Terms, read_terms

OPEN_PLAN = "Let's have brunch on Sunday at 11:00 at Mila"


def chat(*texts: str, sent: datetime = SENT) -> Chat:
    plan, *rest = texts
    messages = [Message("1", "ann", sent, plan), *(says("ben", text, number) for number, text in enumerate(rest, 2))]
    return Chat("signal", "brunch", PEOPLE, tuple(messages))


def asked(found: Terms) -> set[str]:
    return {question.about for question in found.questions if question.required}


def test_json_has_the_command_lines_keys() -> None:
    found = json.loads(json.dumps(terms(says("ben", "I'm in")).to_json()))
    assert found["terms"]["deposit"] == {"value": {"amount": "10", "token": "USDC"}, "cites": ["1"]}
    assert found["terms"]["starts_at"] == {"value": "2026-03-08T11:00:00+00:00", "cites": ["1"]}
    assert found["consents"] == [{"participant": "ann", "cites": ["1"]}, {"participant": "ben", "cites": ["2"]}]
    assert (found["missing"], found["warnings"], found["verdict"]) == ([], [], "pact")


def test_gaps_are_asked_for_and_answered() -> None:
    brunch = chat(OPEN_PLAN, "I'm in")
    first = read_terms(brunch)
    assert first.verdict == "questions"
    assert set(first.missing) == {"timezone", "deposit", "no_show"} == asked(first)
    answers = {"timezone": "Europe/Berlin", "deposit": "0.5 ETH", "no_show": "burn", "capacity": "8"}
    second = read_terms(brunch, answers=answers)
    assert second.verdict == "pact"
    assert second.terms["starts_at"].value == datetime(2026, 3, 8, 11, tzinfo=timezone(timedelta(hours=1)))
    deposit = second.terms["deposit"].value
    assert isinstance(deposit, Deposit)
    assert deposit.units == 5 * 10**17
    assert second.terms["capacity"].cites == ()


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("deposit", "20 bucks"), ("deposit", "1 USDC or 2 USDC"), ("deposit", "0 USDC"), ("capacity", "many"),
        ("capacity", "0"), ("starts_at", "soon"), ("no_show", "keep"), ("payee", "eve"), ("timezone", "Mars/Base"),
        ("plan", "7"), ("host", "nobody"),
    ],
)  # fmt: skip
def test_answers_that_do_not_fit_are_refused(name: str, answer: str) -> None:
    with pytest.raises(InputError) as refused:
        read_terms(chat(OPEN_PLAN, "I'm in"), answers={name: answer})
    assert refused.value.field == name


def test_which_plan_is_asked_and_answered() -> None:
    two = chat(PLAN, "Who wants to play football on Saturday at 10:00? deposit 5 USDC, no-shows are refunded, UTC")
    first = read_terms(two)
    assert (asked(first), dict(first.terms)) == ({"plan"}, {})
    (question,) = first.questions
    assert question.options == ("1", "2")
    chosen = read_terms(two, answers={"plan": "2"})
    assert (chosen.terms["title"].value, chosen.terms["host"].value) == ("football", "ben")


def test_tomorrow_is_on_the_clock_of_the_plan() -> None:
    """At 23:30 in New York it is already the day after in UTC."""
    late = datetime(2026, 3, 3, 4, 30, tzinfo=UTC)
    brunch = Chat(
        "signal", "", PEOPLE, (Message("1", "ann", late, "Let's have brunch tomorrow at 11:00, deposit 1 USDC"),)
    )
    start = read_terms(brunch, timezone="America/New_York").terms["starts_at"].value
    assert isinstance(start, datetime)
    assert start.isoformat() == "2026-03-03T11:00:00-05:00"


def test_a_time_without_its_zone_is_not_given_one() -> None:
    """Not even the one in which the export tells when messages were sent."""
    found = read_terms(chat(OPEN_PLAN + ", deposit 10 USDC, no-shows are split", sent=SENT.replace(tzinfo=UTC)))
    start = found.terms["starts_at"].value
    assert isinstance(start, datetime)
    assert start.tzinfo is None
    assert found.missing == ("timezone",)


def test_host_by_name_or_id() -> None:
    brunch = chat(PLAN, "I'm in")
    assert {read_terms(brunch, host=name).terms["host"].value for name in ("@Ben", "ben", "BEN")} == {"ben"}
    with pytest.raises(InputError, match=r"nobody is called 'eve'.*Ann \(ann\)"):
        read_terms(brunch, host="eve")
    twins = Chat("signal", "", {"a": Participant("a", "Ann"), "b": Participant("b", "Ann")}, brunch.messages)
    with pytest.raises(InputError, match="more than one person"):
        read_terms(twins, host="ann")


def test_an_address_is_never_a_payee_and_is_in_no_term() -> None:
    address = "0x52908400098527886E0F7030069857D2E4169EE7"
    found = terms(says("ann", f"deposit goes to {address}", 2), says("ben", "I'm in", 3))
    assert address.lower() not in json.dumps({k: v for k, v in found.to_json().items() if k != "warnings"}).lower()
    assert [warning.message for warning in found.warnings] == ["2"]


def test_an_empty_chat_and_one_without_people() -> None:
    assert read_terms(Chat("signal", "", {}, ())).verdict == "no plan"
    assert read_terms(Chat("signal", "", {}, (Message("1", None, SENT, PLAN, "service"),))).verdict == "no plan"


def test_a_plan_that_is_over_is_asked_about() -> None:
    found = terms(says("ben", "I'm in"), says("ben", "that was fun", 20_000))
    assert "starts_at" in asked(found)


def test_what_a_message_says_is_bounded() -> None:
    long = "deposit at at at " * 60_000
    assert read_terms(chat(PLAN, long)).terms["deposit"].value == Deposit(terms().terms["deposit"].value.amount, "USDC")  # type: ignore[union-attr]
