"""What the tests of free-running replay share: a history's market, fresh worlds of it, and runs in them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from ingest.labels import jit_events, label_swaps
from ingest.records import LiquidityEvent, Pool, PoolState, PricePoint, TickLiquidity, Token
from verify.admission import admit
from verify.anchors import Anchors
from verify.assemble import assemble, know
from verify.audit import audit
from verify.baselines import Cut, compute
from verify.beside import audit_beside, world_of
from verify.compile import constructor_data
from verify.free.arbitrage import BestResponse
from verify.free.market import FreeMarket
from verify.free.replay import with_mechanism, without_mechanism
from verify.free.settle import LiveStage
from verify.plan import read
from verify.reference import Reference
from verify.replay import Stage
from verify.venues.v4_deploy import pool_id

DOLLAR = Token("0x" + "a0" * 20, "USDC", 6)
ETHER = Token("0x" + "c0" * 20, "WETH", 18)
START = 1_704_412_800


@dataclass(frozen=True)
class Bench:
    """One history, ready to be replayed freely with these window lengths."""

    history: object
    windows: tuple[int, ...] = (1,)
    others: tuple[object, ...] = ()

    @cached_property
    def trace(self):
        return audit(self.history)[1]

    @cached_property
    def beside(self):
        return audit_beside(self.history, self.others)[1]

    @cached_property
    def reference(self):
        return Reference(self.history)

    @cached_property
    def baseline(self):
        reading = read(self.history, label_swaps(self.history, "rules"), jit_events(self.history))
        cuts = [Cut("settlement", window) for window in self.windows]
        return compute(self.history, reading, self.reference, self.anchors(), slack_bps=50, cuts=cuts)

    def world(self):
        return world_of(self.history, *self.others)

    def anchors(self):
        return Anchors(self.world(), self.trace, self.beside)

    def market(self, arbitrageur=None, **changes):
        return FreeMarket(
            self.history,
            self.baseline,
            self.reference,
            beside=self.others,
            arbitrageur=arbitrageur or BestResponse(),
            **changes,
        )

    def most_orders(self, window=1):
        return max((len(batch.intents) for batch in self.baseline.batches["settlement", window]), default=0)

    def stage(self, rule, window=1, kind=LiveStage):
        code = constructor_data(admit(rule.source, file=rule.file), rule.parameters)
        return kind(self.history, self.anchors(), code, self.most_orders(window), {})

    def plain(self, arbitrageur=None):
        return without_mechanism(self.market(arbitrageur), self.world())

    def run(self, rule, window=1, elasticity=0.0, arbitrageur=None):
        stage = self.stage(rule, window)
        return with_mechanism(self.market(arbitrageur), stage, window, elasticity)

    def anchored(self, rule, window=1):
        stage = self.stage(rule, window, kind=Stage)
        batches = self.baseline.batches["settlement", window]
        settled = [stage.run(batch) for batch in batches]
        known = [know(self.history, self.reference, self.baseline, batch) for batch in batches]
        return assemble(self.history, self.reference, window, known, settled)


def pair(reserve0=30_000_000 * 10**6, reserve1=13_200 * 10**18, address="b2"):
    """A v2 pair of dollars and ether."""
    pool = Pool("v2", 1, "0x" + address * 20, DOLLAR, ETHER, fee_pips=3000)
    return PoolState(pool, None, reserve0=reserve0, reserve1=reserve1)


STEP = 3 * 10**17
MIDDLE = 199_040


def pool_v3(address="b3", fee_pips=500):
    """Forty positions around one tick, so that liquidity changes at every tenth."""
    pool = Pool("v3", 1, "0x" + address * 20, DOLLAR, ETHER, fee_pips=fee_pips, tick_spacing=10)
    ticks = [TickLiquidity(MIDDLE + 10 * i, STEP if i <= 0 else -STEP) for i in range(-39, 41)]
    price = 1662995104975155420368771254341874
    return PoolState(pool, None, sqrt_price_x96=price, tick=199_045, liquidity=40 * STEP, ticks=tuple(ticks))


def pool_v4():
    """The same as a v4 pool without hooks."""
    pool = replace(pool_v3().pool, kind="v4")
    return replace(pool_v3(), pool=replace(pool, address=pool_id(pool)))


def nothing_happens(seq, block):
    """An event that moves nothing, so that a history has a beginning and an end."""
    return LiquidityEvent(seq, "collect", block, START + 12 * block, f"0x{seq:064x}", 0, 0)


def price_points(prices):
    """One point a block of 12 seconds, from block 0 on; whole ether for a whole dollar."""
    return tuple(PricePoint(START + 12 * i, text) for i, text in enumerate(prices))
