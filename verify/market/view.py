"""What an agent sees when it decides: the block, the prices, and a pool that answers questions."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from verify.market.wishes import Provide, Trade, Withdraw
    from verify.venues import SwapResult


class AskedPool(Protocol):
    """What agents may ask of the pool; nothing that they do here lasts."""

    def quote(self, zero_for_one: bool, amount_in: int) -> SwapResult:
        """What a trade would do now."""
        ...

    def supposing(self) -> AbstractContextManager[Callable[[bool, int], SwapResult]]:
        """A function of (zero for one, amount in) that trades, each on what was traded before; undone at the end."""
        ...

    def gas_of(self, wish: Trade) -> int:
        """What the trade's transaction would use now."""
        ...

    def amount_to(self, target: Fraction) -> tuple[bool, int]:
        """(zero for one, amount in) that brings the pool to a price; see `verify.market.pools.PoolPort`."""
        ...

    def provision(self, contract: str, value: int, half_width: int) -> Provide:
        """What to put in for a value in the quote token's smallest unit, so many ticks to each side of the price."""
        ...

    def narrow_provision(self, contract: str, share: Fraction) -> Provide:
        """What to put into the narrowest range around the price to have this multiple of the pool's liquidity."""
        ...

    def withdrawal(self, provided: Provide) -> Withdraw:
        """How to take out all that was put in."""
        ...


@dataclass(frozen=True, slots=True)
class View:
    """One block as an agent sees it.

    Args:
        pool: Answers questions.
        block_number: The block that is being filled.
        price: The exogenous price, token1 for token0 in smallest units.
        quote_is_token1: Which token values are counted in.
        quote_unit: Smallest units of one whole quote token.
        base_unit: Likewise of the base token, in which gas is paid.
        gas_price_wei: Of this block.
    """

    pool: AskedPool
    block_number: int
    price: Fraction
    quote_is_token1: bool
    quote_unit: int
    base_unit: int
    gas_price_wei: int

    def value(self, amount: int, *, of_token0: bool) -> Fraction:
        """An amount at the exogenous price, in whole quote tokens."""
        if of_token0 != self.quote_is_token1:
            return Fraction(amount, self.quote_unit)
        return amount * (self.price if of_token0 else 1 / self.price) / self.quote_unit

    def amount(self, value: float, *, of_token0: bool) -> Fraction:
        """The amount that is worth so many whole quote tokens; not rounded."""
        units = Fraction(value) * self.quote_unit
        if of_token0 != self.quote_is_token1:
            return units
        return units / (self.price if of_token0 else 1 / self.price)

    def gas_value(self, gas: int) -> Fraction:
        """What gas costs, in whole quote tokens; one whole base token is one native coin."""
        coins = Fraction(gas * self.gas_price_wei, 10**18)
        return self.value(round(coins * self.base_unit), of_token0=self.quote_is_token1)
