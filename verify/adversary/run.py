"""`attack`: a rule and a history in; what a sequencer could take and what misreporting pays out, with witnesses."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ingest.errors import InputError
from verify.adversary.jobs import AttackUnit, PlayUnit, attack, played
from verify.adversary.structured import Budget
from verify.adversary.summary import summary
from verify.adversary.witness import corpus
from verify.batches import plan_of, results, sample, value_of, workers
from verify.findings import CandidateRejectedError
from verify.reference import Reference
from verify.run import Rule, Step, admitted, quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from fractions import Fraction
    from pathlib import Path

    from ingest.fork.records import Fork
    from ingest.records import History
    from verify.adversary.jobs import Attacked
    from verify.adversary.witness import Witness
    from verify.baselines import PreparedBatch
    from verify.isolate import Pool
    from verify.jobs import Plan

Json = dict[str, Any]

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
    plan = plan_of(history, options.native_price, beside, fork)
    seconds = LEAST_SECONDS + SECONDS_PER_PLAY * (PLAYS_PER_BATCH + 2 * options.budget.plays)
    with workers(plan, options.workers, seconds, options.memory_bytes, options.window_blocks) as work:
        largest = -(-options.batches // 2)
        places = sample(
            work.batches,
            Reference(history, options.native_price),
            largest=largest,
            drawn=options.batches - largest,
            seed=options.budget.seed,
            last_block=options.last_block,
        )
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
    plan = plan_of(history, None, beside, fork)
    if (None if plan.base is None else plan.base.content_id) != witness.fork:
        raise InputError("the witness was found on another fork, or on none", field="fork")
    options = AttackOptions()
    with workers(plan, 1, LEAST_SECONDS, options.memory_bytes, witness.window_blocks) as work:
        places = [i for i, one in enumerate(work.batches) if one.batch.orders == witness.orders]
        if not places:
            raise InputError(f"there is no batch of these orders that settles in block {witness.settle_block}")
        unit = PlayUnit(
            entry.creation_code, witness.window_blocks, work.baseline_file, places[0], witness.play, witness.against
        )
        (result,) = results(work.pool.map(played, [unit]))
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


def _capital(plan: Plan, prepared: PreparedBatch, options: AttackOptions) -> tuple[int, int]:
    """The most of each token that one trade may sell, in smallest units."""
    reference = Reference(plan.history, plan.native_price)
    value0, value1 = reference.values(prepared.batch.settle_block)
    if options.capital is not None:
        worth = options.capital * reference.unit
        return int(worth / value0), int(worth / value1)
    sold = value_of(prepared, reference)
    return int(CAPITAL_OF_BATCH * sold / value0), int(CAPITAL_OF_BATCH * sold / value1)


def _attacked(pool: Pool, units: Sequence[AttackUnit], progress: Callable[[Step], None]) -> list[Attacked]:
    found: list[Attacked] = []
    progress(Step("attack", 0, len(units)))
    for count, attacked in enumerate(results(pool.map(attack, units)), start=1):
        progress(Step("attack", count, len(units)))
        found.append(attacked)
    return sorted(found, key=lambda one: one.place)
