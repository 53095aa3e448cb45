"""A dress rehearsal: the group plays the evening in several ways on the real contract, and sees who gets what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ingest.errors import PactsmithError
from verify.isolate import Failure, Limits, Pool
from verify.pact.compile import admit_pact
from verify.pact.play import Names, Step
from verify.pact.stage import OUTSIDER, harness, stage
from verify.pact.terms import BURN, NOBODY, Attestation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from verify.compile import Contract
    from verify.pact.compile import PactCode
    from verify.pact.play import Action, Play
    from verify.pact.stage import Stage
    from verify.pact.terms import PactTerms

T = TypeVar("T")

_LIMITS = Limits(wall_seconds=60, memory_bytes=2 * 1024**3, cpu_seconds=60)
_FEWEST = 2  # one who did not come, and one who did
_MOST = 6  # more say nothing new, and the table is read by people; unless the quorum asks for more


class RehearsalError(PactsmithError):
    """The contract did not get through the rehearsal; `check_pact` says why."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One way that the evening may go.

    Args:
        title: What is special about it.
        told: Who does what, in words.
        steps: The same as data, joining first: every call up to the last before the pact pays.
        got: What each address was paid once the pact pays, in smallest units; 0 where a claim is turned down.
        paid_in: What each brought, in smallest units.
        paid_out: What each got in the end, with the charity and 0x…dEaD where they got something.
        gas: The most that each action took here, as a whole transaction but for cold storage.
    """

    title: str
    told: str
    steps: Play
    got: Mapping[str, int]
    paid_in: dict[str, int]
    paid_out: dict[str, int]
    gas: Mapping[Action, int]

    def to_json(self) -> dict[str, Any]:
        """As JSON values; amounts as decimal text."""
        return {
            "title": self.title,
            "told": self.told,
            "paid_in": {who: str(amount) for who, amount in self.paid_in.items()},
            "paid_out": {who: str(amount) for who, amount in self.paid_out.items()},
        }


@dataclass(frozen=True, slots=True)
class Job:
    """A pact to be played."""

    code: PactCode
    terms: PactTerms
    props: Mapping[str, Contract]
    names: Names


def rehearse(source: str, terms: PactTerms, names: Mapping[str, str]) -> tuple[Scene, ...]:
    """Plays every scene, in a confined process.

    Args:
        source: A pact that passed `check_pact`.
        terms: The group's, of which at least two guests can join.
        names: People by address.

    Raises:
        CandidateRejectedError: The source is no pact that may be run.
        RehearsalError: The contract failed, or fewer than two can join.
    """
    return rehearsed(_rehearse, source, terms, names)


def rehearsed(
    play: Callable[[Job], tuple[T, ...]], source: str, terms: PactTerms, names: Mapping[str, str]
) -> tuple[T, ...]:
    """What a play on the pact brings, in a confined process. Arguments and errors: see `rehearse`."""
    if terms.capacity < _FEWEST:
        raise RehearsalError(f"a rehearsal takes {_FEWEST} people, and only {terms.capacity} can join")
    job = Job(admit_pact(source, file="Pact.sol"), terms, harness(), names_of(terms, names))
    with Pool(1, _LIMITS) as pool:
        result = next(pool.map(play, [job])).result
    if isinstance(result, Failure):
        raise RehearsalError(f"the contract did not get through the rehearsal: {result.detail}")
    return result


def names_of(terms: PactTerms, names: Mapping[str, str]) -> Names:
    """People by name, the others by their part."""
    roles = {terms.charity: "the charity", BURN: "nobody: burnt", terms.host: "the host", OUTSIDER: "an outsider"}
    return Names(terms, roles | dict(names))


def joiners_of(terms: PactTerms) -> tuple[str, ...]:
    """Who joins in a scene where everybody does: the host first, where he is a guest."""
    count = min(terms.capacity, max(_MOST, terms.quorum))
    return tuple(sorted(terms.invited, key=lambda guest: guest != terms.host))[:count]


def scenes(terms: PactTerms) -> Iterator[tuple[str, tuple[str, ...], Play]]:
    """(title, who joins, what happens then) of every scene."""
    host = terms.host
    joiners = joiners_of(terms)
    absent, came = joiners[-1], joiners[-2]
    accused = absent if came == host else came  # a host has nobody above him to say that he stayed away
    start, contest = terms.starts_ts, terms.attest_until_ts
    by_host = terms.attestation is Attestation.HOST

    def attested(who: str) -> Play:
        others = [each for each in joiners if each != who]
        attesters = [host] if by_host else others[: len(others) // 2 + 1]
        return tuple(Step(start, each, "attest", (who,)) for each in attesters)

    def contested(who: str) -> Play:
        return (*attested(who), Step(contest, who, "contest"))

    liar = "the host lies" if by_host else "a majority lies"
    yield "All come", joiners, ()
    yield "One stays away", joiners, attested(absent)
    yield "One stays away and contests it", joiners, contested(absent)
    yield "Nobody attests, though one stays away", joiners, ()
    yield f"All come, but {liar} about one, who contests it", joiners, contested(accused)
    yield f"All come, but {liar} about one, who does not notice", joiners, attested(accused)
    yield "The host cancels", joiners, (Step(start - 1, host, "cancel"),)
    if terms.quorum > 1:
        yield "Too few join", joiners[: terms.quorum - 1], ()


def _rehearse(job: Job) -> tuple[Scene, ...]:
    with stage(job.code, job.terms, job.props) as there:
        return tuple(_play(there, job.names, title, joiners, play) for title, joiners, play in scenes(job.terms))


def _play(there: Stage, names: Names, title: str, joiners: tuple[str, ...], play: Play) -> Scene:
    """Plays one scene and undoes it; who claims, claims when the pact pays, also where it is off."""
    terms = there.terms
    steps = (*(Step(there.opening_ts, who, "join") for who in joiners), *play)
    commons = tuple(who for who in (terms.charity, BURN) if who != NOBODY)
    claims = [Step(terms.pays_from_ts, who, "claim") for who in joiners]
    claims += [Step(terms.pays_from_ts, OUTSIDER, "claim_for", (common,)) for common in commons]
    gas: dict[Action, int] = {}
    with there.evm.anchor():
        for step in steps:
            outcome = there.act(step)
            if not outcome.ok:
                raise RehearsalError(f"{title}: {names.play((step,))}, which fails: {outcome.error}")
            gas[step.action] = max(gas.get(step.action, 0), outcome.gas)
        before = there.balances()
        for step in claims:
            outcome = there.act(step)
            if outcome.ok:
                gas[step.action] = max(gas.get(step.action, 0), outcome.gas)
        after = there.balances()
    got = {who: after[who] - before[who] for who in (*joiners, *commons)}
    return Scene(
        title=title,
        told=told(names, steps),
        steps=steps,
        got=got,
        paid_in={names.of(who): terms.deposit for who in joiners},
        paid_out={names.of(who): amount for who, amount in got.items() if amount or who in joiners},
        gas=gas,
    )


def dearest(rehearsed: Iterable[Scene]) -> dict[Action, int]:
    """The most gas that each action took in any scene."""
    found: dict[Action, int] = {}
    for scene in rehearsed:
        for action, gas in scene.gas.items():
            found[action] = max(found.get(action, 0), gas)
    return found


def told(names: Names, steps: Play) -> str:
    """Who joins, and what happens then, as a sentence without its end."""
    joiners = joined_in(steps)
    play = steps[len(joiners) :]
    joining = f"{names.list(joiners)} {'join' if len(joiners) > 1 else 'joins'}"
    return f"{joining}; {names.play(play)}" if play else joining


def joined_in(steps: Play) -> tuple[str, ...]:
    """Who joins in a scene: its first steps."""
    return tuple(step.who for step in steps if step.action == "join")


def table(rehearsed: tuple[Scene, ...], *, decimals: int, symbol: str) -> str:
    """The scenes as text, a block each: what everybody brought and got, exactly, and the difference."""
    return "\n\n".join(_block(scene, decimals, symbol) for scene in rehearsed)


def _block(scene: Scene, decimals: int, symbol: str) -> str:
    width = max(map(len, scene.paid_out))
    lines = [scene.title, scene.told]
    for who, out in scene.paid_out.items():
        change = out - scene.paid_in.get(who, 0)
        difference = "" if not change else f"  ({'+' if change > 0 else '-'}{in_units(abs(change), decimals)})"
        lines.append(f"  {who.ljust(width)}  {in_units(out, decimals)} {symbol}{difference}")
    return "\n".join(lines)


def in_units(amount: int, decimals: int) -> str:
    """An amount in whole tokens, exactly: 1500000 with 6 decimals is 1.5."""
    whole, part = divmod(amount, 10**decimals)
    digits = str(part).rjust(decimals, "0").rstrip("0") if part else ""
    return f"{whole}.{digits}" if digits else str(whole)
