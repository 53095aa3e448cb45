"""From what the EVM answered to outcomes: joins a replay with its baselines, in integers, before anything is judged."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from ingest.records import FlowClass, History, Swap
from verify.outcomes import BatchOutcome, Flow, OrderOutcome, Outcomes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from verify.baselines import Baseline, PreparedBatch
    from verify.reference import Reference
    from verify.replay import Settled

PIPS = 10**6


def assemble(
    history: History,
    reference: Reference,
    baseline: Baseline,
    window_blocks: int,
    prepared: Sequence[PreparedBatch],
    settled: Sequence[Settled],
) -> Outcomes:
    """One candidate's outcomes over one window length and convention; ``prepared`` and ``settled`` are aligned."""
    orders: list[OrderOutcome] = []
    batches: list[BatchOutcome] = []
    for batch, result in zip(prepared, settled, strict=True):
        rows = _order_rows(history, reference, baseline, batch, result)
        batches.append(_batch_row(history, reference, batch, result, rows))
        orders.extend(rows)
    return Outcomes(
        window_blocks=window_blocks,
        first_block=history.events[0].block_number,
        last_block=history.events[-1].block_number,
        numeraire=reference.numeraire.symbol,
        unit=reference.unit,
        orders=tuple(orders),
        batches=tuple(batches),
    )


def as_baseline(outcomes: Outcomes, name: str) -> Outcomes:
    """The same orders, as if ``history``, ``amm`` or ``standalone`` had been the mechanism: each its own direct swap.

    A baseline is not held to limits: each order's is lowered to what the baseline gave it.
    """
    by_window: dict[int, list[OrderOutcome]] = {}
    for order in outcomes.orders:
        out = {"history": order.history_out, "amm": order.amm_out, "standalone": order.standalone_out}[name]
        row = replace(
            order,
            settle_block=order.block_number,
            limit=min(order.limit, out),
            bought=out,
            filled=True,
            fallback_out=0,
            gas=order.gas_amm,
            drift_bps=0.0,
        )
        by_window.setdefault(order.window, []).append(row)
    batches = []
    for batch in outcomes.batches:
        rows = by_window[batch.window]
        legs = {"sandwichers": batch.history["sandwichers"]} if name == "history" else {}
        took = _by_class((row.flow_class, row.sells_token0, row.sell_amount, row.bought) for row in rows)
        fees = batch.lp_fees["history" if name == "history" else "amm"]
        batches.append(
            replace(
                batch,
                settle_gas=sum(row.gas for row in rows),
                dropped=0,
                partial=0,
                price_spread_bps=_price_spread_bps(rows, [(row.sell_amount, row.bought) for row in rows]),
                candidate=_closed(took | legs),
                lp_fees=batch.lp_fees | {"candidate": fees},
            )
        )
    return replace(outcomes, orders=tuple(row for rows in by_window.values() for row in rows), batches=tuple(batches))


