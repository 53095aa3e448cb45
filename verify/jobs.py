"""What worker processes do: prepare baselines, and replay one candidate over a range of batches.

A worker loads the plan (history, trace, readings) once from the run's folder, and each baseline when it first needs
it. Nothing here imports numpy or the store: a worker stays small under its memory limit.
"""

from __future__ import annotations

import functools
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verify.anchors import Anchors
from verify.baselines import Baseline, Cut, PreparedBatch, compute
from verify.beside import world_of
from verify.collector import paused
from verify.conventions import FREE_RUNNING
from verify.findings import CandidateRejectedError, Finding
from verify.free.market import FreeMarket
from verify.free.replay import with_mechanism, without_mechanism
from verify.free.settle import LiveStage
from verify.reference import Reference
from verify.replay import Settled, SignedBatches, Stage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from ingest.records import History
    from verify.beside import Beside
    from verify.conventions import Anchor, Labelling
    from verify.fork.base import ForkBase
    from verify.free.records import FreeRun
    from verify.plan import Reading
    from verify.trace import StateTrace

PLAN_FILE = "plan.pickle"


@dataclass(frozen=True, slots=True)
class Plan:
    """What all work on one history shares.

    ``beside`` are the pair's other pools that a mechanism may use; ``base`` is the fork that worlds are built on.
    """

    history: History
    trace: StateTrace
    readings: Mapping[Labelling, Reading]
    native_price: Fraction | None
    beside: tuple[Beside, ...] = ()
    base: ForkBase | None = None

    @property
    def histories(self) -> tuple[History, ...]:
        """The history that is replayed, then those of the pools beside."""
        return self.history, *(other.history for other in self.beside)


@dataclass(frozen=True, slots=True)
class PrepareUnit:
    """Baselines of one labelling and slack, for these cuts."""

    labelling: Labelling
    slack_bps: int
    cuts: tuple[Cut, ...]

    @property
    def file(self) -> str:
        """Where the run's folder keeps the result."""
        return f"baseline-{self.labelling}-{self.slack_bps}.pickle"


@dataclass(frozen=True, slots=True)
class Leg:
    """The batches ``first`` to ``last`` (exclusive) of one cut of one baseline; ``name`` is the convention's."""

    name: str
    baseline_file: str
    anchor: Anchor
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class ReplayUnit:
    """One candidate over some legs of one window length.

    The first leg starts with the rule's state empty. The state that it had before its batch ``carry_at`` is what every
    other leg starts with; only rules that keep state have more than one leg.
    """

    candidate: int
    creation_code: bytes
    window_blocks: int
    legs: tuple[Leg, ...]
    carry_at: int = 0

    @property
    def task(self) -> tuple[int, int]:
        """(candidate, window length): what the unit is a part of."""
        return self.candidate, self.window_blocks


@dataclass(frozen=True, slots=True)
class FreeUnit:
    """One free-running replay over all of history; without creation code the world without a mechanism.

    ``baseline_file`` has the batches of this window length, ``elasticity`` is `verify.free.market.willing`'s.
    """

    candidate: int
    creation_code: bytes
    window_blocks: int
    baseline_file: str
    elasticity: float

    @property
    def task(self) -> tuple[int, int]:
        """(candidate, window length): what the unit is a part of."""
        return self.candidate, self.window_blocks


@dataclass(frozen=True, slots=True)
class Rejected:
    """The candidate is at fault. ``leg`` and ``batch`` are where: the first reason counts, however work was split."""

    leg: str
    batch: int
    findings: tuple[Finding, ...]


