"""Uniswap v2: the genuine pair."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ingest.errors import InputError
from ingest.records import LiquidityEvent, Swap
from verify import slots as at
from verify.abi import address_word, selector, word
from verify.evm import ExecutionError
from verify.venues import OPERATOR, Applied, SwapResult
from verify.venues.v2_deploy import MAX_RESERVE, MINT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingest.records import Event, Pool, VenueKind
    from verify.evm import Evm, Slots
    from verify.venues import Ledgers
    from verify.venues.v2_deploy import DeployedPair

FEE_PIPS = 3000

_BURN = selector("burn(uint256)")
_SYNC = selector("sync(uint256,uint256)")
_SWAP_EXACT_TOKENS = selector("swapExactTokensForTokens(uint256,uint256,address[],address,uint256)")


class V2:
    """A v2 pair; see `verify.venues.Venue`."""

    kind: VenueKind = "v2"
    terms: tuple[()] | tuple[str, str, int, int] = ()
    base_fee_pips = FEE_PIPS

    def __init__(self, evm: Evm, record: Pool, made: DeployedPair, ledgers: Ledgers) -> None:
        """A pair that stands in the EVM.

        Args:
            evm: Has the two tokens at their addresses.
            record: What is known of the pair.
            made: Its contracts.
            ledgers: The tokens'.

        Raises:
            InputError: No pair has the fee.
        """
        if record.fee_pips != FEE_PIPS:
            raise InputError(f"a v2 pair has a fee of {FEE_PIPS} pips, not {record.fee_pips}", field="fee_pips")
        self._evm = evm
        self._record = record
        self.pool, self.driver, self.router = made.pool, made.driver, made.router
        self.spender = made.router
        self._reserves_key = (self.pool, at.V2_RESERVES)
        self._balance0_key, self._balance1_key = (ledger.slot(self.pool) for ledger in ledgers)
        self._price_keys = ((self.pool, at.V2_PRICE0_CUMULATIVE), (self.pool, at.V2_PRICE1_CUMULATIVE))
        self._watched = (
            self._reserves_key,
            self._balance0_key,
            self._balance1_key,
            *self._price_keys,
            (self.pool, at.V2_K_LAST),
            (self.pool, at.V2_TOTAL_SUPPLY),
            *((self.pool, at.v2_share_slot(owner)) for owner in (self.driver, self.pool, *made.shareholders)),
        )

    # ------------------------------------------------------------------ reading it

    def reserves(self) -> tuple[int, int]:
        """(reserve0, reserve1)."""
        return at.v2_reserves(self._evm.storage(self.pool, at.V2_RESERVES))

    def price(self) -> int:
        """See `Venue`; rounded down, 0 for an empty pair."""
        reserve0, reserve1 = self.reserves()
        return math.isqrt((reserve1 << 192) // reserve0) if reserve0 else 0

    def liquidity(self) -> int:
        """See `Venue`: the square root of the reserves' product."""
        reserve0, reserve1 = self.reserves()
        return math.isqrt(reserve0 * reserve1)

    def tick(self) -> None:
        """A v2 pair has no ticks."""

    def exhausted(self) -> bool:
        """Never: a pair's liquidity reaches everywhere."""
        return False

    # ------------------------------------------------------------------ acting on it

    def swap(self, zero_for_one: bool, amount_in: int) -> SwapResult:
        """See `Venue`."""
        received = self._received(zero_for_one, amount_in)
        if not received or amount_in > MAX_RESERVE:
            return SwapResult(0, 0)
        try:
            self._evm.call(self.driver, driver_swap(zero_for_one, amount_in, received), sender=OPERATOR)
        except ExecutionError:
            return SwapResult(0, 0)  # more than a pair can hold
        return SwapResult(amount_in, received)

    def swap_call(self, zero_for_one: bool, amount_in: int) -> bytes:
        """See `Venue`."""
        return driver_swap(zero_for_one, amount_in, self._received(zero_for_one, amount_in))

    def _received(self, zero_for_one: bool, amount_in: int) -> int:
        reserve0, reserve1 = self.reserves()
        return amount_out(amount_in, *((reserve0, reserve1) if zero_for_one else (reserve1, reserve0)))

    def apply(self, event: Event) -> Applied:
        """See `Venue`."""
        if isinstance(event, Swap):
            return self._apply_swap(event)
        if event.kind == "mint":
            return self._apply_liquidity(event, MINT + word(event.amount0) + word(event.amount1))
        if event.kind == "burn":
            return self._apply_liquidity(event, _BURN + word(self._shares_of(event)))
        if event.kind == "sync":
            return self._apply_sync(event)
        return Applied(True, "no effect", "", {})

    def _apply_sync(self, event: LiquidityEvent) -> Applied:
        """Tokens that were sent to the pair, which then took its balances for its reserves."""
        if event.amount0 < 0 or event.amount1 < 0:
            why = (
                f"reserves fell by a sync ({event.amount0}, {event.amount1}): a token's balances changed by themselves"
            )
            return Applied(False, "sync", why, self._resynced(event))
        self._evm.call(self.driver, _SYNC + word(event.amount0) + word(event.amount1), sender=OPERATOR)
        why = self._difference(event)
        return Applied(not why, "sync", why, self._resynced(event))

    def _apply_loan(self, event: Swap) -> Applied:
        """A flash swap that was paid back in the token it took, or in both: known is only by how much the pair gained.

        What was lent does not stand in the history. The gain is sent to the pair, which then takes its balances for its
        reserves, as it does at a swap's end; that the reserves are those recorded is what is checked.
        """
        self._evm.call(self.driver, _SYNC + word(event.amount0) + word(event.amount1), sender=OPERATOR)
        why = self._difference(event)
        return Applied(not why, "loan", why, self._resynced(event))

    def _apply_swap(self, event: Swap) -> Applied:
        if event.amount0 >= 0 and event.amount1 >= 0 and 0 < event.amount0 + event.amount1 <= MAX_RESERVE:
            return self._apply_loan(event)
        zero_for_one = event.amount0 > 0
        paid, taken = (event.amount0, -event.amount1) if zero_for_one else (event.amount1, -event.amount0)
        if not (0 < paid <= MAX_RESERVE and 0 < taken <= MAX_RESERVE):
            why = f"no swap of a pair has the amounts {event.amount0} and {event.amount1}"
            return Applied(False, "amounts", why, self._resynced(event))
        before = self.mark()
        try:  # the pair is told both amounts: recorded ones pass or fail its own check of x·y = k
            self._evm.call(self.driver, driver_swap(zero_for_one, paid, taken), sender=OPERATOR)
        except ExecutionError as error:
            return Applied(False, "amounts", str(error), self._resynced(event))
        changed = self.changed_by_swap(before, zero_for_one)
        if event.reserve0 is not None and (
            changed[self._balance0_key] != event.reserve0 or changed[self._balance1_key] != event.reserve1
        ):
            return Applied(False, "amounts", self._difference(event), self._resynced(event))
        reserve0, reserve1 = at.v2_reserves(before)
        most = amount_out(paid, *((reserve0, reserve1) if zero_for_one else (reserve1, reserve0)))
        return Applied(True, "exact_in" if taken == most else "amounts", "", changed)

    def _apply_liquidity(self, event: LiquidityEvent, call: bytes) -> Applied:
        try:
            output = self._evm.call(self.driver, call, sender=OPERATOR)
        except ExecutionError as error:
            return Applied(False, event.kind, str(error), self._resynced(event))
        why = self._difference(event)
        if event.kind == "burn":
            found = int.from_bytes(output[:32], "big"), int.from_bytes(output[32:], "big")
            if found != (event.amount0, event.amount1):
                why = f"amounts {found} instead of {(event.amount0, event.amount1)}, {why}".rstrip(", ")
        return Applied(not why, event.kind, why, self._resynced(event))

    def _shares_of(self, event: LiquidityEvent) -> int:
        """The fewest shares that pay out what was recorded: events do not tell how many were burnt."""
        reserves = self.reserves()
        supply = self._evm.storage(self.pool, at.V2_TOTAL_SUPPLY)
        return max(
            -(-amount * supply // reserve) if reserve else 0
            for amount, reserve in zip((event.amount0, event.amount1), reserves, strict=True)
        )

    def _difference(self, event: Event) -> str:
        if event.reserve0 is None or event.reserve1 is None:
            return ""
        wanted = event.reserve0, event.reserve1
        found = self.reserves()
        return "" if found == wanted else f"reserves {found} instead of {wanted}"

    def _resynced(self, event: Event) -> Slots:
        """Every slot, with the reserves as history recorded them."""
        changed = {key: self._evm.storage(*key) for key in self._watched}
        if event.reserve0 is not None and event.reserve1 is not None:
            packed = changed[self._reserves_key]
            changed[self._reserves_key] = at.v2_with_reserves(packed, event.reserve0, event.reserve1)
            changed[self._balance0_key] = event.reserve0
            changed[self._balance1_key] = event.reserve1
        return changed

    # ------------------------------------------------------------------ which slots change

    def mark(self) -> int:
        """See `Venue`: the reserves' slot."""
        return self._evm.storage(*self._reserves_key)

    def changed_by_swap(self, mark: int, zero_for_one: bool) -> Slots:  # noqa: ARG002 - the protocol's
        """See `Venue`: the same in both directions."""
        packed = self._evm.read(*self._reserves_key)
        reserve0, reserve1 = at.v2_reserves(packed)
        changed = {
            self._reserves_key: packed,
            self._balance0_key: reserve0,  # a pair takes its balances for its reserves at the end of every swap
            self._balance1_key: reserve1,
        }
        if (packed ^ mark) >> 224:  # the first swap of a block moves the cumulative prices
            for key in self._price_keys:
                changed[key] = self._evm.read(*key)
        return changed

    def watched(self) -> Iterable[tuple[str, int]]:
        """See `Venue`."""
        return self._watched

    def notice(self, slots: Mapping[tuple[str, int], int]) -> None:
        """See `Venue`: a pair's slots are always the same."""

    # ------------------------------------------------------------------ fee and router

    def set_fee(self, fee_pips: int) -> None:
        """See `Venue`: a pair's fee never changes."""
        if fee_pips != FEE_PIPS:
            raise InputError(f"a v2 pair has a fee of {FEE_PIPS} pips, not {fee_pips}", field="fee_pips")

    def router_allowances(self, trader: str) -> Slots:  # noqa: ARG002 - the protocol's
        """See `Venue`: none."""
        return {}

    def router_call(self, trader: str, zero_for_one: bool, amount_in: int, min_out: int, deadline: int) -> bytes:
        """See `Venue`."""
        token0, token1 = (address_word(token.address) for token in (self._record.token0, self._record.token1))
        return (
            _SWAP_EXACT_TOKENS
            + word(amount_in)
            + word(min_out)
            + word(5 * 32)
            + address_word(trader)
            + word(deadline)
            + word(2)
            + (token0 + token1 if zero_for_one else token1 + token0)
        )

    def router_received(self, output: bytes) -> int:
        """See `Venue`: the last of the amounts along the path."""
        return int.from_bytes(output[-32:], "big")


def driver_swap(zero_for_one: bool, amount_in: int, amount_out: int) -> bytes:
    """Calldata of the driver's swap."""
    return (zero_for_one << 224 | amount_in << 112 | amount_out).to_bytes(29, "big")


def amount_out(amount_in: int, reserve_in: int, reserve_out: int) -> int:
    """The most that a pair gives for an exact input: x·y = k after the fee of 0.3 %, rounded down."""
    paid = amount_in * 997
    return paid * reserve_out // (reserve_in * 1000 + paid) if paid else 0
