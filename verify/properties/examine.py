"""Candidates' properties, asked in confined worker processes and remembered: they hang on no history."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ingest.errors import PactsmithError
from verify import kernel
from verify.cache import Cache
from verify.conventions import EVALUATOR_VERSION
from verify.findings import CandidateRejectedError, Finding
from verify.isolate import Failure, Limits, Pool
from verify.machinery import machinery
from verify.properties.bench import harness_kernel
from verify.properties.check import Answer, check
from verify.score.gates import Gate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from verify.templates import Promises

Json = dict[str, Any]

SEED = 1
"""Of all that is drawn: the same for every candidate and every run, so that no verdict hangs on it."""

WALL_SECONDS = 300.0
"""A rule takes a few seconds; one that burns all the gas it is given, in every settlement, meets this limit."""

_ANSWERS = Cache("properties", max_bytes=1 << 20)

PARTS = ("properties", "metamorphic")


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose properties are asked: creation code with its arguments, and what the rule's description promises."""

    creation_code: bytes
    promises: Promises | None


@dataclass(frozen=True, slots=True)
class Examined:
    """The answers as JSON values by ``part.name``, and why the rule is turned down, if it is."""

    answers: Mapping[str, Json]
    findings: tuple[Finding, ...]

    def gates(self) -> dict[str, Gate]:
        """One gate for each part; not reached where an earlier one turned the rule down."""
        found = {}
        for part in PARTS:
            asked = {name: row for name, row in self.answers.items() if name.startswith(f"{part}.") and row["gate"]}
            failed = [f"{name.split('.')[1]}: {row['detail']}" for name, row in asked.items() if not row["passed"]]
            detail = "; ".join(failed) or f"no counterexample to any of {len(asked)}"
            found[part] = Gate(not failed, detail) if asked else Gate(None, "not reached")
        return found


def examine(
    subjects: Sequence[Subject], workers: int, memory_bytes: int, progress: Callable[[int], None]
) -> list[Examined]:
    """Asks for every subject's properties; those that were asked before are remembered.

    Args:
        subjects: Whose.
        workers: Processes.
        memory_bytes: Address space of each.
        progress: Is told how many are done.
    """
    found = {i: _load(subject) for i, subject in enumerate(subjects)}
    missing = [i for i, known in found.items() if known is None]
    progress(len(subjects) - len(missing))
    if missing:
        limits = Limits(WALL_SECONDS, memory_bytes, int(WALL_SECONDS))
        with Pool(workers, limits) as pool:
            for count, done in enumerate(pool.map(_ask, [subjects[i] for i in missing]), start=1):
                i = missing[done.index]
                found[i] = _read(done.result, subjects[i])
                progress(len(subjects) - len(missing) + count)
    return [each for each in found.values() if each is not None]


def on_card(examined: Examined | None, gates: Json) -> Json:
    """What a scorecard tells of its rule's properties, its ``gates`` included; None where the rule was not admitted."""
    if examined is None:
        return {"properties": {}}
    found = {name: asdict(gate) for name, gate in examined.gates().items() if gate.passed is not None}
    return {"properties": dict(examined.answers), "gates": gates | found}


def _ask(subject: Subject) -> tuple[Answer, ...] | tuple[Finding, ...]:
    """In a worker."""
    try:
        return check(subject.creation_code, subject.promises, SEED)
    except CandidateRejectedError as error:
        return error.findings


def _read(result: tuple[Answer, ...] | tuple[Finding, ...] | Failure, subject: Subject) -> Examined:
    """A worker's result; remembered, unless the machine may be to blame for it."""
    if isinstance(result, Failure):
        if result.kind == "error":
            raise PactsmithError(f"the properties' own code failed, which no candidate can cause: {result.detail}")
        message = f"asking for its properties was stopped: {result.detail}"
        return Examined({}, (Finding("properties", result.kind, message),))
    answers = {f"{each.part}.{each.name}": each.to_json() for each in result if isinstance(each, Answer)}
    others = tuple(each for each in result if isinstance(each, Finding))
    examined = Examined(answers, others or _findings(answers))
    document = {"answers": answers, "findings": [finding.to_json() for finding in others]}
    _ANSWERS.save(_key(subject), document)
    return examined


def _load(subject: Subject) -> Examined | None:
    stored = _ANSWERS.load(_key(subject))
    if stored is None:
        return None
    answers = dict(stored["answers"])
    others = tuple(Finding(**finding) for finding in stored["findings"])
    return Examined(answers, others or _findings(answers))


def _findings(answers: Mapping[str, Json]) -> tuple[Finding, ...]:
    """Why a rule with these answers is turned down."""
    return tuple(
        Finding("properties" if name.startswith("properties.") else "metamorphic", _code(name), row["detail"])
        for name, row in answers.items()
        if row["gate"] and not row["passed"]
    )


def _code(name: str) -> str:
    return name.split(".")[1].replace("_", "-")


def _key(subject: Subject) -> str:
    identity = {
        "code": hashlib.sha256(subject.creation_code).hexdigest(),
        "promises": None if subject.promises is None else asdict(subject.promises),
        "machinery": [machinery("v2"), machinery("v3")],
        "kernel": hashlib.sha256(harness_kernel().creation_code + kernel.contract().creation_code).hexdigest(),
        "seed": SEED,
        "evaluator": EVALUATOR_VERSION,
    }
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