class _Worker:
    """This process's plan, reference and worlds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plan: Plan = _load(folder / PLAN_FILE)
        self.reference = Reference(self.plan.history, self.plan.native_price)
        self.signed: SignedBatches = {}

    def anchors(self) -> Anchors:
        """A fresh world: contracts get the same addresses for every candidate."""
        plan = self.plan
        return Anchors(world_of(*plan.histories, base=plan.base), plan.trace, plan.beside)

    @functools.lru_cache(maxsize=8)  # noqa: B019 -- one worker object a process, alive as long as it
    def baseline(self, file: str) -> Baseline:
        """A prepared baseline of this run."""
        found: Baseline = _load(self.folder / file)
        return found

    def batches(self, leg: Leg, window_blocks: int) -> tuple[PreparedBatch, ...]:
        """A leg's batches."""
        return self.baseline(leg.baseline_file).batches[leg.anchor, window_blocks][leg.first : leg.last]


_worker: _Worker | None = None


def start(folder: str) -> None:
    """The pool's initializer: loads the plan from the run's folder."""
    global _worker  # noqa: PLW0603 -- what a process has loaded belongs to the process
    _worker = _Worker(Path(folder))


def prepare(unit: PrepareUnit) -> Baseline:
    """Computes the baselines of one labelling and slack."""
    worker = this_worker()
    return compute(
        worker.plan.history,
        worker.plan.readings[unit.labelling],
        worker.reference,
        worker.anchors(),
        slack_bps=unit.slack_bps,
        cuts=unit.cuts,
    )


def replay(unit: ReplayUnit) -> dict[str, tuple[Settled, ...]] | Rejected:
    """Replays one candidate over its legs; what became of each batch, by the leg's name."""
    worker = this_worker()
    batches = {leg: worker.batches(leg, unit.window_blocks) for leg in unit.legs}
    most_orders = max((len(batch.intents) for found in batches.values() for batch in found), default=0)
    try:
        stage = Stage(worker.plan.history, worker.anchors(), unit.creation_code, most_orders, worker.signed)
    except CandidateRejectedError as error:
        return Rejected(unit.legs[0].name, unit.legs[0].first, error.findings)
    results: dict[str, tuple[Settled, ...]] = {}
    carried: dict[int, int] = {}
    for i, leg in enumerate(unit.legs):
        stage.set_state(carried)
        settled: list[Settled] = []
        for batch in batches[leg]:
            if i == 0 and len(settled) == unit.carry_at:
                carried = stage.state()
            try:
                settled.append(stage.run(batch))
            except CandidateRejectedError as error:
                return Rejected(leg.name, leg.first + len(settled), error.findings)
        if i == 0 and len(settled) == unit.carry_at:
            carried = stage.state()
        results[leg.name] = tuple(settled)
    return results


@paused()
def work(unit: ReplayUnit | FreeUnit) -> dict[str, tuple[Settled, ...]] | FreeRun | Rejected:
    """Either kind of replay."""
    return free_run(unit) if isinstance(unit, FreeUnit) else replay(unit)


def free_run(unit: FreeUnit) -> FreeRun | Rejected:
    """Replays a candidate, or none, in a world that goes on."""
    worker = this_worker()
    plan, baseline = worker.plan, worker.baseline(unit.baseline_file)
    market = FreeMarket(plan.history, baseline, worker.reference, plan.histories[1:])
    anchors = worker.anchors()
    if not unit.creation_code:
        return without_mechanism(market, anchors.world)
    most_orders = max((len(batch.intents) for batch in market.batches(unit.window_blocks).values()), default=0)
    try:
        stage = LiveStage(plan.history, anchors, unit.creation_code, most_orders, worker.signed)
        return with_mechanism(market, stage, unit.window_blocks, unit.elasticity)
    except CandidateRejectedError as error:
        return Rejected(FREE_RUNNING, 0, error.findings)


def this_worker() -> _Worker:
    """What this process has loaded.

    Raises:
        RuntimeError: `start` was not called in it.
    """
    if _worker is None:
        raise RuntimeError("start was not called in this process")
    return _worker


def _load(path: Path) -> Any:
    """Reads what the run itself wrote into its own private folder."""
    return pickle.loads(path.read_bytes())  # noqa: S301 -- written by our parent process, in a folder of mode 0700
