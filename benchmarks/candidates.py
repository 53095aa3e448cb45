"""What a further candidate costs: an anchored replay beside its own EVM calls driven bare, and many candidates at once.

A simulated market is replayed. First one candidate's batches run as `verify` runs them (move to the batch's state,
settle, fall back, read what came of it, undo), beside a loop that does nothing but the very same calls of the EVM, in
order. Rounds alternate; times are CPU seconds of this one process.

Then `verify` scores one candidate, and many that differ in a comment, into new stores. What a further one costs is

- in the worker: all CPU time of the units of every candidate but the first, from the end of the unit before to its own
  end: receiving the unit, loading, building the world, deploying rule and kernels, replaying, sending the result back;
- in the process that scores: its CPU time with many less that with one, over how many more they are: admission,
  receiving results, joining, storing, scoring.

Both together are divided by the candidate's own replay, the work that no sharing could save, in the same run: its
settlements with what they left unfilled (`Stage.run`) under every convention, and its own world going on
(`with_mechanism`). A second figure divides by less: in that world too by the settlements alone (`LiveStage.clear`),
without arbitrage, market orders and the quotes that its traders compare with. The compiler is a process of its own and
in no figure: it is asked once for each source, whatever the history. Last, many candidates by two workers.

    python benchmarks/candidates.py [--blocks 3000] [--candidates 20] [--rounds 5] [--json]
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # else a benchmark hides the package of its name

from app.settings import embedded_market
from ingest.files import read_history
from ingest.labels import jit_events, label_swaps
from ingest.store import Store
from verify import jobs
from verify.admission import admit
from verify.anchors import Anchors
from verify.audit import audit
from verify.baselines import Cut, PreparedBatch, compute
from verify.beside import world_of
from verify.compile import constructor_data
from verify.free.settle import LiveStage
from verify.market import load_config, simulate
from verify.plan import read
from verify.reference import Reference
from verify.replay import Stage
from verify.run import Options, Rule, Step, verify
from verify.templates import load_template, templates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ingest.records import History
    from verify.trace import StateTrace

RULE = "CallAuction"


def make_history(blocks: int, folder: Path) -> History:
    """The embedded market, over so many blocks."""
    config = replace(load_config(embedded_market())["demo-v3"], blocks=blocks)
    files = simulate(config, folder)
    return read_history(
        files.events,
        initial_state=files.initial_state,
        name=f"{blocks} blocks",
        labels=files.labels,
        prices=files.prices,
        source="simulated",
    )


def rules(count: int) -> list[Rule]:
    """The same rule so many times, each with another comment: another candidate to all that remembers anything."""
    found = load_template(next(path for path in templates() if path.stem == RULE))
    parameters = {parameter.name: parameter.default for parameter in found.parameters}
    return [Rule(f"{RULE}-{i}", f"{found.source}\n// {i}\n", parameters) for i in range(count)]


CALLS = ("snapshot", "revert", "commit", "insert_account_storage", "set_block_env", "storage", "message_call")
"""What a replay asks of pyrevm."""


class Tape:
    """Every call that a replay makes of pyrevm, in order, to be made again without anything around it."""

    def __init__(self, evm: Any) -> None:
        """Listens to a `verify.evm.Evm` from now on."""
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self._original = evm._evm
        evm._evm = self
        evm._message_call = self._noted("message_call")
        evm.read = self._noted("storage")

    def __getattr__(self, name: str) -> Any:
        """What pyrevm itself has, listened to where it is one of `CALLS`."""
        return self._noted(name) if name in CALLS else getattr(self._original, name)

    def _noted(self, name: str) -> Callable[..., Any]:
        original, note = getattr(self._original, name), self.calls.append

        def noted(*arguments: Any) -> Any:
            note((name, arguments))
            return original(*arguments)

        return noted

    def play(self, evm: Any) -> float:
        """Makes the calls on another `verify.evm.Evm` in the same state; the CPU seconds that it took."""
        made = {name: getattr(evm._evm, name) for name in CALLS}
        snapshot, revert, checkpoints = made["snapshot"], made["revert"], []
        started = time.process_time()
        for name, arguments in self.calls:
            if name == "snapshot":
                checkpoints.append(snapshot())
            elif name == "revert":
                revert(checkpoints.pop())
            elif name == "commit":
                checkpoints.pop()
                made[name]()
            else:
                made[name](*arguments)
        return time.process_time() - started


@dataclass(frozen=True, slots=True)
class Prepared:
    """A history, ready for a candidate."""

    history: History
    trace: StateTrace
    batches: tuple[PreparedBatch, ...]
    creation_code: bytes

    def stage(self, signed: dict[Any, bytes]) -> Stage:
        """A fresh world with the candidate in it."""
        most_orders = max(len(batch.intents) for batch in self.batches)
        return Stage(self.history, Anchors(world_of(self.history), self.trace), self.creation_code, most_orders, signed)


def prepare(history: History) -> Prepared:
    """Audits a history and computes its baselines."""
    _, trace = audit(history)
    reading = read(history, label_swaps(history, "rules"), jit_events(history))
    anchors = Anchors(world_of(history), trace)
    baseline = compute(history, reading, Reference(history), anchors, slack_bps=50, cuts=[Cut("settlement", 1)])
    (rule,) = rules(1)
    artifact = admit(rule.source, file=rule.file)
    return Prepared(history, trace, baseline.batches["settlement", 1], constructor_data(artifact, rule.parameters))


def replay_beside_bare(prepared: Prepared, rounds: int) -> list[tuple[float, float]]:
    """(CPU seconds of the replay, CPU seconds of its calls of the EVM alone) of every round."""
    signed: dict[Any, bytes] = {}
    listening = prepared.stage(signed)
    tape = Tape(listening._world.evm)
    for batch in prepared.batches:
        listening.run(batch)  # also fills caches
    taken = []
    for _ in range(rounds):
        stage = prepared.stage(signed)
        started = time.process_time()
        for batch in prepared.batches:
            stage.run(batch)
        replayed = time.process_time() - started
        taken.append((replayed, tape.play(prepared.stage(signed)._world.evm)))
    return taken


class Meter:
    """In a worker: runs units and writes down what each took, and how much of that was replay and settlements."""

    def __init__(self) -> None:
        """Watches the calls that count, from now on, in this process."""
        self._spent: Counter[str] = Counter()
        self._end = time.process_time()
        self._watch(Stage, "run", "replay", "settlements")
        self._watch(LiveStage, "clear", "settlements")
        self._watch(jobs, "with_mechanism", "replay")

    def _watch(self, owner: Any, name: str, *kinds: str) -> None:
        original = getattr(owner, name)

        def watched(*arguments: Any) -> Any:
            started = time.process_time()
            result = original(*arguments)
            self._spent.update(dict.fromkeys(kinds, time.process_time() - started))
            return result

        setattr(owner, name, watched)

    def run(self, log: Path, unit: Any) -> Any:
        """The unit's result; adds a line to the log."""
        self._spent.clear()
        result = WORK(unit)
        end = time.process_time()
        with log.open("a") as lines:
            lines.write(json.dumps({"candidate": unit.candidate, "worker": end - self._end, **self._spent}) + "\n")
        self._end = end
        return result


