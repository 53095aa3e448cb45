"""Trials: candidate after candidate over the training part of a history, none twice; what a search chooses by."""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Self

from ingest.fork.document import content_id
from ingest.labels import jit_events, label_swaps
from verify.audit import audit
from verify.beside import audit_beside
from verify.compile import artifact_id
from verify.conventions import EVALUATOR_VERSION, FREE_RUNNING, HEADLINE
from verify.evaluate import HEADLINE_NAME, Candidate, Evaluator, Replayed, Resources
from verify.findings import Finding
from verify.fork.base import ForkBase
from verify.jobs import Plan
from verify.machinery import machinery
from verify.plan import read
from verify.run import MACHINE_FINDINGS, Step, admitted, examined, keeps_state, quiet
from verify.score.bootstrap import Draws
from verify.score.trial import Score, score
from verify.training import training_last, training_part

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from ingest.fork.records import Fork
    from ingest.records import History
    from ingest.store import Store
    from verify.evaluate import Verdict
    from verify.run import Entry, Options, Rule

Json = dict[str, Any]
TrialStatus = Literal["scored", "rejected", "unscored"]


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one candidate over the training blocks, at one window length.

    ``code_id`` is of its bytecode, constructor arguments included, so that two sources of the same code are the same
    trial; "" where it did not compile. ``findings`` say why it was turned down before its replay ended.
    """

    candidate_id: str
    code_id: str
    window_blocks: int
    status: TrialStatus
    reason: str
    findings: tuple[Finding, ...] = ()
    score: Score | None = None

    @property
    def lower(self) -> float | None:
        """`Score.lower`; None without a score."""
        return None if self.score is None else self.score.lower

    def to_json(self) -> Json:
        """The trial as JSON values."""
        return asdict(self)

    @classmethod
    def of_json(cls, content: Json) -> Trial:
        """The trial that `to_json` wrote."""
        found = tuple(Finding(**finding) for finding in content["findings"])
        told = content["score"]
        return cls(**content | {"findings": found, "score": None if told is None else Score.of_json(told)})


class Trials:
    """Tries candidates on a history's training part; a context manager, whose workers start at the first trial.

    Nothing that happened after the training blocks is in what is replayed, labelled or priced here. A trial that the
    store has is not run again.

    Args:
        history: The whole history; only its training part is used.
        windows: Window lengths that may be asked for.
        store: Where trials are kept.
        options: Workers, seed, native price and elasticity; its windows are not used.
        progress: Is told about every step.
        beside: Other pools of the pair.
        fork: As of `verify.run.verify`.
    """

    def __init__(
        self,
        history: History,
        windows: Sequence[int],
        store: Store,
        options: Options,
        progress: Callable[[Step], None] = quiet,
        beside: Sequence[History] = (),
        fork: Fork | None = None,
    ) -> None:
        self.last_block = training_last(history)
        self.history = training_part(history)
        self.beside = tuple(training_part(other, self.last_block) for other in beside)
        self._windows = tuple(windows)
        self._store = store
        self._options = options
        self._progress = progress
        self._fork = fork
        self._draws = Draws(options.seed)
        self._closing = ExitStack()
        self._plan: Plan | None = None
        self._evaluator: Evaluator | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    @property
    def plan(self) -> Plan:
        """The training part, audited and read."""
        if self._plan is None:
            base = None if self._fork is None else ForkBase.of(self._fork, (self.history, *self.beside))
            _, others = audit_beside(self.history, self.beside, base)
            _, trace = audit(self.history, base)
            labelled = label_swaps(self.history, HEADLINE.labelling, self.beside)
            readings = {HEADLINE.labelling: read(self.history, labelled, jit_events(self.history))}
            self._plan = Plan(self.history, trace, readings, self._options.native_price, others, base)
        return self._plan

    def run(self, asked: Sequence[tuple[Rule, int]]) -> list[Trial]:
        """Tries rules, each at a window length; in the order asked.

        Raises:
            CompilerUnavailableError: The machine has no compiler.
        """
        admissions = [admitted(rule, i, len(asked), self._progress) for i, (rule, _) in enumerate(asked)]
        entries = examined(admissions, self._options, self._progress)
        found: dict[str, Trial] = {}
        missing: dict[str, int] = {}
        for i, (entry, (_, window)) in enumerate(zip(entries, asked, strict=True)):
            key = self._key(entry, window)
            if entry.findings or key in found or key in missing:
                continue
            stored = self._store.get_result(key)
            if stored is None:
                missing[key] = i
            else:
                found[key] = Trial.of_json(stored.document)
        if missing:
            found |= self._evaluated(entries, asked, missing)
        return [
            _turned_down(entry, window)
            if entry.findings
            else replace(found[self._key(entry, window)], candidate_id=entry.info.candidate_id)
            for entry, (_, window) in zip(entries, asked, strict=True)
        ]

    def _evaluated(
        self, entries: Sequence[Entry], asked: Sequence[tuple[Rule, int]], missing: dict[str, int]
    ) -> dict[str, Trial]:
        if self._evaluator is None:
            resources = Resources(self._options.workers, self._options.memory_bytes)
            made = Evaluator(
                self.plan, self._windows, resources, lambda *done: self._progress(Step(*done)), headline_only=True
            )
            self._evaluator = self._closing.enter_context(made)
        candidates = [Candidate(e.creation_code, e.artifact is not None and keeps_state(e.artifact)) for e in entries]
        keys = {(i, asked[i][1]): key for key, i in missing.items()}
        found: dict[str, Trial] = {}
        for task, verdict in self._evaluator.run(candidates, list(keys), self._options.elasticity):
            trial = self._judged(entries[task[0]], task[1], verdict)
            found[keys[task]] = trial
            if not any(finding.code in MACHINE_FINDINGS for finding in trial.findings):
                self._store.put_result(keys[task], {}, trial.to_json())
        return found

    def _judged(self, entry: Entry, window: int, verdict: Verdict) -> Trial:
        if not isinstance(verdict, Replayed):
            return _turned_down(replace(entry, findings=verdict), window)
        scored = score(verdict.outcomes[HEADLINE_NAME], verdict.outcomes.get(FREE_RUNNING), self._draws)
        who = (entry.info.candidate_id, _code_id(entry), window)
        if isinstance(scored, Score):
            return Trial(*who, "scored", "", score=scored)
        return Trial(*who, "rejected" if scored.verdict == "rejected" else "unscored", scored.why)

    def _key(self, entry: Entry, window: int) -> str:
        identity = {
            "artifact": artifact_id(""),  # the compiler and its settings; the candidate is its code
            "code": _code_id(entry),
            "fork": None if self._fork is None else content_id(self._fork),
            "machinery": [machinery(each.pool.kind) for each in (self.history, *self.beside)],
            "history": [each.content_id for each in (self.history, *self.beside)],
            "window": window,
            "native_price": str(self._options.native_price),
            "elasticity": self._options.elasticity,
            "seed": self._options.seed,
            "evaluator": EVALUATOR_VERSION,
        }
        return "trial-" + hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def _code_id(entry: Entry) -> str:
    return hashlib.sha256(entry.creation_code).hexdigest() if entry.creation_code else ""


def _turned_down(entry: Entry, window: int) -> Trial:
    reason = "; ".join(str(finding) for finding in entry.findings)
    return Trial(entry.info.candidate_id, _code_id(entry), window, "rejected", reason, entry.findings)
