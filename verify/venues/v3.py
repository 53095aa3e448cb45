"""Uniswap v3: the genuine pool, with any fee and tick spacing, at a price and over a table of ticks."""

from __future__ import annotations

import bisect
import functools
from typing import TYPE_CHECKING

from ingest.errors import InputError
from ingest.records import LiquidityEvent, Swap
from verify import slots as at
from verify.abi import address_word, selector, signed, word
from verify.evm import Evm, ExecutionError
from verify.npm import artifact
from verify.venues import DRIVER_FUNDS, OPERATOR, Applied, SwapResult, harness_contract, labelled_address
from verify.venues.ranges import liquidity_ranges

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ingest.records import Event, PoolState, VenueKind
    from verify.evm import Slots

MIN_PRICE_X96 = 4295128739
MAX_PRICE_X96 = 1461446703485210103287273052203988822378723970342

_FACTORY = labelled_address("v3 factory")
_POOL = "@uniswap/v3-core/artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json"
_ROUTER = "@uniswap/v3-periphery/artifacts/contracts/SwapRouter.sol/SwapRouter.json"

_SWAP = selector("swap(bool,int256,uint160)")
_MINT = selector("mint(int24,int24,uint128)")
_BURN = selector("burn(int24,int24,uint128)")
_INITIALIZE = selector("initialize(uint160)")
_DEPLOY = selector("deploy(bytes,address,address,uint24,int24,uint24)")
_EXACT_INPUT_SINGLE = selector("exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))")
_UNLIMITED = 2**255 - 1


