"""Follows a v3 or v4 pool through its events, and notes where one does not come out of those before it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.errors import InputError
from ingest.gaps import Findings, start_of
from ingest.records import Swap
from ingest.swap_math import MAX_TICK, MIN_TICK, range_amounts, sqrt_price_at_tick
from ingest.swap_path import Stand, began, fitting_fee, follows, liquidity_explains, stand_after, steps, told_by
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
        self._gaps, self._doubts = Findings(joined=True), Findings()
        self.moves = self.fitting = 0

    @property
    def _interval(self) -> int:
        return self._stand.tick // self._spacing

    def follow(self, event: Event) -> None:
        """Takes the next event.

        Raises:
            InputError: The event lacks what a v3 event has, or has what no pool can report.
        """
        self._last = self._last.next(event)
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
            self._gaps.add(self._proven, self._last, self._broken)
            self._resume(told)
        elif not self._stand.sqrt_price_x96:
            self._gaps.add(self._proven, self._last, "the pool has no price before this swap")
            self._resume(told)
        elif self._fits(told):
            self.fitting += 1
            self._arrive(told)
        elif (fee_pips := fitting_fee(self._stand, self._table, told)) is not None:
            self._doubts.add(self._proven, self._last, f"the fee is {swap.fee_pips} pips, the amounts tell {fee_pips}")
            self._arrive(told)
        else:
            self._break(told)
            self._resume(told)
        self._proven = self._last

    def _fits(self, told: Told) -> bool:
        if follows(self._stand, self._table, told):
            return True
        crossed = abs(told.after.tick // self._spacing - self._interval)
        return not self._certain and crossed > 0 and follows(self._stand, self._table, told, slack=crossed)

    def _arrive(self, told: Told) -> None:
        """The price went as told, over liquidity that was as known."""
        interval = told.after.tick // self._spacing
        if interval != self._interval:
            # Liquidity that the price was only at the edge of, and then left, had no part in the amounts.
            touched = self._stand.sqrt_price_x96 == self._edge(down=told.down)
            self._seen.move(interval, self._proven if touched else self._last)
            self._known = min(self._known[0], interval), max(self._known[1], interval)
        self._stand = told.after

    def _edge(self, *, down: bool) -> int:
        """The price of the first usable tick on the way down or up."""
        tick = (self._interval + (not down)) * self._spacing
        return sqrt_price_at_tick(min(max(tick, MIN_TICK), MAX_TICK))

    def _break(self, told: Told) -> None:
        """Notes why a swap does not fit, and since when something is missing."""
        interval = told.after.tick // self._spacing
        found = began(self._table, told)
        if not self._is_liquidity(told, found):
            self._gaps.add(self._proven, self._last, _difference(self._stand, found))
            return
        low, high = sorted((self._stand.tick, told.after.tick))
        since = self._seen.oldest(interval, self._proven)
        if self._known[0] <= interval <= self._known[1]:
            self._gaps.add(since, self._last, f"the liquidity from tick {low} to {high} is not what the events make it")
        else:
            self._doubts.add(since, self._last, f"the liquidity from tick {low} to {high} is not known")

    def _is_liquidity(self, told: Told, found: Began | None) -> bool:
        """Whether a swap from here may fit, were the liquidity another behind a tick that it crosses."""
        here, there = self._interval, told.after.tick // self._spacing
        if here == there or (there > here) == told.down:
            return False
        self._lay_missing(told.after)
        if follows(self._stand, self._table, told, slack=abs(there - here)):
            return True
        if abs(there - here) == 1:
            return False
        return found is None or liquidity_explains(self._stand, told, found, self._edge(down=told.down))

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
        lower, upper = self._range(event)
        self.moves += 1
        fits = not self._broken and self._amounts_fit(event, lower, upper)
        change = event.liquidity if event.kind == "mint" else -event.liquidity
        unknown = self._overdrawn(lower, upper, change)
        for tick, sign in ((lower, 1), (upper, -1)):
            self._change_tick(min(max(tick, self._ends[0]), self._ends[1]), sign, change, unknown)
        stand = self._stand
        if lower <= stand.tick < upper:
            # A mint missed since the last swap is in no liquidity yet; one missed before is in what that swap told.
            liquidity = stand.liquidity + change + (unknown if self._certain else 0)
            self._stand = Stand(stand.sqrt_price_x96, stand.tick, max(liquidity, 0))
            if liquidity < 0:
                self._broken = self._broken or "a burn takes more liquidity than there is"
        self.fitting += fits and not unknown and not self._broken
        self._certain = self._certain and not unknown

    def _range(self, event: LiquidityEvent) -> tuple[int, int]:
        lower, upper, spacing = event.tick_lower, event.tick_upper, self._spacing
        if (
            lower is None
            or upper is None
            or not MIN_TICK <= lower < upper <= MAX_TICK
            or lower % spacing
            or upper % spacing
        ):
            field = f"{event.kind} in block {event.block_number}, transaction {event.tx_hash}"
            raise InputError(f"its range of ticks, {lower} to {upper}, is not one that the pool can have", field=field)
        return lower, upper

    def _change_tick(self, tick: int, sign: int, change: int, unknown: int) -> None:
        """Changes the liquidity at an end of a range, by what of it is in the table.

        What was minted unseen is there only where the price has gone past since, and told it.
        """
        low, high = self.known_ticks()
        net = change if not self._certain and low < tick < high else change + unknown
        self._table.add_net(tick, sign * net, net)

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

    def _overdrawn(self, lower: int, upper: int, change: int) -> int:
        """What a burn takes more than was minted in its range, of a pool known from its creation: a mint is missing."""
        if self._positions is None:
            return 0
        left = self._positions.pop((lower, upper), 0) + change
        if left > 0:
            self._positions[lower, upper] = left
        if left >= 0:
            return 0
        why = f"burns {-left} more from tick {lower} to {upper} than was minted there"
        nearest = min(max(self._interval, lower // self._spacing), (upper - 1) // self._spacing)
        since = self._seen.oldest(nearest, self._proven)
        if not self._certain:
            self._doubts.add(since, self._last, why)
        elif nearest == self._interval:
            self._broken = self._broken or why
        else:
            self._gaps.add(since, self._last, why)
            self._known = self._interval, self._interval
        self._inferred = True
        return -left

    def _initialize(self, event: LiquidityEvent) -> None:
        after = stand_after(event, self._stand.liquidity)
        opens = not self._stand.sqrt_price_x96 or (not self.moves and self._stand == after)
        self.moves += 1
        self.fitting += opens
        if not opens:
            self._gaps.add(self._proven, self._last, "the pool has a price already before it is initialised")
        self._stand, self._proven = after, self._last
        self._seen = LastSeen(self._interval, self._last)

    # ------------------------------------------------------------------ what came of it

    def finish(self) -> None:
        """Notes what is still open after the last event."""
        if self._broken:
            self._gaps.add(self._proven, self._last, self._broken)
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
            after=self._last.position() if self._last.number else self._given.after,
            sqrt_price_x96=self._stand.sqrt_price_x96,
            tick=self._stand.tick,
            liquidity=self._stand.liquidity,
            ticks=self._table.closed(self._stand.tick, self._stand.liquidity, self.known_ticks()),
            ticks_reconstructed=self._inferred,
        )

    @property
    def proven(self) -> Mark:
        """The last place at which price and liquidity were told."""
        return self._proven

    def known_ticks(self) -> tuple[int, int]:
        """The ticks between which the table is proven, themselves not included."""
        return self._known[0] * self._spacing, (self._known[1] + 1) * self._spacing

    def last_there(self, ticks: Iterable[int]) -> Mark:
        """The last place at which the liquidity at all these ticks was as the events made it."""
        return min(self._seen.oldest(tick // self._spacing, self._proven) for tick in ticks)


def _difference(stand: Stand, found: Began | None) -> str:
    """How a swap tells that it does not begin where the one before it ended."""
    if found is None:
        return "the amounts of the swap do not come from where the one before ended"
    if found.low <= stand.sqrt_price_x96 <= found.high:
        return f"the liquidity in range is {found.liquidity - stand.liquidity:+d} from what the events make it"
    off = ((found.low + found.high) / (2 * stand.sqrt_price_x96)) ** 2 - 1
    return f"the swap begins {off * BPS:+.3g} bps from where the one before ended"
