"""The reference price P(block), block times and the numeraire: how amounts of two tokens become comparable.

P is exogenous: the history's own price series where it has one, else the pool's price before the block's first event;
never the same pool after the trade.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from fractions import Fraction
from statistics import median_low
from typing import TYPE_CHECKING

from ingest.errors import InputError
from ingest.prices import median_step
from verify.conventions import DEFAULT_GAS_PRICE_WEI, PriceError

if TYPE_CHECKING:
    from ingest.records import History, LiquidityEvent, Pool, Swap

STABLE_SYMBOLS = frozenset({"USDC", "USDC.E", "USDBC", "USDT", "DAI", "USDS", "LUSD", "FRAX", "PYUSD"})
WRAPPED_NATIVE_SYMBOLS = {
    1: frozenset({"WETH"}),
    10: frozenset({"WETH"}),
    137: frozenset({"WMATIC", "WPOL"}),
    8453: frozenset({"WETH"}),
    42161: frozenset({"WETH"}),
    31337: frozenset({"WETH"}),
}
"""By chain id, the symbols of the ERC-20 that is worth exactly one native coin, in which gas is paid."""

Q192 = 1 << 192

MARKOUT_SECONDS = (2, 12, 30, 60, 300)
"""How long after a settlement the liquidity providers' trades are valued again; the last is the headline."""


def numeraire_is_token0(pool: Pool) -> bool:
    """Whether values are counted in token0: where only token0 is a dollar token, or only token0 pays for gas."""
    for symbols in (STABLE_SYMBOLS, WRAPPED_NATIVE_SYMBOLS.get(pool.chain_id, frozenset())):
        first, second = pool.token0.symbol.upper() in symbols, pool.token1.symbol.upper() in symbols
        if first != second:
            return first
    return False


@dataclass(frozen=True, slots=True)
class Moment:
    """Prices at one time, in smallest units; see the methods of `Reference` of the same names."""

    price: Fraction
    value0: Fraction
    value1: Fraction
    token0_per_wei: Fraction | None
    token1_per_wei: Fraction | None


