"""Follows a v3 or v4 pool through its events, and notes where one does not come out of those before it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.errors import InputError
from ingest.gaps import Findings, position_of, start_of
from ingest.records import Swap, TickLiquidity
from ingest.swap_math import MAX_TICK, MIN_TICK, range_amounts, sqrt_price_at_tick
from ingest.swap_path import Stand, began, fitting_fee, follows, liquidity_explains, steps, told_by
from ingest.tick_table import LastSeen, TickTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.gaps import Gap, Mark
    from ingest.records import Event, LiquidityEvent, PoolState
    from ingest.swap_path import Began, Told

BPS = 10_000


class V3Chain:
    """A pool's state, event by event, and what was found wrong on the way.

    A swap is the proof: its amounts, and price and liquidity after it, follow from the state before, or something is
    missing since the last swap. Where only the liquidity on its way is in question, the missing mint or burn lies
    after the last time that the price went there; and where that liquidity was never more than inferred (in a
    reconstructed table; after a gap, until the price has been there), it is a doubt and no gap. After a break the
    swap's own price and liquidity hold.
    """

    def __init__(self, state: PoolState) -> None:
        self._given = state
        self._spacing = state.pool.tick_spacing
        self._stand = Stand(state.sqrt_price_x96, state.tick, state.liquidity)
        self._table = TickTable(self._spacing, state.ticks)
        self._last = self._proven = start_of(state)
        self._seen = LastSeen(self._interval, self._proven)
        created = state.after is None and not state.ticks and not state.liquidity
        self._positions: dict[tuple[int, int], int] | None = {} if created else None
        self._certain = created  # of which ticks are initialised
        self._known, self._ends = (MIN_TICK, MAX_TICK), (MIN_TICK, MAX_TICK)
        if state.ticks_reconstructed:
            self._known = self._interval, self._interval
            self._ends = (state.ticks[0].tick, state.ticks[-1].tick) if state.ticks else (state.tick, state.tick)
        self._inferred = state.ticks_reconstructed
        self._broken = ""  # why the price is not known until the next swap
        self._event: Event | None = None
        self._gaps, self._doubts = Findings(), Findings()
        self.moves = self.fitting = 0

    @property
    def _interval(self) -> int:
        return self._stand.tick // self._spacing

    def follow(self, event: Event) -> None:
        """Takes the next event.

        Raises:
            InputError: The event lacks what a v3 event has, or has what no pool can report.
        """
        self._event, self._last = event, self._last.next(event)
        if isinstance(event, Swap):
            self._swap(event)
        elif event.kind in {"mint", "burn"}:
            if event.liquidity or event.amount0 or event.amount1:
                self._liquidity(event)
        elif event.kind == "initialize":
            self._initialize(event)

    # ------------------------------------------------------------------ swaps

    def _swap(self, swap: Swap) -> None:
        told = told_by(swap, self._stand)
        self.moves += 1
        if self._broken:
            self._gaps.add(self._proven, swap, self._broken)
            self._resume(told)
        elif not self._stand.sqrt_price_x96:
            self._gaps.add(self._proven, swap, "the pool has no price before this swap")
            self._resume(told)
        elif self._fits(told):
            self.fitting += 1
            self._arrive(told)
        elif (fee_pips := fitting_fee(self._stand, self._table, told)) is not None:
            self._doubts.add(self._proven, swap, f"the fee is {swap.fee_pips} pips, the amounts tell {fee_pips}")
            self._arrive(told)
        else:
            self._break(swap, told)
            self._resume(told)
        self._proven = self._last

    def _fits(self, told: Told) -> bool:
        if follows(self._stand, self._table, told):
            return True
        crossed = abs(told.after.tick // self._spacing - self._interval)
        return not self._certain and crossed > 0 and follows(self._stand, self._table, told, slack=crossed)

    def _arrive(self, told: Told) -> None:
        """The price went as told, over liquidity that was as known."""
        self._stand = told.after
        interval = self._interval
        self._seen.move(interval, self._last)
        self._known = min(self._known[0], interval), max(self._known[1], interval)

    def _break(self, swap: Swap, told: Told) -> None:
        """Notes why a swap does not fit, and since when something is missing."""
        interval = told.after.tick // self._spacing
        found = began(self._table, told)
        if not self._is_liquidity(told, found):
            self._gaps.add(self._proven, swap, _difference(self._stand, told, found))
            return
        low, high = sorted((self._stand.tick, told.after.tick))
        since = self._seen.oldest(interval, self._proven)
        if self._known[0] <= interval <= self._known[1]:
            self._gaps.add(since, swap, f"the liquidity from tick {low} to {high} is not what the events make it")
        else:
            self._doubts.add(since, swap, f"the liquidity from tick {low} to {high} is not known")

    def _is_liquidity(self, told: Told, found: Began | None) -> bool:
        """Whether a swap from here may fit, were the liquidity another behind a tick that it crosses."""
        here, there = self._interval, told.after.tick // self._spacing
        if here == there or (there > here) == told.down:
            return False
        nearest = (here if told.down else here + 1) * self._spacing
        self._lay_missing(told.after)
        if follows(self._stand, self._table, told, slack=abs(there - here)):
            return True
        if abs(there - here) == 1:
            return False
        return found is None or liquidity_explains(self._stand, told, found, sqrt_price_at_tick(nearest))

    def _lay_missing(self, after: Stand) -> None:
        """Lays what the table lacks of the liquidity elsewhere to the nearest tick on the way there."""
        here, there = self._interval, after.tick // self._spacing
        missing = after.liquidity - self._expected_liquidity(after.tick)
        if missing and there > here:
            self._table.add_net(there * self._spacing, missing, 0)
        elif missing and there < here:
            self._table.add_net((there + 1) * self._spacing, -missing, 0)

    def _resume(self, told: Told) -> None:
        """Takes the pool as the swap says it is."""
        self._lay_missing(told.after)
        there = told.after.tick // self._spacing
        self._seen.move(there, self._seen.oldest(there, self._proven))
        self._stand = told.after
        self._known = there, there
        self._broken, self._certain, self._inferred = "", False, True

    def _expected_liquidity(self, tick: int) -> int:
        """What the table makes the liquidity in another tick."""
        down = tick < self._stand.tick
        for at, _, across in steps(self._stand, self._table, down=down):
            if across.tick < tick if down else across.tick > tick:
                return at.liquidity
        return across.liquidity

    # ------------------------------------------------------------------ the rest

    def _liquidity(self, event: LiquidityEvent) -> None:
        lower, upper = event.tick_lower, event.tick_upper
        if lower is None or upper is None or not MIN_TICK <= lower < upper <= MAX_TICK:
            field = f"{event.kind} in block {event.block_number}, transaction {event.tx_hash}"
            raise InputError(f"its range of ticks, {lower} to {upper}, is not one that a pool can have", field=field)
        self.moves += 1
        stand = self._stand
        if not self._broken and self._amounts_fit(event, lower, upper):
            self.fitting += 1
        change = event.liquidity if event.kind == "mint" else -event.liquidity
        if self._positions is not None:
            change = self._owned(self._positions, event, lower, upper, change)
        low, high = max(lower, self._ends[0]), min(upper, self._ends[1])
        if low < high:
            self._table.change(low, high, change)
        if lower <= stand.tick < upper:
            self._stand = Stand(stand.sqrt_price_x96, stand.tick, max(stand.liquidity + change, 0))
            if stand.liquidity + change < 0:
                self._broken = self._broken or "a burn takes more liquidity than there is"

    def _amounts_fit(self, event: LiquidityEvent, lower: int, upper: int) -> bool:
        """Whether a mint or burn takes the tokens that its range is worth at the price; v4's do not tell them."""
        stand = self._stand
        if not stand.sqrt_price_x96:
            self._broken = f"the pool has no price before this {event.kind}"
        elif self._given.pool.kind != "v4":
            up = event.kind == "mint"
            worth = range_amounts(stand.sqrt_price_x96, stand.tick, lower, upper, event.liquidity, up=up)
            if worth != (event.amount0, event.amount1):
                told = f"{event.amount0} and {event.amount1}"
                self._broken = f"a {event.kind} of {told} would be of {worth[0]} and {worth[1]} at the price before it"
        return not self._broken

    def _owned(
        self, positions: dict[tuple[int, int], int], event: LiquidityEvent, lower: int, upper: int, change: int
    ) -> int:
        """The change that a range of known liquidity can make; a burn of more shows that a mint is missing."""
        left = positions.pop((lower, upper), 0) + change
        if left > 0:
            positions[lower, upper] = left
        if left >= 0:
            return change
        nearest = min(max(self._interval, lower // self._spacing), (upper - 1) // self._spacing)
        found = self._gaps if self._certain else self._doubts
        since = self._seen.oldest(nearest, self._proven)
        found.add(since, event, f"burns {-left} more liquidity from tick {lower} to {upper} than was minted there")
        self._certain, self._inferred = False, True
        return change - left

    def _initialize(self, event: LiquidityEvent) -> None:
        price, tick = event.sqrt_price_x96, event.tick
        if price is None or tick is None:
            message = "an initialisation without price and tick"
            raise InputError(message, field=f"initialize in block {event.block_number}, transaction {event.tx_hash}")
        opens = not self._stand.sqrt_price_x96 or (not self.moves and self._stand.sqrt_price_x96 == price)
        self.moves += 1
        self.fitting += opens
        if not opens:
            self._gaps.add(self._proven, event, "the pool has a price already before it is initialised")
        self._stand = Stand(price, tick, self._stand.liquidity)
        self._seen = LastSeen(self._interval, self._last)
        self._proven = self._last

    # ------------------------------------------------------------------ what came of it

    def finish(self) -> None:
        """Notes what is still open after the last event."""
        if self._broken and self._event is not None:
            self._gaps.add(self._proven, self._event, self._broken)
            self._broken, self._inferred, self._known = "", True, (self._interval, self._interval)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Where events are missing."""
        return self._gaps.as_tuple()

    @property
    def doubts(self) -> tuple[Gap, ...]:
        """Where they may be, or the liquidity or fee is not what it was taken for."""
        return self._doubts.as_tuple()

    def state(self) -> PoolState:
        """The pool after the last event."""
        return replace(
            self._given,
            after=self._given.after if self._event is None else position_of(self._event),
            sqrt_price_x96=self._stand.sqrt_price_x96,
            tick=self._stand.tick,
            liquidity=self._stand.liquidity,
            ticks=closed_table(self._stand, self._table),
            ticks_reconstructed=self._inferred,
        )

    def known_ticks(self) -> tuple[int, int]:
        """The ticks between which the table is proven, themselves not included."""
        return self._known[0] * self._spacing, (self._known[1] + 1) * self._spacing

    def last_there(self, ticks: Iterable[int]) -> Mark:
        """The last place at which the liquidity at all these ticks was as the events made it."""
        return min(self._seen.oldest(tick // self._spacing, self._proven) for tick in ticks)


def _difference(stand: Stand, told: Told, found: Began | None) -> str:
    """How a swap tells that it does not begin where the one before it ended."""
    if found is None:
        return "the amounts of the swap do not come from where the one before ended"
    if found.low <= stand.sqrt_price_x96 <= found.high:
        return f"the liquidity in range is {found.liquidity - stand.liquidity:+d} from what the events make it"
    off = ((found.low + found.high) / (2 * stand.sqrt_price_x96)) ** 2 - 1
    return f"the swap begins {off * BPS:+.3g} bps from where the one before ended"


def closed_table(stand: Stand, table: TickTable) -> tuple[TickLiquidity, ...]:
    """The ticks with their net liquidity, from the liquidity in range outwards, as one table that a pool can have.

    Where what is known would make the liquidity negative, or it does not end, the table ends there.
    """
    ordered = sorted(table.nets)
    split = bisect_right(ordered, stand.tick)
    edge = stand.tick // table.spacing * table.spacing
    above = _outwards(stand.liquidity, [(tick, table.nets[tick]) for tick in ordered[split:]], edge + table.spacing)
    below = _outwards(stand.liquidity, [(tick, -table.nets[tick]) for tick in reversed(ordered[:split])], edge)
    nets = [(tick, -change) for tick, change in reversed(below)] + above
    return tuple(TickLiquidity(tick, net) for tick, net in nets if net)


def _outwards(liquidity: int, changes: list[tuple[int, int]], edge: int) -> list[tuple[int, int]]:
    """What the liquidity changes by at each tick, until it ends."""
    found = []
    for tick, change in changes:
        if liquidity + change < 0:
            break
        found.append((tick, change))
        liquidity += change
    if liquidity:
        tick, change = found.pop() if found else (edge, 0)
        found.append((tick, change - liquidity))
    return found
