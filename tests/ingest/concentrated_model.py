"""A v3 pool acted out from Uniswap's own description, step by step, to make histories whose truth is known.

It shares only the ticks' prices with what is under test: every amount is rounded in the two stages of SqrtPriceMath.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ingest.records import LiquidityEvent, Swap, TickLiquidity
from ingest.swap_math import MAX_TICK, MIN_TICK, sqrt_price_at_tick

Q96 = 1 << 96
PIPS = 10**6


def div_up(a: int, b: int) -> int:
    return a // b + (a % b > 0)


def amount0(low: int, high: int, liquidity: int, up: bool) -> int:
    whole = liquidity << 96
    return div_up(div_up(whole * (high - low), high), low) if up else whole * (high - low) // high // low


def amount1(low: int, high: int, liquidity: int, up: bool) -> int:
    return div_up(liquidity * (high - low), Q96) if up else liquidity * (high - low) // Q96


def tick_at(price: int) -> int:
    low, high = MIN_TICK, MAX_TICK
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if sqrt_price_at_tick(middle) <= price else (low, middle - 1)
    return low


@dataclass
class ConcentratedModel:
    """A pool and the events that it emitted. One event a block, unless ``block`` is held."""

    spacing: int
    fee_pips: int
    price: int
    events: list = field(default_factory=list)
    net: dict = field(default_factory=dict)
    gross: dict = field(default_factory=dict)
    positions: dict = field(default_factory=dict)
    liquidity: int = 0
    block: int = 100

    def __post_init__(self) -> None:
        self.tick = tick_at(self.price)

    def ticks(self) -> tuple[TickLiquidity, ...]:
        return tuple(TickLiquidity(tick, net) for tick, net in sorted(self.net.items()) if net)

    def place(self) -> dict:
        self.block += 1
        seq = len(self.events)
        where = {"block_number": self.block, "block_ts": 12 * self.block, "tx_index": 0, "log_index": seq}
        return {"seq": seq, "tx_hash": f"0x{seq:064x}"} | where

    def change(self, kind: str, lower: int, upper: int, liquidity: int) -> None:
        """A mint or a burn."""
        change = liquidity if kind == "mint" else -liquidity
        low, high, up = sqrt_price_at_tick(lower), sqrt_price_at_tick(upper), kind == "mint"
        paid = [0, 0]
        if self.tick < lower:
            paid[0] = amount0(low, high, liquidity, up)
        elif self.tick >= upper:
            paid[1] = amount1(low, high, liquidity, up)
        else:
            paid = [amount0(self.price, high, liquidity, up), amount1(low, self.price, liquidity, up)]
            self.liquidity += change
        for tick, sign in ((lower, 1), (upper, -1)):
            self.net[tick] = self.net.get(tick, 0) + sign * change
            self.gross[tick] = self.gross.get(tick, 0) + change
            if not self.gross[tick]:
                del self.gross[tick], self.net[tick]
        self.positions[lower, upper] = self.positions.get((lower, upper), 0) + change
        where = {"tick_lower": lower, "tick_upper": upper, "liquidity": liquidity}
        self.events.append(LiquidityEvent(kind=kind, amount0=paid[0], amount1=paid[1], **where, **self.place()))

    def next_tick(self, down: bool) -> int:
        """The next initialised tick, looked for one by one to the end of the bitmap's word."""
        place = self.tick // self.spacing + (not down)
        while place * self.spacing not in self.gross and place % 256 != (0 if down else 255):
            place += -1 if down else 1
        return min(max(place * self.spacing, MIN_TICK), MAX_TICK)

    def swap(self, down: bool, specified: int, limit: int | None = None) -> None:
        """An exact input (``specified`` above 0) or output (below 0), to a price limit."""
        end = sqrt_price_at_tick(MIN_TICK) + 1 if down else sqrt_price_at_tick(MAX_TICK) - 1
        limit = end if limit is None else max(limit, end) if down else min(limit, end)
        if self.price == limit or (limit > self.price) == down:
            return
        left, other = specified, 0
        while left and self.price != limit:
            start, following = self.price, self.next_tick(down)
            bound = sqrt_price_at_tick(following)
            target = max(bound, limit) if down else min(bound, limit)
            self.price, paid, got, fee = self.step(target, left, down)
            left, other = (left - paid - fee, other + got) if specified > 0 else (left + got, other + paid + fee)
            if self.price == bound:
                if following in self.net:
                    self.liquidity += -self.net[following] if down else self.net[following]
                self.tick = following - 1 if down else following
            elif self.price != start:
                self.tick = tick_at(self.price)
        paid, got = (specified - left, other) if specified > 0 else (other, left - specified)
        amounts = {"amount0": paid if down else -got, "amount1": -got if down else paid}
        after = {"sqrt_price_x96": self.price, "liquidity": self.liquidity, "tick": self.tick}
        self.events.append(Swap(fee_pips=self.fee_pips, **amounts, **after, **self.place()))

    def step(self, target: int, left: int, down: bool) -> tuple[int, int, int, int]:
        """SwapMath.computeSwapStep: price, input without fee, output, fee."""
        liquidity, exact_in = self.liquidity, left > 0

        def into(end: int) -> int:
            return amount0(end, self.price, liquidity, True) if down else amount1(self.price, end, liquidity, True)

        def out_of(end: int) -> int:
            return amount1(end, self.price, liquidity, False) if down else amount0(self.price, end, liquidity, False)

        if exact_in:
            rest = left * (PIPS - self.fee_pips) // PIPS
            end = target if rest >= into(target) else self.moved_by_input(rest, down)
        else:
            end = target if -left >= out_of(target) else self.moved_by_output(-left, down)
        paid = into(end)
        got = out_of(end) if exact_in else min(out_of(end), -left)
        fee = left - paid if exact_in and end != target else div_up(paid * self.fee_pips, PIPS - self.fee_pips)
        return end, paid, got, fee

    def moved_by_input(self, amount: int, down: bool) -> int:
        if not down:
            return self.price + (amount << 96) // self.liquidity
        whole, product = self.liquidity << 96, amount * self.price
        if product < 1 << 256 and whole + product < 1 << 256:
            return div_up(whole * self.price, whole + product)
        return div_up(whole, whole // self.price + amount)

    def moved_by_output(self, amount: int, down: bool) -> int:
        if down:
            return self.price - div_up(amount << 96, self.liquidity)
        whole = self.liquidity << 96
        return div_up(whole * self.price, whole - amount * self.price)