WORK = jobs.work


@functools.cache
def meter() -> Meter:
    """This worker's."""
    return Meter()


def metered(log: Path, unit: Any) -> Any:
    """In place of `jobs.work`."""
    return meter().run(log, unit)


@dataclass(slots=True)
class Work:
    """What one run of `verify` took and did.

    ``cpu`` are the CPU seconds of the process that scores, by stage; ``further`` by kind those of a worker for all
    candidates but the first; ``clock`` the clock's seconds and ``units`` the units, by stage.
    """

    cpu: Counter[str] = field(default_factory=Counter)
    further: Counter[str] = field(default_factory=Counter)
    clock: dict[str, float] = field(default_factory=dict)
    units: dict[str, int] = field(default_factory=dict)


def score(history: History, count: int, workers: int) -> Work:
    """Scores so many candidates over windows of one block, into a new store."""
    work = Work()
    stage, since, before = "", time.monotonic(), time.process_time()

    def noted(step: Step) -> None:
        nonlocal stage, since, before
        now, cpu = time.monotonic(), time.process_time()
        work.clock[stage] = work.clock.get(stage, 0.0) + now - since
        work.cpu[stage] += cpu - before
        stage, since, before = step.stage, now, cpu
        work.units[stage] = step.total

    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "units.jsonl"
        jobs.work = functools.partial(metered, log)
        verify(history, rules(count), Store(Path(folder)), Options(windows=(1,), workers=workers), noted)
        work.cpu[stage] += time.process_time() - before
        jobs.work = WORK
        for line in map(json.loads, log.read_text().splitlines()):
            if line.pop("candidate") > 0:
                work.further.update(line)
    return work


