"""A history's batches of one window length, chosen and worked on alone: by workers that have its plan."""

from __future__ import annotations

import pickle
import random
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

from ingest.errors import InputError, PactsmithError
from ingest.labels import jit_events, label_swaps
from verify import jobs, kernel
from verify.audit import audit
from verify.baselines import Cut
from verify.beside import audit_beside
from verify.conventions import HEADLINE
from verify.findings import CandidateRejectedError
from verify.fork.base import ForkBase
from verify.isolate import Failure, Limits, Pool
from verify.jobs import PLAN_FILE, Plan, PrepareUnit, Rejected
from verify.plan import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ingest.fork.records import Fork
    from ingest.records import History
    from verify.baselines import PreparedBatch
    from verify.isolate import Done
    from verify.reference import Reference

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Work:
    """Workers that have a plan, and the batches of one window length."""

    pool: Pool
    baseline_file: str
    batches: tuple[PreparedBatch, ...]


@contextmanager
def workers(plan: Plan, count: int, seconds: float, memory_bytes: int, window_blocks: int) -> Iterator[Work]:
    """So many workers, each under these limits a unit, and the headline's batches."""
    kernel.contract()  # compiled now: a worker's memory limit has no room for a compiler
    with TemporaryDirectory(prefix="pactsmith-run-") as name:
        folder = Path(name)
        (folder / PLAN_FILE).write_bytes(pickle.dumps(plan))
        limits = Limits(seconds, memory_bytes, int(seconds))
        with Pool(count, limits, jobs.start, (name,)) as pool:
            cut = Cut(HEADLINE.anchor, window_blocks)
            unit = PrepareUnit(HEADLINE.labelling, HEADLINE.slack_bps, (cut,))
            (baseline,) = results(pool.map(jobs.prepare, [unit]))
            (folder / unit.file).write_bytes(pickle.dumps(baseline))
            yield Work(pool, unit.file, baseline.batches[HEADLINE.anchor, window_blocks])


def results(done: Iterable[Done[R | Rejected]]) -> Iterator[R]:
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


def plan_of(
    history: History, native_price: Fraction | None, beside: Sequence[History] = (), fork: Fork | None = None
) -> Plan:
    """The plan of the headline's reading alone, audited."""
    base = None if fork is None else ForkBase.of(fork, (history, *beside))
    _, others = audit_beside(history, beside, base)
    _, trace = audit(history, base)
    labelling = HEADLINE.labelling
    reading = read(history, label_swaps(history, labelling, beside), jit_events(history))
    return Plan(history, trace, {labelling: reading}, native_price, others, base)


def sample(
    batches: Sequence[PreparedBatch],
    reference: Reference,
    *,
    largest: int,
    drawn: int,
    seed: int,
    last_block: int | None = None,
) -> list[int]:
    """Places of the batches of most value, and of as many others as are drawn, in order.

    Raises:
        InputError: No batch, up to ``last_block`` where there is one, has a sound outcome.
    """
    sound = [
        place
        for place, prepared in enumerate(batches)
        if not prepared.unscored and (last_block is None or prepared.batch.settle_block <= last_block)
    ]
    if not sound:
        raise InputError("no batch of this history can be replayed, so that there is nothing to choose from")
    by_value = sorted(sound, key=lambda place: (-value_of(batches[place], reference), place))
    rest = sorted(by_value[largest:])
    chances = random.Random(seed)  # noqa: S311 - a sample, no secret
    return sorted((*by_value[:largest], *chances.sample(rest, min(drawn, len(rest)))))


def value_of(prepared: PreparedBatch, reference: Reference) -> Fraction:
    """What a batch's orders sell, in the numeraire's smallest unit at the settlement."""
    values = reference.values(prepared.batch.settle_block)
    return sum((i.sell_amount * values[not i.sells_token0] for i in prepared.intents), Fraction(0))
