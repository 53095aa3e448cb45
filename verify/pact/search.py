"""Plays that look for a broken promise: drawn from a seed, tried at every edge of time, shrunk to what matters."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from verify.pact.evening import Violation, perform
from verify.pact.play import Step
from verify.pact.record import Record
from verify.pact.terms import Attestation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from verify.pact.play import Play
    from verify.pact.stage import Stage
    from verify.pact.terms import PactTerms

MONTH_SECONDS = 30 * 86_400
_EXPLORED_MOMENTS = 2
_MOST_SHRINKS = 100


def search(there: Stage, *, plays: int, seed: int) -> dict[str, Violation]:
    """Plays so many evenings; the first violation of each property, shrunk.

    Args:
        there: The pact.
        plays: How many evenings are drawn.
        seed: The same seed draws the same.
    """
    chance = random.Random(seed)  # noqa: S311 - evenings, no secrets
    found: dict[str, Violation] = {}
    for number in range(plays):
        play = draw_play(there.terms, there.opening_ts, chance)
        times = sorted({step.at_ts for step in play})
        explored = frozenset((times[number % len(times)], *chance.sample(times, min(_EXPLORED_MOMENTS, len(times)))))
        for violation in perform(there, play, explored=explored):
            found.setdefault(violation.property, violation)
    return {name: shrink(there, violation) for name, violation in found.items()}


def moments(terms: PactTerms, opening_ts: int) -> list[int]:
    """The first and the last second of each span, the opening, and long after the end."""
    edges = (terms.join_until_ts, terms.starts_ts, terms.attest_until_ts, terms.pays_from_ts)
    times = {opening_ts, terms.pays_from_ts + MONTH_SECONDS, *edges, *(edge - 1 for edge in edges)}
    return sorted(time for time in times if time >= opening_ts)


def draw_play(terms: PactTerms, opening_ts: int, chance: random.Random) -> Play:
    """An evening as it might go: each does what the terms allow, or does not. Each moment has a step."""
    record = Record(terms)
    guests = chance.sample(terms.invited, len(terms.invited))
    joining = chance.choice((terms.capacity, terms.capacity, chance.randint(0, terms.capacity)))
    cancelling = chance.random() < 0.15
    silent = chance.random() < 0.2
    accused = [guest for guest in guests if chance.random() < 0.4]
    made: list[Step] = []

    def make(step: Step) -> None:
        made.append(step)
        if record.refusal(step) is None:
            record.apply(step)

    times = moments(terms, opening_ts)
    for time in times:
        if time < terms.join_until_ts:
            for guest in guests[: joining // 2 if time == opening_ts else joining]:
                if guest not in record.joined:
                    make(Step(time, guest, "join"))
        if cancelling and time < terms.starts_ts and chance.random() < 0.5:
            make(Step(time, terms.host, "cancel"))
        if not silent and terms.starts_ts <= time < terms.attest_until_ts:
            for step in _attesting(record, time, accused, chance):
                make(step)
        if not silent and terms.attest_until_ts <= time < terms.pays_from_ts:
            for guest in sorted(record.found_absent() - record.contested):
                if chance.random() < 0.4:
                    make(Step(time, guest, "contest"))
        if not made or made[-1].at_ts != time:
            make(Step(time, chance.choice(guests), "claim"))
    return tuple(made)


def _attesting(record: Record, time: int, accused: Sequence[str], chance: random.Random) -> Iterator[Step]:
    by_host = record.terms.attestation is Attestation.HOST
    for who in (record.terms.host,) if by_host else tuple(record.joined):
        absent = tuple(guest for guest in accused if guest in record.joined and guest != who)
        if absent and chance.random() < 0.7:
            yield Step(time, who, "attest", absent)


def shrink(there: Stage, violation: Violation) -> Violation:
    """The same broken property with no step that can be left out."""
    best = violation
    for _ in range(_MOST_SHRINKS):
        shorter = next(_shorter(there, best), None)
        if shorter is None:
            break
        best = shorter
    return best


def _shorter(there: Stage, violation: Violation) -> Iterator[Violation]:
    """The same broken property by fewer steps, the last ones left out first."""
    for place in reversed(range(len(violation.play))):
        for found in perform(there, violation.play[:place] + violation.play[place + 1 :]):
            if found.property == violation.property and len(found.play) < len(violation.play):
                yield found
