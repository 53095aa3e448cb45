"""`attack`: a rule and a history in; what a sequencer could take and what misreporting pays out, with witnesses."""

from __future__ import annotations

import pickle
import random
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

from ingest.errors import InputError, PactsmithError
from ingest.labels import jit_events, label_swaps
from verify import jobs, kernel
from verify.adversary.jobs import AttackUnit, PlayUnit, attack, played
from verify.adversary.structured import Budget
from verify.adversary.summary import summary
from verify.adversary.witness import corpus
from verify.audit import audit
from verify.baselines import Cut
from verify.beside import audit_beside
from verify.conventions import HEADLINE
from verify.findings import CandidateRejectedError
from verify.fork.base import ForkBase
from verify.isolate import Failure, Limits, Pool
from verify.jobs import PLAN_FILE, Plan, PrepareUnit, Rejected
from verify.plan import read
from verify.reference import Reference
from verify.run import Rule, Step, admitted, quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ingest.fork.records import Fork
    from ingest.records import History
    from verify.adversary.jobs import Attacked
    from verify.adversary.witness import Witness
    from verify.baselines import PreparedBatch
    from verify.isolate import Done

Json = dict[str, Any]
R = TypeVar("R")

SECONDS_PER_PLAY = 0.02
LEAST_SECONDS = 120.0
CAPITAL_OF_BATCH = 100
"""So many times what a batch sells is what one trade of the attacker's may be worth, where nothing else is said."""

PLAYS_PER_BATCH = 20_000
"""So many plays are reckoned for a batch beside those of the black-box search, for the worker's time limit."""


@dataclass(frozen=True, slots=True)
class AttackOptions:
    """How hard to look.

    Args:
        window_blocks: Length of the windows whose batches are attacked.
        batches: How many: half of them those of most value, half drawn.
        capital: What one trade or order of the attacker's may be worth, in whole units of the numeraire; None:
            `CAPITAL_OF_BATCH` times what the batch sells.
        budget: All else that bounds the searches; its capital is set from the above.
        workers: Processes.
        memory_bytes: Address space of a worker.
        native_price: What a whole native coin is worth in whole units of the numeraire, for pools that hold none.
        last_block: Only batches that settle up to this block are attacked; None: any.
    """

    window_blocks: int = 1
    batches: int = 20
    capital: Fraction | None = None
    budget: Budget = field(default_factory=Budget)
    workers: int = 2
    memory_bytes: int = 4 * 1024**3
    native_price: Fraction | None = None
    last_block: int | None = None


def attack_rule(
    history: History,
    rule: Rule,
    options: AttackOptions,
    witnesses: Path,
    progress: Callable[[Step], None] = quiet,
    beside: Sequence[History] = (),
    fork: Fork | None = None,
) -> Json:
    """Attacks a rule on sampled batches of a history, and writes a witness for every attack that pays.

    Args:
        history: Whose orders are the batches.
        rule: What is attacked; the AMM is attacked on the same anchors.
        options: How hard to look.
        witnesses: Folder of those found before, which are tried again, and of those found now.
        progress: Is told how many batches are done.
        beside: Other pools of the pair.
        fork: As of `verify.run.verify`.

    Raises:
        InputError: An option is wrong, or the history has no batches.
        CandidateRejectedError: The rule is turned down, or fails on a batch that nobody attacks.
        PactsmithError: A worker ran into its limits.
    """
    entry = admitted(rule, 0, 1, quiet)
    if entry.findings:
        raise CandidateRejectedError(entry.findings)
    plan = _plan(history, options.native_price, beside, fork)
    seconds = LEAST_SECONDS + SECONDS_PER_PLAY * (PLAYS_PER_BATCH + 2 * options.budget.plays)
    with _workers(plan, options.workers, seconds, options.memory_bytes, options.window_blocks) as work:
        places = _sample(work.batches, Reference(history, options.native_price), options)
        known = corpus(
            witnesses,
            (each.content_id for each in plan.histories),
            {work.batches[place].batch.settle_block: work.batches[place].batch.orders for place in places},
        )
        units = [
            AttackUnit(
                entry.creation_code,
                options.window_blocks,
                work.baseline_file,
                place,
                replace(options.budget, capital=_capital(plan, work.batches[place], options)),
                known.get(work.batches[place].batch.settle_block, ()),
            )
            for place in places
        ]
        found = _attacked(work.pool, units, progress)
    return summary(plan, rule, entry.info.candidate_id, options, len(work.batches), found, witnesses)


