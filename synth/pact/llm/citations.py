"""Whether messages say what a model cites them for. What they do not say is not believed."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING

from synth.pact.clocks import find_clocks
from synth.pact.days import find_days
from synth.pact.lexicon import find_all, lowered, number_pattern, number_value, says
from synth.pact.terms import Deposit
from synth.pact.tokens import find_amounts
from synth.pact.zones import find_zone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from synth.pact.terms import TermName, TermValue

Said = tuple[str, date]
"""A message's own words, and the day on which it was sent."""
CUES = {"attestation": {"host": "host_attests", "majority": "majority_attests"}, "cancel": {"host": "host_cancels"}}


def contain(messages: Sequence[Said], name: TermName, value: TermValue) -> bool:
    """Whether the messages, together, hold a term's value."""
    if isinstance(value, datetime):
        return _hold_day(messages, value.date()) and any(_holds_time(words, value) for words, _ in messages)
    return any(_holds(words, name, value) for words, _ in messages)


def _hold_day(messages: Sequence[Said], day: date) -> bool:
    return any(day in found.readings for words, sent in messages for found in find_days(words, sent))


def _holds_time(words: str, value: datetime) -> bool:
    """The time, or its hour on a clock of twelve where the words leave the half of the day open."""
    for clock in find_clocks(words):
        if clock.value is not None and clock.value == value.time():
            return True
        written = words[clock.span[0] : clock.span[1]]
        if clock.value is None and value.hour % 12 in {int(each) % 12 for each in re.findall(r"\d{1,2}", written)[:1]}:
            return True
    return False


def _holds(words: str, name: TermName, value: TermValue) -> bool:
    if isinstance(value, Deposit):
        return any((amount.value, amount.token) == (value.amount, value.token) for amount in find_amounts(words))
    if isinstance(value, int):
        return value in {number_value(match[0]) for match in re.finditer(number_pattern(), lowered(words))}
    if name == "timezone":
        found = find_zone(words)
        return found is not None and found[0] == value
    if name == "no_show":
        return any(True for _ in find_all(words, str(value)))
    if name in CUES:
        return says(words, CUES[name][str(value)])
    wanted = _plain(str(value))
    return bool(wanted) and wanted in _plain(words)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
