"""Sampled batches of a candidate, settled once more in a worker, with all that another EVM needs to settle them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from verify.conventions import HEADLINE
from verify.findings import CandidateRejectedError
from verify.jobs import Rejected, this_worker
from verify.kernel import named
from verify.replay import Settled, Stage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.records import Intent
    from verify.baselines import PreparedBatch
    from verify.evm import Slots
    from verify.kernel import NamedVenue, Trail
    from verify.venues import SwapResult

K = TypeVar("K")
V = TypeVar("V")

Codes = dict[str, bytes]
"""Runtime code by address."""


@dataclass(frozen=True, slots=True)
class RecordUnit:
    """A candidate, and the places of the batches to record, in order.

    Batches before them are settled too where the rule keeps a state, which they make.
    """

    creation_code: bytes
    window_blocks: int
    baseline_file: str
    places: tuple[int, ...]
    keeps_state: bool


@dataclass(frozen=True, slots=True)
class Moment:
    """Storage and code of the world that a batch meets, where they differ from the world's; ``kernel`` settles it."""

    slots: Slots
    codes: Codes
    kernel: str


@dataclass(frozen=True, slots=True)
class RecordedBatch:
    """One settlement: what the world was like, the transaction, what came of it.

    ``fallback_calls`` are the driver's calldata for the unfilled orders, in order.
    """

    place: int
    prepared: PreparedBatch
    moment: Moment
    calldata: bytes
    settled: Settled
    fallback_calls: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Recorded:
    """The world that is common to all batches, who is who in it, and the batches.

    ``slots`` and ``codes`` are the world's; ``venues`` is how a kernel is told of them. The rule and the kernels have
    storage there, and no code.
    """

    slots: Slots
    codes: Codes
    rule: str
    driver: str
    venues: tuple[NamedVenue, ...]
    batches: tuple[RecordedBatch, ...]


class Recorder(Stage):
    """A stage that keeps of every settlement what it needed."""

    def record(self, place: int, prepared: PreparedBatch) -> RecordedBatch:
        """Settles a batch; its moment holds all of the world.

        Raises:
            CandidateRejectedError: As `Stage.run`.
        """
        self._fallback_calls: list[bytes] = []
        settled = self.run(prepared)
        return RecordedBatch(
            place, prepared, self._moment, self._sent, settled, fallback_calls=tuple(self._fallback_calls)
        )

    @property
    def rule(self) -> str:
        """Where the rule is."""
        return self._rule

    def _settle(self, prepared: PreparedBatch, address: str, calldata: bytes) -> tuple[bytes, int, Trail]:
        evm = self._world.evm
        self._moment = Moment(evm.database, self._codes(), address)
        self._sent = calldata
        return super()._settle(prepared, address, calldata)

    def _codes(self) -> Codes:
        """Of everybody but the rule and the kernels, which the project compiles for itself."""
        evm, own = self._world.evm, {self._rule, *self._kernels.values()}
        known = {address for address, _ in evm.database} | {venue.driver for venue in self._world.venues}
        codes = {address: evm.code(address) for address in sorted(known - own)}
        return {address: code for address, code in codes.items() if code}

    def _fall_back(self, intent: Intent) -> SwapResult:
        with self._world.evm.peek():
            call = self._world.venue.swap_call(intent.sells_token0, intent.sell_amount)
        self._fallback_calls.append(call)
        return super()._fall_back(intent)


def record(unit: RecordUnit) -> Recorded | Rejected:
    """Settles the sampled batches; a rule that fails on one is turned down."""
    worker = this_worker()
    batches = worker.baseline(unit.baseline_file).batches[HEADLINE.anchor, unit.window_blocks]
    last = unit.places[-1] if unit.places else -1
    wanted = range(last + 1) if unit.keeps_state else unit.places
    most_orders = max((len(batches[place].intents) for place in wanted), default=0)
    anchors = worker.anchors()
    place = 0
    try:
        stage = Recorder(worker.plan.history, anchors, unit.creation_code, most_orders, worker.signed)
        found = []
        for place in wanted:
            if place in unit.places:
                found.append(stage.record(place, batches[place]))
            else:
                stage.run(batches[place])
    except CandidateRejectedError as error:
        return Rejected("record", place, error.findings)
    world = anchors.world
    return _shared(found, stage.rule, world.venue.driver, tuple(map(named, world.venues)))


def _shared(batches: Sequence[RecordedBatch], rule: str, driver: str, venues: tuple[NamedVenue, ...]) -> Recorded:
    """What the first batch's world holds is the common one; of the others' only what differs is kept."""
    slots, codes = batches[0].moment.slots, batches[0].moment.codes
    told = tuple(
        replace(
            batch,
            moment=Moment(
                {key: batch.moment.slots.get(key, 0) for key in _differing(batch.moment.slots, slots)},
                {address: batch.moment.codes[address] for address in _differing(batch.moment.codes, codes)},
                batch.moment.kernel,
            ),
        )
        for batch in batches
    )
    return Recorded(slots, codes, rule, driver, venues, told)


def _differing(mine: Mapping[K, V], others: Mapping[K, V]) -> list[K]:
    return [key for key in mine.keys() | others.keys() if mine.get(key) != others.get(key)]
