"""The two kinds of pool as the market sees them: how to call one, and how to read what its events tell.

All calls go to the harness's driver contracts, which stand here at the addresses of the agents' own contracts.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

from verify import slots as at
from verify.abi import selector, signed, word, words
from verify.market.opening import Q192, TICK_BASE, base_is_token0, liquidity_of, range_around, rounded
from verify.market.wishes import Provide
from verify.venues import OPERATOR
from verify.venues.v2 import amount_out, driver_swap
from verify.venues.v3 import MAX_PRICE_X96, MIN_PRICE_X96

if TYPE_CHECKING:
    from verify.market.config import MarketConfig
    from verify.market.wishes import Withdraw
    from verify.world import World

PIPS = 10**6
_SWAP_V3 = selector("swap(bool,int256,uint160)")
_MINT_V3 = selector("mint(int24,int24,uint128)")
_BURN_V3 = selector("burn(int24,int24,uint128)")
_MINT_V2 = selector("mint(uint256,uint256)")
_BURN_V2 = selector("burn(uint256)")
_UNLIMITED = 2**255 - 1

Log = tuple[str, list[bytes], bytes]


class PoolPort(Protocol):
    """How one kind of pool is called and read."""

    def trade_call(self, zero_for_one: bool, amount_in: int) -> bytes:
        """Calldata for a driver contract: an exact-input swap."""
        ...

    def amounts(self, logs: list[Log]) -> tuple[int, int]:
        """(paid in, paid out) of the one swap in a transaction's logs."""
        ...

    def provide_call(self, wish: Provide) -> bytes:
        """Calldata for a driver contract."""
        ...

    def withdraw_call(self, wish: Withdraw) -> bytes:
        """Calldata for a driver contract."""
        ...

    def liquidity_slots(self, wish: Provide | Withdraw) -> list[tuple[str, int]]:
        """Every slot that such a transaction may change, beside the contract's balances."""
        ...

    def holding(self, wish: Provide) -> int:
        """The liquidity that the contract has there now: v3's units in the range, or all its v2 shares."""
        ...

    def provision(self, contract: str, value: int, half_width: int) -> Provide:
        """See `verify.market.view.AskedPool`; the half width is of no meaning for v2."""
        ...

    def narrow_provision(self, contract: str, share: Fraction) -> Provide:
        """See `verify.market.view.AskedPool`; v3 alone has ranges."""
        ...

    def amount_to(self, target: Fraction) -> tuple[bool, int]:
        """(zero for one, amount in) of the trade after which the next unit, fee included, is worth the target price.

        (False, 0) where the price is within the fee already.

        Args:
            target: Smallest units of token1 for one of token0.
        """
        ...


