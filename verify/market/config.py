"""What a simulated market is made of: every figure by name, checked, and none with a default.

Amounts of money are in whole units of the quote token (dollars); rates are per block; shares are from 0 to 1. Any rate
or share may be 0, which switches that part off.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from ingest.errors import InputError
from ingest.records import VenueKind  # noqa: TC001 - `verify.market.load` resolves the annotations

MAX_BLOCKS = 1_000_000
_ADDRESS = re.compile(r"0x[0-9a-f]{40}")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


def _require(ok: bool, field: str, message: str) -> None:
    if not ok:
        raise InputError(message, field=field)


def _not_negative(owner: object, *names: str) -> None:
    for name in names:
        value = getattr(owner, name)
        _require(math.isfinite(value) and value >= 0, name, f"must not be negative, found {value}")


def _shares(owner: object, *names: str) -> None:
    for name in names:
        value = getattr(owner, name)
        _require(0 <= value <= 1, name, f"must be a share from 0 to 1, found {value}")


def _addresses(values: tuple[str, ...], field: str) -> None:
    for value in values:
        _require(bool(_ADDRESS.fullmatch(value)), field, f"must be 0x and 40 lower-case hex digits, found {value!r}")
    _require(len(set(values)) == len(values), field, "must name each address once")


@dataclass(frozen=True, slots=True)
class TokenConfig:
    """One of the two tokens."""

    symbol: str
    decimals: int
    address: str

    def __post_init__(self) -> None:
        _require(bool(self.symbol), "symbol", "must not be empty")
        _require(0 <= self.decimals <= 36, "decimals", f"must be from 0 to 36, found {self.decimals}")
        _addresses((self.address,), "address")


@dataclass(frozen=True, slots=True)
class PoolConfig:
    """The pool at the start, at the exogenous price.

    Args:
        kind: ``v2`` or ``v3``.
        fee_pips: Fee in 1e-6 of the input; a v2 pair's is 3000.
        tick_spacing: Of a v3 pool; 0 for v2.
        depth: Quote tokens that the liquidity at the price amounts to: a v2 pair's reserve, a v3 pool's virtual one.
        bands: v3: (half width in ticks, share of the depth); a half width of 0 stands for the full range. Empty for
            v2.
    """

    kind: VenueKind
    fee_pips: int
    tick_spacing: int
    depth: float
    bands: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        _require(self.kind in ("v2", "v3"), "kind", f"must be v2 or v3, found {self.kind!r}")
        _require(self.depth > 0, "depth", "must be above 0")
        if self.kind == "v2":
            _require(self.fee_pips == 3000, "fee_pips", "a v2 pair's fee is 3000")
            _require(self.tick_spacing == 0, "tick_spacing", "a v2 pair has none: must be 0")
            _require(not self.bands, "bands", "a v2 pair has none: must be empty")
            return
        _require(0 < self.fee_pips < 1_000_000, "fee_pips", "must be from 1 to 999999")
        _require(0 < self.tick_spacing < 16384, "tick_spacing", "must be from 1 to 16383")
        _require(bool(self.bands), "bands", "a v3 pool needs at least one")
        for half_width, share in self.bands:
            _require(half_width >= 0 and share > 0, "bands", "must be (ticks from 0, share above 0)")
        _require(math.isclose(sum(share for _, share in self.bands), 1), "bands", "the shares must add up to 1")
        _require(any(half_width == 0 for half_width, _ in self.bands), "bands", "one must be the full range (0 ticks)")


@dataclass(frozen=True, slots=True)
class PriceConfig:
    """The exogenous price, quote for one base: a random walk of its logarithm with jumps.

    Args:
        start: Price at the start.
        drift_bps: Mean move per block; 0 is driftless in the logarithm, so for both directions of trade alike.
        volatility_bps: Standard deviation of the diffusion per block.
        jumps_per_block: Mean number of jumps.
        jump_bps: Standard deviation of one jump.
        planted_gain_bps: For calibration: how far the price moves in favour of each user order after it was included,
            so that whoever makes it wait gains that much.
        planted_blocks: The number of blocks over which it does, from the next one on.
    """

    start: float
    drift_bps: float
    volatility_bps: float
    jumps_per_block: float
    jump_bps: float
    planted_gain_bps: float
    planted_blocks: int

    def __post_init__(self) -> None:
        _require(math.isfinite(self.start) and self.start > 0, "start", "must be above 0")
        _require(math.isfinite(self.drift_bps), "drift_bps", "must be a number")
        _require(math.isfinite(self.planted_gain_bps), "planted_gain_bps", "must be a number")
        _not_negative(self, "volatility_bps", "jumps_per_block", "jump_bps")
        _require(self.planted_blocks >= 1, "planted_blocks", "must be at least 1")


@dataclass(frozen=True, slots=True)
class GasConfig:
    """The gas price of each block: lognormal, its logarithm an autoregressive path.

    Args:
        median_gwei: Median; 0 makes gas free.
        sigma: Standard deviation of the logarithm.
        persistence: Correlation of the logarithm from block to block, below 1.
    """

    median_gwei: float
    sigma: float
    persistence: float

    def __post_init__(self) -> None:
        _not_negative(self, "median_gwei", "sigma")
        _require(0 <= self.persistence < 1, "persistence", "must be from 0 to below 1")


@dataclass(frozen=True, slots=True)
class FlowConfig:
    """Traders who want something: how often, how much, how patient.

    Args:
        arrivals_per_block: Mean number of arrivals (Poisson). Leave 0 where ``every_blocks`` is set.
        every_blocks: Instead of that: exactly one arrival in every so many blocks; 0 is off.
        orders_at_once: Orders written together at each arrival.
        size_mu: Mean of the logarithm of an order's size in quote tokens.
        size_sigma: Its standard deviation.
        size_max: No order is larger.
        repeat_direction: Chance that an order goes in the direction of the one before it: 0.5 is independent, 0
            alternates.
        slack: Quantiles of the slack below the own quote, as (share, bps), interpolated in the logarithm.
        delayed_share: Share of orders that are included later than in the block they were written for.
        delay_blocks: Mean delay of those, at least 1 (geometric).
        traders: Number of different recipients (users), or of traders with a contract of their own (noise).
        routers: Contracts that users come through, all with the genuine router's code; empty for noise.
        router_shares: How often each of them is used.
    """

    arrivals_per_block: float
    every_blocks: int
    orders_at_once: int
    size_mu: float
    size_sigma: float
    size_max: float
    repeat_direction: float
    slack: tuple[tuple[float, float], ...]
    delayed_share: float
    delay_blocks: float
    traders: int
    routers: tuple[str, ...]
    router_shares: tuple[float, ...]

    def __post_init__(self) -> None:
        _not_negative(self, "arrivals_per_block", "every_blocks", "size_sigma", "size_max")
        _shares(self, "repeat_direction", "delayed_share")
        _require(math.isfinite(self.size_mu), "size_mu", "must be a number")
        both = bool(self.arrivals_per_block) and bool(self.every_blocks)
        _require(not both, "every_blocks", "stands instead of arrivals_per_block: one of them must be 0")
        _require(self.orders_at_once >= 1, "orders_at_once", "must be at least 1")
        _require(self.delay_blocks >= 1, "delay_blocks", "must be at least 1")
        _require(self.traders >= 1, "traders", "must be at least 1")
        quantiles, bps = [share for share, _ in self.slack], [value for _, value in self.slack]
        _require(len(self.slack) >= 2 and quantiles[0] == 0 and quantiles[-1] == 1, "slack", "must go from 0 to 1")
        _require(quantiles == sorted(set(quantiles)) and bps == sorted(bps), "slack", "must ascend")
        _require(bps[0] > 0 and bps[-1] < 10_000, "slack", "must lie between 0 and 10000 bps")
        _addresses(self.routers, "routers")
        matched = len(self.router_shares) == len(self.routers) and all(share > 0 for share in self.router_shares)
        _require(matched, "router_shares", "must give one share above 0 for each router")
        whole = not self.routers or math.isclose(sum(self.router_shares), 1)
        _require(whole, "router_shares", "must add up to 1")


@dataclass(frozen=True, slots=True)
class ArbitrageConfig:
    """Who brings the pool back to the exogenous price at the top of a block.

    Args:
        activity: Chance that an arbitrageur looks at a block.
        min_profit: Quote tokens that must be left after gas (hedging and risk).
        contracts: Number of different arbitrageurs.
    """

    activity: float
    min_profit: float
    contracts: int

    def __post_init__(self) -> None:
        _shares(self, "activity")
        _not_negative(self, "min_profit")
        _require(self.contracts >= 1, "contracts", "must be at least 1")


@dataclass(frozen=True, slots=True)
class SandwichConfig:
    """Who attacks users within their limits.

    Args:
        seen_share: Share of users' orders that travel in public, where a bot sees them.
        max_front: Most quote tokens that a front-run costs.
        contracts: Number of different bots.
    """

    seen_share: float
    max_front: float
    contracts: int

    def __post_init__(self) -> None:
        _shares(self, "seen_share")
        _not_negative(self, "max_front")
        _require(self.contracts >= 1, "contracts", "must be at least 1")


@dataclass(frozen=True, slots=True)
class LiquidityConfig:
    """Who provides liquidity, beside what the pool starts with.

    Args:
        moves_per_block: Mean number of providers' moves: the first mints, the next burns, and so on in turn.
        providers: Number of providers.
        size_mu: Mean of the logarithm of a position's value in quote tokens.
        size_sigma: Its standard deviation.
        half_widths: v3: ticks on each side of the price that a provider may choose; empty for v2.
        jit_share: v3: chance that just-in-time liquidity is put around a large order.
        jit_min_order: Quote tokens from which an order is large.
        jit_depth_share: Just-in-time liquidity as a multiple of the pool's at the price.
    """

    moves_per_block: float
    providers: int
    size_mu: float
    size_sigma: float
    half_widths: tuple[int, ...]
    jit_share: float
    jit_min_order: float
    jit_depth_share: float

    def __post_init__(self) -> None:
        _not_negative(self, "moves_per_block", "size_sigma", "jit_min_order", "jit_depth_share")
        _shares(self, "jit_share")
        _require(math.isfinite(self.size_mu), "size_mu", "must be a number")
        _require(self.providers >= 1, "providers", "must be at least 1")
        _require(all(width > 0 for width in self.half_widths), "half_widths", "must be above 0")


@dataclass(frozen=True, slots=True)
class MarketConfig:
    """A whole market. ``name`` is its key in the file; ``block_seconds`` is a block's length."""

    name: str
    seed: int
    chain_id: int
    first_block: int
    blocks: int
    first_timestamp: int
    block_seconds: int
    base: TokenConfig
    quote: TokenConfig
    pool: PoolConfig
    price: PriceConfig
    gas: GasConfig
    users: FlowConfig
    noise: FlowConfig
    arbitrage: ArbitrageConfig
    sandwich: SandwichConfig
    liquidity: LiquidityConfig

    def __post_init__(self) -> None:
        _require(bool(_NAME.fullmatch(self.name)), "name", f"must be a-z, 0-9 and dashes, found {self.name!r}")
        _require(self.seed >= 0, "seed", "must not be negative")
        _require(self.chain_id > 0, "chain_id", "must be above 0")
        _require(self.first_block > 0, "first_block", "must be above 0")
        _require(0 < self.blocks <= MAX_BLOCKS, "blocks", f"must be from 1 to {MAX_BLOCKS}")
        _require(0 < self.first_timestamp < 1 << 32, "first_timestamp", "must be Unix seconds")
        _require(self.block_seconds > 0, "block_seconds", "must be above 0")
        _require(self.base.address != self.quote.address, "quote.address", "must differ from the base token's")
        _require(bool(self.users.routers), "users.routers", "must name at least one contract that users come through")
        _require(not self.noise.routers, "noise.routers", "must be empty: noise trades with contracts of its own")
        is_v3 = self.pool.kind == "v3"
        _require(bool(self.liquidity.half_widths) == is_v3, "liquidity.half_widths", "is given for v3, and only for it")
        _require(is_v3 or not self.liquidity.jit_share, "liquidity.jit_share", "a v2 pair has no ranges: must be 0")
