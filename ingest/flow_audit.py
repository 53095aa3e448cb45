"""What can be checked of an order flow without a replay: each check says how much it could look at, and what failed."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from ingest.flow_checks import MOST_CASES, Check
from ingest.flow_prices import price_path
from ingest.flow_table import to_intents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.flow_store import StoredFlow
    from ingest.records import UserIntent

BPS = 10_000
DOUBLED = """
WITH legs AS (
    SELECT block_ts, token_in AS token, amount_in AS amount FROM flow_trade WHERE flow_id = $flow AND NOT aggregate
    UNION SELECT block_ts, token_out, amount_out FROM flow_trade WHERE flow_id = $flow AND NOT aggregate
)
SELECT count(*) FROM flow_trade t WHERE flow_id = $flow AND aggregate AND (
    EXISTS (SELECT 1 FROM legs l WHERE (l.block_ts, l.token, l.amount) = (t.block_ts, t.token_in, t.amount_in))
    OR EXISTS (SELECT 1 FROM legs l WHERE (l.block_ts, l.token, l.amount) = (t.block_ts, t.token_out, t.amount_out)))"""


def audit_flow(stored: StoredFlow) -> tuple[Check, ...]:
    """All checks that apply to a stored flow, in a fixed order."""
    found: list[Check] = []
    if stored.summary.intents:
        found += _limits_and_deadlines(stored)
    if stored.summary.aggregates:
        found.append(_doubled(stored))
    return (*found, *price_path(stored))


def keeps_limit(intent: UserIntent) -> bool | None:
    """Whether what an intent came to is within its limit; None where a limit or an amount is not told.

    One that can be filled in part has its limit in proportion. Of an exact-out call only the most that it may cost is
    a limit: a token may keep a part of what it moves.
    """
    given = (intent.amount_in, intent.amount_out, intent.executed_in, intent.executed_out)
    limit_in, limit_out, sold, bought = given
    if limit_in is None or limit_out is None or sold is None or bought is None:
        return None
    if intent.partially_fillable:
        size, filled = (limit_in, sold) if intent.kind == "sell" else (limit_out, bought)
        return filled <= size and sold * limit_out <= bought * limit_in
    return bought >= limit_out if intent.kind == "sell" else sold <= limit_in


def surplus_bps(intent: UserIntent) -> float | None:
    """How much better than its limit an intent was filled, in 1e-4 of the limit; None where it cannot be told."""
    price = (intent.amount_in, intent.amount_out, intent.executed_in, intent.executed_out)
    if None in price or not all(price):
        return None
    limit_in, limit_out, sold, bought = (amount or 0 for amount in price)
    return BPS * (bought * limit_in - sold * limit_out) / (sold * limit_out)


def _filled(stored: StoredFlow) -> Iterator[UserIntent]:
    for batch in stored.batches("intent"):
        yield from (intent for intent in to_intents(batch) if intent.status == "filled")


def _limits_and_deadlines(stored: StoredFlow) -> Iterator[Check]:
    kept = broken = untold = 0
    in_time = late = 0
    surpluses: list[float] = []
    cases: list[str] = []
    for intent in _filled(stored):
        within = keeps_limit(intent)
        kept, broken, untold = kept + (within is True), broken + (within is False), untold + (within is None)
        if within is False and len(cases) < MOST_CASES:
            cases.append(f"{_where(intent)}: {_said(intent)}")
        if (surplus := surplus_bps(intent)) is not None:
            surpluses.append(surplus)
        if intent.deadline_ts is not None and intent.block_ts is not None:
            in_time, late = (
                in_time + (intent.block_ts <= intent.deadline_ts),
                late + (intent.block_ts > intent.deadline_ts),
            )
    figures = {}
    if len(surpluses) > 1:
        quarters = statistics.quantiles(surpluses, n=4)
        figures = dict(zip(("surplus_bps_p25", "surplus_bps_p50", "surplus_bps_p75"), quarters, strict=True))
    says = "What every filled order got is within its limit."
    yield Check("limits", says, kept + broken, broken, untold, figures=figures, cases=tuple(cases))
    if in_time + late:
        yield Check("deadlines", "Every filled order was filled before its deadline.", in_time + late, late)


def _doubled(stored: StoredFlow) -> Check:
    ((doubled,),) = stored.rows(DOUBLED)
    return Check(
        "double counting",
        "Aggregators' trades that stand here twice: a trade in the same second shares an amount with them.",
        stored.summary.aggregates,
        0,
        found=doubled,
    )


def _where(intent: UserIntent) -> str:
    if intent.tx_hash is not None:
        return f"block {intent.block_number}, {intent.tx_hash}, {intent.place}"
    return intent.order_id or intent.method


def _said(intent: UserIntent) -> str:
    wanted = f"{intent.kind} {intent.amount_in} for {intent.amount_out}"
    return f"{wanted}, executed {intent.executed_in} for {intent.executed_out}"
