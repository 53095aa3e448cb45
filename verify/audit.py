"""The audit: history itself, event by event, through the real pool bytecode, compared to the wei."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ingest.records import LiquidityEvent, Swap
from verify.trace import StateTrace
from verify.venues.ranges import positions_needed
from verify.world import FEE, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.records import Event, History, Source
    from verify.evm import Slots
    from verify.fork.base import ForkBase

_STRETCH_EVENTS = 1024
"""So many run on one another before the result is written down and the EVM's journal, 4 kB each, is emptied."""


@dataclass(frozen=True, slots=True)
class AuditReport:
    """How well a history's events replay.

    Args:
        history: Its name.
        source: Where it comes from.
        events: All events.
        swaps: Those that are swaps.
        exact: Swaps whose amounts, price, liquidity and tick (v2: amounts and reserves) were all met to the wei.
        liquidity_events: Mints and burns that moved liquidity.
        liquidity_exact: Those whose amounts (v2: reserves too) were met to the wei.
        unexplained: (block, transaction, what differs) of every swap, mint and burn that was not.
        audited_share_by_value: The exact swaps' share of all swapped token1.
        modes: How often the pool had to be called in which way, by `verify.venues.Applied.mode`, where exact.
    """

    history: str
    source: Source
    events: int
    swaps: int
    exact: int
    liquidity_events: int
    liquidity_exact: int
    unexplained: tuple[tuple[int, str, str], ...]
    audited_share_by_value: Fraction
    modes: dict[str, int]

    @property
    def mismatched(self) -> int:
        """Swaps that were not exact."""
        return self.swaps - self.exact

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "history": self.history,
            "source": self.source,
            "events": self.events,
            "swaps": self.swaps,
            "exact": self.exact,
            "mismatched": self.mismatched,
            "liquidity_events": self.liquidity_events,
            "liquidity_exact": self.liquidity_exact,
            "unexplained": [{"block": block, "tx": tx, "why": why} for block, tx, why in self.unexplained],
            "audited_share_by_value": float(self.audited_share_by_value),
            "modes": self.modes,
        }


def audit(history: History, base: ForkBase | None = None) -> tuple[AuditReport, StateTrace]:
    """Replays a history from its initial state, and keeps what each event changed.

    After an event that does not match, the pool is put at what history recorded, so that those after it are judged
    by themselves.

    Args:
        history: What is replayed.
        base: The fork that it goes on from; without one it goes on from a pool that is made.

    Raises:
        InputError: No pool can have the initial state, or the fork has another.
    """
    needed = positions_needed(history.initial_state, history.events)
    world = World.build(history.initial_state, separate_positions=needed, base=base)
    outcomes, trace = replay(world, history.events)
    return _report(history, outcomes), trace


Outcome = tuple[bool, str, str]
"""An event's `Applied` without its slots: exact, mode, why."""


def replay(world: World, events: Sequence[Event]) -> tuple[list[Outcome], StateTrace]:
    """Applies all events to a world at the state before the first; see `audit`."""
    fees = fees_in_force(events, world.fee_pips)
    fee_key = world.pool, FEE
    trace = StateTrace(world.capture(), {fee_key: fees[0]})
    world.set_fee(fees[0])
    outcomes: list[Outcome] = []
    while len(trace) < len(events):
        stretch = slice(len(trace), len(trace) + _STRETCH_EVENTS)
        with world.anchor():
            changes = _stretch(world, events[stretch], fees[stretch], outcomes)
        fee_pips = fees[len(trace) + len(changes)]
        if fee_pips != world.fee_pips:
            changes[-1][fee_key] = fee_pips
        world.update(trace.extend(changes))
    return outcomes, trace


def _stretch(world: World, events: Sequence[Event], fees: Sequence[int], outcomes: list[Outcome]) -> list[Slots]:
    """Applies events on one another until one does not match, or the fee changes; returns what each changed."""
    apply, set_block, fee_pips = world.venue.apply, world.evm.set_block, world.fee_pips
    changes = []
    for event, fee in zip(events, fees, strict=False):  # there is one more fee, at the end
        if fee != fee_pips:
            break
        set_block(event.block_number, event.block_ts)
        exact, mode, why, changed = apply(event)
        outcomes.append((exact, mode, why))
        changes.append(changed)
        if not exact:
            break
    return changes


def fees_in_force(events: Sequence[Event], fee_pips: int) -> list[int]:
    """The fee before each event and at the end: the next swap's, after the last swap its own.

    Args:
        events: Of a history.
        fee_pips: The fee where there is no swap.
    """
    swaps = [event for event in events if isinstance(event, Swap)]
    fee = swaps[-1].fee_pips if swaps else fee_pips
    fees = [fee]
    for event in reversed(events):
        if isinstance(event, Swap):
            fee = event.fee_pips
        fees.append(fee)
    return fees[::-1]


def _report(history: History, outcomes: Sequence[Outcome]) -> AuditReport:
    swaps = exact = liquidity_events = liquidity_exact = exact_value = value = 0
    modes: Counter[str] = Counter()
    unexplained = []
    for event, (is_exact, mode, why) in zip(history.events, outcomes, strict=True):
        if isinstance(event, Swap):
            swaps += 1
            exact += is_exact
            value += abs(event.amount1)
            exact_value += abs(event.amount1) * is_exact
        elif _moves_liquidity(event):
            liquidity_events += 1
            liquidity_exact += is_exact
        if is_exact:
            modes[mode] += 1
        else:
            unexplained.append((event.block_number, event.tx_hash, f"{mode}: {why}"))
    return AuditReport(
        history=history.name,
        source=history.source,
        events=len(history.events),
        swaps=swaps,
        exact=exact,
        liquidity_events=liquidity_events,
        liquidity_exact=liquidity_exact,
        unexplained=tuple(unexplained),
        audited_share_by_value=Fraction(exact_value, value) if value else Fraction(1),
        modes=dict(modes),
    )


def _moves_liquidity(event: LiquidityEvent) -> bool:
    return event.kind in {"mint", "burn"} and bool(event.liquidity or event.amount0 or event.amount1)
