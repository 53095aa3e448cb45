"""What every candidate is compared with, and the states that it settles on: computed once, for all candidates.

For one reading of history: each order's limit, its `amm` outcome (the block's orders one by one on their own block's
anchor, no bots, a broken limit skipped and run last), its `standalone` outcome (alone on that anchor), the gas of a
swap through Uniswap's router; and for each window length every batch's anchor and what the orders would have got there
from the AMM (the delay).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.records import History, Intent, LiquidityEvent, Swap
from verify.evm import ExecutionError, Slots
from verify.plan import Batch, Reading, batches
from verify.slots import balance_slot
from verify.world import TRADER_FUNDS, World, accounts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from verify.conventions import Anchor
    from verify.reference import Reference
    from verify.trace import StateTrace

BPS = 10_000
RAN_DRY = "ran past the known liquidity"

MOST_ORDERS = 200
"""In one batch: the kernel alone needs some 120,000 gas an order, and a block has 30 million."""


@dataclass(frozen=True, slots=True)
class OrderBaseline:
    """One order's limit and outcomes without a mechanism, in the bought token's smallest unit; gas in units."""

    limit: int
    limit_known: bool
    amm_out: int
    standalone_out: int
    gas: int


@dataclass(frozen=True, slots=True)
class PreparedBatch:
    """A batch with its anchor: the trace's state before ``batch.start_seq`` with ``news`` written over it.

    ``intents``, ``limits`` and ``delay_outs`` are aligned with ``batch.orders``. ``unscored`` says why the baselines
    themselves are not sound here.
    """

    batch: Batch
    intents: tuple[Intent, ...]
    fee_pips: int
    timestamp: int
    news: Slots
    limits: tuple[int, ...]
    delay_outs: tuple[int, ...]
    unscored: str = ""


@dataclass(frozen=True, slots=True)
class Cut:
    """Which batches to prepare: those whose window begins at ``first_block`` or later."""

    anchor: Anchor
    window_blocks: int
    first_block: int = 0


@dataclass(frozen=True, slots=True)
class Baseline:
    """Everything of one reading and one slack: ``orders`` by seq, ``batches`` by (anchor, window length in blocks)."""

    reading: Reading
    orders: dict[int, OrderBaseline]
    batches: dict[tuple[Anchor, int], tuple[PreparedBatch, ...]]


class Anchors:
    """A world that is moved from anchor to anchor of one history.

    Args:
        world: A world of the history's initial state.
        trace: What the audit kept of the history.
    """

    def __init__(self, world: World, trace: StateTrace) -> None:
        self.world = world
        self._cursor = trace.cursor()
        self._over: set[tuple[str, int]] = set()

    def move(self, start_seq: int, *, block: int, timestamp: int) -> None:
        """To the true state and fee right before an event, in a block; forgets what `overlay` wrote."""
        changed = self._cursor.move(start_seq)
        self.world.update({key: self._cursor.value(key) for key in self._over} | changed)
        self.world.evm.set_block(block, timestamp)
        self._over.clear()

    def overlay(self, slots: Slots) -> None:
        """Writes slots over the true state until the next `move`."""
        self._over.update(slots)
        self.world.update(slots)


@dataclass(slots=True)
class _Bench:
    """What one run of the baselines works with."""

    history: History
    reading: Reading
    reference: Reference
    anchors: Anchors
    trader: str

    def move(self, batch: Batch) -> None:
        self.anchors.move(batch.start_seq, block=batch.settle_block, timestamp=self.reference.time(batch.settle_block))

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
    bench = _Bench(history, reading, reference, anchors, trader)
    orders: dict[int, OrderBaseline] = {}
    own: list[PreparedBatch] = []
    for batch in batches(history, reading, 1, "settlement"):
        if batch.settle_block >= first_block:
            rows, prepared = _prepare_own(bench, batch, slack_bps)
            orders.update(rows)
            own.append(prepared)
    unscored = {seq for prepared in own if prepared.unscored for seq in prepared.batch.orders}
    found: dict[tuple[Anchor, int], tuple[PreparedBatch, ...]] = {}
    for cut in cuts:
        if (cut.anchor, cut.window_blocks) == ("settlement", 1):
            chosen = [prepared for prepared in own if prepared.batch.settle_block >= cut.first_block]
        else:
            chosen = [
                _prepare(bench, batch, orders, unscored)
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
    news = _news(bench, batch)
    dry = False
    standalone = []
    for intent in intents:
        with world.anchor():
            result = world.swap(intent.sells_token0, intent.sell_amount)
            dry |= result.spent < intent.sell_amount or world.exhausted()
            standalone.append(result.received)
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
            gas=gas[i],
        )
        for i, intent in enumerate(intents)
    }
    why = _why_unscored(bench, batch, dry=dry or amm_dry)
    return rows, _prepared(bench, batch, news, limits, outs, why)


def _prepare(bench: _Bench, batch: Batch, orders: Mapping[int, OrderBaseline], unscored: set[int]) -> PreparedBatch:
    """A longer window's batch: its anchor, and what its orders would get there from the AMM, one by one."""
    bench.move(batch)
    news = _news(bench, batch)
    limits = [orders[seq].limit for seq in batch.orders]
    outs, dry = _amm(bench.anchors.world, bench.intents_of(batch), limits)
    why = _why_unscored(bench, batch, dry=dry or not unscored.isdisjoint(batch.orders))
    return _prepared(bench, batch, news, limits, outs, why)