class PortV3:
    """See `PoolPort`."""

    def __init__(self, world: World, config: MarketConfig) -> None:
        self._world = world
        self._spacing = config.pool.tick_spacing
        self._quote_is_token1 = base_is_token0(config)

    def trade_call(self, zero_for_one: bool, amount_in: int) -> bytes:
        """See `PoolPort`."""
        return self._swap(zero_for_one, amount_in, MIN_PRICE_X96 + 1 if zero_for_one else MAX_PRICE_X96 - 1)

    def _swap(self, zero_for_one: bool, amount_in: int, limit: int) -> bytes:
        return _SWAP_V3 + word(zero_for_one) + word(amount_in) + word(limit)

    def amounts(self, logs: list[Log]) -> tuple[int, int]:
        """See `PoolPort`."""
        (data,) = (data for address, topics, data in logs if address == self._world.pool and len(data) == 5 * 32)
        amount0, amount1 = (signed(value, 256) for value in words(data)[:2])
        return (amount0, -amount1) if amount0 > 0 else (amount1, -amount0)

    def provide_call(self, wish: Provide) -> bytes:
        """See `PoolPort`."""
        return _MINT_V3 + word(wish.tick_lower) + word(wish.tick_upper) + word(wish.liquidity)

    def withdraw_call(self, wish: Withdraw) -> bytes:
        """See `PoolPort`."""
        return _BURN_V3 + word(wish.tick_lower) + word(wish.tick_upper) + word(wish.liquidity)

    def liquidity_slots(self, wish: Provide | Withdraw) -> list[tuple[str, int]]:
        """See `PoolPort`."""
        slots = [
            at.V3_SLOT0,
            at.V3_FEE_GROWTH0,
            at.V3_FEE_GROWTH1,
            at.V3_LIQUIDITY,
            at.V3_OBSERVATIONS,
            *at.v3_position_slots(wish.contract, wish.tick_lower, wish.tick_upper),
        ]
        for tick in (wish.tick_lower, wish.tick_upper):
            slots += [at.v3_bitmap_slot(tick // self._spacing >> 8), *at.v3_tick_slots(tick)]
        return [(self._world.pool, slot) for slot in slots]

    def holding(self, wish: Provide) -> int:
        """See `PoolPort`."""
        slot = at.v3_position_slots(wish.contract, wish.tick_lower, wish.tick_upper)[0]
        return self._world.evm.storage(self._world.pool, slot)

    def provision(self, contract: str, value: int, half_width: int) -> Provide:
        """See `PoolPort`.

        Both sides of a range that reaches a factor of r to each side are together worth 2·(1 − 1/√r) of the virtual
        reserve (Uniswap v3 whitepaper, section 6.2).
        """
        world = self._world
        lower, upper = range_around(world.tick() or 0, half_width, self._spacing)
        share = 2 * (1 - TICK_BASE ** (-(upper - lower) / 4))
        liquidity = liquidity_of(value / share, world.price(), quote_is_token1=self._quote_is_token1)
        return Provide(contract, lower, upper, liquidity)

    def narrow_provision(self, contract: str, share: Fraction) -> Provide:
        """See `PoolPort`."""
        lower, upper = range_around(self._world.tick() or 0, 1, self._spacing)
        return Provide(contract, lower, upper, rounded(float(self._world.liquidity() * share)))

    def amount_to(self, target: Fraction) -> tuple[bool, int]:
        """See `PoolPort`: the pool itself is asked, by a swap without end that stops at the price."""
        world = self._world
        kept = Fraction(PIPS - world.fee_pips, PIPS)
        lowest, highest = _root_up(target * kept), _root(target / kept)
        price = world.price()
        if lowest <= price <= highest:
            return False, 0
        zero_for_one = price > highest
        call = self._swap(zero_for_one, _UNLIMITED, highest if zero_for_one else lowest)
        with world.anchor():
            output = world.evm.call(world.driver, call, sender=OPERATOR)
        return zero_for_one, signed(words(output)[0 if zero_for_one else 1], 256)


class PortV2:
    """See `PoolPort`."""

    def __init__(self, world: World, config: MarketConfig) -> None:
        self._world = world
        self._quote_is_token1 = base_is_token0(config)

    def _reserves(self) -> tuple[int, int]:
        """(reserve0, reserve1)."""
        return at.v2_reserves(self._world.evm.storage(self._world.pool, at.V2_RESERVES))

    def trade_call(self, zero_for_one: bool, amount_in: int) -> bytes:
        """See `PoolPort`."""
        reserve0, reserve1 = self._reserves()
        reserves = (reserve0, reserve1) if zero_for_one else (reserve1, reserve0)
        return driver_swap(zero_for_one, amount_in, amount_out(amount_in, *reserves))

    def amounts(self, logs: list[Log]) -> tuple[int, int]:
        """See `PoolPort`."""
        (data,) = (data for address, topics, data in logs if address == self._world.pool and len(data) == 4 * 32)
        in0, in1, out0, out1 = words(data)
        return in0 + in1, out0 + out1

    def provide_call(self, wish: Provide) -> bytes:
        """See `PoolPort`."""
        return _MINT_V2 + word(wish.amount0) + word(wish.amount1)

    def withdraw_call(self, wish: Withdraw) -> bytes:
        """See `PoolPort`."""
        return _BURN_V2 + word(wish.liquidity)

    def liquidity_slots(self, wish: Provide | Withdraw) -> list[tuple[str, int]]:
        """See `PoolPort`."""
        slots = [
            at.V2_RESERVES,
            at.V2_PRICE0_CUMULATIVE,
            at.V2_PRICE1_CUMULATIVE,
            at.V2_TOTAL_SUPPLY,
            at.v2_share_slot(wish.contract),
            at.v2_share_slot(self._world.pool),
        ]
        return [(self._world.pool, slot) for slot in slots]

    def holding(self, wish: Provide) -> int:
        """See `PoolPort`."""
        return self._world.evm.storage(self._world.pool, at.v2_share_slot(wish.contract))

    def provision(self, contract: str, value: int, half_width: int) -> Provide:  # noqa: ARG002 - the protocol's
        """See `PoolPort`: both tokens in the proportion of the reserves."""
        reserve0, reserve1 = self._reserves()
        part = Fraction(value, 2 * (reserve1 if self._quote_is_token1 else reserve0))
        return Provide(contract, 0, 0, 0, amount0=int(reserve0 * part), amount1=int(reserve1 * part))

    def narrow_provision(self, contract: str, share: Fraction) -> Provide:
        """See `PoolPort`.

        Raises:
            NotImplementedError: Always: a pair has no ranges, which the configuration's check makes sure of.
        """
        raise NotImplementedError("a v2 pair has no ranges")

    def amount_to(self, target: Fraction) -> tuple[bool, int]:
        """See `PoolPort`: in closed form, from d(out)/d(in) = target with the fee taken from what is paid in.

        With reserves x of what is paid and y of what is got, worth w units of x each, and γ = 0.997:
        in = (√(γ·w·x·y) − x)/γ.
        """
        reserve0, reserve1 = self._reserves()
        for zero_for_one, held, other, worth in (
            (True, reserve0, reserve1, 1 / target),
            (False, reserve1, reserve0, target),
        ):
            goal = worth * held * other * 997 / 1000
            extra = math.isqrt(goal.numerator // goal.denominator) - held
            if extra > 0:
                return zero_for_one, extra * 1000 // 997
        return False, 0


def _root(price: Fraction) -> int:
    """√price·2**96, rounded down."""
    return math.isqrt(price.numerator * Q192 // price.denominator)


def _root_up(price: Fraction) -> int:
    root = _root(price)
    return root if Fraction(root * root, Q192) == price else root + 1
