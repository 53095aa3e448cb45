"""From what the EVM answered to outcomes: joins a replay with its baselines, in integers, before anything is judged."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from ingest.records import FlowClass, History, Swap
from verify.flows import fee_of, price_spread_bps, taken, total
from verify.outcomes import BatchOutcome, Flow, OrderOutcome, Outcomes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from fractions import Fraction

    from verify.baselines import Baseline, PreparedBatch
    from verify.reference import Reference
    from verify.replay import Settled

_NAMES = [field.name for field in fields(OrderOutcome)]
_AMM_OUT, _GAS_AMM = _NAMES.index("amm_out"), _NAMES.index("gas_amm")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a batch before any candidate settles it, computed once for all of them.

    ``orders`` and ``batch`` are the fields of `OrderOutcome` and `BatchOutcome`, in order, up to the candidate's own.
    """

    orders: tuple[tuple[Any, ...], ...]
    batch: tuple[Any, ...]
    fees: dict[str, Flow]
    unscored: str
    later: dict[int, tuple[Fraction, Fraction]]


def know(history: History, reference: Reference, baseline: Baseline, prepared: PreparedBatch) -> Known:
    """What a prepared batch's outcomes will all have in common."""
    rows = tuple(_known_order(history, reference, baseline, prepared, i) for i in range(len(prepared.intents)))
    legs = [_swap(history, seq) for seq in prepared.batch.sandwich_legs]
    intents, classes = prepared.intents, baseline.reading.classes
    swaps = [_swap(history, intent.seq) for intent in intents]
    sold = [(classes[intent.seq], intent.sells_token0, intent.sell_amount) for intent in intents]
    took_history = _by_class((*each, swap.amount_out) for each, swap in zip(sold, swaps, strict=True))
    took_history["sandwichers"] = total(taken(leg.zero_for_one, leg.amount_in, leg.amount_out) for leg in legs)
    took_amm = _by_class(
        (*each, baseline.orders[intent.seq].amm_out) for each, intent in zip(sold, intents, strict=True)
    )
    fees = [
        fee_of(intent.sells_token0, intent.sell_amount, swap.fee_pips)
        for intent, swap in zip(intents, swaps, strict=True)
    ]
    leg_fees = [fee_of(leg.zero_for_one, leg.amount_in, leg.fee_pips) for leg in legs]
    settle_block = prepared.batch.settle_block
    return Known(
        orders=rows,
        batch=(
            prepared.batch.window,
            settle_block,
            len(intents),
            bool(legs),
            *reference.values(settle_block),
            _closed(took_history),
            _closed(took_amm),
        ),
        fees={"history": total([*fees, *leg_fees]), "amm": total(fees)},
        unscored=prepared.unscored,
        later=reference.later_values(settle_block),
    )


def assemble(
    history: History, reference: Reference, window_blocks: int, known: Sequence[Known], settled: Sequence[Settled]
) -> Outcomes:
    """One candidate's outcomes over one window length and convention; ``known`` and ``settled`` are aligned."""
    orders: list[OrderOutcome] = []
    batches: list[BatchOutcome] = []
    for batch, result in zip(known, settled, strict=True):
        rows = _order_rows(batch, result)
        batches.append(_batch_row(batch, result, rows))
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
                price_spread_bps=price_spread_bps((row.sells_token0, row.sell_amount, row.bought) for row in rows),
                candidate=_closed(took | legs),
                lp_fees=batch.lp_fees | {"candidate": fees},
            )
        )
    return replace(outcomes, orders=tuple(row for rows in by_window.values() for row in rows), batches=tuple(batches))


def _known_order(
    history: History, reference: Reference, baseline: Baseline, prepared: PreparedBatch, i: int
) -> tuple[Any, ...]:
    intent = prepared.intents[i]
    base = baseline.orders[intent.seq]
    block, settle_block, sells_token0 = intent.block_number, prepared.batch.settle_block, intent.sells_token0
    most, least = (None, None) if prepared.routes is None else prepared.routes[i]
    return (
        intent.seq,
        prepared.batch.window,
        block,
        settle_block,
        baseline.reading.classes[intent.seq],
        sells_token0,
        intent.sell_amount,
        base.limit,
        base.limit_known,
        _swap(history, intent.seq).amount_out,
        base.amm_out,
        prepared.delay_outs[i],
        base.standalone_out,
        base.best_out,
        most,
        least,
        base.gas,
        base.gas,
        reference.gas_price_wei(block),
        int(intent.sell_amount * reference.values(block)[not sells_token0]),
        reference.bought_per_wei(block, buys_token0=not sells_token0),
        reference.drift_bps(block, settle_block, sells_token0=sells_token0),
    )


def _order_rows(known: Known, result: Settled) -> list[OrderOutcome]:
    filled_count = sum(1 for sold, _ in result.fills if sold)
    # Who is filled pays for the settlement; where nobody is, it was in vain and all pay, on top of their fallbacks.
    gas_share = -(-result.gas // (filled_count or len(result.fills)))
    rows = []
    for told, (sold, bought), fallback in zip(known.orders, result.fills, result.fallbacks, strict=True):
        if sold:
            rows.append(OrderOutcome(*(*told, bought, True, 0, gas_share)))
        else:
            # It runs as a router swap of its own: the amm's gas on cold state.
            gas = told[_GAS_AMM] + (0 if filled_count else gas_share)
            rows.append(OrderOutcome(*(*told, min(fallback, told[_AMM_OUT]), False, fallback, gas)))
    return rows


def _batch_row(known: Known, result: Settled, rows: Sequence[OrderOutcome]) -> BatchOutcome:
    took = _by_class((row.flow_class, row.sells_token0, row.sell_amount, row.bought) for row in rows)
    took["residue"] = result.residue
    took["capped"] = total(taken(row.sells_token0, 0, row.fallback_out - row.bought) for row in rows if not row.filled)
    took["liquidity_providers"] = result.liquidity_providers
    partial = sum(1 for row, (sold, _) in zip(rows, result.fills, strict=True) if 0 < sold < row.sell_amount)
    spread = price_spread_bps((row.sells_token0, *fill) for row, fill in zip(rows, result.fills, strict=True))
    fees = known.fees | {"candidate": result.lp_fees}
    own = (result.gas, result.dropped, partial, spread, took, fees)
    return BatchOutcome(*(*known.batch, *own, known.unscored, known.later))


def _swap(history: History, seq: int) -> Swap:
    event = history.events[seq]
    assert isinstance(event, Swap)  # noqa: S101 -- only swaps are orders; a plan that says otherwise is a bug
    return event


def _by_class(trades: Iterable[tuple[FlowClass, bool, int, int]]) -> dict[str, Flow]:
    """Flows of users and of unknown traders; the classes that are not orders have none."""
    users: list[Flow] = []
    unknown: list[Flow] = []
    for flow_class, sells_token0, sold, bought in trades:
        (users if flow_class == "user" else unknown).append(taken(sells_token0, sold, bought))
    return {"users": total(users), "unknown": total(unknown)}


def _closed(flows: dict[str, Flow]) -> dict[str, Flow]:
    """In a world of direct swaps the liquidity providers are the other side of everyone."""
    theirs = total(flows.values())
    return {**flows, "liquidity_providers": Flow(-theirs.token0, -theirs.token1)}