def _why_unscored(bench: _Bench, batch: Batch, *, dry: bool) -> str:
    if dry:
        return f"the AMM itself {RAN_DRY}"
    if batch.settle_block > bench.history.events[-1].block_number:
        return "the history ends before the window does"
    if len(batch.orders) > MOST_ORDERS:
        return f"more than {MOST_ORDERS} orders do not fit into one block"
    return ""


def _prepared(
    bench: _Bench, batch: Batch, news: Slots, limits: Sequence[int], delay_outs: Sequence[int], unscored: str
) -> PreparedBatch:
    return PreparedBatch(
        batch=batch,
        intents=bench.intents_of(batch),
        fee_pips=bench.anchors.world.fee_pips,
        timestamp=bench.reference.time(batch.settle_block),
        news=news,
        limits=tuple(limits),
        delay_outs=tuple(delay_outs),
        unscored=unscored,
    )


def _news(bench: _Bench, batch: Batch) -> Slots:
    """Executes the batch's news on the state before it and writes the result over the world; returns what changed."""
    if not batch.news:
        return {}
    world = bench.anchors.world
    changed: Slots = {}
    with world.anchor():
        for seq in batch.news:
            event = bench.history.events[seq]
            if isinstance(event, LiquidityEvent):
                # Read back: what the pool did here, not what history recorded of the event.
                changed |= {key: world.evm.storage(*key) for key in world.apply(event).changed}
            else:
                mark = world.venue.mark()
                world.swap(event.zero_for_one, event.amount_in)
                changed |= world.venue.changed_by_swap(mark, event.zero_for_one)
    bench.anchors.overlay(changed)
    return changed


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
    token_in = world.token0 if intent.sells_token0 else world.token1
    mark = world.venue.mark()
    try:
        with world.anchor():
            received, used = world.router_swap(bench.trader, intent.sells_token0, intent.sell_amount, min_out)
            held = world.evm.storage(token_in, balance_slot(bench.trader))
            changed = world.venue.changed_by_swap(mark, intent.sells_token0)
    except ExecutionError:
        return False
    if held != TRADER_FUNDS - intent.sell_amount:
        return False
    outs[i], gas[i] = received, used
    for key in changed:
        before.setdefault(key, world.evm.storage(*key))
    world.update(changed)
    return True
