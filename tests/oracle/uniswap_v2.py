"""A Uniswap v2 pair in plain integers: reserve0 · reserve1 may not fall, where 0.3 % of an input does not count."""

from __future__ import annotations

import math
from dataclasses import dataclass

LARGEST_RESERVE = (1 << 112) - 1


@dataclass(frozen=True)
class Pair:
    """A pair whose balances are its reserves."""

    reserve0: int
    reserve1: int

    fee_pips = 3000

    @property
    def price(self) -> int:
        """√(reserve1 / reserve0) · 2**96; of a ratio from 2**64 on only the root's upper bits are kept."""
        if self.reserve1 >= self.reserve0 << 64:
            return math.isqrt((self.reserve1 << 128) // self.reserve0) << 32
        return math.isqrt((self.reserve1 << 192) // self.reserve0)

    @property
    def stands(self) -> tuple[int, int]:
        """Everything that a swap changes."""
        return self.reserve0, self.reserve1

    def takes(self, sells0: bool, amount: int) -> bool:
        """Whether the reserve stays within its 112 bits."""
        return amount + (self.reserve0 if sells0 else self.reserve1) <= LARGEST_RESERVE

    def output(self, sells0: bool, amount: int) -> int:
        """The most that keeps (1000·x + 997·amount) · (y − output) at 1000·x·y or above."""
        x, y = (self.reserve0, self.reserve1) if sells0 else (self.reserve1, self.reserve0)
        return y - -(-1000 * x * y // (1000 * x + 997 * amount))

    def sell(self, sells0: bool, amount: int) -> tuple[Pair, int, int]:
        """(the pair after it, spent, received); nothing happens where nothing would come out."""
        received = self.output(sells0, amount)
        if not received:
            return self, 0, 0
        return self.with_more(*((amount, -received) if sells0 else (-received, amount))), amount, received

    def with_more(self, amount0: int, amount1: int) -> Pair:
        """The pair after these amounts came in or went out."""
        return Pair(self.reserve0 + amount0, self.reserve1 + amount1)
