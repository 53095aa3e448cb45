"""Does it ever pay to say what is not so about who came? Asked for every truth and every group, on the real contract.

A *lie* is something false that is said: that somebody who came stayed away, or, by somebody who stayed away, that this
is contested. Who says nothing does not lie: whoever attests can spare a friend, which no contract can know. All others
are honest: who came contests what is said against it, who stayed away does not, and who attests tells the truth, or
nothing. What a group gets with a lie is compared with the most that it can get without one.

Where the terms refund what is disputed, a false contest brings its own deposit back and no more: an honest and a false
contest look alike, so that no contract can refund the one and not the other. That much is allowed for.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from verify.pact.play import Step
from verify.pact.terms import Attestation, Disputed, NoShow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from verify.pact.play import Names
    from verify.pact.stage import Stage

People = frozenset[str]
Attested = tuple[tuple[str, People], ...]
"""Who says of whom that they stayed away."""


@dataclass(frozen=True, slots=True)
class Said:
    """All that is said of one evening."""

    attested: Attested
    contesting: People


@dataclass(frozen=True, slots=True)
class ProfitableLie:
    """A group that gains by a lie: ``got`` with it, ``honest`` at most without."""

    came: People
    group: tuple[str, ...]
    said: Said
    got: int
    honest: int


def profitable_lie(there: Stage, joiners: Sequence[str], *, cases: int, seed: int) -> ProfitableLie | None:
    """The first lie that pays, smallest groups first.

    Up to three who may attest are asked for all that each can say; more speak with one voice.

    Args:
        there: A pact that these may join, and that is on when they have.
        joiners: Those who join.
        cases: At most so many pairs of a group and a truth are asked, drawn where there are more.
        seed: The same seed draws the same.
    """
    if there.terms.no_show is NoShow.REFUND:
        return None  # every absence is forgiven, and `lower-bound` and `upper-bound` hold the pact to it
    with there.evm.anchor():
        for who in joiners:
            there.act(Step(there.opening_ts, who, "join"))
        return _Court(there, tuple(joiners)).first(cases, random.Random(seed))  # noqa: S311 - no secrets


@dataclass(slots=True)
class _Court:
    """What was said to what each has of it. ``parties`` are all who could gain."""

    there: Stage
    joiners: tuple[str, ...]
    parties: tuple[str, ...] = field(init=False)
    attesters: tuple[str, ...] = field(init=False)
    known: dict[tuple[frozenset[tuple[str, People]], People], dict[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        host = self.there.terms.host
        self.parties = tuple(dict.fromkeys((*self.joiners, host)))
        by_host = self.there.terms.attestation is Attestation.HOST
        self.attesters = (host,) if by_host else self.joiners

    def first(self, cases: int, chance: random.Random) -> ProfitableLie | None:
        groups = [group for group in _subsets(self.parties) if group]
        asked = list(itertools.product(groups, reversed(_subsets(self.joiners))))
        if len(asked) > cases:
            asked = sorted(chance.sample(asked, cases), key=lambda case: len(case[0]))
        lies = (self._lie_of(tuple(who for who in self.parties if who in group), came) for group, came in asked)
        return next((lie for lie in lies if lie is not None), None)

    def _lie_of(self, group: tuple[str, ...], came: People) -> ProfitableLie | None:
        absent = frozenset(self.joiners) - came
        others = tuple(who for who in self.attesters if who not in group)
        for honest in self._honest_words(others, absent):
            outcomes = list(self._outcomes(group, honest, came))
            best = max(got for _, got, lie, _ in outcomes if not lie)
            for said, got, lie, allowed in outcomes:
                if lie and got > best + allowed:
                    return ProfitableLie(came, group, said, got, best)
        return None

    def _honest_words(self, others: tuple[str, ...], absent: People) -> Iterator[Attested]:
        yield tuple((who, absent - {who}) for who in others)
        if others:
            yield tuple((who, frozenset[str]()) for who in others)

    def _outcomes(
        self, group: tuple[str, ...], honest: Attested, came: People
    ) -> Iterator[tuple[Said, int, bool, int]]:
        """(what is said, what the group gets, whether the group lies, what a false contest may bring back)."""
        speaking = tuple(who for who in group if who in self.attesters)
        members = frozenset(group)
        for attested in self._group_words(speaking):
            lies = any(about & came for _, about in attested)
            found = self._found((*honest, *attested))
            for contesting in _subsets(sorted(found & members)):
                said = Said((*honest, *attested), contesting | (found & came - members))
                got = self._payouts(said)
                false_contests = contesting - came
                spared = len(false_contests) if self.there.terms.disputed is Disputed.REFUND else 0
                allowed = self.there.terms.deposit * spared
                yield said, sum(got[who] for who in group), lies or bool(false_contests), allowed

    def _group_words(self, speaking: tuple[str, ...]) -> Iterator[Attested]:
        if len(self.attesters) <= 3:
            about = [[(who, absent - {who}) for absent in _subsets(self.joiners)] for who in speaking]
            yield from dict.fromkeys(itertools.product(*about))
            return
        for accused in _subsets(self.joiners):
            for speakers in (speaking, speaking[1:]):
                yield tuple((who, accused - {who}) for who in speakers)

    def _payouts(self, said: Said) -> dict[str, int]:
        """What each gets in the end; everything that can be said is played once."""
        key = (frozenset(each for each in said.attested if each[1]), said.contesting)
        if key not in self.known:
            self.known[key] = self._play(*key)
        return self.known[key]

    def _found(self, attested: Attested) -> People:
        counts = {who: sum(who in about for _, about in attested) for who in self.joiners}
        enough = 1 if len(self.attesters) == 1 else (len(self.joiners) - 1) // 2 + 1
        return frozenset(who for who, count in counts.items() if count >= enough)

    def _play(self, attested: frozenset[tuple[str, People]], contesting: People) -> dict[str, int]:
        there, terms = self.there, self.there.terms
        before = {who: there.balance(who) for who in self.parties}
        with there.evm.anchor():
            for who, about in sorted(attested, key=lambda each: each[0]):
                there.act(Step(terms.starts_ts, who, "attest", tuple(sorted(about))))
            for who in sorted(contesting):
                there.act(Step(terms.attest_until_ts, who, "contest"))
            for who in self.parties:
                there.act(Step(terms.pays_from_ts, who, "claim"))
            return {who: there.balance(who) - before[who] for who in self.parties}


def _subsets(people: Iterable[str]) -> list[People]:
    everybody = tuple(people)
    return [
        frozenset(chosen) for size in range(len(everybody) + 1) for chosen in itertools.combinations(everybody, size)
    ]


def in_words(lie: ProfitableLie, joiners: Sequence[str], names: Names) -> str:
    """The lie as sentences."""
    absent = [who for who in joiners if who not in lie.came]
    truth = f"{names.list(absent)} stayed away" if absent else "everybody came"
    accusations = [(who, [one for one in joiners if one in about]) for who, about in lie.said.attested if about]
    said = [f"{names.of(who)} says that {names.list(about)} stayed away" for who, about in accusations]
    said += [f"{names.of(who)} contests" for who in joiners if who in lie.said.contesting and who in lie.group]
    got = f"{names.list(lie.group)} then get {lie.got}, and without a lie {lie.honest} at most"
    return f"{truth}, but {'; '.join(said)}: {got}"