def _order_rows(
    history: History, reference: Reference, baseline: Baseline, prepared: PreparedBatch, result: Settled
) -> list[OrderOutcome]:
    filled_count = sum(1 for sold, _ in result.fills if sold)
    # Who is filled pays for the settlement; where nobody is, it was in vain and all pay, on top of their fallbacks.
    gas_share = -(-result.gas // (filled_count or len(result.fills)))
    settle_block = prepared.batch.settle_block
    rows = []
    for i, intent in enumerate(prepared.intents):
        swap = _swap(history, intent.seq)
        base = baseline.orders[intent.seq]
        sold, bought = result.fills[i]
        value0, value1 = reference.values(intent.block_number)
        most, least = (None, None) if prepared.routes is None else prepared.routes[i]
        rows.append(
            OrderOutcome(
                seq=intent.seq,
                window=prepared.batch.window,
                block_number=intent.block_number,
                settle_block=settle_block,
                flow_class=baseline.reading.classes[intent.seq],
                sells_token0=intent.sells_token0,
                sell_amount=intent.sell_amount,
                limit=base.limit,
                limit_known=base.limit_known,
                history_out=swap.amount_out,
                amm_out=base.amm_out,
                delay_out=prepared.delay_outs[i],
                standalone_out=base.standalone_out,
                best_out=base.best_out,
                ebbo_most=most,
                ebbo_least=least,
                bought=bought if sold else min(result.fallbacks[i], base.amm_out),
                filled=sold > 0,
                fallback_out=0 if sold else result.fallbacks[i],
                gas_history=base.gas,
                gas_amm=base.gas,
                # An unfilled order runs as a router swap of its own: the amm's gas on cold state.
                gas=gas_share if sold else base.gas + (0 if filled_count else gas_share),
                gas_price_wei=reference.gas_price_wei(intent.block_number),
                value=int(intent.sell_amount * (value0 if intent.sells_token0 else value1)),
                bought_per_wei=reference.bought_per_wei(intent.block_number, buys_token0=not intent.sells_token0),
                drift_bps=reference.drift_bps(intent.block_number, settle_block, sells_token0=intent.sells_token0),
            )
        )
    return rows


def _batch_row(
    history: History,
    reference: Reference,
    prepared: PreparedBatch,
    result: Settled,
    rows: Sequence[OrderOutcome],
) -> BatchOutcome:
    value0, value1 = reference.values(prepared.batch.settle_block)
    legs = [_swap(history, seq) for seq in prepared.batch.sandwich_legs]
    took_history = _by_class((row.flow_class, row.sells_token0, row.sell_amount, row.history_out) for row in rows)
    took_history["sandwichers"] = _sum(_taken(leg.zero_for_one, leg.amount_in, leg.amount_out) for leg in legs)
    took_amm = _by_class((row.flow_class, row.sells_token0, row.sell_amount, row.amm_out) for row in rows)
    took = _by_class((row.flow_class, row.sells_token0, row.sell_amount, row.bought) for row in rows)
    took["residue"] = result.residue
    took["capped"] = _sum(_taken(row.sells_token0, 0, row.fallback_out - row.bought) for row in rows if not row.filled)
    took["liquidity_providers"] = result.liquidity_providers
    fee_inputs = [(row.sells_token0, row.sell_amount, _swap(history, row.seq).fee_pips) for row in rows]
    leg_inputs = [(leg.zero_for_one, leg.amount_in, leg.fee_pips) for leg in legs]
    return BatchOutcome(
        window=prepared.batch.window,
        settle_block=prepared.batch.settle_block,
        order_count=len(rows),
        has_sandwich=bool(legs),
        settle_gas=result.gas,
        dropped=result.dropped,
        partial=sum(1 for row, (sold, _) in zip(rows, result.fills, strict=True) if 0 < sold < row.sell_amount),
        price_spread_bps=_price_spread_bps(rows, result.fills),
        value0=value0,
        value1=value1,
        history=_closed(took_history),
        amm=_closed(took_amm),
        candidate=took,
        lp_fees={
            "history": _sum(_fee(*entry) for entry in (*fee_inputs, *leg_inputs)),
            "amm": _sum(_fee(*entry) for entry in fee_inputs),
            "candidate": result.lp_fees,
        },
        later=reference.later_values(prepared.batch.settle_block),
        unscored=prepared.unscored,
    )


def _swap(history: History, seq: int) -> Swap:
    event = history.events[seq]
    assert isinstance(event, Swap)  # noqa: S101 -- only swaps are orders; a plan that says otherwise is a bug
    return event


def _taken(sells_token0: bool, sold: int, bought: int) -> Flow:
    return Flow(-sold, bought) if sells_token0 else Flow(bought, -sold)


def _fee(sells_token0: bool, amount_in: int, fee_pips: int) -> Flow:
    fee = -(-amount_in * fee_pips // PIPS)
    return Flow(fee, 0) if sells_token0 else Flow(0, fee)


def _sum(flows: Iterable[Flow]) -> Flow:
    token0 = token1 = 0
    for flow in flows:
        token0 += flow.token0
        token1 += flow.token1
    return Flow(token0, token1)


def _by_class(trades: Iterable[tuple[FlowClass, bool, int, int]]) -> dict[str, Flow]:
    """Flows of users and of unknown traders; the classes that are not orders have none."""
    users: list[Flow] = []
    unknown: list[Flow] = []
    for flow_class, sells_token0, sold, bought in trades:
        (users if flow_class == "user" else unknown).append(_taken(sells_token0, sold, bought))
    return {"users": _sum(users), "unknown": _sum(unknown)}


def _closed(flows: dict[str, Flow]) -> dict[str, Flow]:
    """In a world of direct swaps the liquidity providers are the other side of everyone."""
    total = _sum(flows.values())
    return {**flows, "liquidity_providers": Flow(-total.token0, -total.token1)}


def _price_spread_bps(rows: Sequence[OrderOutcome], fills: Sequence[tuple[int, int]]) -> float:
    widest = Fraction(1)
    for sells_token0 in (True, False):
        same_way = [
            (bought, sold)
            for row, (sold, bought) in zip(rows, fills, strict=True)
            if sold and bought and row.sells_token0 is sells_token0
        ]
        if len(same_way) > 1:
            prices = [Fraction(*fill) for fill in same_way]
            widest = max(widest, max(prices) / min(prices))
    return float(10_000 * (widest - 1))
