"""Which slots of a v3 or v4 pool can change, and how those of a swap are found without looking at all of them."""

from __future__ import annotations

import bisect
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from verify import slots as at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ingest.records import Pool
    from verify.evm import Evm, Slots
    from verify.venues import Ledgers

Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where one pool's state lies, and its driver's positions.

    Args:
        contract: Whose storage: the pool itself, or v4's manager.
        slot0: Price and tick.
        liquidity: Liquidity at the price.
        by_token: What a swap writes whose input is token0, and token1.
        observation: The slot, by what slot0 holds, that a swap also writes where it changes the tick; None: no such.
        others: What only other calls write.
        tick_slots: The slots of a tick; the first has its liquidity.
        bitmap_slot: The slot of a word of the bitmap of initialised ticks.
        position_slots: The slots of the driver's position over a range.
    """

    contract: str
    slot0: int
    liquidity: int
    by_token: tuple[tuple[int, ...], tuple[int, ...]]
    observation: Callable[[int], int] | None
    others: tuple[int, ...]
    tick_slots: Callable[[int], tuple[int, ...]]
    bitmap_slot: Callable[[int], int]
    position_slots: Callable[[int, int], tuple[int, ...]]


def v3_layout(pool: str, driver: str) -> Layout:
    """That of a v3 pool."""
    return Layout(
        contract=pool,
        slot0=at.V3_SLOT0,
        liquidity=at.V3_LIQUIDITY,
        by_token=((at.V3_FEE_GROWTH0,), (at.V3_FEE_GROWTH1,)),
        observation=at.v3_slot0_observation,
        others=(at.V3_PROTOCOL_FEES,),
        tick_slots=at.v3_tick_slots,
        bitmap_slot=at.v3_bitmap_slot,
        position_slots=functools.partial(at.v3_position_slots, driver),
    )


class WatchedSlots:
    """The slots of one pool, and of the tokens as far as they are the pool's.

    Ticks, bitmap words, positions and observations are supersets: what was ever written in this world stays watched.
    """

    def __init__(self, evm: Evm, record: Pool, layout: Layout, ledgers: Ledgers) -> None:
        self._evm = evm
        self._layout = layout
        self._pool = pool = layout.contract
        self._tick_slots = layout.tick_slots
        self._observation = layout.observation
        self._spacing = record.tick_spacing
        self._ticks: list[int] = []
        self._words: set[int] = set()
        self._positions: set[tuple[int, int]] = set()
        self._observations: set[int] = set()
        self._all: tuple[Key, ...] = ()
        self.slot0_key: Key = (pool, layout.slot0)
        self.liquidity_key: Key = (pool, layout.liquidity)
        balances = tuple(ledger.slot(pool) for ledger in ledgers)
        by_token = [tuple((pool, slot) for slot in slots) for slots in layout.by_token]
        self._fixed: tuple[Key, ...] = (
            self.slot0_key,
            self.liquidity_key,
            *((pool, slot) for slot in layout.others),
            *by_token[0],
            *by_token[1],
            *balances,
        )
        # By whether token0 is sold: fees are in the token that is paid in.
        self._swap_keys = ((*by_token[1], *balances), (*by_token[0], *balances))

    def tick(self) -> int:
        """The pool's tick."""
        return at.v3_slot0_tick(self._evm.storage(*self.slot0_key))

    def after_swap(self, tick_before: int, zero_for_one: bool) -> Slots:
        """The values of every slot that one swap from ``tick_before`` may have changed. Inside an anchor."""
        read, pool = self._evm.read, self._pool
        packed = read(*self.slot0_key)
        changed = {key: read(*key) for key in self._swap_keys[zero_for_one]}
        changed[self.slot0_key] = packed
        tick = at.v3_slot0_tick(packed)
        if tick != tick_before:
            changed[self.liquidity_key] = read(*self.liquidity_key)
            if self._observation is not None:
                slot = self._observation(packed)
                changed[pool, slot] = read(pool, slot)
            low, high = (tick, tick_before) if tick < tick_before else (tick_before, tick)
            ticks = self._ticks
            for crossed in ticks[bisect.bisect_right(ticks, low) : bisect.bisect_right(ticks, high)]:
                for slot in self._tick_slots(crossed):
                    changed[pool, slot] = read(pool, slot)
        return changed

    def of_price(self) -> Iterator[Key]:
        """Every slot that a call may have changed beside those of ticks and positions, if it was the last one."""
        yield from self._fixed
        if self._observation is not None:
            yield self._pool, self._observation(self._evm.storage(*self.slot0_key))

    def of_position(self, lower: int, upper: int) -> Iterator[Key]:
        """Every slot that a mint or burn of this range has changed, if it was the last call."""
        yield from self.of_price()
        for tick in (lower, upper):
            yield self._pool, self._layout.bitmap_slot(tick // self._spacing >> 8)
            for slot in self._tick_slots(tick):
                yield self._pool, slot
        for slot in self._layout.position_slots(lower, upper):
            yield self._pool, slot

    def all(self) -> tuple[Key, ...]:
        """Every slot that may differ from the built state."""
        if not self._all:
            self._all = tuple(self._list_all())
        return self._all

    def _list_all(self) -> Iterator[Key]:
        yield from self._fixed
        for slot in self._observations:
            yield self._pool, slot
        for position in self._words:
            yield self._pool, self._layout.bitmap_slot(position)
        for tick in self._ticks:
            for slot in self._tick_slots(tick):
                yield self._pool, slot
        for lower, upper in self._positions:
            for slot in self._layout.position_slots(lower, upper):
                yield self._pool, slot

    def values(self, keys: Iterable[Key]) -> Slots:
        """What the slots hold now."""
        return {key: self._evm.storage(*key) for key in keys}

    def note_position(self, lower: int, upper: int) -> None:
        """Watches a position of the driver's from now on."""
        if (lower, upper) not in self._positions:
            self._positions.add((lower, upper))
            self._note_ticks((lower, upper))
            self._all = ()

    def note_stored(self) -> None:
        """Watches what the pool holds now: its initialised ticks, and where its next price observations go."""
        places = _bitmap_positions(self._spacing, self._layout.bitmap_slot)
        self.notice({(self._pool, slot): self._evm.storage(self._pool, slot) for slot in places})
        if self._observation is not None:
            self._observations.update(at.v3_observation_slots(self._evm.storage(*self.slot0_key)))
        self._all = ()

    def notice(self, slots: Mapping[tuple[str, int], int]) -> None:
        """Finds, in slots from another world, ticks that were initialised there."""
        spacing = self._spacing
        positions = _bitmap_positions(spacing, self._layout.bitmap_slot)
        for (address, slot), value in slots.items():
            if address == self._pool and value:
                position = positions.get(slot)
                if position is not None:
                    self._note_ticks(((position << 8) + bit) * spacing for bit in range(256) if value >> bit & 1)

    def _note_ticks(self, ticks: Iterable[int]) -> None:
        for tick in ticks:
            place = bisect.bisect_left(self._ticks, tick)
            if self._ticks[place : place + 1] != [tick]:
                self._ticks.insert(place, tick)
                self._words.add(tick // self._spacing >> 8)
                self._all = ()


@functools.lru_cache(maxsize=8)
def _bitmap_positions(spacing: int, bitmap_slot: Callable[[int], int]) -> dict[int, int]:
    """The position in the bitmap by slot, for every word that a tick can be in."""
    first, last = at.MIN_TICK // spacing >> 8, at.MAX_TICK // spacing >> 8
    return {bitmap_slot(position): position for position in range(first, last + 1)}
