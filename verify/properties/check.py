"""All properties of one rule: the same answers for the same rule, promises and seed, wherever they are asked."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from random import Random
from typing import TYPE_CHECKING, Any, Literal

from verify.evm import ExecutionError
from verify.findings import CandidateRejectedError, Finding
from verify.properties import checks, metamorphic, rows
from verify.properties.batches import drawn, scales, shrunk
from verify.properties.bench import MARKETS, Bench
from verify.templates import Promises

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from verify.properties.batches import Batch

Part = Literal["properties", "metamorphic"]

DRAWN = 12
"""Batches that are drawn on each market, beside the hand-picked ones."""

PROMISED_DRAWN = 4
"""Of them, so many are also tried in other orders, and with more sold: these take many settlements each."""


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A smallest batch found on which a property does not hold; without a batch where the words say it all."""

    market: str
    words: str
    batch: Batch = ()

    def __str__(self) -> str:
        return f"on {self.market}: {self.words}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found of one property. ``gate``: a counterexample turns the rule down; otherwise it is reported."""

    part: Part
    name: str
    gate: bool
    counterexample: Counterexample | None

    def to_json(self) -> dict[str, Any]:
        """The answer as JSON values; amounts are decimal text."""
        found = self.counterexample
        return {
            "passed": found is None,
            "gate": self.gate,
            "detail": str(found) if found else "no counterexample found",
            "batch": [{**asdict(ask), "amount": str(ask.amount), "limit": str(ask.limit)} for ask in found.batch]
            if found
            else [],
        }


def check(creation_code: bytes, promises: Promises | None, seed: int) -> tuple[Answer, ...]:
    """Asks one kind of property after the other; the first kind that turns the rule down is the last that is asked.

    Args:
        creation_code: The rule's, with its constructor's arguments.
        promises: What its description says; a rule without one promises nothing.
        seed: Of all that is drawn.

    Raises:
        CandidateRejectedError: The rule's constructor fails.
    """
    try:
        benches = tuple(Bench(market, creation_code) for market in MARKETS)
    except ExecutionError as error:
        raise CandidateRejectedError((Finding("deploy", "constructor-failed", str(error)),)) from None
    subject = _Subject(creation_code, promises or Promises(*[False] * len(fields(Promises))), seed, benches)
    answers: tuple[Answer, ...] = ()
    for ask in (_of_batches, _of_rows, _metamorphic, _reported):
        answers += tuple(ask(subject))
        if findings(answers):
            break
    return answers


def findings(answers: tuple[Answer, ...]) -> tuple[Finding, ...]:
    """Why the rule is turned down; nothing where it is not."""
    return tuple(
        Finding(answer.part, answer.name.replace("_", "-"), str(answer.counterexample))
        for answer in answers
        if answer.gate and answer.counterexample
    )


GATES: dict[str, Callable[[Bench, Batch], str | None]] = {
    "settles": checks.settles,
    "limits": checks.limits,
    "conservation": checks.conservation,
    "fair_value": checks.fair_value,
}
"""Properties of a batch that no rule may break."""

ROW_GATES: dict[str, Callable[[Bench], str | None]] = {
    "gas_growth": rows.gas_growth,
    "second_batch": rows.second_batch,
    "goes_on": rows.goes_on,
}
"""Properties of batches of many orders, or in a row."""

RELATIONS: dict[str, Callable[[Bench, Random], str | None]] = {
    "block_number": metamorphic.block_number,
    "block_time": metamorphic.block_time,
    "traders": metamorphic.traders,
    "gas": metamorphic.gas,
    "batch_size": metamorphic.batch_size,
}
"""What must not change a fill."""

_OF_TIME = frozenset({"block_number", "block_time"})


@dataclass(frozen=True, slots=True)
class _Subject:
    """The rule that is asked about, on every market."""

    creation_code: bytes
    promises: Promises
    seed: int
    benches: tuple[Bench, ...]

    def batches(self, bench: Bench) -> list[Batch]:
        """The hand-picked batches of a market, then the drawn ones."""
        random = Random(f"{self.seed} {bench.market}")  # noqa: S311
        drawn_ones = (drawn(bench.depths, bench.alone, random) for _ in range(DRAWN))
        return [*scales(bench.depths).values(), *drawn_ones]


def _of_batches(subject: _Subject) -> Iterator[Answer]:
    for name, broken in GATES.items():
        yield Answer("properties", name, gate=True, counterexample=_first(subject, broken))
    if subject.promises.order_independent:
        found = _first(subject, checks.order_independence, PROMISED_DRAWN)
        yield Answer("properties", "order_independence", gate=True, counterexample=found)


def _of_rows(subject: _Subject) -> Iterator[Answer]:
    bench = subject.benches[0]
    for name, broken in ROW_GATES.items():
        yield Answer("properties", name, gate=True, counterexample=_on(bench, broken(bench)))


def _metamorphic(subject: _Subject) -> Iterator[Answer]:
    bench = subject.benches[0]
    for name, differs in RELATIONS.items():
        found = _on(bench, differs(bench, Random(subject.seed)))  # noqa: S311
        yield Answer("metamorphic", name, not (subject.promises.time_dependent and name in _OF_TIME), found)
    found = _on(bench, metamorphic.tokens(bench, subject.creation_code))
    yield Answer("metamorphic", "tokens", gate=True, counterexample=found)


def _reported(subject: _Subject) -> Iterator[Answer]:
    found = _first(subject, checks.monotonicity, PROMISED_DRAWN)
    yield Answer("properties", "monotonicity", gate=False, counterexample=found)


def _first(
    subject: _Subject, broken: Callable[[Bench, Batch], str | None], last: int | None = None
) -> Counterexample | None:
    """The first batch that breaks a property, shrunk; of only so many of the ``last`` batches of each market."""
    for bench in subject.benches:
        for batch in subject.batches(bench)[-last if last else None :]:
            if broken(bench, batch):
                least = shrunk(batch, lambda each: broken(bench, each) is not None)  # noqa: B023
                return Counterexample(bench.market, broken(bench, least) or "", least)
    return None


def _on(bench: Bench, words: str | None) -> Counterexample | None:
    return Counterexample(bench.market, words) if words else None
