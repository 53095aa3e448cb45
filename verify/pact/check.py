"""Does this contract hold a group to these terms, and to nothing else? Every property, with counterexamples."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from verify.evm import ExecutionError
from verify.findings import CandidateRejectedError
from verify.isolate import Failure, Limits, Pool
from verify.pact.attacks import blocked_payouts, calls_back, dear_actions, false_deposits
from verify.pact.compile import admit_pact
from verify.pact.evening import Violation
from verify.pact.lying import in_words, profitable_lie
from verify.pact.play import Names
from verify.pact.properties import STATEMENTS, Counterexample
from verify.pact.search import search
from verify.pact.signatures import misused_signatures, signed_terms
from verify.pact.stage import DEPLOYER, OUTSIDER, harness, stage
from verify.pact.terms import BURN
from verify.venues import labelled_address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from verify.compile import Contract
    from verify.pact.compile import PactCode
    from verify.pact.terms import PactTerms

PLAYS = 80
"""Evenings that are drawn by default."""

LIMITS = Limits(wall_seconds=60, memory_bytes=2 * 1024**3, cpu_seconds=60)
"""For the worker that runs the contract."""

_SMALL_HOUSE = 4
_LIES = 128
_STAND_INS = tuple(labelled_address(f"pact guest {number}") for number in range(_SMALL_HOUSE + 1))


@dataclass(frozen=True, slots=True)
class PactReport:
    """What the checks say of a contract. ``counterexamples`` has one for each broken property, in their order."""

    status: Literal["passed", "rejected"]
    counterexamples: tuple[Counterexample, ...]

    def broken(self) -> frozenset[str]:
        """The names of the broken properties."""
        return frozenset(each.property for each in self.counterexamples)

    def to_json(self) -> dict[str, Any]:
        """As JSON values: status, and of each property whether it is kept, with an example where not."""
        told = {each.property: each.words for each in self.counterexamples}
        properties = {
            name: {"statement": statement, "passed": name not in told, "examples": [told[name]] if name in told else []}
            for name, statement in STATEMENTS.items()
        }
        return {"status": self.status, "properties": properties}


@dataclass(frozen=True, slots=True)
class Job:
    """One contract for a worker; ``props`` is the `harness`."""

    code: PactCode
    terms: PactTerms
    names: Mapping[str, str]
    props: Mapping[str, Contract]
    plays: int
    seed: int


def check_pact(
    source: str,
    terms: PactTerms,
    *,
    file: str = "Pact.sol",
    names: Mapping[str, str] | None = None,
    plays: int = PLAYS,
    seed: int = 1,
) -> PactReport:
    """Compiles a pact and checks every property of it, in a confined process.

    Args:
        source: The contract's Solidity.
        terms: What the group agreed on; played with its people and in smaller groups.
        file: How findings name the source.
        names: People by address, for the words.
        plays: How many evenings are drawn.
        seed: The same seed draws the same.

    Raises:
        CompilerUnavailableError: The machine has no compiler.
        WorkerStartError: The machine could not start the confined process.
    """
    return check_pacts([(source, terms)], file=file, names=names, plays=plays, seed=seed)[0]


def check_pacts(
    candidates: Sequence[tuple[str, PactTerms]],
    *,
    file: str = "Pact.sol",
    names: Mapping[str, str] | None = None,
    plays: int = PLAYS,
    seed: int = 1,
    workers: int = 1,
) -> list[PactReport]:
    """As `check_pact`, for several sources with their terms, in as many processes as there are ``workers``.

    Raises:
        CompilerUnavailableError: The machine has no compiler.
        WorkerStartError: The machine could not start a confined process.
    """
    reports: dict[int, PactReport] = {}
    jobs: list[Job] = []
    places: list[int] = []
    for place, (source, terms) in enumerate(candidates):
        try:
            code = admit_pact(source, file=file)
        except CandidateRejectedError as error:
            reports[place] = _report((Counterexample("admission", str(error.findings[0])),))
            continue
        jobs.append(Job(code, terms, dict(names or {}), harness(), plays, seed))
        places.append(place)
    with Pool(workers, LIMITS) as pool:
        for done in pool.map(examine, jobs):
            found = done.result
            if isinstance(found, Failure):
                found = (Counterexample("liveness", f"the checks did not come to an end: {found.detail}"),)
            reports[places[done.index]] = _report(found)
    return [reports[place] for place in range(len(candidates))]


def _report(found: tuple[Counterexample, ...]) -> PactReport:
    order = list(STATEMENTS)
    counterexamples = tuple(sorted(found, key=lambda each: order.index(each.property)))
    return PactReport("rejected" if counterexamples else "passed", counterexamples)


def examine(job: Job) -> tuple[Counterexample, ...]:
    """A worker's part: runs the contract through everything; one counterexample for each broken property."""
    found: dict[str, Counterexample] = {}
    try:
        for terms, violation in _violations(job):
            if violation.property not in found:
                found[violation.property] = Counterexample(violation.property, _words(violation, terms, job.names))
    except ExecutionError as error:
        found["liveness"] = Counterexample("liveness", f"it cannot be deployed with these terms: {error}")
    return tuple(found.values())


