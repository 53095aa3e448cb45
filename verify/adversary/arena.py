"""A batch on its anchor with an attacker beside it: what any play comes to on the real EVM. Every play is undone.

Two arenas have the same seam: on the AMM orders run one by one, in a mechanism's arena its real kernel settles them.
The attacker's trades on the venues are the driver's swaps; its orders in the batch are those of accounts of its own,
signed like everybody's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from coincurve import PrivateKey

from verify import kernel
from verify.adversary.plays import MOST_OWN, Own, Play, Played, Trade
from verify.evm import ExecutionError
from verify.flows import taken, total
from verify.free.arbitrage import profit, to_price
from verify.orders import SignedOrder, domain_separator, read_fills, settle_signed_calldata, sign
from verify.replay import RELAYER, SETTLE_GAS, Stage
from verify.world import accounts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from fractions import Fraction

    from ingest.records import History
    from verify.adversary.plays import Step
    from verify.anchors import Anchors
    from verify.baselines import PreparedBatch
    from verify.free.records import Arbitrage
    from verify.outcomes import Flow
    from verify.reference import Moment
    from verify.replay import SignedBatches
    from verify.world import World

ATTACKERS = accounts(MOST_OWN, "attacker")
"""Each of the attacker's orders in a batch is another account's, so that no nonce is used twice."""


class Market(NamedTuple):
    """What wealth is counted in at a settlement, and what gas costs there."""

    moment: Moment
    gas_price_wei: int


class Cleared(NamedTuple):
    """What a mechanism did with a batch: (sold, bought) of each of its steps, and its gas."""

    fills: list[tuple[int, int]]
    gas: int


class Arena(ABC):
    """One batch on its anchor.

    Args:
        world: Where it is played; between plays it is at the batch's anchor.
        prepared: The batch.
        market: Its prices.
        swap_gas: What a swap of the attacker's own costs, as a transaction on cold state.
    """

    def __init__(self, world: World, prepared: PreparedBatch, market: Market, swap_gas: int) -> None:
        self.world = world
        self.intents = prepared.intents
        self.limits = prepared.limits
        self.market = market
        self._swap_gas = swap_gas
        self.plays = 0

    @abstractmethod
    def _clear(self, batch: Sequence[Step]) -> Cleared:
        """Runs a batch for the mechanism, on the world as it is now."""

    def sells_token0(self, step: Step) -> bool:
        """Which token a step of a batch sells."""
        return step.sells_token0 if isinstance(step, Own) else self.intents[step].sells_token0

    # ------------------------------------------------------------------ playing

    def play(self, play: Play) -> Played:
        """What a play comes to, honest orders' fallbacks included."""
        with self._begun(play) as (flow, cleared):
            after = [self._trade(trade) for trade in play.after]
            bought = self._bought(play.batch, cleared)
            return Played(total([flow, *after]), self._gas_of(play, cleared), bought)

    def fills(self, batch: Sequence[Step]) -> list[tuple[int, int]]:
        """(sold, bought) of each step of a batch that the mechanism alone works on."""
        with self._begun(Play(tuple(batch))) as (_, cleared):
            return cleared.fills

    def best_after(self, play: Play) -> tuple[Play, Fraction]:
        """A play with the trades that pay most after it, and the wealth that it then brings.

        Wealth is counted at the market's price, so that these bring each venue to that price.
        """
        with self._begun(play) as (flow, cleared):
            after = self._responses()
            wealth = self.wealth(flow, self._gas_of(play, cleared)) + profit(self.market.moment, after)
        trades = [Trade(trade.place, trade.zero_for_one, trade.spent) for trade in after]
        return play.followed_by(trades), wealth

    def flat_after(self, play: Play, place: int, sells_token0: bool) -> tuple[Play, Fraction]:
        """A play with a trade after it that sells all that it gained of a token, and the wealth that it then brings."""
        with self._begun(play) as (flow, cleared):
            held = flow.token0 if sells_token0 else flow.token1
            back = [Trade(place, sells_token0, held)] if held > 0 else []
            after = total([flow, *map(self._trade, back)])
            return play.followed_by(back), self.wealth(after, self._gas_of(play, cleared))

    def wealth(self, flow: Flow, gas: int) -> Fraction:
        """What a flow of tokens is worth after gas, in the numeraire's smallest unit, exactly.

        Gas counts nothing where it has no price.
        """
        moment = self.market.moment
        gain = flow.token0 * moment.value0 + flow.token1 * moment.value1
        if moment.token1_per_wei is not None:
            gain -= gas * self.market.gas_price_wei * moment.token1_per_wei * moment.value1
        return gain

    @contextmanager
    def _begun(self, play: Play) -> Iterator[tuple[Flow, Cleared]]:
        """The world after the trades before and the batch, with the attacker's flow so far."""
        self.plays += 1
        with self.world.anchor():
            before = [self._trade(trade) for trade in play.before]
            cleared = self._clear(play.batch)
            own = [
                taken(step.sells_token0, *fill)
                for step, fill in zip(play.batch, cleared.fills, strict=True)
                if isinstance(step, Own)
            ]
            yield total([*before, *own]), cleared

    def _trade(self, trade: Trade) -> Flow:
        result = self.world.venues[trade.place].swap(trade.sells_token0, trade.amount)
        return taken(trade.sells_token0, result.spent, result.received)

    def _responses(self) -> list[Arbitrage]:
        """On each venue the swap that brings it to the market's price, where that pays after gas."""
        found = []
        for place in range(len(self.world.venues)):
            response = to_price(self.world, place, self.market.moment.price, self.market.gas_price_wei)
            if response is not None:
                trade = response.trade._replace(gas=self._swap_gas)
                if profit(self.market.moment, [trade]) > 0:
                    found.append(trade)
        return found

    def _gas_of(self, play: Play, cleared: Cleared) -> int:
        """The attacker's own: its trades, and its orders' share of the batch's gas."""
        share = -(-cleared.gas * len(play.own) // len(play.batch)) if play.own else 0
        return self._swap_gas * (len(play.before) + len(play.after)) + share

    def _bought(self, batch: Sequence[Step], cleared: Cleared) -> tuple[int, ...]:
        """What honest orders got; who was not filled, or censored, sells on the first venue as it is then."""
        bought = [0] * len(self.intents)
        for step, (_, got) in zip(batch, cleared.fills, strict=True):
            if not isinstance(step, Own):
                bought[step] = got
        for i, intent in enumerate(self.intents):
            if not bought[i]:
                bought[i] = self.world.swap(intent.sells_token0, intent.sell_amount).received
        return tuple(bought)


class AmmArena(Arena):
    """Orders run one by one on the first venue, in the play's order; one whose limit would break is skipped."""

    def _clear(self, batch: Sequence[Step]) -> Cleared:
        fills = []
        for step in batch:
            if isinstance(step, Own):
                sells_token0, amount, limit = step.sells_token0, step.amount, step.limit
            else:
                intent = self.intents[step]
                sells_token0, amount, limit = intent.sells_token0, intent.sell_amount, self.limits[step]
            self.world.evm.open()
            result = self.world.venue.swap(sells_token0, amount)
            if result.spent < amount or result.received < limit:
                self.world.evm.undo()
                fills.append((0, 0))
            else:
                self.world.evm.keep()
                fills.append((result.spent, result.received))
        return Cleared(fills, self._swap_gas * len(batch))


class AttackStage(Stage):
    """A candidate in a world with attackers' accounts; see `verify.replay.Stage`."""

    def __init__(
        self, history: History, anchors: Anchors, creation_code: bytes, most_orders: int, signed: SignedBatches
    ) -> None:
        super().__init__(history, anchors, creation_code, most_orders, signed)
        addresses = [address for address, _ in ATTACKERS]
        self._world.fund(addresses, self._kernels.values())
        for address in self._kernels.values():
            self._world.evm.rebase(kernel.in_use(address, addresses, self._world.ledgers))
        self._keys = [(address, PrivateKey(key)) for address, key in ATTACKERS]

    def move(self, prepared: PreparedBatch) -> None:
        """To a batch's anchor."""
        batch = prepared.batch
        self._anchors.move(batch.start_seq, batch.place, block=batch.settle_block, timestamp=prepared.timestamp)
        self._anchors.overlay(prepared.news)

    def arena(self, prepared: PreparedBatch, market: Market, swap_gas: int) -> KernelArena:
        """The arena of the batch that it was moved to."""
        return KernelArena(self, prepared, market, swap_gas)

    def honest_orders(self, prepared: PreparedBatch, address: str) -> list[SignedOrder]:
        """The batch's orders, signed for a kernel."""
        return self._orders(prepared, address)

    def own_order(self, place: int, own: Own, prepared: PreparedBatch, address: str) -> SignedOrder:
        """The attacker's order, of its account at this place, signed for a kernel."""
        trader, key = self._keys[place]
        now = prepared.timestamp
        words = self._words(trader, own.sells_token0, own.amount, own.limit, (now, now))
        return sign(words, key, domain_separator(self._history.pool.chain_id, address))

    def kernel_of(self, prepared: PreparedBatch) -> str:
        """The kernel that has the fees of a batch."""
        return self._kernels[prepared.fees_pips]

    @property
    def world(self) -> World:
        """The world that the candidate is installed in."""
        return self._world


class KernelArena(Arena):
    """The candidate's real kernel settles the batch, signatures and all."""

    def __init__(self, stage: AttackStage, prepared: PreparedBatch, market: Market, swap_gas: int) -> None:
        super().__init__(stage.world, prepared, market, swap_gas)
        self._stage, self._prepared = stage, prepared
        self._kernel = stage.kernel_of(prepared)
        self._honest = stage.honest_orders(prepared, self._kernel)

    def _clear(self, batch: Sequence[Step]) -> Cleared:
        orders, owned = [], 0
        for step in batch:
            if isinstance(step, Own):
                orders.append(self._stage.own_order(owned, step, self._prepared, self._kernel))
                owned += 1
            else:
                orders.append(self._honest[step])
        evm = self.world.evm
        try:
            output = evm.call(self._kernel, settle_signed_calldata(orders), sender=RELAYER, gas=SETTLE_GAS)
        except ExecutionError as error:  # what the attacker did made the batch fail: nobody is filled
            return Cleared([(0, 0)] * len(batch), error.gas_used)
        return Cleared(read_fills(output, len(batch)), evm.gas_used)
