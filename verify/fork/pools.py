"""A pool's whole state, for calls that nobody has made yet: a rule may move the price to where no swap was.

Slots are where the genuine contracts keep them. That a pool does so is checked against what it answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.errors import InputError
from ingest.fork.records import ForkCall, Keys
from verify import slots as at
from verify.abi import selector, signed, words
from verify.fork.dryrun import dry_run
from verify.fork.probes import PROBE_GAS, PROBER
from verify.venues.v4_deploy import PERMIT2

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.records import Pool
    from verify.fork.dryrun import StateSource

V2_LAST_SLOT = 12  # the lock; before it name, factory, tokens, reserves, cumulative prices, kLast
WORD_BITS = 256


def fetch_pool(source: StateSource, pool: Pool, manager: str | None = None) -> None:
    """Has a source learn all of a pool that swaps and new positions may touch.

    Positions that exist, shares of a v2 pair, a v4 pool's hook, and the tokens are not in it: they come with the calls
    that touch them.

    Args:
        source: Learns it.
        pool: Of any kind.
        manager: The PoolManager of a v4 pool.

    Raises:
        InputError: It does not keep its state as Uniswap's pools do.
        NodeError: The node behind the source fails.
    """
    if pool.kind == "v2":
        _fetch(source, pool.address, range(V2_LAST_SLOT + 1))
        _ask_for_protocol_fee(source, pool)
        agrees = _v2_agrees(source, pool)
    elif pool.kind == "v3":
        layout = _Layout(source, pool.address, pool.tick_spacing)
        _fetch_concentrated(layout)
        _fetch(source, pool.address, at.v3_observation_slots(layout.stored(at.V3_SLOT0)))
        agrees = layout.adds_up() and _v3_agrees(source, pool)
    elif manager is not None:
        layout = _V4Layout(source, manager, pool.tick_spacing, at.v4_pool_slot(pool.address))
        _fetch_concentrated(layout)
        _fetch(source, manager, [at.v4_protocol_fees_slot(token.address) for token in (pool.token0, pool.token1)])
        _fetch(source, PERMIT2, [])
        agrees = layout.adds_up()
    else:
        raise InputError(f"{pool.address} is a v4 pool: tell its manager's address", field="manager")
    if not agrees:
        raise InputError(
            f"{pool.address} does not keep its state as Uniswap's {pool.kind} pools do, so that not all of it is known",
            field="pool",
        )


@dataclass(frozen=True)
class _Layout:
    """Where a v3 pool keeps what; ``root`` is where its state begins."""

    source: StateSource
    contract: str
    spacing: int
    root: int = 0
    fixed = at.V3_LIQUIDITY + 1
    liquidity = at.V3_LIQUIDITY

    def bitmap(self, place: int) -> int:
        return at.v3_bitmap_slot(place)

    def tick(self, tick: int) -> tuple[int, ...]:
        return at.v3_tick_slots(tick)

    def stored(self, slot: int) -> int:
        return self.source.accounts[self.contract].storage[slot]

    def places(self) -> range:
        """The bitmap's words that the pool can use."""
        most = at.MAX_TICK // self.spacing
        return range(-most // WORD_BITS, most // WORD_BITS + 1)

    def ticks(self) -> list[int]:
        """The initialised ticks, ascending."""
        return [
            (place * WORD_BITS + bit) * self.spacing
            for place in self.places()
            if (bits := self.stored(self.bitmap(place)))
            for bit in range(WORD_BITS)
            if bits >> bit & 1
        ]

    def adds_up(self) -> bool:
        """Whether there is a price, and the ticks below it add up to the liquidity, and all of them to nothing."""
        slot0, liquidity = self.stored(self.root), self.stored(self.root + self.liquidity) & (1 << 128) - 1
        nets = {tick: at.v3_tick_liquidity(self.stored(self.tick(tick)[0]))[1] for tick in self.ticks()}
        below = sum(net for tick, net in nets.items() if tick <= at.v3_slot0_tick(slot0))
        return at.v3_slot0_price(slot0) > 0 and below == liquidity and sum(nets.values()) == 0


class _V4Layout(_Layout):
    """Under the manager, from the pool's root on."""

    fixed = at.V4_LIQUIDITY + 1
    liquidity = at.V4_LIQUIDITY

    def bitmap(self, place: int) -> int:
        return at.v4_bitmap_slot(self.root, place)

    def tick(self, tick: int) -> tuple[int, ...]:
        return at.v4_tick_slots(self.root, tick)


def _fetch_concentrated(layout: _Layout) -> None:
    _fetch(layout.source, layout.contract, range(layout.root, layout.root + layout.fixed))
    _fetch(layout.source, layout.contract, map(layout.bitmap, layout.places()))
    _fetch(layout.source, layout.contract, (slot for tick in layout.ticks() for slot in layout.tick(tick)))


def _ask_for_protocol_fee(source: StateSource, pool: Pool) -> None:
    """As a pair does when its liquidity changes: the factory tells whom a share of the fees is for."""
    (told,) = _asked(source, pool.address, "factory()")
    for factory in told[:1]:
        _asked(source, f"0x{factory:040x}", "feeTo()")


def _v2_agrees(source: StateSource, pool: Pool) -> bool:
    (told,) = _asked(source, pool.address, "getReserves()")
    packed = source.accounts[pool.address].storage[at.V2_RESERVES]
    return len(told) == 3 and (told[0], told[1]) == at.v2_reserves(packed) and told[2] == packed >> 224


def _v3_agrees(source: StateSource, pool: Pool) -> bool:
    slot0, liquidity = _asked(source, pool.address, "slot0()", "liquidity()")
    storage = source.accounts[pool.address].storage
    packed = storage[at.V3_SLOT0]
    if len(slot0) != 7 or liquidity != [storage[at.V3_LIQUIDITY]]:
        return False
    place = at.v3_slot0_price(packed), at.v3_slot0_tick(packed)
    return (slot0[0], signed(slot0[1] & 0xFFFFFF, 24)) == place


def _asked(source: StateSource, contract: str, *signatures: str) -> list[list[int]]:
    block = source.block
    calls = [
        ForkCall(PROBER, contract, selector(one), block.block_number, block.block_ts, PROBE_GAS) for one in signatures
    ]
    return [words(outcome.output) if outcome.succeeded else [] for outcome in dry_run(source, calls)]


def _fetch(source: StateSource, contract: str, slots: Iterable[int]) -> None:
    keys = Keys(frozenset({contract}), frozenset((contract, slot) for slot in slots))
    source.fetch(keys)
    source.keep(keys)
