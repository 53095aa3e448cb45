"""Uniswap v3: the genuine pool."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ingest.records import LiquidityEvent, Swap
from verify import slots as at
from verify.abi import address_word, selector, word
from verify.evm import ExecutionError, Reverted
from verify.venues import OPERATOR, Applied, SwapResult
from verify.venues.v3_deploy import BURN, INITIALIZE, MINT, code_with_fee
from verify.venues.v3_slots import WatchedSlots

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ingest.records import Event, PoolState, VenueKind
    from verify.evm import Evm, Slots
    from verify.venues import Ledgers
    from verify.venues.v3_deploy import Deployed

MIN_PRICE_X96 = 4295128739
MAX_PRICE_X96 = 1461446703485210103287273052203988822378723970342

_SWAP = selector("swap(bool,int256,uint160)")
_EXACT_INPUT_SINGLE = selector("exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))")
_UNLIMITED = 2**255 - 1


class V3:
    """A v3 pool; see `verify.venues.Venue`."""

    kind: VenueKind = "v3"
    terms: tuple[()] | tuple[str, str, int, int] = ()

    def __init__(self, evm: Evm, state: PoolState, made: Deployed, ledgers: Ledgers) -> None:
        """A pool that stands in the EVM.

        Args:
            evm: Has the two tokens at their addresses.
            state: What it was made of; a reconstructed table of ticks has ends beyond which nothing is known.
            made: Its contracts.
            ledgers: The tokens'.
        """
        self._evm = evm
        self._record = state.pool
        self.base_fee_pips = state.pool.fee_pips
        self._known_ends = (state.ticks[0].tick, state.ticks[-1].tick) if state.ticks_reconstructed else None
        self.pool, self.driver, self.router = made.layout.contract, made.driver, made.router
        self.spender = made.router
        self._opener = made.opener
        self._codes: dict[int, bytes] = {}
        self._watch = WatchedSlots(evm, state.pool, made.layout, ledgers)
        for lower, upper in made.positions:
            self._watch.note_position(lower, upper)
        self._watch.note_stored()

    # ------------------------------------------------------------------ reading it

    def price(self) -> int:
        """See `Venue`."""
        return at.v3_slot0_price(self._evm.storage(*self._watch.slot0_key))

    def liquidity(self) -> int:
        """See `Venue`."""
        return self._evm.storage(*self._watch.liquidity_key)

    def tick(self) -> int:
        """See `Venue`."""
        return self._watch.tick()

    def exhausted(self) -> bool:
        """See `Venue`."""
        if self._known_ends is None:
            return False
        lowest, highest = self._known_ends
        return not lowest <= self.tick() < highest

    # ------------------------------------------------------------------ acting on it

    def swap(self, zero_for_one: bool, amount_in: int) -> SwapResult:
        """See `Venue`."""
        if not amount_in or not self.price():
            return SwapResult(0, 0)
        try:
            output = self._evm.call(self.driver, self.swap_call(zero_for_one, amount_in), sender=OPERATOR)
        except Reverted:  # at the very end of the prices, or over ticks that do not fit the recorded liquidity
            return SwapResult(0, 0)
        amount0, amount1 = _amounts(output)
        return SwapResult(amount0, -amount1) if zero_for_one else SwapResult(amount1, -amount0)

    def swap_call(self, zero_for_one: bool, amount_in: int) -> bytes:
        """See `Venue`."""
        return exact_input(zero_for_one, amount_in)

    def apply(self, event: Event) -> Applied:
        """See `Venue`."""
        if isinstance(event, Swap):
            return self._apply_swap(event)
        if event.kind == "mint":
            return self._apply_liquidity(event, MINT)
        if event.kind == "burn" and event.liquidity:
            return self._apply_liquidity(event, BURN)
        if event.kind == "initialize" and event.sqrt_price_x96 and not self.price():
            self._evm.call(self._opener, INITIALIZE + word(event.sqrt_price_x96), sender=OPERATOR)
            return Applied(True, "initialize", "", self._watch.values(self._watch.of_price()))
        return Applied(True, "no effect", "", {})

    def _apply_swap(self, event: Swap) -> Applied:
        evm, watch = self._evm, self._watch
        amount0, amount1 = event.amount0, event.amount1
        recorded = amount0.to_bytes(32, "big", signed=True) + amount1.to_bytes(32, "big", signed=True)
        zero_for_one = amount0 > 0
        tick = watch.tick()
        call, mode, others = (
            exact_input(zero_for_one, amount0 if zero_for_one else amount1),
            "exact_in",
            _other_ways(event),
        )
        exact_in = ""
        while True:
            evm.open()
            try:
                output = evm.call(self.driver, call, sender=OPERATOR)
            except ExecutionError as error:
                difference = str(error)
            else:
                changed = watch.after_swap(tick, zero_for_one)
                if output == recorded and self._is_recorded(event, changed[watch.slot0_key]):
                    evm.keep()
                    return Applied(True, mode, "", changed)
                difference = self._difference(event, output)
            evm.undo()
            exact_in = exact_in or difference
            way = next(others, None)
            if way is None:
                break
            mode, call = way
        with suppress(ExecutionError):  # a pool that refuses the recorded input stays as it was
            self.swap(zero_for_one, event.amount_in)
        return Applied(False, "exact_in", exact_in, self._resynced(event, watch.after_swap(tick, zero_for_one)))

    def _is_recorded(self, event: Swap, packed: int) -> bool:
        """Whether price, tick and liquidity are what the event says, as far as it says."""
        return (
            event.sqrt_price_x96 in (at.v3_slot0_price(packed), None)
            and event.tick in (at.v3_slot0_tick(packed), None)
            and event.liquidity in (self._evm.read(*self._watch.liquidity_key), None)
        )

    def _difference(self, event: Swap, output: bytes) -> str:
        """What the pool did instead of what was recorded, number by number."""
        amount0, amount1 = _amounts(output)
        pairs = (
            ("amount0", amount0, event.amount0),
            ("amount1", amount1, event.amount1),
            ("sqrt_price_x96", self.price(), event.sqrt_price_x96),
            ("tick", self.tick(), event.tick),
            ("liquidity", self.liquidity(), event.liquidity),
        )
        return ", ".join(
            f"{name} {got} instead of {wanted}" for name, got, wanted in pairs if wanted not in (got, None)
        )

    def _resynced(self, event: Swap, changed: Slots) -> Slots:
        """The changed slots with what history recorded."""
        packed = changed[self._watch.slot0_key]
        if event.sqrt_price_x96 is not None and event.tick is not None:
            changed[self._watch.slot0_key] = at.v3_slot0_with(packed, event.sqrt_price_x96, event.tick)
        if event.liquidity is not None:
            changed[self._watch.liquidity_key] = event.liquidity
        return changed

    def _apply_liquidity(self, event: LiquidityEvent, call: bytes) -> Applied:
        lower, upper = event.tick_lower, event.tick_upper
        if lower is None or upper is None:
            return Applied(False, event.kind, "the event has no tick range", {})
        try:
            output = self._evm.call(
                self.driver, call + word(lower) + word(upper) + word(event.liquidity), sender=OPERATOR
            )
        except ExecutionError as error:
            return Applied(False, event.kind, str(error), {})
        self._watch.note_position(lower, upper)
        found = int.from_bytes(output[:32], "big"), int.from_bytes(output[32:], "big")
        why = ", ".join(
            f"amount{i} {got} instead of {wanted}"
            for i, (got, wanted) in enumerate(zip(found, (event.amount0, event.amount1), strict=True))
            if got != wanted
        )
        return Applied(not why, event.kind, why, self._watch.values(self._watch.of_position(lower, upper)))

    # ------------------------------------------------------------------ what the world asks for

    def mark(self) -> int:
        """See `Venue`: the tick."""
        return self._watch.tick()

    def changed_by_swap(self, mark: int, zero_for_one: bool) -> Slots:
        """See `Venue`."""
        return self._watch.after_swap(mark, zero_for_one)

    def watched(self) -> Iterable[tuple[str, int]]:
        """See `Venue`."""
        return self._watch.all()

    def notice(self, slots: Mapping[tuple[str, int], int]) -> None:
        """See `Venue`."""
        self._watch.notice(slots)

    def set_fee(self, fee_pips: int) -> None:
        """See `Venue`: puts the code of an otherwise equal pool in place."""
        if not self._codes:
            self._codes[self.base_fee_pips] = self._evm.code(self.pool)
        if fee_pips not in self._codes:
            self._codes[fee_pips] = code_with_fee(self._record, self.pool, fee_pips)
        self._evm.set_code(self.pool, self._codes[fee_pips])

    def router_allowances(self, trader: str) -> Slots:  # noqa: ARG002 - the protocol's
        """See `Venue`: none."""
        return {}

    def router_call(self, trader: str, zero_for_one: bool, amount_in: int, min_out: int, deadline: int) -> bytes:
        """See `Venue`."""
        token0, token1 = (address_word(token.address) for token in (self._record.token0, self._record.token1))
        return (
            _EXACT_INPUT_SINGLE
            + (token0 + token1 if zero_for_one else token1 + token0)
            + word(self.base_fee_pips)  # part of the pool's address, whatever its fee is now
            + address_word(trader)
            + word(deadline)
            + word(amount_in)
            + word(min_out)
            + word(0)
        )

    def router_received(self, output: bytes) -> int:
        """See `Venue`."""
        return int.from_bytes(output, "big")


def _other_ways(event: Swap) -> Iterator[tuple[str, bytes]]:
    """(mode, calldata for the driver) beside an exact input: events do not tell how the pool was called."""
    yield "exact_out", exact_input(event.zero_for_one, event.amount_out, out=True)
    if event.sqrt_price_x96 is not None:
        yield "price_limit", _swap(event.zero_for_one, _UNLIMITED, event.sqrt_price_x96)


def _amounts(output: bytes) -> tuple[int, int]:
    """(amount0, amount1) from the pool's side, as the driver returns them."""
    return int.from_bytes(output[:32], "big", signed=True), int.from_bytes(output[32:], "big", signed=True)


def exact_input(zero_for_one: bool, amount: int, *, out: bool = False) -> bytes:
    """Calldata of the driver's swap without a price limit, packed where the amount allows; ``out``: an exact output."""
    if amount >> 128:
        limit = MIN_PRICE_X96 + 1 if zero_for_one else MAX_PRICE_X96 - 1
        return _swap(zero_for_one, -amount if out else amount, limit)
    return ((zero_for_one | out << 1) << 128 | amount).to_bytes(17, "big")


def _swap(zero_for_one: bool, amount: int, limit: int) -> bytes:
    """Calldata of a swap; ``amount`` is an exact output where it is negative."""
    return _SWAP + word(zero_for_one) + word(amount) + word(limit)