class V3:
    """A v3 pool; see `verify.venues.Venue`."""

    kind: VenueKind = "v3"

    def __init__(self, evm: Evm, state: PoolState, separate: Iterable[tuple[int, int, int]]) -> None:
        """Creates and fills the pool.

        Args:
            evm: Has the two tokens at their addresses.
            state: What the pool must come to.
            separate: Positions (tick_lower, tick_upper, liquidity) that must exist by themselves, because later
                burns remove them.

        Raises:
            InputError: The state is not one that a pool can have.
        """
        record = state.pool
        self._evm = evm
        self._record = record
        self.base_fee_pips = record.fee_pips
        self._known_ends = (state.ticks[0].tick, state.ticks[-1].tick) if state.ticks_reconstructed else None
        # Supersets: a tick, bitmap word or position that was ever initialised here stays watched.
        self._ticks: list[int] = []
        self._words: set[int] = set()
        self._positions: set[tuple[int, int]] = set()
        self._watched: tuple[tuple[str, int], ...] = ()

        evm.set_code(_FACTORY, harness_contract("PoolDeployer").runtime_code)
        tokens = address_word(record.token0.address) + address_word(record.token1.address)
        with evm.persist():
            created = evm.call(_FACTORY, self._deployment(record.fee_pips), sender=OPERATOR)
            self.pool = "0x" + created[12:32].hex()
            driver = (
                harness_contract("DriverV3").creation_code + address_word(self.pool) + tokens + address_word(OPERATOR)
            )
            self.driver = evm.deploy(driver, sender=OPERATOR)
            router = bytes.fromhex(artifact(_ROUTER)["bytecode"][2:]) + address_word(_FACTORY) + word(0)
            self.router = evm.deploy(router, sender=OPERATOR)
        self._token_slots = (
            (record.token0.address, at.balance_slot(self.pool)),
            (record.token1.address, at.balance_slot(self.pool)),
        )
        self._slot0_key = self.pool, at.V3_SLOT0
        self._liquidity_key = self.pool, at.V3_LIQUIDITY
        either_way = ((self.pool, at.V3_OBSERVATIONS), *self._token_slots)
        self._swap_keys = (  # by whether token0 is sold: fees are in the token that is paid in
            ((self.pool, at.V3_FEE_GROWTH1), *either_way),
            ((self.pool, at.V3_FEE_GROWTH0), *either_way),
        )
        evm.rebase(
            {(token.address, at.balance_slot(self.driver)): DRIVER_FUNDS for token in (record.token0, record.token1)}
        )
        self._fill(state, separate)

    def _deployment(self, fee_pips: int) -> bytes:
        record = self._record
        code = bytes.fromhex(artifact(_POOL)["bytecode"][2:])
        arguments = (
            word(6 * 32)
            + address_word(record.token0.address)
            + address_word(record.token1.address)
            + word(fee_pips)
            + word(record.tick_spacing)
            + word(record.fee_pips)
        )
        return _DEPLOY + arguments + word(len(code)) + code + b"\0" * (-len(code) % 32)

    def _fill(self, state: PoolState, separate: Iterable[tuple[int, int, int]]) -> None:
        """Initialises the price, mints the liquidity, and checks that the pool is then at the state."""
        evm = self._evm
        if not state.sqrt_price_x96:
            return
        try:
            with evm.persist():
                evm.call(self.pool, _INITIALIZE + word(state.sqrt_price_x96), sender=OPERATOR)
                for lower, upper, liquidity in liquidity_ranges(
                    state.ticks, separate, artificial_ends=state.ticks_reconstructed
                ):
                    evm.call(self.driver, _MINT + word(lower) + word(upper) + word(liquidity), sender=OPERATOR)
                    self._note_position(lower, upper)
        except ExecutionError as error:
            raise InputError(f"no pool can have this state: {error}", field="ticks") from error
        if self.tick() == state.tick + 1 and self._at_tick_boundary(state.sqrt_price_x96):
            # After a swap downwards that stops exactly on a tick, the tick below is current.
            packed = evm.storage(self.pool, at.V3_SLOT0)
            crossed = sum(entry.liquidity_net for entry in state.ticks if entry.tick == state.tick + 1)
            evm.rebase(
                {
                    (self.pool, at.V3_SLOT0): at.v3_slot0_with(packed, state.sqrt_price_x96, state.tick),
                    (self.pool, at.V3_LIQUIDITY): self.liquidity() - crossed,
                }
            )
        for name, found, wanted in (
            ("sqrt_price_x96", self.price(), state.sqrt_price_x96),
            ("tick", self.tick(), state.tick),
            ("liquidity", self.liquidity(), state.liquidity),
        ):
            if found != wanted:
                raise InputError(f"a pool with this price and these ticks has {found}, not {wanted}", field=name)

    def _at_tick_boundary(self, sqrt_price_x96: int) -> bool:
        """Whether the next lower price has another tick; asks the pool's own mathematics, with no liquidity moved."""
        scratch = labelled_address("scratch pool")
        evm = Evm(self._record.chain_id)
        evm.set_code(scratch, self._evm.code(self.pool))
        ticks = []
        for price in (sqrt_price_x96, sqrt_price_x96 - 1):
            with evm.anchor():
                evm.call(scratch, _INITIALIZE + word(price), sender=OPERATOR)
                ticks.append(at.v3_slot0_tick(evm.storage(scratch, at.V3_SLOT0)))
        return ticks[0] != ticks[1]

    # ------------------------------------------------------------------ reading it

    def price(self) -> int:
        """See `Venue`."""
        return at.v3_slot0_price(self._evm.storage(self.pool, at.V3_SLOT0))

    def liquidity(self) -> int:
        """See `Venue`."""
        return self._evm.storage(self.pool, at.V3_LIQUIDITY)

    def tick(self) -> int:
        """See `Venue`."""
        return at.v3_slot0_tick(self._evm.storage(*self._slot0_key))

    def exhausted(self) -> bool:
        """See `Venue`."""
        if self._known_ends is None:
            return False
        lowest, highest = self._known_ends
        return not lowest <= self.tick() < highest

    # ------------------------------------------------------------------ acting on it

    def swap(self, zero_for_one: bool, amount_in: int) -> SwapResult:
        """See `Venue`."""
        if not amount_in:
            return SwapResult(0, 0)
        try:
            amount0, amount1 = self._call(_exact(zero_for_one, amount_in))
        except ExecutionError:
            if self._at_end(zero_for_one):
                return SwapResult(0, 0)
            raise
        return SwapResult(amount0, -amount1) if zero_for_one else SwapResult(amount1, -amount0)

    def _at_end(self, zero_for_one: bool) -> bool:
        """Whether the price cannot move further in that direction: the pool refuses to swap at its very end."""
        price = self.price()
        return price <= MIN_PRICE_X96 + 1 if zero_for_one else price >= MAX_PRICE_X96 - 1

    def _call(self, swap: bytes) -> tuple[int, int]:
        """(amount0, amount1) from the pool's side."""
        output = self._evm.call(self.driver, swap, sender=OPERATOR)
        return int.from_bytes(output[:32], "big", signed=True), int.from_bytes(output[32:], "big", signed=True)

    def apply(self, event: Event) -> Applied:
        """See `Venue`."""
        if isinstance(event, Swap):
            return self._apply_swap(event)
        if event.kind == "mint":
            return self._apply_liquidity(event, _MINT)
        if event.kind == "burn" and event.liquidity:
            return self._apply_liquidity(event, _BURN)
        if event.kind == "initialize" and event.sqrt_price_x96 and not self.price():
            self._evm.call(self.pool, _INITIALIZE + word(event.sqrt_price_x96), sender=OPERATOR)
            return Applied(True, "initialize", "", self._values(self._fixed()))
        return Applied(True, "no effect", "", {})

    def _apply_swap(self, event: Swap) -> Applied:
        evm, zero_for_one = self._evm, event.zero_for_one
        mark = self.mark()
        exact_in = ""
        for mode, call in _ways_to_call(event):
            evm.open()
            try:
                found = self._call(call)
            except ExecutionError as error:
                difference = str(error)
            else:
                changed = self.changed_by_swap(mark, zero_for_one)
                if self._is_recorded(event, found, changed):
                    evm.keep()
                    return Applied(True, mode, "", changed)
                difference = self._difference(event, found, changed)
            evm.undo()
            exact_in = exact_in or difference
        self.swap(zero_for_one, event.amount_in)
        return Applied(False, "exact_in", exact_in, self._resynced(event, self.changed_by_swap(mark, zero_for_one)))

    def _is_recorded(self, event: Swap, found: tuple[int, int], changed: Slots) -> bool:
        """Whether amounts, price, tick and liquidity are what the event says, as far as it says."""
        packed = changed[self._slot0_key]
        return (
            found[0] == event.amount0
            and found[1] == event.amount1
            and event.sqrt_price_x96 in (at.v3_slot0_price(packed), None)
            and event.tick in (at.v3_slot0_tick(packed), None)
            and event.liquidity in (self._evm.read(self.pool, at.V3_LIQUIDITY), None)
        )

    def _difference(self, event: Swap, found: tuple[int, int], changed: Slots) -> str:
        """What the pool did instead of what was recorded, number by number."""
        packed = changed[self._slot0_key]
        pairs = (
            ("amount0", found[0], event.amount0),
            ("amount1", found[1], event.amount1),
            ("sqrt_price_x96", at.v3_slot0_price(packed), event.sqrt_price_x96),
            ("tick", at.v3_slot0_tick(packed), event.tick),
            ("liquidity", self.liquidity(), event.liquidity),
        )
        return ", ".join(
            f"{name} {got} instead of {wanted}" for name, got, wanted in pairs if wanted not in (got, None)
        )

    def _resynced(self, event: Swap, changed: Slots) -> Slots:
        """The changed slots with what history recorded."""
        packed = changed[self._slot0_key]
        if event.sqrt_price_x96 is not None and event.tick is not None:
            changed[self._slot0_key] = at.v3_slot0_with(packed, event.sqrt_price_x96, event.tick)
        if event.liquidity is not None:
            changed[self._liquidity_key] = event.liquidity
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
        self._note_position(lower, upper)
        found = int.from_bytes(output[:32], "big"), int.from_bytes(output[32:], "big")
        why = ", ".join(
            f"amount{i} {got} instead of {wanted}"
            for i, (got, wanted) in enumerate(zip(found, (event.amount0, event.amount1), strict=True))
            if got != wanted
        )
        return Applied(not why, event.kind, why, self._values(self._liquidity_slots(lower, upper)))

    # ------------------------------------------------------------------ which slots change

    def mark(self) -> int:
        """See `Venue`: the tick."""
        return self.tick()

    def changed_by_swap(self, mark: int, zero_for_one: bool) -> Slots:
        """See `Venue`."""
        read, pool = self._evm.read, self.pool
        packed = read(pool, at.V3_SLOT0)
        changed = {key: read(*key) for key in self._swap_keys[zero_for_one]}
        changed[self._slot0_key] = packed
        tick = at.v3_slot0_tick(packed)
        if tick != mark:
            changed[self._liquidity_key] = read(pool, at.V3_LIQUIDITY)
            low, high = (tick, mark) if tick < mark else (mark, tick)
            ticks = self._ticks
            for crossed in ticks[bisect.bisect_right(ticks, low) : bisect.bisect_right(ticks, high)]:
                for slot in at.v3_tick_slots(crossed):
                    changed[pool, slot] = read(pool, slot)
        return changed

    def watched(self) -> Iterable[tuple[str, int]]:
        """See `Venue`."""
        if not self._watched:
            self._watched = tuple(self._watch())
        return self._watched

    def _watch(self) -> Iterator[tuple[str, int]]:
        yield from self._fixed()
        for position in self._words:
            yield self.pool, at.v3_bitmap_slot(position)
        for tick in self._ticks:
            for slot in at.v3_tick_slots(tick):
                yield self.pool, slot
        for lower, upper in self._positions:
            for slot in at.v3_position_slots(self.driver, lower, upper):
                yield self.pool, slot

    def _fixed(self) -> Iterator[tuple[str, int]]:
        for slot in (
            at.V3_SLOT0,
            at.V3_FEE_GROWTH0,
            at.V3_FEE_GROWTH1,
            at.V3_PROTOCOL_FEES,
            at.V3_LIQUIDITY,
            at.V3_OBSERVATIONS,
        ):
            yield self.pool, slot
        yield from self._token_slots

    def _liquidity_slots(self, lower: int, upper: int) -> Iterator[tuple[str, int]]:
        yield from self._fixed()
        for tick in (lower, upper):
            yield self.pool, at.v3_bitmap_slot(tick // self._record.tick_spacing >> 8)
            for slot in at.v3_tick_slots(tick):
                yield self.pool, slot
        for slot in at.v3_position_slots(self.driver, lower, upper):
            yield self.pool, slot

    def _values(self, keys: Iterable[tuple[str, int]]) -> Slots:
        return {key: self._evm.storage(*key) for key in keys}

    def _note_position(self, lower: int, upper: int) -> None:
        if (lower, upper) not in self._positions:
            self._positions.add((lower, upper))
            self._note_ticks((lower, upper))
            self._watched = ()

    def _note_ticks(self, ticks: Iterable[int]) -> None:
        for tick in ticks:
            place = bisect.bisect_left(self._ticks, tick)
            if self._ticks[place : place + 1] != [tick]:
                self._ticks.insert(place, tick)
                self._words.add(tick // self._record.tick_spacing >> 8)
                self._watched = ()

    def notice(self, slots: Slots) -> None:
        """See `Venue`: finds ticks that were initialised in the world that the slots come from."""
        spacing = self._record.tick_spacing
        positions = _bitmap_positions(spacing)
        for (address, slot), value in slots.items():
            if address == self.pool and value:
                position = positions.get(slot)
                if position is not None:
                    self._note_ticks(((position << 8) + bit) * spacing for bit in range(256) if value >> bit & 1)

    # ------------------------------------------------------------------ fee and router

    def code_with_fee(self, fee_pips: int) -> bytes:
        """See `Venue`. A pool's fee is a constant in its code, and so is its own address: both are kept right."""
        evm = Evm(self._record.chain_id)
        evm.set_code(_FACTORY, harness_contract("PoolDeployer").runtime_code)
        with evm.anchor():
            try:
                created = evm.call(_FACTORY, self._deployment(fee_pips), sender=OPERATOR)
            except ExecutionError as error:
                raise InputError(f"no v3 pool can have a fee of {fee_pips} pips: {error}") from error
            if "0x" + created[12:32].hex() != self.pool:
                raise AssertionError("the same factory and salt give the same address")
            return evm.code(self.pool)

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


def _ways_to_call(event: Swap) -> Iterator[tuple[str, bytes]]:
    """(mode, calldata for the driver), likeliest first: events do not tell how the pool was called."""
    zero_for_one = event.zero_for_one
    yield "exact_in", _exact(zero_for_one, event.amount_in)
    yield "exact_out", _exact(zero_for_one, event.amount_out, out=True)
    if event.sqrt_price_x96 is not None:
        yield "price_limit", _swap(zero_for_one, _UNLIMITED, event.sqrt_price_x96)


def _exact(zero_for_one: bool, amount: int, *, out: bool = False) -> bytes:
    """Calldata of a swap without a price limit, packed where the amount allows."""
    if amount >> 128:
        limit = MIN_PRICE_X96 + 1 if zero_for_one else MAX_PRICE_X96 - 1
        return _swap(zero_for_one, -amount if out else amount, limit)
    return ((zero_for_one | out << 1) << 128 | amount).to_bytes(17, "big")


def _swap(zero_for_one: bool, amount: int, limit: int) -> bytes:
    """Calldata of a swap; ``amount`` is an exact output where it is negative."""
    return _SWAP + word(zero_for_one) + word(amount) + word(limit)


@functools.lru_cache(maxsize=8)
def _bitmap_positions(spacing: int) -> dict[int, int]:
    """The position in the bitmap by slot, for every word that a tick can be in."""
    first, last = at.MIN_TICK // spacing >> 8, at.MAX_TICK // spacing >> 8
    return {at.v3_bitmap_slot(position): position for position in range(first, last + 1)}
