"""What a stored order flow holds, counted: by venue, pair, kind of order and label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.flow_store import StoredFlow

VENUES = """
SELECT venue, count(*), count(*) FILTER (aggregate),
    round(sum(CAST(amount_usd AS DOUBLE)) FILTER (NOT aggregate), 2)
FROM flow_trade WHERE flow_id = $flow GROUP BY venue ORDER BY count(*) DESC, venue LIMIT 20"""
PAIRS = """
SELECT least(token_in, token_out) AS one, greatest(token_in, token_out) AS other, count(*)
FROM flow_trade WHERE flow_id = $flow AND NOT aggregate AND token_in IS NOT NULL AND token_out IS NOT NULL
GROUP BY ALL ORDER BY count(*) DESC, one, other LIMIT 20"""
TOTALS = """
SELECT count(*) FILTER (NOT aggregate), count(*) FILTER (aggregate), count(amount_usd) FILTER (NOT aggregate),
    round(sum(CAST(amount_usd AS DOUBLE)) FILTER (NOT aggregate), 2),
    count(*) FILTER (amount_in IS NULL OR amount_out IS NULL), count(*) FILTER (NOT sides_told)
FROM flow_trade WHERE flow_id = $flow"""
INTENTS = """
SELECT venue, kind, status, partially_fillable, count(*),
    count(*) FILTER (amount_in IS NOT NULL AND amount_out IS NOT NULL),
    count(*) FILTER (executed_in IS NOT NULL AND executed_out IS NOT NULL), count(*) FILTER (executed_fee > '0'::BIGNUM)
FROM flow_intent WHERE flow_id = $flow GROUP BY ALL ORDER BY count(*) DESC, venue, kind, status, partially_fillable"""
CLASSES = (
    "SELECT flow_class, count(*) FROM flow_label WHERE flow_id = $flow GROUP BY ALL ORDER BY count(*) DESC, flow_class"
)


@dataclass(frozen=True, slots=True)
class VenueTotal:
    """Trades at one venue. ``usd`` is what the source estimates for those that are no aggregates."""

    venue: str
    trades: int
    aggregates: int
    usd: float | None


@dataclass(frozen=True, slots=True)
class PairTotal:
    """Trades between two tokens, in both directions, without aggregates."""

    one: str
    other: str
    trades: int


@dataclass(frozen=True, slots=True)
class IntentTotal:
    """Intents of one kind: how many, of how many both sides' limit is known, the execution, and a fee above 0."""

    venue: str
    kind: str
    status: str
    partially_fillable: bool
    intents: int
    limits: int
    executed: int
    with_fee: int


@dataclass(frozen=True, slots=True)
class FlowOverview:
    """The counts of a flow. ``trades`` and ``usd`` leave aggregates out; the largest venues and pairs are listed."""

    trades: int
    aggregates: int
    with_usd: int
    usd: float | None
    without_an_amount: int
    sides_unknown: int
    venues: tuple[VenueTotal, ...]
    pairs: tuple[PairTotal, ...]
    intents: tuple[IntentTotal, ...]
    classes: dict[str, int]


def overview(stored: StoredFlow) -> FlowOverview:
    """Counts a stored flow's rows."""
    ((trades, aggregates, with_usd, usd, without_an_amount, sides_unknown),) = stored.rows(TOTALS)
    return FlowOverview(
        trades=trades,
        aggregates=aggregates,
        with_usd=with_usd,
        usd=usd,
        without_an_amount=without_an_amount,
        sides_unknown=sides_unknown,
        venues=tuple(VenueTotal(*row) for row in stored.rows(VENUES)),
        pairs=tuple(PairTotal(*row) for row in stored.rows(PAIRS)),
        intents=tuple(IntentTotal(*row) for row in stored.rows(INTENTS)),
        classes=dict(stored.rows(CLASSES)),
    )
