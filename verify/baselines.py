"""What every candidate is compared with, and the states that it settles on: computed once, for all candidates.

For one reading of history: each order's limit, its `amm` outcome (the block's orders one by one on their own block's
anchor, no bots, a broken limit skipped and run last), its `standalone` outcome (alone on that anchor), the gas of a
swap through Uniswap's router; and for each window length every batch's anchor and what the orders would have got there
from the AMM (the delay).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.records import History, Intent, LiquidityEvent, Swap
from verify.plan import Batch, Reading, batches, start_of
from verify.world import World, accounts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from verify.anchors import Anchors
    from verify.conventions import Anchor
    from verify.evm import Slots
    from verify.reference import Reference

BPS = 10_000
RAN_DRY = "ran past the known liquidity"

MOST_ORDERS = 200
"""In one batch: the kernel alone needs some 120,000 gas an order, and a block has 30 million."""


Route = tuple[int, int]
"""The most and the least that an order's best single pool gave it over some blocks."""


@dataclass(frozen=True, slots=True)
class OrderBaseline:
    """One order's limit and outcomes without a mechanism, in the bought token's smallest unit; gas in units.

    ``best_out`` is the order alone on whichever pool gives it most: never below ``standalone_out``.
    """

    limit: int
    limit_known: bool
    amm_out: int
    standalone_out: int
    best_out: int
    gas: int


@dataclass(frozen=True, slots=True)
class PreparedBatch:
    """A batch with its anchor: the trace's state before ``batch.start_seq`` with ``news`` written over it.

    ``intents``, ``limits``, ``delay_outs`` and ``routes`` are aligned with ``batch.orders``; ``fees_pips`` are the
    pools'. ``routes`` are the most and the least that the best single pool gave an order over the blocks that it
    waited, where the cut asked for them. ``unscored`` says why the baselines themselves are not sound here.
    """

    batch: Batch
    intents: tuple[Intent, ...]
    fees_pips: tuple[int, ...]
    timestamp: int
    news: Slots
    limits: tuple[int, ...]
    delay_outs: tuple[int, ...]
    routes: tuple[Route, ...] | None
    unscored: str = ""


@dataclass(frozen=True, slots=True)
class Cut:
    """Which batches to prepare: those whose window begins at ``first_block`` or later, with or without routes."""

    anchor: Anchor
    window_blocks: int
    first_block: int = 0
    routes: bool = False


@dataclass(frozen=True, slots=True)
class Baseline:
    """Everything of one reading and one slack: ``orders`` by seq, ``batches`` by (anchor, window length in blocks)."""

    reading: Reading
    orders: dict[int, OrderBaseline]
    batches: dict[tuple[Anchor, int], tuple[PreparedBatch, ...]]


