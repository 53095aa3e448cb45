"""What a message says about a plan's terms, sentence by sentence, whoever says it and whatever comes of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from synth.pact.chosen import chosen, moved, renumbered
from synth.pact.clocks import Clock, find_clocks
from synth.pact.days import Day, find_days, month_names
from synth.pact.lexicon import find, find_all, find_counted, number_value, says, without
from synth.pact.places import find_place
from synth.pact.spans import overlap
from synth.pact.tokens import Amount, find_amounts
from synth.pact.zones import find_zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from synth.pact.chosen import Hour

Slot = Literal[
    "place", "date", "time", "timezone", "deposit", "capacity", "quorum", "host", "deadline", "no_show",
    "attestation", "cancel",
]  # fmt: skip
Value = str | int | date | time | Amount | tuple[date | None, time | None] | None

_NO_END = r"(?<!\bmax)(?<!\bmin)(?<!\bam \d)(?<!\bam \d\d)"
_ENDS = re.compile(
    rf"(?:[!?;\n。！？；]|{_NO_END}\.(?=\s+\D|\s*$)(?!(?<=\d\.)\s*(?:{'|'.join(month_names())})))+", re.IGNORECASE
)
_ASKS = re.compile(r"[?？]|[吗呢]\s*$")
_MEASURES = re.compile(
    r"\s*(?:days?|hours?|h\b|min(?:ute)?s?\b|km|weeks?|months?|tage?n?|stunden?|minuten|wochen?|días?|dias?|horas?|minutos|"
    r"semanas?|дн|час|минут|недел|天|小时|分钟|周|点|[:.]\d|%|€|\$)",
    re.IGNORECASE,
)
_UNTIL = re.compile(
    r"\s*(?:[-–—~～]|to|until|till?|bis|hasta|até|às|as|a|à|до|到|至)\s*(?:las?\s+|ca\.\s+|about\s+)?", re.IGNORECASE
)
_SPAN_OF_PEOPLE = re.compile(
    r"(?<!\d)(\d{1,3})\s?[-–]\s?(\d{1,3})\s?(?:people|persons|players|leute|personen|personas|pessoas|человек|人)"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence's value for one slot.

    ``value`` None means that the words can be read in two ways, told in ``doubt``; a ``value`` with a ``doubt`` is the
    likelier reading. ``asked`` is a question's. ``bare`` amounts stand without a word for a deposit beside them.
    """

    slot: Slot
    value: Value
    asked: bool = False
    doubt: str = ""
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, and whether it asks."""

    text: str
    asks: bool


def sentences(text: str) -> list[Sentence]:
    """The sentences of ``text``, without their full stops."""
    found, start = [], 0
    for end in (*_ENDS.finditer(text), None):
        body = text[start : end.start() if end else len(text)].strip()
        if body:
            found.append(Sentence(body, bool(_ASKS.search(body + (end[0] if end else "")))))
        start = end.end() if end else start
    return found


def find_claims(text: str, sent: datetime) -> list[Claim]:
    """All that ``text``, sent at ``sent``, says about terms."""
    found: list[Claim] = []
    spoke_of_absence = False
    for sentence in sentences(text):
        body, asks = sentence.text, sentence.asks
        days, amounts = chosen(find_days(body, sent.date()), body), chosen(find_amounts(body), body)
        taken = [*(day.span for day in days), *(amount.span for amount in amounts)]
        clocks = [clock for clock in find_clocks(body) if not any(overlap(clock.span, span) for span in taken)]
        clocks = chosen(clocks, body)
        zone = find_zone(body)
        deadline, days, clocks = _deadline(body, days, clocks)
        found += [Claim("deadline", deadline, asks)] if deadline else []
        found += _date(days, asks)
        found += _time(clocks, body, asks)
        found += [Claim("timezone", zone[0], asks)] if zone else []
        found += _deposit(body, amounts, asks)
        found += _counts(body, amounts, asks)
        spoke_of_absence = says(body, "no_show") or (spoke_of_absence and not days)
        found += _no_show(body, asks) if spoke_of_absence else []
        found += _rules(body, asks)
        spans = [
            *(d.span for d in days),
            *(c.span for c in clocks),
            *(a.span for a in amounts),
            *([zone[1]] if zone else []),
        ]
        place = find_place(body, spans)
        found += [Claim("place", place, asks)] if place else []
    return found if says(text, "change") else _undecided(found)


def _undecided(claims: list[Claim]) -> list[Claim]:
    """The claims, but of two days or two times that different sentences state none is taken."""
    slots: tuple[Slot, Slot] = ("date", "time")
    for slot in slots:
        stated = [claim for claim in claims if claim.slot == slot and not claim.asked]
        if len({claim.value for claim in stated}) > 1:
            told = " or ".join(claim.doubt or str(claim.value) for claim in stated)
            claims = [claim for claim in claims if claim not in stated] + [Claim(slot, None, doubt=told)]
    return claims


def _date(days: list[Day], asks: bool) -> list[Claim]:
    """The day that is named; of several, none."""
    if len({day.value for day in days}) > 1:
        return [Claim("date", None, asks, " or ".join(day.doubt or str(day.value) for day in days))]
    return [Claim("date", day.value, asks, day.doubt) for day in days[:1]]


def _time(clocks: list[Clock], body: str, asks: bool) -> list[Claim]:
    """The time that is named, of a span its beginning; of several, none."""
    spans = len(clocks) > 1 and _UNTIL.fullmatch(body, clocks[0].span[1], clocks[1].span[0])
    named = clocks[:1] if spans else clocks
    if len({clock.value for clock in named}) > 1:
        return [Claim("time", None, asks, " or ".join(body[c.span[0] : c.span[1]].strip() for c in named))]
    return [Claim("time", clock.value, asks, "" if clock.value else _half_day(body, clock)) for clock in named[:1]]


def _half_day(body: str, clock: Clock) -> str:
    written = body[clock.span[0] : clock.span[1]].strip()
    return f"{written!r} may be in the morning or in the evening"


def _deadline(
    body: str, days: list[Day], clocks: list[Clock]
) -> tuple[tuple[date | None, time | None] | None, list[Day], list[Clock]]:
    """The moment until which people may join, and the moments that are left for the plan itself."""
    for match in find_all(body, "deadline"):
        reach = match.end() + 45
        day = next((day for day in days if match.end() - 2 <= day.span[0] < reach), None)
        near = match.end() if day is None else day.span[0] - 20
        clock = next((clock for clock in clocks if max(near, match.end() - 4) <= clock.span[0] < reach), None)
        if day or clock:
            moment = (day.value if day else None, clock.value if clock else None)
            return moment, [d for d in days if d is not day], [c for c in clocks if c is not clock]
    return None, days, clocks


def _deposit(body: str, amounts: list[Amount], asks: bool) -> list[Claim]:
    if not amounts:
        return []
    named = find(body, "deposit")
    if named is None:
        return [Claim("deposit", amounts[0], asks, bare=not says(body, "each"))]
    nearest = min(
        amounts, key=lambda amount: min(abs(amount.span[0] - named.end()), abs(named.start() - amount.span[1]))
    )
    return [Claim("deposit", nearest, asks)]


def _counts(body: str, amounts: list[Amount], asks: bool) -> list[Claim]:
    """How many may come, and how many must."""
    if match := _SPAN_OF_PEOPLE.search(body):
        return [Claim("quorum", int(match[1]), asks), Claim("capacity", int(match[2]), asks)]
    found: list[Claim] = []
    slots: tuple[Slot, Slot] = ("quorum", "capacity")
    for slot in slots:
        for match in find_counted(body, slot):
            money = any(overlap(match.span("n"), amount.span) for amount in amounts)
            if not money and not _MEASURES.match(body, match.end("n")):
                found.append(Claim(slot, number_value(match["n"]), asks))
                break
    return found


def _no_show(body: str, asks: bool) -> list[Claim]:
    """What becomes of an absent person's deposit."""
    outcomes = [name for name in ("split", "refund", "burn", "charity") if _affirmed(body, name)]
    if len(outcomes) == 1:
        return [Claim("no_show", outcomes[0], asks)]
    return [Claim("no_show", None, asks, " or ".join(outcomes))] if outcomes else []


