"""What a pact turns down: the steps that nobody may take, tried on the real contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from verify.pact.compile import error_signatures
from verify.pact.play import Step
from verify.pact.rehearsal import RehearsalError, joiners_of, rehearsed
from verify.pact.stage import OUTSIDER, stage
from verify.pact.terms import Attestation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from verify.pact.play import Play
    from verify.pact.rehearsal import Job
    from verify.pact.stage import Stage
    from verify.pact.terms import PactTerms


@dataclass(frozen=True, slots=True)
class Refusal:
    """One forbidden step.

    Args:
        title: What the pact does not let happen.
        steps: What happens before it.
        forbidden: What is tried then.
        error: The signature of the contract's own error; empty where it reverts with none.
    """

    title: str
    steps: Play
    forbidden: Step
    error: str


def refusals(source: str, terms: PactTerms) -> tuple[Refusal, ...]:
    """Tries every step that the pact must turn down, in a confined process.

    Args:
        source: A pact that passed `check_pact`.
        terms: The group's, of which at least two guests can join.

    Raises:
        CandidateRejectedError: The source is no pact that may be run.
        RehearsalError: The contract failed, let a forbidden step happen, or fewer than two can join.
    """
    return rehearsed(_refusals, source, terms, {})


def _refusals(job: Job) -> tuple[Refusal, ...]:
    signatures = error_signatures(job.code)
    found = []
    with stage(job.code, job.terms, job.props) as there:
        for title, steps, forbidden in _forbidden(job.terms, there.opening_ts):
            error = _tried(there, title, steps, forbidden)
            found.append(Refusal(title, steps, forbidden, signatures.get(error, "")))
    return tuple(found)


def _tried(there: Stage, title: str, steps: Play, forbidden: Step) -> str:
    """Why the step fails; all is undone."""
    with there.evm.anchor():
        for step in steps:
            outcome = there.act(step)
            if not outcome.ok:
                raise RehearsalError(f"{title}: what is allowed before fails: {outcome.error}")
        error = there.act(forbidden).error
    if error is None:
        raise RehearsalError(f"{title}: but the contract lets it happen")
    return error


def _forbidden(terms: PactTerms, opening_ts: int) -> Iterator[tuple[str, Play, Step]]:
    """(title, what happens before, the forbidden step)."""
    joiners = joiners_of(terms)
    first, absent = joiners[0], joiners[-1]
    attester = terms.host if terms.attestation is Attestation.HOST else first
    all_join = tuple(Step(opening_ts, who, "join") for who in joiners)
    claim = Step(terms.pays_from_ts, first, "claim")
    too_little = terms.deposit - 1 if terms.in_coins else 1  # coins have no place where deposits are a token

    yield "Who is not invited cannot join", (), Step(opening_ts, OUTSIDER, "join")
    yield "Nobody joins late", (), Step(terms.join_until_ts, first, "join")
    yield "Nobody joins twice", all_join[:1], all_join[0]
    yield "Nobody joins without the exact deposit", (), Step(opening_ts, first, "join", amount=too_little)
    if len(terms.invited) > terms.capacity:
        *few, one_more = (Step(opening_ts, who, "join") for who in terms.invited[: terms.capacity + 1])
        yield "Nobody joins a pact that is full", tuple(few), one_more
    yield "Only the host cancels", all_join, Step(opening_ts, OUTSIDER, "cancel")
    yield "Nobody cancels after the start", all_join, Step(terms.starts_ts, terms.host, "cancel")
    yield "An outsider attests nothing", all_join, Step(terms.starts_ts, OUTSIDER, "attest", (absent,))
    yield "Nobody attests early", all_join, Step(terms.starts_ts - 1, attester, "attest", (absent,))
    yield "Nobody attests late", all_join, Step(terms.attest_until_ts, attester, "attest", (absent,))
    yield "Who is not found absent contests nothing", all_join, Step(terms.attest_until_ts, absent, "contest")
    yield "Nobody is paid early", all_join, Step(terms.pays_from_ts - 1, first, "claim")
    yield "Nobody is paid twice", (*all_join, claim), claim
    yield "An outsider is paid nothing", all_join, Step(terms.pays_from_ts, OUTSIDER, "claim")
