"""What worker processes do: attack some batches of one candidate, and the AMM on the same anchors."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median_low
from typing import TYPE_CHECKING

from verify.adversary.arena import AmmArena, AttackStage, Market
from verify.adversary.extract import Extracted, extract
from verify.adversary.regret import (
    Deviation,
    collusion,
    delay,
    floor_of,
    regret,
    true_order,
    utility_of_joining,
)
from verify.conventions import HEADLINE
from verify.findings import CandidateRejectedError
from verify.jobs import Rejected, this_worker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from verify.adversary.arena import KernelArena
    from verify.adversary.plays import Play, Played
    from verify.adversary.structured import Budget
    from verify.adversary.witness import Against
    from verify.baselines import Baseline, PreparedBatch

MOST_MISREPORTING = 8
"""So many orders of a batch are asked whether misreporting pays: the first ones."""


@dataclass(frozen=True, slots=True)
class AttackUnit:
    """One batch of a candidate: its place among the window length's batches; ``known`` are plays found before."""

    creation_code: bytes
    window_blocks: int
    baseline_file: str
    place: int
    budget: Budget
    known: tuple[Play, ...]


@dataclass(frozen=True, slots=True)
class Attacked:
    """What was found out of one batch. ``mechanism`` and ``amm`` are attacked on the same anchor.

    ``filled`` orders are those that the mechanism fills where nobody attacks: the others are no part of its attack.
    """

    place: int
    settle_block: int
    orders: tuple[int, ...]
    filled: int
    mechanism: Extracted
    amm: Extracted
    deviations: tuple[Deviation, ...]
    together: Deviation | None


def attack(unit: AttackUnit) -> Attacked | Rejected:
    """Attacks a batch; a rule that fails on it as it is, is turned down."""
    try:
        return _bench(unit).attacked(unit.place, unit.budget, unit.known)
    except CandidateRejectedError as error:
        return Rejected("attack", unit.place, error.findings)


@dataclass(frozen=True, slots=True)
class PlayUnit:
    """One play of one batch of a candidate, or of the AMM."""

    creation_code: bytes
    window_blocks: int
    baseline_file: str
    place: int
    play: Play
    against: Against


def played(unit: PlayUnit) -> Played | Rejected:
    """What one play comes to."""
    try:
        bench = _bench(unit)
    except CandidateRejectedError as error:
        return Rejected("attack", unit.place, error.findings)
    arena = bench.at(unit.place)
    return (arena if unit.against == "mechanism" else bench.amm_of(arena, unit.place)).play(unit.play)


def _bench(unit: AttackUnit | PlayUnit) -> _Bench:
    baseline = this_worker().baseline(unit.baseline_file)
    return _Bench(unit.creation_code, baseline, baseline.batches[HEADLINE.anchor, unit.window_blocks])


class _Bench:
    """One candidate's world, and what its batches need."""

    def __init__(self, creation_code: bytes, baseline: Baseline, batches: Sequence[PreparedBatch]) -> None:
        worker = this_worker()
        most_orders = max(len(batch.intents) for batch in batches)
        self._stage = AttackStage(worker.plan.history, worker.anchors(), creation_code, most_orders, worker.signed)
        self._baseline = baseline
        self._batches = batches
        self._reference = worker.reference

    def at(self, place: int) -> KernelArena:
        """The arena of a batch, with the world at its anchor."""
        prepared = self._batches[place]
        block = prepared.batch.settle_block
        market = Market(self._reference.at(block), self._reference.gas_price_wei(block))
        self._stage.move(prepared)
        return self._stage.arena(prepared, market, self._swap_gas(prepared))

    def amm_of(self, arena: KernelArena, place: int) -> AmmArena:
        """The AMM's arena of the same batch on the same anchor."""
        prepared = self._batches[place]
        return AmmArena(self._stage.world, prepared, arena.market, self._swap_gas(prepared))

    def attacked(self, place: int, budget: Budget, known: Sequence[Play]) -> Attacked:
        """What a sequencer could take from one batch, and whether its traders do well to tell the truth.

        Raises:
            CandidateRejectedError: The rule fails on the batch as it is.
        """
        batch = self._batches[place].batch
        settled = self._stage.run(self._batches[place])
        self._stage.set_state({})  # each batch meets the rule as if it were its first
        later = self._utilities_later(place)
        arena = self.at(place)
        asked = range(min(MOST_MISREPORTING, len(batch.orders)))
        deviations = []
        for i in asked:
            found = regret(arena, i)
            waits = delay(arena, i, later[i]) if later else found
            deviations.append(max(found, waits, key=lambda one: one.gain_bps))
        return Attacked(
            place=place,
            settle_block=batch.settle_block,
            orders=batch.orders,
            filled=sum(sold > 0 for sold, _ in settled.fills),
            mechanism=extract(arena, budget, known),
            amm=extract(self.amm_of(arena, place), budget, known),
            deviations=tuple(deviations),
            together=collusion(arena, asked),
        )

    def _swap_gas(self, prepared: PreparedBatch) -> int:
        """A swap through Uniswap's router on cold state: what the batch's orders took in the `amm` run."""
        return median_low(self._baseline.orders[seq].gas for seq in prepared.batch.orders)

    def _utilities_later(self, place: int) -> list[Fraction]:
        """What a batch's orders would have of joining the next batch; empty where there is none."""
        if place + 1 >= len(self._batches):
            return []
        now = self.at(place)
        asked = range(min(MOST_MISREPORTING, len(now.intents)))
        orders = [(true_order(now, i), floor_of(now, i)) for i in asked]
        later = self.at(place + 1)
        return [utility_of_joining(later, own, floor) for own, floor in orders]