def _affirmed(body: str, outcome: str) -> bool:
    """Whether ``outcome`` is said of an absence and not denied just before."""
    absences = [match.span() for match in find_all(body, "no_show")]
    for match in find_all(body, outcome):
        if not any(overlap(match.span(), span) for span in absences):
            before = body[max(0, match.start() - 14) : match.start()]
            return not says(without(before, "no_show"), "negation")
    return False


def _rules(body: str, asks: bool) -> list[Claim]:
    found: list[Claim] = []
    if says(body, "majority_attests"):
        found.append(Claim("attestation", "majority", asks))
    elif says(body, "host_attests"):
        found.append(Claim("attestation", "host", asks))
    if says(body, "host_cancels"):
        found.append(Claim("cancel", "host", asks))
    if says(body, "organise") and not asks:
        found.append(Claim("host", "author"))
    return found


def slots_of(claims: Iterable[Claim]) -> set[str]:
    """The slots that ``claims`` fill."""
    return {claim.slot for claim in claims}


def renumbered_claims(text: str, held: Mapping[Slot, Value]) -> list[Claim]:
    """What "8 instead of 7" changes of the values that a plan holds: nothing, or whatever is 7."""
    found: list[Claim] = []
    for sentence in sentences(text):
        pair = renumbered(sentence.text)
        if pair is not None:
            claims = _renumbered(*pair, held)
            doubt = f"{pair[0].number} may be the {' or the '.join(claim.slot for claim in claims)}"
            certain = len(claims) == 1
            found += [
                replace(claim, asked=sentence.asks) if certain else Claim(claim.slot, None, sentence.asks, doubt)
                for claim in claims
            ]
    return found


def _renumbered(new: Hour, old: Hour, held: Mapping[Slot, Value]) -> list[Claim]:
    found: list[Claim] = []
    clock, deposit = held.get("time"), held.get("deposit")
    if isinstance(clock, time) and (then := moved(clock, new, old)):
        found.append(Claim("time", then))
    if old.minute is not None or new.minute is not None:
        return found
    slots: tuple[Slot, Slot] = ("capacity", "quorum")
    found += [Claim(slot, new.number) for slot in slots if held.get(slot) == old.number]
    if isinstance(deposit, Amount) and deposit.value == old.number:
        written = f"{new.number} {deposit.unit}"
        found.append(Claim("deposit", replace(deposit, value=Decimal(new.number), written=written)))
    return found
