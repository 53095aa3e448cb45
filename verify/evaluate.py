"""The map over (candidate, batch range): baselines once, then every candidate, in confined worker processes.

What comes back does not depend on how the work was cut or in which order it ended.
"""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

from ingest.errors import PactsmithError
from verify import jobs, kernel
from verify.assemble import Known, assemble, know
from verify.baselines import Cut
from verify.conventions import FREE_RUNNING, HEADLINE, PRICE_ERRORS, Convention, variants
from verify.findings import Finding
from verify.free.market import FreeMarket
from verify.free.outcomes import OtherWorlds
from verify.free.outcomes import outcomes as free_outcomes
from verify.free.records import FreeRun
from verify.free.report import free_json
from verify.isolate import Failure, Limits, Pool
from verify.jobs import PLAN_FILE, FreeUnit, Leg, Plan, PrepareUnit, Rejected, ReplayUnit
from verify.reference import Reference
from verify.replay import Settled
from verify.score.split import Split

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType

    from ingest.records import History
    from verify.baselines import Baseline
    from verify.conventions import Labelling
    from verify.outcomes import Outcomes

HEADLINE_NAME = "headline"
WITHOUT = (-1, 0)
"""In place of a candidate and a window: the free-running world without a mechanism."""

BATCHES_PER_UNIT = 2_000
SECONDS_PER_BATCH = 0.1
"""A settlement takes about a millisecond; a rule that burns a block's gas in every batch meets this limit."""

LEAST_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is replayed: creation code with its arguments, and whether batches depend on those before them."""

    creation_code: bytes
    keeps_state: bool


@dataclass(frozen=True, slots=True)
class Resources:
    """Worker processes and the address space of each in bytes."""

    workers: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a candidate: outcomes by variant, the headline's under `HEADLINE_NAME`.

    ``free_running`` is what `verify.free.report` says of the free-running replay; None where it was not run.
    """

    outcomes: Mapping[str, Outcomes]
    free_running: dict[str, Any] | None


Verdict = Replayed | tuple[Finding, ...]
"""What was found out, or why the candidate is turned down."""


Result = dict[str, tuple[Settled, ...]] | FreeRun | Rejected | Failure
"""What became of one unit."""

Named = Callable[[int], dict[str, Convention]]
"""The conventions to replay windows of a length under, by name."""

Baselines = Mapping[tuple["Labelling", int], tuple[str, "Baseline"]]
"""By (labelling, slack in bps): the file in the run's folder, and what is in it."""


def conventions(window_blocks: int) -> dict[str, Convention]:
    """The headline's and all variants' conventions for windows of this length, by name."""
    return {HEADLINE_NAME: HEADLINE, **variants(window_blocks)}


class Evaluator:
    """Evaluates candidates over one history, as often as it is asked to, on the same workers and baselines.

    A context manager. What comes back for a candidate depends on it alone, not on what was evaluated before.

    Args:
        plan: The history with its trace and readings.
        windows: Window lengths in blocks that may be asked for.
        resources: What may be used.
        progress: Is told ("baselines" or "replay", units done, units in all).
        headline_only: Leave out every other convention: a candidate's outcomes are then the headline's, and the
            free-running replay's where it is asked for.
    """

    def __init__(
        self,
        plan: Plan,
        windows: Iterable[int],
        resources: Resources,
        progress: Callable[[str, int, int], None],
        *,
        headline_only: bool = False,
    ) -> None:
        self._plan = plan
        self._windows = sorted(set(windows))
        self._resources = resources
        self._progress = progress
        self._named = _headline_only if headline_only else conventions
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        kernel.contract()  # compiled now: a worker, whose memory has no room for a compiler, finds the cached result
        seconds = _seconds(self._plan)
        limits = Limits(seconds, self._resources.memory_bytes, int(seconds))
        with ExitStack() as opening:
            folder = Path(opening.enter_context(TemporaryDirectory(prefix="pactsmith-run-")))
            (folder / PLAN_FILE).write_bytes(pickle.dumps(self._plan))
            pool = Pool(self._resources.workers, limits, jobs.start, (str(folder),))
            self._pool = opening.enter_context(pool)
            self._baselines = _prepare(pool, self._plan, folder, self._windows, self._named, self._progress)
            self._shared = _Shared(self._plan, self._baselines, self._named)
            self._closing = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def run(
        self, candidates: Sequence[Candidate], tasks: Sequence[tuple[int, int]], elasticity: float | None = 0.0
    ) -> Iterator[tuple[tuple[int, int], Verdict]]:
        """Replays candidates; yields each task with its verdict as soon as its last unit has ended.

        Args:
            candidates: What to replay.
            tasks: (index of the candidate, window length in blocks).
            elasticity: The share of traders who leave a mechanism of the free-running replay; None: it is not run.
        """
        shared = self._shared
        free = [] if elasticity is None else self._free_units(candidates, tasks, elasticity)
        replays = _units(self._plan, self._baselines, candidates, tasks, self._named)
        units: list[ReplayUnit | FreeUnit] = [*free, *replays]
        left = Counter(unit.task for unit in units if unit.task != WITHOUT)
        found: dict[tuple[int, int], list[tuple[ReplayUnit | FreeUnit, Result]]] = {task: [] for task in left}
        ended: list[tuple[int, int]] = []
        self._progress("replay", 0, len(units))
        for count, done in enumerate(self._pool.map(jobs.work, units), start=1):
            unit = units[done.index]
            self._progress("replay", count, len(units))
            if unit.task == WITHOUT:
                shared.without_mechanism(_sound(done.result))
            else:
                found[unit.task].append((unit, done.result))
                left[unit.task] -= 1
                ended += [] if left[unit.task] else [unit.task]
            if shared.others is not None or elasticity is None:
                for task in ended:
                    yield task, _verdict(self._plan.history, shared, task[1], found.pop(task))
                ended.clear()

    def _free_units(
        self, candidates: Sequence[Candidate], tasks: Sequence[tuple[int, int]], elasticity: float
    ) -> list[FreeUnit]:
        """The world without a mechanism first, which all others are compared with, where it was not run yet."""
        file, _ = self._baselines[HEADLINE.labelling, HEADLINE.slack_bps]
        units = [FreeUnit(WITHOUT[0], b"", WITHOUT[1], file, 0.0)] if self._shared.others is None else []
        return units + [FreeUnit(i, candidates[i].creation_code, window, file, elasticity) for i, window in tasks]


