"""The ledger of everything ever judged on held-out blocks: the more was tried, the more a verdict must show.

Rows are kept per market (chain and pool), not per stored history: reading the same blocks again with other labels,
prices or one block more does not wipe the slate clean. A simulated market is its own market by its content.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ingest.database import reading, writing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.records import History
    from ingest.store import Store

OVERLAP = "market = ? AND first_block <= CAST(? AS BIGNUM) AND last_block >= CAST(? AS BIGNUM)"


def market_of(history: History) -> str:
    """What the ledger keeps a history's rows under."""
    if history.source == "simulated":
        return f"simulated:{history.content_id}"
    return f"{history.pool.chain_id}:{history.pool.address}"


def ledger_add(
    store: Store, history: History, first_block: int, last_block: int, rows: Iterable[tuple[str, int]]
) -> None:
    """Records that candidates were judged on held-out blocks; what is recorded already changes nothing.

    Args:
        store: The store that holds the ledger.
        history: The history that was replayed.
        first_block: The held-out range's first block.
        last_block: Its last block.
        rows: Pairs (candidate_id, window_blocks).

    Raises:
        ValueError: The range is empty.
        StoreError: The ledger cannot be written; then nothing was added.
    """
    if first_block > last_block:
        raise ValueError(f"the held-out range {first_block} to {last_block} is empty")
    market, now = market_of(history), str(int(time.time()))
    with writing(store.database, store.wait_s) as connection:
        for candidate_id, window_blocks in dict.fromkeys(rows):
            key = [market, history.content_id, str(first_block), str(last_block), candidate_id, str(window_blocks)]
            connection.execute(
                "INSERT INTO heldout_ledger SELECT $1, $2, $3::BIGNUM, $4::BIGNUM, $5, $6::BIGNUM, $7::BIGNUM "
                "WHERE NOT EXISTS (SELECT 1 FROM heldout_ledger WHERE market = $1 AND history_content_id = $2 "
                "AND first_block = $3::BIGNUM AND last_block = $4::BIGNUM AND candidate_id = $5 "
                "AND window_blocks = $6::BIGNUM)",
                [*key, now],
            )


def ledger_rows(store: Store, history: History, first_block: int, last_block: int) -> int:
    """How many distinct (candidate_id, window_blocks) were ever judged on held-out blocks that overlap this range."""
    if not store.database.exists():
        return 0
    query = f"SELECT count(DISTINCT (candidate_id, window_blocks)) FROM heldout_ledger WHERE {OVERLAP}"  # noqa: S608 - a constant
    with reading(store.database, store.wait_s) as connection:
        rows = connection.execute(query, [market_of(history), str(last_block), str(first_block)]).fetchall()
    return int(rows[0][0])
