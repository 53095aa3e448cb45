"""Whether the swaps of a constant-product pool follow on one another, where only amounts and some reserves are known.

A swap's amounts and the product k of the pool's reserves give the reserves before it: in the 0.3 % formula
``out = 997·in·R_out / (1000·R_in + 997·in)`` with ``R_out = k / R_in``, R_in is the root of a quadratic. The price
after a swap must be the price before the next one, or a swap is missing between them. A somewhat different k (of when
the source was asked) changes the price by little, so that doubles and this k are good enough to judge by. The newest
swaps are also undone from the reserves themselves, in integers.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.flow_checks import MOST_CASES, Check
from ingest.flow_table import to_trades

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.flow import FlowTrade
    from ingest.flow_store import StoredFlow

KEPT, WHOLE = 997, 1000  # of what is paid in, after the fee
MOST_GAP = 1e-3
HAS_RESERVES = "SELECT 1 FROM flow_trade WHERE flow_id = $flow AND queried_reserve_in IS NOT NULL LIMIT 1"
MOST_UNDONE = 100
MOST_POOLS = 10_000


@dataclass(slots=True)
class _Path:
    """One pool's swaps so far: the prices after the last finished block's swaps, and before and after the block's."""

    block: int = -1
    last_block: int = -1
    ended: list[float] = field(default_factory=list)
    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    newest: deque[FlowTrade] = field(default_factory=lambda: deque(maxlen=MOST_UNDONE))


@dataclass(slots=True)
class _Found:
    """What was found over all pools."""

    gaps: list[float] = field(default_factory=list)
    cases: list[str] = field(default_factory=list)
    broken: int = 0

    def close(self, pool: str, path: _Path) -> None:
        """Compares a finished block with the one before. Within a block the order is not known: the nearest count."""
        if path.ended and path.before:
            gap = min(abs(before / ended - 1) for before in path.before for ended in path.ended)
            self.gaps.append(gap)
            if gap > MOST_GAP:
                self.broken += 1
                if len(self.cases) < MOST_CASES:
                    blocks = f"between blocks {path.last_block} and {path.block}"
                    self.cases.append(f"{blocks} of {pool} the price moved by {gap:.4%} without a swap here")


def price_path(stored: StoredFlow) -> Iterator[Check]:
    """The checks of the price path; none where the flow has no swaps of v2 pools with reserves and blocks."""
    if not stored.rows(HAS_RESERVES):
        return
    paths: dict[str, _Path] = {}
    found = _Found()
    untold = 0
    for trade in _swaps(stored):
        prices = _prices(trade)
        pool = trade.pool or ""
        if prices is None or (pool not in paths and len(paths) == MOST_POOLS):
            untold += 1
            continue
        path = paths.setdefault(pool, _Path())
        path.newest.append(trade)
        if trade.block_number != path.block:
            found.close(pool, path)
            path.ended, path.last_block = path.after, path.block
            path.block, path.before, path.after = trade.block_number or 0, [], []
        path.before.append(prices[0])
        path.after.append(prices[1])
    for pool, path in paths.items():
        found.close(pool, path)
    if found.gaps:
        says = f"The price after a block's swaps is within {MOST_GAP:.1%} of the price before the next block's."
        figures = {"gap_p50": statistics.median(found.gaps)}
        if len(found.gaps) > 1:
            figures["gap_p90"] = statistics.quantiles(found.gaps, n=10)[-1]
        yield Check(
            "price path", says, len(found.gaps), found.broken, untold, figures=figures, cases=tuple(found.cases)
        )
    if paths:
        undone = sum(_undone(path.newest) for path in paths.values())
        says = (
            "The newest swaps, undone from the reserves that were asked, are exactly the formula's, back to the first "
            "that is not."
        )
        tried = sum(len(path.newest) for path in paths.values())
        yield Check("newest swaps", says, tried, 0, found=undone, figures={"pools": len(paths)})


def _swaps(stored: StoredFlow) -> Iterator[FlowTrade]:
    for batch in stored.batches("trade"):
        for trade in to_trades(batch):
            told = trade.queried_reserve_in and trade.queried_reserve_out and trade.block_number is not None
            if trade.venue == "v2" and told and trade.amount_in and trade.amount_out:
                yield trade


def _prices(trade: FlowTrade) -> tuple[float, float] | None:
    """The prices before and after a swap, in the same direction for both directions of a pool."""
    sold, bought = float(trade.amount_in or 0), float(trade.amount_out or 0)
    k = float(trade.queried_reserve_in or 0) * float(trade.queried_reserve_out or 0)
    crossed = KEPT * sold * bought
    root = math.sqrt(crossed * crossed + 4 * WHOLE * bought * KEPT * sold * k)
    reserve_in = (root - crossed) / (2 * WHOLE * bought)
    if not 0 < reserve_in < math.inf or k / reserve_in <= bought:
        return None
    reserve_out = k / reserve_in
    before, after = reserve_out / reserve_in, (reserve_out - bought) / (reserve_in + sold)
    if (trade.token_in or "") < (trade.token_out or ""):
        return before, after
    return 1 / before, 1 / after


def _undone(newest: deque[FlowTrade]) -> int:
    """How many of the newest swaps, from the last one back, give exactly the amount out from the reserves before."""
    reserves: dict[str | None, int] = {}
    for done, trade in enumerate(reversed(newest)):
        sold, bought = trade.amount_in or 0, trade.amount_out or 0
        if not reserves:
            reserves = {trade.token_in: trade.queried_reserve_in or 0, trade.token_out: trade.queried_reserve_out or 0}
        reserve_in, reserve_out = reserves[trade.token_in] - sold, reserves[trade.token_out] + bought
        if reserve_in <= 0 or bought != KEPT * sold * reserve_out // (WHOLE * reserve_in + KEPT * sold):
            return done
        reserves = {trade.token_in: reserve_in, trade.token_out: reserve_out}
    return len(newest)