def _headline_only(_window_blocks: int) -> dict[str, Convention]:
    return {HEADLINE_NAME: HEADLINE}


class _Shared:
    """What all candidates' outcomes have in common, by window length and variant; made when first asked for."""

    def __init__(self, plan: Plan, baselines: Baselines, named: Named) -> None:
        self.named = named
        self.reference = Reference(plan.history, plan.native_price)
        self._plan = plan
        self._baselines = baselines
        self._by_window: dict[int, dict[str, tuple[str, list[Known]]]] = {}
        self.others: OtherWorlds | None = None
        _, headline = baselines[HEADLINE.labelling, HEADLINE.slack_bps]
        self._market = FreeMarket(plan.history, headline, self.reference, plan.histories[1:])

    def without_mechanism(self, run: FreeRun) -> None:
        """Takes the free-running world that candidates' worlds are compared with."""
        self.others = OtherWorlds(self._market, run)

    def known(self, window: int) -> dict[str, tuple[str, list[Known]]]:
        """By variant: the convention under which it was replayed, and its batches.

        Under an error of the reference price, only those of the held-out blocks, which it speaks of.
        """
        if window not in self._by_window:
            first_block = _heldout_first(self._plan, window)
            found = {name: (name, self._know(name, window, self.reference)) for name in self.named(window)}
            for name, error in PRICE_ERRORS.items() if self.named is conventions else ():
                priced = Reference(self._plan.history, self._plan.native_price, error)
                found[name] = (HEADLINE_NAME, self._know(HEADLINE_NAME, window, priced, first_block))
            self._by_window[window] = found
        return self._by_window[window]

    def _know(self, name: str, window: int, priced: Reference, first_block: int = 0) -> list[Known]:
        convention = self.named(window)[name]
        baseline = self._baselines[convention.labelling, convention.slack_bps][1]
        return [
            know(self._plan.history, priced, baseline, batch)
            for batch in baseline.batches[convention.anchor, window]
            if batch.batch.window * window >= first_block
        ]


def _seconds(plan: Plan) -> float:
    """A unit's wall-clock and processor limit: a rule with state has all of history in one unit."""
    return max(LEAST_SECONDS, SECONDS_PER_BATCH * len(plan.history.events))


def _prepare(
    pool: Pool,
    plan: Plan,
    folder: Path,
    windows: Sequence[int],
    named: Named,
    progress: Callable[[str, int, int], None],
) -> Baselines:
    """Baselines of every convention; those beside the headline only for the held-out windows that they speak of."""
    cuts: dict[tuple[Labelling, int], list[Cut]] = {}
    for window in windows:
        for name, convention in named(window).items():
            first_block = 0 if name == HEADLINE_NAME else _heldout_first(plan, window)
            cuts.setdefault((convention.labelling, convention.slack_bps), []).append(
                Cut(convention.anchor, window, first_block, routes=name == HEADLINE_NAME)
            )
    units = [PrepareUnit(labelling, slack, tuple(found)) for (labelling, slack), found in cuts.items()]
    prepared = {}
    progress("baselines", 0, len(units))
    for count, done in enumerate(pool.map(jobs.prepare, units), start=1):
        if isinstance(done.result, Failure):
            raise PactsmithError(f"the baselines failed ({done.result.kind}): {done.result.detail}")
        unit = units[done.index]
        (folder / unit.file).write_bytes(pickle.dumps(done.result))
        prepared[unit.labelling, unit.slack_bps] = (unit.file, done.result)
        progress("baselines", count, len(units))
    return prepared


