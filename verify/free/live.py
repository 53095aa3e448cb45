"""A world that goes on: what is done in it lasts, on cold storage, and can be taken back to a mark."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from verify.outcomes import Flow
from verify.plan import MOVES_POOL
from verify.world import World, accounts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.records import Intent, LiquidityEvent
    from verify.evm import Slots

Key = tuple[str, int]


def pool_balances(world: World, place: int) -> tuple[Key, Key]:
    """Where the two tokens keep what one of the world's pools has."""
    pool = world.venues[place].pool
    return world.balance_key(world.token0, pool), world.balance_key(world.token1, pool)


class LiveWorld:
    """A world in which one thing after another happens; every call finds what was before it as cold storage.

    Args:
        world: At the state that the replay starts from.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self._trader = accounts(1)[0][0]
        world.fund([self._trader], [world.router])
        self._balances = [key for place in range(len(world.venues)) for key in pool_balances(world, place)]
        self._before: Slots = {}

    def mark(self) -> None:
        """What happens from here on can be taken back."""
        self._before = {}

    def rewind(self) -> None:
        """Takes back what happened since the mark, but for the pool's fee."""
        self.world.update(self._before)
        self._before = {}

    def keep(self, changed: Slots) -> Flow:
        """Writes what a call changed; returns by how much the pools' balances grew."""
        storage, before = self.world.evm.storage, self._before
        moved = {}
        grown = [0, 0]
        for key, value in changed.items():
            held = storage(*key)
            if held != value:
                moved[key] = value
                before.setdefault(key, held)
        for i, key in enumerate(self._balances):
            if key in moved:
                grown[i % 2] += moved[key] - storage(*key)
        self.world.update(moved)
        return Flow(*grown)

    # ------------------------------------------------------------------ orders

    def market_order(self, intent: Intent, min_out: int) -> tuple[int, int, Slots] | None:
        """An order's own transaction through the first pool's router, made and undone: (received, gas, changed).

        None where less than ``min_out`` would come out, or the pool cannot take all of it.
        """
        return self.world.routed(self._trader, intent.sells_token0, intent.sell_amount, min_out)

    def quotes(self, intents: Sequence[Intent], limits: Sequence[int]) -> tuple[list[int], bool]:
        """What the AMM would give the orders one after another, and whether the pool ran dry; changes nothing.

        A broken limit is skipped, and run after all others, as for the baseline `amm`.
        """
        world = self.world
        outs = [0] * len(intents)
        dry = False

        def swap(i: int, min_out: int) -> bool:
            nonlocal dry
            intent = intents[i]
            world.evm.open()
            result = world.swap(intent.sells_token0, intent.sell_amount)
            short = result.spent < intent.sell_amount
            if min_out and (short or result.received < min_out):
                world.evm.undo()
                return False
            world.evm.keep()
            dry |= short
            outs[i] = result.received
            return True

        with world.anchor():
            in_turn(limits, swap)
            dry |= world.exhausted()
        return outs, dry

    # ------------------------------------------------------------------ liquidity

    def apply(self, place: int, event: LiquidityEvent) -> str:
        """A liquidity event as it was, on the pool as it is; returns why it could not happen, empty where it did.

        A v3 position's liquidity is the event's. A v2 pair's shares are a share of the pool: the same share of what
        the pool now has moves.
        """
        world = self.world
        moves = event.liquidity or event.amount0 or event.amount1 or event.sqrt_price_x96
        if event.kind not in MOVES_POOL or not moves:
            return ""
        venue = world.venues[place]
        if venue.kind == "v2":
            held = [world.evm.storage(*key) for key in pool_balances(world, place)]
            scaled = _scaled(event, held[0], held[1])
            if scaled is None:
                return "the history does not tell the pair's reserves, so its share of the pair is not known"
            event = scaled
        storage = world.evm.storage
        with world.anchor():
            applied = venue.apply(event)
        moved = {key: value for key, value in applied.changed.items() if storage(*key) != value}
        self.keep(moved)
        return "" if moved else applied.why


def in_turn(limits: Sequence[int], execute: Callable[[int, int], bool]) -> None:
    """Runs orders one by one; those whose limit would break wait until all others have run, and have none then.

    Args:
        limits: Of the orders.
        execute: Of (place of the order, least that it must get): whether it did.
    """
    skipped = [i for i, limit in enumerate(limits) if not execute(i, max(limit, 1))]
    for i in skipped:
        execute(i, 0)


def _scaled(event: LiquidityEvent, held0: int, held1: int) -> LiquidityEvent | None:
    """A v2 event on a pair that now holds these reserves; None where the pair's share is not known.

    A mint or burn moves the same share of the pair. What is paid in is rounded up, what is paid out down: the pair
    never loses. Tokens that were sent to the pair are as many as they were.
    """
    if event.reserve0 is None or event.reserve1 is None:
        return None
    amounts = [event.amount0, event.amount1]
    for i, (after, held) in enumerate(((event.reserve0, held0), (event.reserve1, held1))):
        if event.kind == "burn":
            amounts[i] = amounts[i] * held // (after + amounts[i])
        elif event.kind == "mint" and after > amounts[i]:
            amounts[i] = -(-amounts[i] * held // (after - amounts[i]))
    # Without reserves the pool is not put at what history recorded.
    return replace(event, amount0=amounts[0], amount1=amounts[1], reserve0=None, reserve1=None)