def _violations(job: Job) -> Iterator[tuple[PactTerms, Violation]]:
    small = small_house(job.terms)
    with stage(job.code, small, job.props) as there:
        for violation in search(there, plays=job.plays, seed=job.seed).values():
            yield small, violation
        for violation in false_deposits(there):
            yield small, violation
    with stage(job.code, small, job.props, guest=small.invited[0]) as there:
        for violation in (*blocked_payouts(there), *calls_back(there)):
            yield small, violation
    with stage(job.code, signed_terms(job.terms), job.props) as there:
        for violation in misused_signatures(there, job.code):
            yield there.terms, violation
    with stage(job.code, job.terms, job.props) as there:
        for violation in (*search(there, plays=2, seed=job.seed).values(), *dear_actions(there)):
            yield job.terms, violation
    yield from _lies(job, small)


def _lies(job: Job, small: PactTerms) -> Iterator[tuple[PactTerms, Violation]]:
    """With the host among those who join and without, and of four where not everybody can be asked."""
    others = tuple(guest for guest in small.invited if guest != small.host)
    groups = [others[:3], (small.host, *others[:2]), others[:4]]
    for group in groups:
        terms = small.among(group, capacity=len(group), quorum=1)
        with stage(job.code, terms, job.props) as there:
            lie = profitable_lie(there, group, cases=_LIES, seed=job.seed)
        if lie is not None:
            yield terms, Violation("lying", (), in_words(lie, group, Names(terms, _known(terms, job.names))))
            return


def small_house(terms: PactTerms) -> PactTerms:
    """The same pact for five guests of whom four can join: the group's own, and stand-ins where they are fewer."""
    guests = tuple(dict.fromkeys((*terms.invited, *_STAND_INS)))[: _SMALL_HOUSE + 1]
    return terms.among(guests, capacity=_SMALL_HOUSE, quorum=min(terms.quorum, 2))


def _words(violation: Violation, terms: PactTerms, names: Mapping[str, str]) -> str:
    people = Names(terms, _known(terms, names))
    told = people.play(violation.play)
    seen = re.sub(r"\{(0x[0-9a-f]{40})\}", lambda match: people.of(match.group(1)), violation.seen)
    return f"{told}: {seen}" if told else seen


def _known(terms: PactTerms, names: Mapping[str, str]) -> dict[str, str]:
    """Names for everybody; those without one are counted."""
    guests = {guest: f"guest {number}" for number, guest in enumerate(terms.invited, start=1)}
    roles = {
        terms.host: "the host",
        terms.charity: "the charity",
        BURN: "0x…dEaD",
        OUTSIDER: "an outsider",
        DEPLOYER: "an outsider",
    }
    return guests | roles | dict(names)