def further_candidate(one: Work, many: Work, count: int) -> dict[str, float]:
    """CPU seconds of a further candidate by kind, and the ratios of all of them to its own replay and settlements."""
    found = {kind: seconds / count for kind, seconds in many.further.items()}
    for stage in ("admission", "replay", "score"):
        found[f"beside {stage}"] = (many.cpu[stage] - one.cpu[stage]) / count
    cost = found["worker"] + (many.cpu.total() - one.cpu.total()) / count
    return found | {"to_replay": cost / found["replay"], "to_settlements": cost / found["settlements"]}


def spread(values: Iterable[float]) -> dict[str, float]:
    """Median, lowest and highest."""
    values = list(values)
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    with tempfile.TemporaryDirectory() as folder:
        history = make_history(options.blocks, Path(folder))
    prepared = prepare(history)
    bare = replay_beside_bare(prepared, options.rounds)
    further = []
    for _ in range(options.rounds):
        one, many = score(history, 1, 1), score(history, options.candidates, 1)
        further.append(further_candidate(one, many, options.candidates - 1))
    both = score(history, options.candidates, 2)
    return {
        "events": len(history.events),
        "batches": len(prepared.batches),
        "replay_seconds": spread(replayed for replayed, _ in bare),
        "replay_to_bare": spread(replayed / calls for replayed, calls in bare),
        "units_of_one": one.units,
        "units_of_many": many.units,
        "further_candidate": {kind: spread(each[kind] for each in further) for kind in further[0]},
        "replay_clock_seconds": {"one worker": many.clock["replay"], "two workers": both.clock["replay"]},
        "two_workers_gain": many.clock["replay"] / both.clock["replay"],
    }


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=3000)
    parser.add_argument("--candidates", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options)
    if options.json:
        print(json.dumps(found, indent=1))
        return
    clock, further = found["replay_clock_seconds"], found["further_candidate"]
    print(f"{found['events']:,} events, {found['batches']:,} batches, rule {RULE}; median (lowest to highest)")
    print(f"replay                   {shown(found['replay_seconds'])} s")
    print(f"  to its bare calls      {shown(found['replay_to_bare'])}")
    print(f"baselines prepared       {found['units_of_one']['baselines']} sets for 1 candidate, ", end="")
    print(f"{found['units_of_many']['baselines']} for {options.candidates}")
    print("a further candidate")
    print(f"  worker                 {shown(further['worker'])} CPU s, of which")
    print(f"    its own replay       {shown(further['replay'])}")
    print(f"    settlements alone    {shown(further['settlements'])}")
    print(f"  admitted               {shown(further['beside admission'])} CPU s")
    print(f"  joined, stored         {shown(further['beside replay'])}")
    print(f"  scored                 {shown(further['beside score'])}")
    print(f"  all to its own replay  {shown(further['to_replay'])}")
    print(f"  all to settlements     {shown(further['to_settlements'])}")
    print(f"replay of {options.candidates:<15}{clock['one worker']:.1f} s by one worker, ", end="")
    print(f"{clock['two workers']:.1f} s by two: {found['two_workers_gain']:.2f} x")


def shown(figure: dict[str, float]) -> str:
    """A figure with its spread."""
    return f"{figure['median']:.2f} ({figure['low']:.2f} to {figure['high']:.2f})"


if __name__ == "__main__":
    main()
