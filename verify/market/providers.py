"""Who provides liquidity: some for hours, some for the length of one large order."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from verify.market.opening import rounded
from verify.venues import labelled_address

if TYPE_CHECKING:
    import numpy as np

    from verify.market.config import LiquidityConfig
    from verify.market.view import View
    from verify.market.wishes import Order, Provide, Withdraw


class Providers:
    """Liquidity providers; see `LiquidityConfig`. Each holds at most one position beside just-in-time ones."""

    def __init__(self, config: LiquidityConfig, random: np.random.Generator, tag: str) -> None:
        self._config = config
        self._random = random
        self._tag = tag
        self._held: dict[str, Provide] = {}

    def act(self, view: View) -> list[Provide | Withdraw]:
        """This block's moves: who holds nothing provides, who holds a position withdraws it whole."""
        number = self._random.poisson(self._config.moves_per_block)
        chosen = self._random.integers(self._config.providers, size=number)
        moves: list[Provide | Withdraw] = []
        for provider in dict.fromkeys(chosen.tolist()):  # one move each: both in one block would be just-in-time
            contract = labelled_address(f"{self._tag}:{provider}")
            held = self._held.pop(contract, None)
            if held is None:
                self._held[contract] = self._provision(view, contract)
                moves.append(self._held[contract])
            else:
                moves.append(view.pool.withdrawal(held))
        return moves

    def _provision(self, view: View, contract: str) -> Provide:
        config = self._config
        value = math.exp(config.size_mu + config.size_sigma * self._random.standard_normal())
        widths = config.half_widths
        half_width = widths[int(self._random.integers(len(widths)))] if widths else 0
        return view.pool.provision(contract, rounded(value * view.quote_unit), half_width)

    def just_in_time(self, view: View, order: Order) -> Provide | None:
        """What to put around an order, and to take out again right behind it."""
        config = self._config
        if not (config.jit_share and config.jit_depth_share):
            return None
        size = view.value(order.trade.amount_in, of_token0=order.trade.zero_for_one)
        chosen = self._random.random() < config.jit_share
        if not chosen or size < config.jit_min_order:
            return None
        return view.pool.narrow_provision(labelled_address(f"{self._tag}:jit"), Fraction(config.jit_depth_share))