def _heldout_first(plan: Plan, window_blocks: int) -> int:
    events = plan.history.events
    return Split(events[0].block_number, events[-1].block_number, window_blocks).blocks("heldout")[0]


def _units(
    plan: Plan,
    baselines: Baselines,
    candidates: Sequence[Candidate],
    tasks: Sequence[tuple[int, int]],
    named: Named,
) -> Iterator[ReplayUnit]:
    """The longest first: rules with state, whose batches cannot be split."""
    for index, window in sorted(tasks, key=lambda task: not candidates[task[0]].keeps_state):
        candidate = candidates[index]
        legs = []
        for name, convention in named(window).items():
            file, baseline = baselines[convention.labelling, convention.slack_bps]
            found = baseline.batches[convention.anchor, window]
            size = max(len(found), 1) if candidate.keeps_state else BATCHES_PER_UNIT
            legs += [
                Leg(name, file, convention.anchor, first, min(first + size, len(found)))
                for first in range(0, max(len(found), 1), size)
            ]
        if candidate.keeps_state:
            heldout_first = _heldout_first(plan, window)
            headline = baselines[HEADLINE.labelling, HEADLINE.slack_bps][1].batches[HEADLINE.anchor, window]
            carry_at = sum(batch.batch.window * window < heldout_first for batch in headline)
            yield ReplayUnit(index, candidate.creation_code, window, tuple(legs), carry_at)
        else:
            for leg in legs:
                yield ReplayUnit(index, candidate.creation_code, window, (leg,))


def _sound(result: Result) -> FreeRun:
    if isinstance(result, FreeRun):
        return result
    detail = result.detail if isinstance(result, Failure) else "it was turned down"
    raise PactsmithError(f"the free-running replay without a mechanism failed: {detail}")


def _under(name: str, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings, saying under which convention they were made where it is not the headline's."""
    if name == HEADLINE_NAME:
        return findings
    where = f"in the {name} replay" if name == FREE_RUNNING else f"under {name}"
    return tuple(replace(finding, message=f"{where}: {finding.message}") for finding in findings)


def _verdict(
    history: History,
    shared: _Shared,
    window: int,
    results: Sequence[tuple[ReplayUnit | FreeUnit, Result]],
) -> Verdict:
    """Joins a task's units; where it is turned down, by its first reason in the order of conventions and batches."""
    names = [*shared.named(window), FREE_RUNNING]
    free: FreeRun | None = None
    parts: dict[str, list[tuple[int, tuple[Settled, ...]]]] = {name: [] for name in names}
    refusals: list[tuple[int, int, tuple[Finding, ...]]] = []
    for unit, result in results:
        if isinstance(result, Rejected):
            refusals.append((names.index(result.leg), result.batch, _under(result.leg, result.findings)))
        elif isinstance(result, Failure):
            if result.kind == "error":
                raise PactsmithError(f"the replay itself failed, which no candidate can cause: {result.detail}")
            finding = Finding("run", result.kind, f"the replay was stopped: {result.detail}")
            where = (FREE_RUNNING, 0) if isinstance(unit, FreeUnit) else (unit.legs[0].name, unit.legs[0].first)
            refusals.append((names.index(where[0]), where[1], (finding,)))
        elif isinstance(result, FreeRun):
            free = result
        elif isinstance(unit, ReplayUnit):
            for leg in unit.legs:
                parts[leg.name].append((leg.first, result[leg.name]))
    if refusals:
        return min(refusals, key=lambda refusal: refusal[:2])[2]

    outcomes = {}
    for name, (source, known) in shared.known(window).items():
        settled = [batch for _, part in sorted(parts[source], key=lambda part: part[0]) for batch in part]
        outcomes[name] = assemble(history, shared.reference, window, known, settled[len(settled) - len(known) :])
    if free is None or shared.others is None:
        return Replayed(outcomes, None)
    anchored = outcomes[HEADLINE_NAME]
    outcomes[FREE_RUNNING] = scored = free_outcomes(shared.others, free, anchored)
    return Replayed(outcomes, free_json(scored, free, shared.others.plain, anchored, shared.reference))
