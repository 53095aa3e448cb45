"""The two outside processes: the exogenous price and the price of gas.

Randomness is turned into whole numbers at once (1e-9 of the logarithm, 1e-3 gwei), so that a path does not hang on
the last bit of a machine's floating-point functions.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from verify.market.config import GasConfig, PriceConfig

_LOG_UNITS = 10**9
_BPS_UNITS = _LOG_UNITS // 10**4
_GWEI_STEP = 10**6  # wei
_SIGNIFICANT_DIGITS = 9


class PricePath:
    """Quote for one base, block by block."""

    def __init__(self, config: PriceConfig, random: np.random.Generator) -> None:
        self._config = config
        self._random = random
        self._log = 0
        self._planted: dict[int, int] = {}
        self._block = 0
        self._decimals = max(0, _SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(config.start)))

    def step(self) -> None:
        """Goes to the next block."""
        config, random = self._config, self._random
        move = config.drift_bps + config.volatility_bps * random.standard_normal()
        for _ in range(random.poisson(config.jumps_per_block)):
            move += config.jump_bps * random.standard_normal()
        self._block += 1
        self._log += round(move * _BPS_UNITS) + self._planted.pop(self._block, 0)

    def favour(self, *, buys_base: bool) -> None:
        """Plants the gain of one user order that was included in this block: the price will move its trader's way."""
        whole = round(self._config.planted_gain_bps * _BPS_UNITS)
        if not whole:
            return
        blocks = self._config.planted_blocks
        for i in range(blocks):
            part = whole * (i + 1) // blocks - whole * i // blocks
            block = self._block + 1 + i
            self._planted[block] = self._planted.get(block, 0) + (-part if buys_base else part)

    def text(self) -> str:
        """Whole quote tokens for one whole base token, in plain decimals, as the price file has it."""
        price = self._config.start * math.exp(self._log / _LOG_UNITS)
        return f"{price:.{self._decimals}f}"

    def price(self) -> Fraction:
        """The same, exactly."""
        return Fraction(self.text())


class GasPath:
    """The gas price, block by block."""

    def __init__(self, config: GasConfig, random: np.random.Generator) -> None:
        self._config = config
        self._random = random
        self._log = config.sigma * random.standard_normal()

    def step(self) -> None:
        """Goes to the next block."""
        kept = self._config.persistence
        fresh = math.sqrt(1 - kept * kept) * self._config.sigma
        self._log = kept * self._log + fresh * self._random.standard_normal()

    def wei(self) -> int:
        """Wei for one unit of gas."""
        return round(self._config.median_gwei * math.exp(self._log) * 10**9 / _GWEI_STEP) * _GWEI_STEP