@dataclass(slots=True)
class _Bench:
    """What one run of the baselines works with."""

    history: History
    reading: Reading
    reference: Reference
    anchors: Anchors
    trader: str
    blocks: tuple[list[int], ...]
    """Of every event, in order: the history's, then those of the pools beside."""

    def move(self, batch: Batch) -> None:
        timestamp = self.reference.time(batch.settle_block)
        self.anchors.move(batch.start_seq, batch.place, block=batch.settle_block, timestamp=timestamp)

    def changed_blocks(self, first: int, last: int) -> list[int]:
        """The blocks from one to another at whose anchor a pool may stand elsewhere than in the block before."""
        histories = (self.history, *(other.history for other in self.anchors.beside))
        eventful = {
            event.block_number
            for history, blocks in zip(histories, self.blocks, strict=True)
            for event in history.events[bisect_left(blocks, first) : bisect_right(blocks, last)]
        }
        return sorted(block for block in eventful | {block + 1 for block in eventful} if block <= last)

    def nothing_in(self, block: int) -> Batch:
        """A batch without orders at the start of a block."""
        return Batch(block, block, (), bisect_left(self.blocks[0], block), (), start_of(block), ())

    def intents_of(self, batch: Batch) -> tuple[Intent, ...]:
        return tuple(self.reading.orders[seq] for seq in batch.orders)

    def limit_of(self, intent: Intent, quote: int, slack_bps: int) -> int:
        """The order's own limit; where it is not known min(y, q·(1 − slack)), q alone at the start of its block."""
        if intent.min_buy_amount is not None:
            return intent.min_buy_amount
        swap = self.history.events[intent.seq]
        got = swap.amount_out if isinstance(swap, Swap) else 0
        return min(got, quote * (BPS - slack_bps) // BPS)


def compute(
    history: History,
    reading: Reading,
    reference: Reference,
    anchors: Anchors,
    *,
    slack_bps: int,
    cuts: Iterable[Cut],
) -> Baseline:
    """The baselines of one reading of a history.

    Args:
        history: The history.
        reading: Which of its swaps are orders.
        reference: Its prices and times.
        anchors: A world of this history; its state afterwards is of no meaning.
        slack_bps: For limits that are not known.
        cuts: Which batches to prepare. The orders' own outcomes are always those on their own block's anchor.
    """
    cuts = tuple(cuts)
    first_block = min(cut.first_block for cut in cuts)
    trader = accounts(1)[0][0]
    anchors.world.fund([trader], [anchors.world.router])
    histories = (history, *(other.history for other in anchors.beside))
    blocks = tuple([event.block_number for event in one.events] for one in histories)
    bench = _Bench(history, reading, reference, anchors, trader, blocks)
    orders: dict[int, OrderBaseline] = {}
    own: list[PreparedBatch] = []
    own_batches = batches(history, reading, 1, "settlement")
    for batch in own_batches:
        if batch.settle_block >= first_block:
            rows, prepared = _prepare_own(bench, batch, slack_bps)
            orders.update(rows)
            own.append(prepared)
    by_block = {batch.settle_block: batch for batch in own_batches}
    unscored = {seq for prepared in own if prepared.unscored for seq in prepared.batch.orders}
    found: dict[tuple[Anchor, int], tuple[PreparedBatch, ...]] = {}
    for cut in cuts:
        if (cut.anchor, cut.window_blocks) == ("settlement", 1):
            chosen = [prepared for prepared in own if prepared.batch.settle_block >= cut.first_block]
        else:
            chosen = [
                _prepare(bench, batch, orders, unscored, by_block if cut.routes else None)
                for batch in batches(history, reading, cut.window_blocks, cut.anchor)
                if batch.window * cut.window_blocks >= cut.first_block
            ]
        found[cut.anchor, cut.window_blocks] = tuple(chosen)
    return Baseline(reading, orders, found)


def _prepare_own(bench: _Bench, batch: Batch, slack_bps: int) -> tuple[dict[int, OrderBaseline], PreparedBatch]:
    """A block's orders on their own anchor: limits, amm with its gas, standalone, and the anchor itself."""
    world = bench.anchors.world
    intents = bench.intents_of(batch)
    bench.move(batch)
    quotes = [world.quote(intent.sells_token0, intent.sell_amount).received for intent in intents]
    news, dry = _news(bench, batch)
    standalone = []
    for intent in intents:
        with world.anchor():
            result = world.swap(intent.sells_token0, intent.sell_amount)
            dry |= result.spent < intent.sell_amount or world.exhausted()
            standalone.append(result.received)
    best = [max(alone, _best_elsewhere(world, intent)) for intent, alone in zip(intents, standalone, strict=True)]
    # A pool that is only created in this block has no quote at its start: then the order's standalone outcome.
    limits = [
        bench.limit_of(intent, quote or alone, slack_bps)
        for intent, quote, alone in zip(intents, quotes, standalone, strict=True)
    ]
    outs, gas, amm_dry = _amm_with_gas(bench, intents, limits)
    rows = {
        intent.seq: OrderBaseline(
            limit=limits[i],
            limit_known=intent.min_buy_amount is not None,
            amm_out=outs[i],
            standalone_out=standalone[i],
            best_out=best[i],
            gas=gas[i],
        )
        for i, intent in enumerate(intents)
    }
    why = _why_unscored(bench, batch, dry=dry or amm_dry)
    return rows, _prepared(bench, batch, news, limits, outs, [(out, out) for out in best], why)


def _prepare(
    bench: _Bench,
    batch: Batch,
    orders: Mapping[int, OrderBaseline],
    unscored: set[int],
    by_block: Mapping[int, Batch] | None,
) -> PreparedBatch:
    """A longer window's batch: its anchor, and what its orders would get there from the AMM, one by one.

    With the batches of single blocks by their block, also the orders' best routes meanwhile.
    """
    routes = None if by_block is None else _routes(bench, batch, orders, by_block)
    bench.move(batch)
    news, refused = _news(bench, batch)
    limits = [orders[seq].limit for seq in batch.orders]
    outs, dry = _amm(bench.anchors.world, bench.intents_of(batch), limits)
    why = _why_unscored(bench, batch, dry=refused or dry or not unscored.isdisjoint(batch.orders))
    return _prepared(bench, batch, news, limits, outs, routes, why)


def _best_elsewhere(world: World, intent: Intent) -> int:
    """What the best of the pools beside gives for the whole of an order."""
    found = 0
    for place in range(1, len(world.venues)):
        result = world.quote(intent.sells_token0, intent.sell_amount, place)
        if result.spent == intent.sell_amount:
            found = max(found, result.received)
    return found


def _routes(
    bench: _Bench, batch: Batch, orders: Mapping[int, OrderBaseline], by_block: Mapping[int, Batch]
) -> list[Route]:
    """Each order's best single pool in every block from its own to the settlement, alone on that block's anchor."""
    world = bench.anchors.world
    intents = bench.intents_of(batch)
    outs = [[orders[seq].best_out] for seq in batch.orders]
    for block in bench.changed_blocks(intents[0].block_number, batch.settle_block):
        waiting = [i for i, intent in enumerate(intents) if intent.block_number < block]
        if not waiting:
            continue
        there = by_block.get(block) or bench.nothing_in(block)
        bench.move(there)
        _news(bench, there)
        for i in waiting:
            intent = intents[i]
            own = world.quote(intent.sells_token0, intent.sell_amount)
            whole = own.received if own.spent == intent.sell_amount else 0
            outs[i].append(max(whole, _best_elsewhere(world, intent)))
    return [(max(each), min(each)) for each in outs]


def _why_unscored(bench: _Bench, batch: Batch, *, dry: bool) -> str:
    waited = (start_of(bench.intents_of(batch)[0].block_number), batch.place)
    if unknown := next(filter(None, map(bench.anchors.unknown, waited)), ""):
        return unknown
    if dry:
        return f"the AMM itself {RAN_DRY}"
    if batch.settle_block > bench.history.events[-1].block_number:
        return "the history ends before the window does"
    if len(batch.orders) > MOST_ORDERS:
        return f"more than {MOST_ORDERS} orders do not fit into one block"
    return ""


def _prepared(
    bench: _Bench,
    batch: Batch,
    news: Slots,
    limits: Sequence[int],
    delay_outs: Sequence[int],
    routes: Sequence[Route] | None,
    unscored: str,
) -> PreparedBatch:
    return PreparedBatch(
        batch=batch,
        intents=bench.intents_of(batch),
        fees_pips=bench.anchors.world.fees,
        timestamp=bench.reference.time(batch.settle_block),
        news=news,
        limits=tuple(limits),
        delay_outs=tuple(delay_outs),
        routes=None if routes is None else tuple(routes),
        unscored=unscored,
    )


def _news(bench: _Bench, batch: Batch) -> tuple[Slots, bool]:
    """Executes the batch's news on the state before it and writes the result over the world.

    Returns:
        What changed, and whether the pool refused some of it.
    """
    if not batch.news:
        return {}, False
    world = bench.anchors.world
    changed: Slots = {}
    refused = False
    with world.anchor():
        for seq in batch.news:
            event = bench.history.events[seq]
            if isinstance(event, LiquidityEvent):
                # Read back: what the pool did here, not what history recorded of the event.
                changed |= {key: world.evm.storage(*key) for key in world.apply(event).changed}
            else:
                mark = world.venue.mark()
                refused |= world.swap(event.zero_for_one, event.amount_in).spent < min(event.amount_in, 1)
                changed |= world.venue.changed_by_swap(mark, event.zero_for_one)
    bench.anchors.overlay(changed)
    return changed, refused


def _amm(world: World, intents: Sequence[Intent], limits: Sequence[int]) -> tuple[list[int], bool]:
    """Outcomes of the orders one by one: those whose limit would break are skipped, and run after all others."""
    outs = [0] * len(intents)
    skipped = []
    dry = False
    with world.anchor():
        for i, intent in enumerate(intents):
            world.evm.open()
            result = world.swap(intent.sells_token0, intent.sell_amount)
            if result.spent < intent.sell_amount or result.received < limits[i]:
                world.evm.undo()
                skipped.append(i)
            else:
                world.evm.keep()
                outs[i] = result.received
        for i in skipped:
            result = world.swap(intents[i].sells_token0, intents[i].sell_amount)
            dry |= result.spent < intents[i].sell_amount
            outs[i] = result.received
        dry |= world.exhausted()
    return outs, dry


def _amm_with_gas(bench: _Bench, intents: Sequence[Intent], limits: Sequence[int]) -> tuple[list[int], list[int], bool]:
    """As `_amm`, each order as a transaction of its own through Uniswap's router, on cold state; also its gas."""
    world = bench.anchors.world
    outs, gas = [0] * len(intents), [0] * len(intents)
    before: Slots = {}
    skipped = [
        i for i, intent in enumerate(intents) if not _router_swap(bench, intent, limits[i], i, outs, gas, before)
    ]
    dry = [i for i in skipped if not _router_swap(bench, intents[i], 0, i, outs, gas, before)]
    ran_dry = bool(dry) or world.exhausted()
    world.update(before)
    return outs, gas, ran_dry


def _router_swap(
    bench: _Bench, intent: Intent, min_out: int, i: int, outs: list[int], gas: list[int], before: Slots
) -> bool:
    """One router transaction that lasts; False, and nothing lasts, where the limit breaks or the pool runs dry.

    Writes its outcome and gas to place ``i``, and to ``before`` what the slots held that it changed.
    """
    world = bench.anchors.world
    done = world.routed(bench.trader, intent.sells_token0, intent.sell_amount, min_out)
    if done is None:
        return False
    outs[i], gas[i], changed = done
    for key in changed:
        before.setdefault(key, world.evm.storage(*key))
    world.update(changed)
    return True