def replay_witness(
    witness: Witness, history: History, beside: Sequence[History] = (), fork: Fork | None = None
) -> Json:
    """Plays a witness again, in a world of its own; says what came of it beside what it says.

    Raises:
        InputError: The histories or the fork are not those of the witness, or have no such batch.
        CandidateRejectedError: Its rule is turned down.
    """
    told = tuple(each.content_id for each in (history, *beside))
    if told != witness.content_ids:
        raise InputError(f"{history.name} and those beside it are not what the witness was found on", field="history")
    rule = Rule(witness.rule["name"], witness.rule["source"], witness.rule["parameters"])
    entry = admitted(rule, 0, 1, quiet)
    if entry.findings:
        raise CandidateRejectedError(entry.findings)
    plan = _plan(history, None, beside, fork)
    if (None if plan.base is None else plan.base.content_id) != witness.fork:
        raise InputError("the witness was found on another fork, or on none", field="fork")
    options = AttackOptions()
    with _workers(plan, 1, LEAST_SECONDS, options.memory_bytes, witness.window_blocks) as work:
        places = [i for i, one in enumerate(work.batches) if one.batch.orders == witness.orders]
        if not places:
            raise InputError(f"there is no batch of these orders that settles in block {witness.settle_block}")
        unit = PlayUnit(
            entry.creation_code, witness.window_blocks, work.baseline_file, places[0], witness.play, witness.against
        )
        (result,) = _results(work.pool.map(played, [unit]))
    again = {"taken": list(result.taken), "bought": list(result.bought), "gas": result.gas}
    said = {"taken": list(witness.taken), "bought": list(witness.bought), "gas": witness.gas}
    return {
        "witness": witness.name,
        "history": history.name,
        "against": witness.against,
        "same": again == said,
        "said": _texts(said),
        "again": _texts(again),
    }


def _texts(outcome: Json) -> Json:
    return outcome | {name: [str(amount) for amount in outcome[name]] for name in ("taken", "bought")}


@dataclass(frozen=True, slots=True)
class _Work:
    """Workers that have a plan, and the batches of one window length."""

    pool: Pool
    baseline_file: str
    batches: tuple[PreparedBatch, ...]


@contextmanager
def _workers(plan: Plan, workers: int, seconds: float, memory_bytes: int, window_blocks: int) -> Iterator[_Work]:
    kernel.contract()  # compiled now: a worker's memory limit has no room for a compiler
    with TemporaryDirectory(prefix="pactsmith-run-") as name:
        folder = Path(name)
        (folder / PLAN_FILE).write_bytes(pickle.dumps(plan))
        limits = Limits(seconds, memory_bytes, int(seconds))
        with Pool(workers, limits, jobs.start, (name,)) as pool:
            cut = Cut(HEADLINE.anchor, window_blocks)
            unit = PrepareUnit(HEADLINE.labelling, HEADLINE.slack_bps, (cut,))
            (baseline,) = _results(pool.map(jobs.prepare, [unit]))
            (folder / unit.file).write_bytes(pickle.dumps(baseline))
            yield _Work(pool, unit.file, baseline.batches[HEADLINE.anchor, window_blocks])


def _results(done: Iterable[Done[R | Rejected]]) -> Iterator[R]:
    """What came of units.

    Raises:
        CandidateRejectedError: The candidate fails.
        PactsmithError: A worker was stopped.
    """
    for one in done:
        if isinstance(one.result, Rejected):
            raise CandidateRejectedError(one.result.findings)
        if isinstance(one.result, Failure):
            raise PactsmithError(f"the work on a batch was stopped ({one.result.kind}): {one.result.detail}")
        yield one.result


def _plan(history: History, native_price: Fraction | None, beside: Sequence[History], fork: Fork | None) -> Plan:
    base = None if fork is None else ForkBase.of(fork, (history, *beside))
    _, others = audit_beside(history, beside, base)
    _, trace = audit(history, base)
    labelling = HEADLINE.labelling
    reading = read(history, label_swaps(history, labelling, beside), jit_events(history))
    return Plan(history, trace, {labelling: reading}, native_price, others, base)


def _sample(batches: Sequence[PreparedBatch], reference: Reference, options: AttackOptions) -> list[int]:
    """Places of the batches of most value, and of as many others that are drawn, in order."""
    sound = [
        place
        for place, prepared in enumerate(batches)
        if not prepared.unscored and (options.last_block is None or prepared.batch.settle_block <= options.last_block)
    ]
    if not sound:
        raise InputError("no batch of this history can be replayed, so that there is nothing to attack")

    def value(place: int) -> Fraction:
        values = reference.values(batches[place].batch.settle_block)
        return sum((i.sell_amount * values[not i.sells_token0] for i in batches[place].intents), Fraction(0))

    by_value = sorted(sound, key=lambda place: (-value(place), place))
    largest = by_value[: -(-options.batches // 2)]
    rest = sorted(by_value[len(largest) :])
    chances = random.Random(options.budget.seed)  # noqa: S311 - a sample, no secret
    drawn = chances.sample(rest, min(options.batches - len(largest), len(rest)))
    return sorted((*largest, *drawn))


def _capital(plan: Plan, prepared: PreparedBatch, options: AttackOptions) -> tuple[int, int]:
    """The most of each token that one trade may sell, in smallest units."""
    reference = Reference(plan.history, plan.native_price)
    value0, value1 = reference.values(prepared.batch.settle_block)
    if options.capital is not None:
        worth = options.capital * reference.unit
        return int(worth / value0), int(worth / value1)
    sold = sum(i.sell_amount * (value0 if i.sells_token0 else value1) for i in prepared.intents)
    return int(CAPITAL_OF_BATCH * sold / value0), int(CAPITAL_OF_BATCH * sold / value1)


def _attacked(pool: Pool, units: Sequence[AttackUnit], progress: Callable[[Step], None]) -> list[Attacked]:
    found: list[Attacked] = []
    progress(Step("attack", 0, len(units)))
    for count, attacked in enumerate(_results(pool.map(attack, units)), start=1):
        progress(Step("attack", count, len(units)))
        found.append(attacked)
    return sorted(found, key=lambda one: one.place)
