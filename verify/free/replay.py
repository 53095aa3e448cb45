"""The free-running replay: block by block through a world that the mechanism itself makes.

A block: arbitrage at its reference price; liquidity events that history has before its first order; the orders of
traders who went to the AMM; in a window's last block its settlement, then what that left unfilled; the block's other
liquidity events. Historical arbitrage, sandwich legs and just-in-time liquidity do not happen: they answered a pool
that is not this one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingest.errors import InputError
from verify.baselines import MOST_ORDERS, RAN_DRY
from verify.findings import CandidateRejectedError, Finding
from verify.flows import fee_of, taken
from verify.free.arbitrage import reserves_of
from verify.free.blocks import schedule
from verify.free.books import Books, Pages
from verify.free.live import LiveWorld, in_turn
from verify.free.market import FreeMarket, willing
from verify.free.records import FreeOrder, FreeRun, Settlement, Unapplied
from verify.free.settle import without
from verify.outcomes import Flow
from verify.replay import EMPTIED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ingest.records import Intent
    from verify.baselines import PreparedBatch
    from verify.free.blocks import Block, Change
    from verify.free.records import Way
    from verify.free.settle import LiveStage
    from verify.world import World


def without_mechanism(market: FreeMarket, world: World) -> FreeRun:
    """The same world with every order sent to the AMM in its own block, one by one in historical order.

    Args:
        market: The history and what belongs to it.
        world: At the state before the first replayed block; it is used up.
    """
    return _Run(market, LiveWorld(world), None, 0, 0.0).run()


def with_mechanism(market: FreeMarket, stage: LiveStage, window_blocks: int, elasticity: float) -> FreeRun:
    """One candidate's world.

    Args:
        market: The history and what belongs to it.
        stage: The candidate in a world at the state before the first replayed block; the world is used up.
        window_blocks: How long a window is.
        elasticity: The share of traders, from 0 to 1, who go to the AMM when it serves them better; see `willing`.

    Raises:
        CandidateRejectedError: A settlement reverts, or leaves the pool so that an order cannot be sold.
        InputError: The elasticity is no share, or the market has no batches of this length.
    """
    if not 0 <= elasticity <= 1:
        raise InputError(f"must be a share from 0 to 1, found {elasticity}", field="elasticity")
    return _Run(market, LiveWorld(stage.world), stage, window_blocks, elasticity).run()


@dataclass(slots=True)
class _Run:
    """One replay under way. Without a stage every order goes to the AMM."""

    market: FreeMarket
    live: LiveWorld
    stage: LiveStage | None
    window_blocks: int
    elasticity: float

    def run(self) -> FreeRun:
        """All windows in order."""
        market, length = self.market, self.window_blocks
        batches = market.batches(length) if self.stage else {}
        settle_blocks = [each.batch.settle_block for each in batches.values()]
        blocks = schedule(
            market.history, market.baseline.reading, market.reference, settle_blocks, market.beside, market.first_block
        )
        windows = _by_window(blocks, length or 1)
        pages = [self._window(members, batches.get(window)) for window, members in windows.items()]
        return FreeRun(
            window_blocks=length,
            elasticity=self.elasticity,
            orders=tuple(sorted((order for page in pages for order in page.orders), key=lambda order: order.seq)),
            blocks=tuple(block for page in pages for block in page.blocks),
            arbitrages=tuple(trade for page in pages for trade in page.arbitrages),
            settlements=tuple(page.settlement for page in pages if page.settlement),
            unapplied=tuple(each for page in pages for each in page.unapplied),
            unscored={number: why for page in pages for number, why in page.unscored.items()},
            reserves=tuple(row for page in pages for row in page.reserves),
        )

    def _window(self, blocks: Sequence[Block], prepared: PreparedBatch | None) -> Pages:
        """Walks a window until nobody else wants to leave: who has left stays away, so that this ends."""
        gone: set[int] = set()
        rounds = 0
        while True:
            rounds += 1
            self.live.mark()
            page = self._walk(blocks, prepared, gone)
            leaving = {order.seq for order in page.orders if self._leaves(order)} if prepared else set()
            if not leaving:
                break
            self.live.rewind()
            gone |= leaving
        if self.stage and page.cleared:
            self.stage.remember(page.cleared)
        if page.settlement:
            page.settlement = page.settlement._replace(rounds=rounds)
        return page

    def _leaves(self, order: FreeOrder) -> bool:
        return order.way != "amm" and order.bought < order.outside_out and willing(order.seq, self.elasticity)

    def _walk(self, blocks: Sequence[Block], prepared: PreparedBatch | None, gone: set[int]) -> Pages:
        page = Pages()
        outside: dict[int, int] = {}
        for block in blocks:
            books = Books()
            self._begin(block)
            self._arbitrage(block, books, page)
            self._liquidity(block, block.before, page)
            if block.orders:
                outside |= self._outside(block, page)
                there = [seq for seq in block.orders if prepared is None or seq in gone]
                self._on_amm(block, there, outside, books, page)
            if prepared and block.number == prepared.batch.settle_block:
                self._settle(block, without(prepared, gone), outside, books, page)
            self._liquidity(block, block.after, page)
            if books.flows:
                page.blocks.append(books.close(block.number))
        return page

    # ------------------------------------------------------------------ what happens in a block

    def _begin(self, block: Block) -> None:
        world = self.live.world
        for place, fee_pips in enumerate(block.fees_pips):
            world.set_fee(fee_pips, place)
        world.evm.set_block(block.number, block.timestamp)

    def _arbitrage(self, block: Block, books: Books, page: Pages) -> None:
        market, live = self.market, self.live
        gas_price_wei = market.reference.gas_price_wei(block.number)
        moment = market.reference.at(block.number)
        for response in market.arbitrageur.respond(live.world, moment, gas_price_wei):
            trade = response.trade
            books.book("liquidity_providers", live.keep(response.changed))
            books.book("arbitrageurs", taken(trade.zero_for_one, trade.spent, trade.received))
            books.lp_fees.append(Flow(trade.fee, 0) if trade.zero_for_one else Flow(0, trade.fee))
            page.arbitrages.append(trade)
            if live.world.exhausted():
                page.unscored[block.number] = f"arbitrage {RAN_DRY}"
        if [venue.kind for venue in live.world.venues] == ["v2"]:
            page.reserves.append((block.number, *reserves_of(live.world, 0)))

    def _liquidity(self, block: Block, changes: Iterable[Change], page: Pages) -> None:
        for place, event in changes:
            why = self.live.apply(place, event)
            if why:
                page.unapplied.append(Unapplied(place, event.seq, block.number, event.tx_hash, why))

    def _outside(self, block: Block, page: Pages) -> dict[int, int]:
        """What the AMM would give each of a block's orders here and now, by seq."""
        if self.stage is None:
            return {}
        outs, dry = self.live.quotes(*self._intents(block.orders))
        if dry:
            page.unscored[block.number] = f"the AMM itself {RAN_DRY}"
        return dict(zip(block.orders, outs, strict=True))

    def _intents(self, seqs: Sequence[int]) -> tuple[list[Intent], list[int]]:
        baseline = self.market.baseline
        return [baseline.reading.orders[seq] for seq in seqs], [baseline.orders[seq].limit for seq in seqs]

    def _on_amm(self, block: Block, seqs: Sequence[int], outside: Mapping[int, int], books: Books, page: Pages) -> None:
        """Orders that go to the AMM in their own block, one by one; a broken limit waits until the others have run."""
        intents, limits = self._intents(seqs)

        def send(i: int, min_out: int) -> bool:
            order = self._market_order("amm", intents[i], min_out, outside.get(seqs[i]), books)
            if order is None and min_out:
                return False
            if order is None:
                order = self._order("amm", intents[i], 0, outside.get(seqs[i], 0), gas=0)
                page.unscored[block.number] = f"the AMM itself {RAN_DRY}"
            page.orders.append(order)
            return True

        in_turn(limits, send)

    def _settle(
        self, block: Block, prepared: PreparedBatch, outside: Mapping[int, int], books: Books, page: Pages
    ) -> None:
        """The batch of those who stayed, by the candidate's kernel; then what it left, as market orders."""
        if not prepared.intents or self.stage is None:
            return
        live, number = self.live, block.number
        if prepared.batch.orders == block.orders:  # nothing has happened since they were asked
            delays = [outside[seq] for seq in block.orders]
        else:
            delays, dry = live.quotes(prepared.intents, prepared.limits)
            if dry:
                page.unscored[number] = f"the AMM itself {RAN_DRY}"
        if prepared.unscored or len(prepared.intents) > MOST_ORDERS:
            page.unscored[number] = prepared.unscored or f"more than {MOST_ORDERS} orders do not fit into one block"
        prepared = replace(prepared, unscored=next(iter(page.unscored.values()), ""))
        cleared = self.stage.clear(prepared)
        fills = cleared.fills
        filled = sum(1 for sold, _ in fills if sold)
        share = -(-cleared.gas // (filled or len(fills)))
        books.book("liquidity_providers", live.keep(cleared.changed))
        books.book("residue", cleared.residue)
        books.lp_fees.append(cleared.lp_fees)
        for i, (intent, (sold, bought)) in enumerate(zip(prepared.intents, fills, strict=True)):
            if sold:
                books.book(self._party(intent), taken(intent.sells_token0, sold, bought))
                order = self._order("mechanism", intent, bought, outside.get(intent.seq, 0), gas=share)
            else:
                order = self._fallback(prepared, intent, outside, books, 0 if filled else share)
            page.orders.append(order._replace(delay_out=delays[i]))
        page.cleared = cleared
        page.settlement = Settlement(
            prepared.batch.window, number, cleared.gas, filled, len(fills), cleared.dropped, rounds=1
        )

    def _fallback(
        self, prepared: PreparedBatch, intent: Intent, outside: Mapping[int, int], books: Books, vain_gas: int
    ) -> FreeOrder:
        order = self._market_order("fallback", intent, 0, outside.get(intent.seq), books)
        if order is None and not prepared.unscored:
            number = prepared.batch.settle_block
            raise CandidateRejectedError((Finding("run", "pool-emptied", f"in block {number}: {EMPTIED}"),))
        order = order or self._order("fallback", intent, 0, outside.get(intent.seq, 0), gas=0)
        return order._replace(gas=order.gas + vain_gas)

    def _market_order(
        self, way: Way, intent: Intent, min_out: int, outside_out: int | None, books: Books
    ) -> FreeOrder | None:
        """An order's own transaction, which lasts; None where it gets too little or the pool cannot take it."""
        live = self.live
        done = live.market_order(intent, min_out)
        if done is None:
            return None
        received, gas, changed = done
        books.book("liquidity_providers", live.keep(changed))
        books.book(self._party(intent), taken(intent.sells_token0, intent.sell_amount, received))
        books.lp_fees.append(fee_of(intent.sells_token0, intent.sell_amount, live.world.fee_pips))
        return self._order(way, intent, received, received if outside_out is None else outside_out, gas=gas)

    def _order(self, way: Way, intent: Intent, bought: int, outside_out: int, *, gas: int) -> FreeOrder:
        return FreeOrder(
            seq=intent.seq,
            block_number=intent.block_number,
            settle_block=self.live.world.evm.block_number,
            flow_class=self.market.baseline.reading.classes[intent.seq],
            sells_token0=intent.sells_token0,
            sell_amount=intent.sell_amount,
            way=way,
            bought=bought,
            outside_out=outside_out,
            delay_out=outside_out,
            gas=gas,
            gas_price_wei=self.market.reference.gas_price_wei(intent.block_number),
        )

    def _party(self, intent: Intent) -> str:
        return "users" if self.market.baseline.reading.classes[intent.seq] == "user" else "unknown"


def _by_window(blocks: Sequence[Block], window_blocks: int) -> dict[int, list[Block]]:
    found: dict[int, list[Block]] = {}
    for block in blocks:
        found.setdefault(block.number // window_blocks, []).append(block)
    return found
