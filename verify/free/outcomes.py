"""A free-running replay in the form that everything else is scored in, and the ledger over three whole worlds.

The worlds are history (every swap that was), the AMM alone and the mechanism, both free-running. All that traded is in
them: arbitrageurs and sandwichers too. Each window's flows are valued at P of the block that it settles in.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ingest.errors import InputError
from verify.flows import fee_of, price_spread_bps, taken, total
from verify.outcomes import BatchOutcome, Flow, Outcomes
from verify.score import welfare

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from ingest.records import FlowClass
    from verify.free.market import FreeMarket
    from verify.free.records import FreeOrder, FreeRun
    from verify.outcomes import OrderOutcome
    from verify.reference import Reference

PARTY_OF: dict[FlowClass, str] = {
    "user": "users",
    "unknown": "unknown",
    "arbitrage": "arbitrageurs",
    "sandwich": "sandwichers",
    "jit": "just_in_time",
    "liquidation": "liquidators",
}
"""Whose flow a swap of each class is."""

_PARTS = 10**6
"""Of a smallest unit: what a sum of gas is rounded to on the way."""

Flows = dict[str, Flow]
Books = dict[int, tuple[Flows, Flow]]
"""By window: every party's flow, and the part of the liquidity providers' that is fee or donation."""


class OtherWorlds:
    """History and the AMM alone: what every candidate's world is compared with, read once for all of them.

    Args:
        market: What the replays were run on.
        plain: `verify.free.replay.without_mechanism` of it.
    """

    def __init__(self, market: FreeMarket, plain: FreeRun) -> None:
        self.market = market
        self.plain = plain
        self.amm_orders = {order.seq: order for order in plain.orders}
        self._books: dict[int, tuple[Books, Books]] = {}

    def books(self, window_blocks: int) -> tuple[Books, Books]:
        """Those of history and of the AMM alone."""
        found = self._books.get(window_blocks)
        if found is None:
            found = _history_books(self.market, window_blocks), _books(self.plain, window_blocks)
            self._books[window_blocks] = found
        return found


def outcomes(others: OtherWorlds, run: FreeRun, anchored: Outcomes) -> Outcomes:
    """A candidate's free-running replay beside the AMM's, as outcomes.

    ``amm_out``, ``delay_out``, ``bought`` and the gas are those of the free-running worlds; what history gave, the
    limits and what an order would get alone are the anchored replay's. As there, an order that the mechanism did not
    fill is credited no more than the AMM gave it; the rest is the party ``capped``. There is a batch for every window
    in which a token moved in any world, also where no order settled.

    Args:
        others: What it is compared with.
        run: The candidate's, on the same market.
        anchored: The candidate's anchored replay, same reading and window.

    Raises:
        InputError: The replays are not of the same orders or windows.
    """
    length = run.window_blocks
    if anchored.window_blocks != length:
        raise InputError(f"one replay has windows of {length} blocks, the other of {anchored.window_blocks}")
    rows = _order_rows(run, others.amm_orders, anchored)
    reference = others.market.reference
    (history, amm), free = others.books(length), _books(run, length)
    _cap(free, rows)
    found = {batch.window: batch for batch in anchored.batches}
    of_window: dict[int, list[OrderOutcome]] = {}
    for row in rows:
        of_window.setdefault(row.window, []).append(row)
    settled = {each.window: each for each in run.settlements}
    unscored = _unscored(run, length) | _unscored(others.plain, length)
    batches = []
    for window in sorted(history.keys() | amm.keys() | free.keys() | found.keys()):
        settle_block = (window + 1) * length - 1
        value0, value1 = reference.values(settle_block)
        worlds = {name: books.get(window, ({}, Flow())) for name, books in _named(history, amm, free)}
        batch = found.get(window) or _EMPTY
        settlement = settled.get(window)
        here = of_window.get(window, [])
        batches.append(
            replace(
                batch,
                window=window,
                settle_block=settle_block,
                order_count=len(here),
                settle_gas=settlement.gas if settlement else 0,
                dropped=settlement.dropped if settlement else 0,
                price_spread_bps=price_spread_bps(
                    (row.sells_token0, row.sell_amount, row.bought) for row in here if row.filled
                ),
                value0=value0,
                value1=value1,
                later=reference.later_values(settle_block),
                history=worlds["history"][0],
                amm=worlds["amm"][0],
                candidate=worlds["candidate"][0],
                lp_fees={name: fees for name, (_, fees) in worlds.items()},
                unscored=batch.unscored or unscored.get(window, ""),
            )
        )
    return replace(anchored, orders=tuple(rows), batches=tuple(batches))


def ledger(scored: Outcomes, run: FreeRun, plain: FreeRun, reference: Reference) -> dict[str, dict[str, Any]]:
    """The welfare ledger over the three worlds: `verify.score.welfare.totals`, and the arbitrageurs' gas beside it.

    Without the two gas rows each column sums to 0 to the last digit. Windows without a sound outcome are left out.

    Args:
        scored: What `outcomes` gave for these replays, or a part of it.
        run: The candidate's.
        plain: The AMM's.
        reference: Their prices.

    Raises:
        OutcomesError: A window's flows do not sum to zero.
    """
    batches = [batch for batch in scored.batches if not batch.unscored]
    windows = {batch.window for batch in batches}
    table = welfare.totals(batches, [order for order in scored.orders if order.window in windows], scored.unit)
    paid, otherwise = (_arbitrage_gas(each, reference, windows, scored.window_blocks) for each in (run, plain))
    text = None if paid is None or otherwise is None else welfare.decimal_text(otherwise - paid, scored.unit)
    return {**table, "gas_of_arbitrage": {"vs_history": None, "vs_amm": text}}


_EMPTY = BatchOutcome(
    window=0,
    settle_block=0,
    order_count=0,
    has_sandwich=False,
    settle_gas=0,
    dropped=0,
    partial=0,
    price_spread_bps=0.0,
    value0=Fraction(0),
    value1=Fraction(0),
    history={},
    amm={},
    candidate={},
    lp_fees={},
    later={},
)


def _order_rows(run: FreeRun, amm: Mapping[int, FreeOrder], anchored: Outcomes) -> list[OrderOutcome]:
    free = {order.seq: order for order in run.orders}
    rows = []
    for row in anchored.orders:
        if row.seq not in free or row.seq not in amm:
            raise InputError(f"order {row.seq} is in the anchored replay alone")
        rows.append(_order_row(row, free[row.seq], amm[row.seq]))
    return rows


def _order_row(row: OrderOutcome, free: FreeOrder, amm: FreeOrder) -> OrderOutcome:
    filled = free.way == "mechanism"
    return replace(
        row,
        settle_block=free.settle_block,
        amm_out=amm.bought,
        delay_out=free.delay_out,
        bought=free.bought if filled else min(free.bought, amm.bought),
        filled=filled,
        fallback_out=0 if filled else free.bought,
        gas_history=amm.gas,
        gas_amm=amm.gas,
        gas=free.gas,
        drift_bps=0.0 if free.way == "amm" else row.drift_bps,
    )


def _books(run: FreeRun, length: int) -> Books:
    flows: dict[int, dict[str, list[Flow]]] = {}
    fees: dict[int, list[Flow]] = {}
    for block in run.blocks:
        window = block.number // length
        for party, flow in block.flows.items():
            flows.setdefault(window, {}).setdefault(party, []).append(flow)
        fees.setdefault(window, []).append(block.lp_fees)
    return {window: (_totals(parties), total(fees[window])) for window, parties in flows.items()}


def _history_books(market: FreeMarket, length: int) -> Books:
    """What every swap of history was to its trader; the liquidity providers are the other side of all of them."""
    flows: dict[int, dict[str, list[Flow]]] = {}
    fees: dict[int, list[Flow]] = {}
    classes = market.baseline.reading.classes
    for swap in market.history.swaps:
        if swap.block_number < market.first_block:
            continue
        window = swap.block_number // length
        flow = Flow(-swap.amount0, -swap.amount1)
        parties = flows.setdefault(window, {})
        parties.setdefault(PARTY_OF[classes[swap.seq]], []).append(flow)
        parties.setdefault("liquidity_providers", []).append(Flow(swap.amount0, swap.amount1))
        fees.setdefault(window, []).append(fee_of(swap.zero_for_one, swap.amount_in, swap.fee_pips))
    return {window: (_totals(parties), total(fees[window])) for window, parties in flows.items()}


def _totals(parties: Mapping[str, Sequence[Flow]]) -> Flows:
    return {party: total(flows) for party, flows in parties.items()}


def _cap(books: Books, rows: Iterable[OrderOutcome]) -> None:
    """Takes what is not credited from the traders of its window, and books it as ``capped``."""
    for row in rows:
        above = 0 if row.filled else row.fallback_out - row.bought
        if above:
            flows = books[row.window][0]
            gain = taken(row.sells_token0, 0, above)
            party = PARTY_OF[row.flow_class]
            flows[party] = total((flows[party], Flow(-gain.token0, -gain.token1)))
            flows["capped"] = total((flows.get("capped", Flow()), gain))


def _named(history: Books, amm: Books, free: Books) -> tuple[tuple[str, Books], ...]:
    return ("history", history), ("amm", amm), ("candidate", free)


def _unscored(run: FreeRun, length: int) -> dict[int, str]:
    return {number // length: why for number, why in run.unscored.items()}


def _arbitrage_gas(run: FreeRun, reference: Reference, windows: Container[int], length: int) -> int | None:
    """What arbitrage in some windows paid for gas, in the numeraire's smallest unit; None where gas has no price."""
    spent = 0
    for trade in run.arbitrages:
        moment = reference.at(trade.block_number)
        if moment.token1_per_wei is None:
            return None
        if trade.block_number // length in windows:
            spent += int(trade.gas * trade.gas_price_wei * moment.token1_per_wei * moment.value1 * _PARTS)
    return spent // _PARTS
