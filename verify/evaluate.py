"""The map over (candidate, batch range): baselines once, then every candidate, in confined worker processes.

What comes back does not depend on how the work was cut or in which order it ended.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ingest.errors import PactsmithError
from verify import jobs, kernel
from verify.conventions import HEADLINE, Convention, variants
from verify.findings import Finding
from verify.isolate import Failure, Limits, Pool
from verify.jobs import PLAN_FILE, Plan, PrepareUnit, Rejected, ReplayUnit, joined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from verify.baselines import Baseline
    from verify.conventions import Anchor, Labelling
    from verify.outcomes import Outcomes

HEADLINE_NAME = "headline"

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


Verdict = dict[str, "Outcomes"] | tuple[Finding, ...]
"""Outcomes by variant, the headline's under `HEADLINE_NAME`; or why the candidate is turned down."""


def conventions(window_blocks: int) -> dict[str, Convention]:
    """The headline's and all variants' conventions for windows of this length, by name."""
    return {HEADLINE_NAME: HEADLINE, **variants(window_blocks)}


def evaluate(
    plan: Plan,
    candidates: Sequence[Candidate],
    tasks: Sequence[tuple[int, int]],
    resources: Resources,
    progress: Callable[[str, int, int], None],
) -> dict[tuple[int, int], Verdict]:
    """Replays candidates over a history.

    Args:
        plan: The history with its trace and readings.
        candidates: What to replay.
        tasks: (index of the candidate, window length in blocks).
        resources: What may be used.
        progress: Is told ("baselines" or "replay", units done, units in all).

    Returns:
        By task.
    """
    if not tasks:
        return {}
    windows = sorted({window for _, window in tasks})
    kernel.contract()  # compiled now: a worker's memory limit has no room for a compiler, it finds the cached result
    limits = Limits(_seconds(plan), resources.memory_bytes, int(_seconds(plan)))
    with TemporaryDirectory(prefix="pactsmith-run-") as name:
        folder = Path(name)
        (folder / PLAN_FILE).write_bytes(pickle.dumps(plan))
        with Pool(resources.workers, limits, jobs.start, (name,)) as pool:
            baselines = _prepare(pool, folder, windows, progress)
            units = list(_units(baselines, candidates, tasks))
            found: dict[tuple[int, int, str], list[tuple[int, Outcomes | Rejected | Failure]]] = {}
            progress("replay", 0, len(units))
            for count, done in enumerate(pool.map(jobs.replay, [unit for _, unit in units]), start=1):
                key, unit = units[done.index]
                found.setdefault(key, []).append((unit.first, done.result))
                progress("replay", count, len(units))
    return {task: _verdict(task, found) for task in tasks}


def _seconds(plan: Plan) -> float:
    """A unit's wall-clock and processor limit: a rule with state has all of history in one unit."""
    return max(LEAST_SECONDS, SECONDS_PER_BATCH * len(plan.history.events))


def _prepare(
    pool: Pool, folder: Path, windows: Iterable[int], progress: Callable[[str, int, int], None]
) -> Mapping[tuple[Labelling, int], tuple[str, Baseline]]:
    cuts: dict[tuple[Labelling, int], dict[tuple[Anchor, int], None]] = {}
    for window in windows:
        for convention in conventions(window).values():
            key = (convention.labelling, convention.slack_bps)
            cuts.setdefault(key, {})[convention.anchor, window] = None
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


def _units(
    baselines: Mapping[tuple[Labelling, int], tuple[str, Baseline]],
    candidates: Sequence[Candidate],
    tasks: Sequence[tuple[int, int]],
) -> Iterable[tuple[tuple[int, int, str], ReplayUnit]]:
    for index, window in tasks:
        candidate = candidates[index]
        for name, convention in conventions(window).items():
            file, baseline = baselines[convention.labelling, convention.slack_bps]
            count = len(baseline.batches[convention.anchor, window])
            size = max(count, 1) if candidate.keeps_state else BATCHES_PER_UNIT
            for first in range(0, max(count, 1), size):
                last = min(first + size, count)
                yield (
                    (index, window, name),
                    ReplayUnit(index, candidate.creation_code, file, convention.anchor, window, first, last),
                )


def _verdict(
    task: tuple[int, int], found: Mapping[tuple[int, int, str], list[tuple[int, Outcomes | Rejected | Failure]]]
) -> Verdict:
    by_variant = {}
    for name in conventions(task[1]):
        parts = []
        for _, result in sorted(found[*task, name], key=lambda part: part[0]):
            if isinstance(result, Rejected):
                return result.findings
            if isinstance(result, Failure):
                if result.kind == "error":
                    raise PactsmithError(f"the replay itself failed, which no candidate can cause: {result.detail}")
                return (Finding("run", result.kind, f"the replay was stopped: {result.detail}"),)
            parts.append(result)
        by_variant[name] = joined(parts)
    return by_variant
