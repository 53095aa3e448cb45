"""Dates, times, zones and amounts in six languages. Sent on Monday, 2 March 2026."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import InputError
from synth.pact.clocks import find_clocks
from synth.pact.days import find_days
from synth.pact.tokens import DECIMALS, find_amounts
from synth.pact.zones import find_zone, zone_of

MONDAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Friday", "2026-03-06"), ("this Friday", "2026-03-06"),
        ("next Friday", "2026-03-13"), ("Fri 7pm", "2026-03-06"),
        ("tomorrow", "2026-03-03"), ("tonight", "2026-03-02"), ("the day after tomorrow", "2026-03-04"),
        ("in 3 days", "2026-03-05"), ("March 6th", "2026-03-06"),
        ("6 March 2027", "2027-03-06"), ("1 March", "2027-03-01"),
        ("2026-04-01", "2026-04-01"), ("on 13/3", "2026-03-13"), ("Monday", "2026-03-09"),
        ("am Freitag", "2026-03-06"), ("nächsten Freitag", "2026-03-13"), ("kommenden Freitag", "2026-03-06"),
        ("übermorgen", "2026-03-04"), ("6. März", "2026-03-06"),
        ("am 6.3.", "2026-03-06"), ("Do 19 Uhr", "2026-03-05"),
        ("el viernes", "2026-03-06"), ("pasado mañana", "2026-03-04"), ("el 6 de marzo", "2026-03-06"),
        ("el próximo viernes", "2026-03-06"), ("na sexta-feira", "2026-03-06"), ("depois de amanhã", "2026-03-04"),
        ("6 de março", "2026-03-06"), ("в пятницу", "2026-03-06"),
        ("послезавтра", "2026-03-04"), ("6 марта", "2026-03-06"),
        ("в следующую пятницу", "2026-03-13"), ("周五", "2026-03-06"), ("下周五", "2026-03-13"), ("后天", "2026-03-04"),
        ("3月6日", "2026-03-06"), ("星期天", "2026-03-08"),
    ],
)  # fmt: skip
def test_days(text: str, expected: str) -> None:
    assert [day.value for day in find_days(text, MONDAY)] == [date.fromisoformat(expected)]


@pytest.mark.parametrize(
    "text", ["let's do it", "I may come", "sun and fun", "version 1.2.3", "31/2", "ter razão", "10 USDC"]
)
def test_no_days(text: str) -> None:
    assert find_days(text, MONDAY) == []


def test_a_date_that_can_be_two_is_not_decided() -> None:
    (day,) = find_days("on 4/5", MONDAY)
    assert day.value is None
    assert day.doubt == "2026-04-05 or 2026-05-04"
    (next_friday,) = find_days("next Friday", MONDAY)
    assert "2026-03-06" in next_friday.doubt


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7pm", "19:00"), ("7:30 pm", "19:30"), ("12am", "00:00"),
        ("12pm", "12:00"), ("7-9pm", "19:00"), ("19:00", "19:00"),
        ("dinner at 7", "19:00"), ("breakfast at 8", "08:00"),
        ("at noon", "12:00"), ("at eight in the evening", "20:00"),
        ("19 Uhr", "19:00"), ("um 19.30 Uhr", "19:30"),
        ("halb acht abends", "19:30"), ("a las 9 de la noche", "21:00"),
        ("a las 21:00", "21:00"), ("às 20h", "20:00"),
        ("17h30", "17:30"), ("в 7 вечера", "19:00"), ("в 19:30", "19:30"),
        ("晚上7点半", "19:30"), ("下午3点", "15:00"), ("晚上八点", "20:00"),
    ],
)  # fmt: skip
def test_clocks(text: str, expected: str) -> None:
    assert [clock.value for clock in find_clocks(text)] == [time.fromisoformat(expected)]


@pytest.mark.parametrize("text", ["at 7", "um 7", "a las 9", "в 8", "at 7:30"])
def test_an_hour_of_a_twelve_hour_clock_is_not_decided(text: str) -> None:
    assert [clock.value for clock in find_clocks(text)] == [None]


@pytest.mark.parametrize("text", ["at 12 Main Street", "at 25:00", "room 7", "at 10 people", "1:2:3"])
def test_no_clocks(text: str) -> None:
    assert find_clocks(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("19:00 UTC", "UTC"), ("UTC+2", "UTC+02:00"), ("GMT-3:30", "UTC-03:30"), ("Europe/Berlin", "Europe/Berlin"),
        ("Berlin time", "Europe/Berlin"), ("Berliner Zeit", "Europe/Berlin"), ("New York time", "America/New_York"),
        ("hora de Madrid", "Europe/Madrid"), ("hora de Lisboa", "Europe/Lisbon"), ("по Москве", "Europe/Moscow"),
        ("北京时间", "Asia/Shanghai"), ("7pm CET", "CET"), ("times are in Tokyo", "Asia/Tokyo"),
    ],
)  # fmt: skip
def test_zones(text: str, expected: str) -> None:
    found = find_zone(text)
    assert found is not None
    assert found[0] == expected
    assert datetime(2026, 3, 6, 19, tzinfo=zone_of(found[0])).utcoffset() is not None


@pytest.mark.parametrize("text", ["7pm BST", "7pm CST", "7pm IST", "local time", "in Berlin", "UTC+99", "Mars/Base"])
def test_zones_that_nobody_named(text: str) -> None:
    assert find_zone(text) is None


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(InputError, match="Europe/Berlin"):
        zone_of("Europe/Atlantis")


@pytest.mark.parametrize(
    ("text", "value", "token"),
    [
        ("20 USDC", "20", "USDC"), ("0.05 ETH", "0.05", "ETH"),
        ("0,05 eth", "0.05", "ETH"), ("USDC 20", "20", "USDC"),
        ("12.50 EURe", "12.50", "EURe"), ("1.000,50 DAI", "1000.50", "DAI"), ("1,000.50 DAI", "1000.50", "DAI"),
        ("0.005 ETH", "0.005", "ETH"), ("押金20USDC", "20", "USDC"), ("20 bucks", "20", None), ("€20", "20", None),
        ("500 рублей", "500", None), ("50元", "50", None), ("20 MOON", "20", None),
    ],
)  # fmt: skip
def test_amounts(text: str, value: str, token: str | None) -> None:
    (amount,) = find_amounts(text)
    assert amount.value == Decimal(value)
    assert amount.token == token


@pytest.mark.parametrize("text", ["1,500 USDC", "1.500 USDC"])
def test_an_amount_that_can_be_two_is_not_decided(text: str) -> None:
    (amount,) = find_amounts(text)
    assert amount.value is None


def test_no_amount_falls_between_two_units() -> None:
    (amount,) = find_amounts("0.0000001 USDC")
    assert amount.units is None


@given(st.sampled_from(sorted(DECIMALS)), st.data())
def test_every_amount_of_a_token_is_read_to_the_last_unit(token: str, data: st.DataObject) -> None:
    units = data.draw(st.integers(10 ** DECIMALS[token], 10**9 * 10 ** DECIMALS[token] - 1))
    whole, rest = divmod(units, 10 ** DECIMALS[token])
    digits = f"{rest:0{DECIMALS[token]}d}".rstrip("0")
    if len(digits) == 3:
        return  # 1.500 may be a thousand and a half
    (amount,) = find_amounts(f"deposit {whole}{'.' + digits if digits else ''} {token} each")
    assert amount.units == units


@pytest.mark.parametrize(
    "text",
    [
        "on Friday 13 March", "Fri 13 Mar 19:00", "Friday, March 13th", "Friday the 13th", "13 March (Friday)",
        "Freitag, den 13. März", "Fr 13.3. 19:00", "el viernes 13 de marzo", "sexta-feira, 13 de março",
        "в пятницу, 13 марта", "周五3月13日", "3月13日（周五）", "next Friday, 13 March", "Friday 2026-03-13",
    ],
)  # fmt: skip
def test_a_weekday_beside_its_date_is_one_day(text: str) -> None:
    """The coming Friday is the 6th."""
    (day,) = find_days(text, MONDAY)
    assert (day.value, day.doubt) == (date(2026, 3, 13), "")


def test_a_weekday_decides_which_of_two_dates_is_meant() -> None:
    (day,) = find_days("Saturday 4/5", MONDAY)
    assert day.value is None  # 4 May is a Monday, 5 April a Sunday
    (day,) = find_days("Sunday 4/5", MONDAY)
    assert day.value == date(2026, 4, 5)


@pytest.mark.parametrize("text", ["Friday 14 March", "Freitag, 7.3.", "Thursday the 13th", "viernes 13"])
def test_a_weekday_that_does_not_fit_its_date_is_not_decided(text: str) -> None:
    (day,) = find_days(text, MONDAY)
    assert day.value is None
    assert day.doubt


@pytest.mark.parametrize("text", ["Friday 8 pm", "Friday 13 Uhr", "Friday 7", "Friday 13-15", "Friday 13h"])
def test_a_number_behind_a_weekday_that_is_an_hour_is_no_date(text: str) -> None:
    (day,) = find_days(text, MONDAY)
    assert day.value == date(2026, 3, 6)