class Reference:
    """Prices and times of one history.

    Args:
        history: The history.
        native_price: What one whole native coin is worth in whole units of the numeraire, for pools that hold no
            wrapped native coin; without it their gas cannot be priced.
        error: By how much every price is taken to be wrong.

    Raises:
        InputError: The history has no events, or its prices begin after them.
    """

    def __init__(self, history: History, native_price: Fraction | None = None, error: PriceError | None = None) -> None:
        self.pool = history.pool
        self.in_token0 = numeraire_is_token0(self.pool)
        self.numeraire = self.pool.token0 if self.in_token0 else self.pool.token1
        self.unit: int = 10**self.numeraire.decimals
        self._native_price = native_price
        self._error = error or PriceError()
        native_symbols = WRAPPED_NATIVE_SYMBOLS.get(self.pool.chain_id, frozenset())
        self._token0_is_native = self.pool.token0.symbol.upper() in native_symbols
        self._token1_is_native = self.pool.token1.symbol.upper() in native_symbols

        self._blocks: list[int] = []
        self._times: list[int] = []
        for event in history.events:
            if not self._blocks or event.block_number != self._blocks[-1]:
                self._blocks.append(event.block_number)
                self._times.append(event.block_ts)
        if not self._blocks:
            raise InputError("the history has no events", field=history.name)

        self._point_times = [point.ts for point in history.prices]
        self._step_s = median_step(self._point_times)
        scale = Fraction(10**self.pool.token1.decimals, 10**self.pool.token0.decimals)
        self._point_prices = [Fraction(point.price) * scale for point in history.prices]
        self._pool_blocks, self._pool_prices = _pool_prices(history)
        self._moments: dict[int, Moment] = {}
        self._later: dict[int, dict[int, tuple[Fraction, Fraction]]] = {}
        self._gas_blocks, self._gas_prices = _gas_prices(history)

        if history.prices:
            if self._point_times[0] > self._times[0]:
                raise InputError(
                    "the price series begins after the history's first block: no price is known there",
                    field=history.price_source or "prices",
                )
            self.source = history.price_source
        else:
            self.source = "the pool's own price before each block's first event"

    @property
    def gas_can_be_priced(self) -> bool:
        """Whether gas money can be turned into the pool's tokens."""
        return self._token0_is_native or self._token1_is_native or self._native_price is not None

    def time(self, block: int) -> int:
        """Unix seconds of a block; between blocks that the history has, in proportion, rounded down."""
        blocks, times = self._blocks, self._times
        i = bisect_left(blocks, block)
        if i < len(blocks) and blocks[i] == block:
            return times[i]
        if len(blocks) == 1:
            return times[0]
        left = min(max(i - 1, 0), len(blocks) - 2)
        span, seconds = blocks[left + 1] - blocks[left], times[left + 1] - times[left]
        return times[left] + (block - blocks[left]) * seconds // span

    def at(self, block: int) -> Moment:
        """Prices at the start of a block; each is made once, as exact fractions are dear and asked for per order."""
        found = self._moments.get(block)
        if found is None:
            found = self._moments[block] = self._moment(block)
        return found

    def price(self, block: int) -> Fraction:
        """P at the start of a block: smallest units of token1 for one smallest unit of token0."""
        return self.at(block).price

    def values(self, block: int) -> tuple[Fraction, Fraction]:
        """What one smallest unit of token0 and of token1 is worth, in the numeraire's smallest unit."""
        moment = self.at(block)
        return moment.value0, moment.value1

    def bought_per_wei(self, block: int, *, buys_token0: bool) -> Fraction | None:
        """Smallest units of the bought token that one wei of gas money is worth; None where that is not known."""
        moment = self.at(block)
        return moment.token0_per_wei if buys_token0 else moment.token1_per_wei

    def gas_price_wei(self, block: int) -> int:
        """γ: the block's gas price, or the last one known before it; a stated constant where the source has none."""
        i = bisect_right(self._gas_blocks, block) - 1
        return self._gas_prices[i] if i >= 0 else DEFAULT_GAS_PRICE_WEI

    def later_values(self, block: int) -> dict[int, tuple[Fraction, Fraction]]:
        """The values of `values`, so many seconds after a block, for the horizons at which a price is known."""
        found = self._later.get(block)
        if found is None:
            found = self._later[block] = self._later_values(block)
        return found

    def _later_values(self, block: int) -> dict[int, tuple[Fraction, Fraction]]:
        if not self._point_times:
            return {}
        found = {}
        last = self._point_times[-1] + (self._step_s or 0)
        for seconds in MARKOUT_SECONDS:
            at = self.time(block) + seconds
            if not self.why_no_markout(seconds) and at <= last:
                found[seconds] = self._values_of(self._point_prices[bisect_right(self._point_times, at) - 1])
        return found

    def why_no_markout(self, seconds: int) -> str:
        """Why the price so many seconds later cannot be told; empty where it can."""
        if not self._point_times:
            return "without a price from elsewhere: the pool's own price later holds the trades themselves"
        if self._step_s is None or self._step_s > seconds:
            step = "one price only" if self._step_s is None else f"one price every {self._step_s:,} s"
            return f"the reference price has {step}"
        return ""

    def _values_of(self, price: Fraction) -> tuple[Fraction, Fraction]:
        return (Fraction(1), 1 / price) if self.in_token0 else (price, Fraction(1))

    def drift_bps(self, placed_block: int, settle_block: int, *, sells_token0: bool) -> float:
        """How P moved from one block to another, in bps; positive is good for who sells that token."""
        if placed_block == settle_block:
            return 0.0
        before, after = self.price(placed_block), self.price(settle_block)
        return float(10_000 * ((after / before if sells_token0 else before / after) - 1))

    def _moment(self, block: int) -> Moment:
        price = self._look_up(block)
        value0, value1 = self._values_of(price)
        per_wei: tuple[Fraction | None, Fraction | None]
        if self._token0_is_native:
            per_wei = Fraction(1), price
        elif self._token1_is_native:
            per_wei = 1 / price, Fraction(1)
        elif self._native_price is not None:
            numeraire_per_wei = self._native_price * self.unit / 10**18
            per_wei = numeraire_per_wei / value0, numeraire_per_wei / value1
        else:
            per_wei = None, None
        return Moment(price, value0, value1, *per_wei)

    def _look_up(self, block: int) -> Fraction:
        error = self._error
        if self._point_times:
            place = bisect_right(self._point_times, self.time(block) + error.seconds) - 1
            return self._point_prices[max(place, 0)] * error.factor
        if error.seconds:
            block = self._blocks[max(bisect_right(self._times, self.time(block) + error.seconds) - 1, 0)]
        return self._pool_prices[max(bisect_left(self._pool_blocks, block) - 1, 0)] * error.factor


def _pool_prices(history: History) -> tuple[list[int], list[Fraction]]:
    """The pool's price after the last event of each block that moved it, from the state that the history starts at.

    A pool that has no price yet at the start has its first one there.
    """
    state = history.initial_state
    blocks = [-1]
    if state.pool.kind == "v2":
        prices = [Fraction(state.reserve1, state.reserve0) if state.reserve0 else Fraction(0)]
    else:
        prices = [Fraction(state.sqrt_price_x96**2, Q192)]
    for event in history.events:
        price = _price_after(event)
        if price is None:
            continue
        if blocks[-1] == event.block_number:
            prices[-1] = price
        else:
            blocks.append(event.block_number)
            prices.append(price)
    prices[0] = prices[0] or next((price for price in prices if price), Fraction(1))
    return blocks, prices


def _price_after(event: Swap | LiquidityEvent) -> Fraction | None:
    if event.sqrt_price_x96:
        return Fraction(event.sqrt_price_x96**2, Q192)
    if event.reserve0 and event.reserve1:
        return Fraction(event.reserve1, event.reserve0)
    return None


def _gas_prices(history: History) -> tuple[list[int], list[int]]:
    """Each block's median of what its swaps' transactions paid for gas (wei), for blocks where that is known."""
    by_block: dict[int, list[int]] = {}
    for swap in history.swaps:
        if swap.gas_price_wei is not None:
            by_block.setdefault(swap.block_number, []).append(swap.gas_price_wei)
    return list(by_block), [median_low(prices) for prices in by_block.values()]
