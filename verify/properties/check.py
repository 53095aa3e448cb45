"""All properties of one rule: the same answers for the same rule, promises and seed, wherever they are asked."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Literal

from verify.evm import ExecutionError
from verify.findings import Finding
from verify.properties import checks, metamorphic, rows
from verify.properties.batches import drawn, scales, shrunk
from verify.properties.bench import MARKETS, PLAINEST, Bench
from verify.properties.hostile import hostile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from verify.properties.batches import Batch
    from verify.templates import Promises

Part = Literal["properties", "metamorphic"]

DRAWN = 25
"""Batches that are drawn on each market, beside the hand-picked ones."""

PROMISED_DRAWN = 6
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
    """Asks every property; metamorphic relations only of a rule that holds the others, as they compare its fills.

    Args:
        creation_code: The rule's, with its constructor's arguments.
        promises: What its description says; a rule without one promises nothing.
        seed: Of all that is drawn.
    """
    try:
        benches = [Bench(market, creation_code) for market in MARKETS]
    except ExecutionError as error:
        failed = Counterexample(PLAINEST, f"the rule's constructor fails: {error}")
        return (Answer("properties", "settles", gate=True, counterexample=failed),)
    answers = tuple(_properties(benches, creation_code, promises, seed))
    if any(answer.gate and answer.counterexample for answer in answers):
        return answers
    return answers + tuple(_metamorphic(benches, creation_code, promises, seed))


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
    "stops": rows.stops,
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


def _properties(benches: list[Bench], creation_code: bytes, promises: Promises | None, seed: int) -> Iterator[Answer]:
    promised = promises is not None and promises.order_independent
    batches = {bench.market: _batches(bench, seed) for bench in benches}
    for name, broken in GATES.items():
        yield Answer("properties", name, gate=True, counterexample=_first(benches, batches, broken))
    few = {market: found[-PROMISED_DRAWN:] for market, found in batches.items()}
    if promised:
        found = _first(benches, few, checks.order_independence)
        yield Answer("properties", "order_independence", gate=True, counterexample=found)
    yield Answer("properties", "monotonicity", gate=False, counterexample=_first(benches, few, checks.monotonicity))
    for name, fails in ROW_GATES.items():
        yield Answer("properties", name, gate=True, counterexample=_on(benches[0], fails(benches[0])))
    yield Answer("properties", "hostile_token", True, _on(benches[0], hostile(PLAINEST, creation_code)))


def _metamorphic(benches: list[Bench], creation_code: bytes, promises: Promises | None, seed: int) -> Iterator[Answer]:
    timely = promises is not None and promises.time_dependent
    bench = benches[0]
    for name, differs in RELATIONS.items():
        found = _on(bench, differs(bench, Random(seed)))  # noqa: S311
        yield Answer("metamorphic", name, gate=not (timely and name in _OF_TIME), counterexample=found)
    yield Answer(
        "metamorphic", "tokens", gate=True, counterexample=_on(bench, metamorphic.tokens(bench, creation_code))
    )


def _batches(bench: Bench, seed: int) -> list[Batch]:
    random = Random(f"{seed} {bench.market}")  # noqa: S311
    return [*scales(bench.depths).values(), *(drawn(bench.depths, bench.alone, random) for _ in range(DRAWN))]


def _first(
    benches: list[Bench], batches: dict[str, list[Batch]], broken: Callable[[Bench, Batch], str | None]
) -> Counterexample | None:
    """The first batch that breaks a property, shrunk."""
    for bench in benches:
        for batch in batches[bench.market]:
            if broken(bench, batch):
                least = shrunk(batch, lambda each: broken(bench, each) is not None)  # noqa: B023
                return Counterexample(bench.market, broken(bench, least) or "", least)
    return None


def _on(bench: Bench, words: str | None) -> Counterexample | None:
    return Counterexample(bench.market, words) if words else None
