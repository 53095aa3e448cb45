"""Who wants something: users, who come through public routers, and noise traders with contracts of their own."""

from __future__ import annotations

import bisect
import math
from typing import TYPE_CHECKING

from verify.market.opening import rounded
from verify.market.wishes import Order, Trade
from verify.venues import labelled_address

if TYPE_CHECKING:
    import numpy as np

    from verify.market.config import FlowConfig
    from verify.market.view import View

BPS = 10_000
_SLACK_STEPS = 100  # a slack is a whole number of hundredths of a basis point


class Traders:
    """A population that writes orders; see `FlowConfig`.

    Args:
        config: How often and how much.
        seen_share: Share of the orders that bots see while they wait.
        random: This population's own generator.
        tag: Goes into its addresses, so that no two markets' or populations' meet.
    """

    def __init__(self, config: FlowConfig, seen_share: float, random: np.random.Generator, tag: str) -> None:
        self._config = config
        self._seen_share = seen_share
        self._random = random
        self._tag = tag
        self._blocks = 0
        self._sells_token0 = bool(random.random() < 0.5)
        self._router_ends = [math.fsum(config.router_shares[: i + 1]) for i in range(len(config.router_shares))]

    @property
    def are_users(self) -> bool:
        """Whether they come through routers."""
        return bool(self._config.routers)

    def write(self, view: View) -> list[Order]:
        """The orders that are written for this block, each with its limit below what the pool quotes now."""
        orders = [self._order(view) for _ in range(self._arrivals() * self._config.orders_at_once)]
        return [order for order in orders if order is not None]

    def _arrivals(self) -> int:
        self._blocks += 1
        if self._config.every_blocks:
            return int(self._blocks % self._config.every_blocks == 0)
        return int(self._random.poisson(self._config.arrivals_per_block))

    def _order(self, view: View) -> Order | None:
        config, random = self._config, self._random
        if random.random() >= config.repeat_direction:
            self._sells_token0 = not self._sells_token0
        size = min(math.exp(config.size_mu + config.size_sigma * random.standard_normal()), config.size_max)
        slack = self._slack(float(random.random()))
        delay = int(random.geometric(1 / config.delay_blocks)) if random.random() < config.delayed_share else 0
        is_public = bool(random.random() < self._seen_share)
        contract, trader = self._parties()
        amount_in = rounded(float(view.amount(size, of_token0=self._sells_token0)))
        quoted = view.pool.quote(self._sells_token0, amount_in).received if amount_in else 0
        min_out = quoted * (BPS * _SLACK_STEPS - slack) // (BPS * _SLACK_STEPS)
        if not min_out:
            return None  # dust that the pool gives nothing for
        who = "user" if self.are_users else "noise trader"
        waited = f", included {delay} blocks later" if delay else ""
        trade = Trade(
            flow_class="user" if self.are_users else "unknown",
            why=f"simulated: {who} with {slack / _SLACK_STEPS:.2f} bps of slack{waited}",
            contract=contract,
            trader=trader,
            zero_for_one=self._sells_token0,
            amount_in=amount_in,
            min_out=min_out,
        )
        return Order(trade, view.block_number + delay, is_public, self.are_users)

    def _slack(self, quantile: float) -> int:
        """A draw from the table of quantiles, in hundredths of a basis point."""
        shares = [share for share, _ in self._config.slack]
        place = min(bisect.bisect_right(shares, quantile), len(shares) - 1)
        (low, first), (high, last) = self._config.slack[place - 1], self._config.slack[place]
        part = (quantile - low) / (high - low)
        return round(first * math.pow(last / first, part) * _SLACK_STEPS)

    def _parties(self) -> tuple[str, str | None]:
        """(contract that calls the pool, account behind it)."""
        number = int(self._random.integers(self._config.traders))
        own = labelled_address(f"{self._tag}:{number}")
        if not self.are_users:
            return own, None
        place = bisect.bisect_right(self._router_ends, float(self._random.random()))
        return self._config.routers[min(place, len(self._config.routers) - 1)], own
