"""A v2 pair reports its reserves in a Sync log just before each Swap, Mint or Burn: this puts them together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.spool import Spool

ALONE = """
    SELECT file, line, kind FROM (
        SELECT *, rowid AS row, lag(kind) OVER places AS kind_before, lag(tx_hash) OVER places AS tx_before
        FROM spooled WINDOW places AS (ORDER BY rowid)
    ) WHERE kind <> 'sync' AND (kind_before IS DISTINCT FROM 'sync' OR tx_before <> tx_hash) ORDER BY row LIMIT 1
"""
ATTACHED = """
    CREATE TABLE attached AS SELECT * EXCLUDE (row) FROM (
        SELECT
            * REPLACE (
                coalesce(reserve0, lag(reserve0) OVER places) AS reserve0,
                coalesce(reserve1, lag(reserve1) OVER places) AS reserve1,
                CASE WHEN kind = 'sync' THEN reserve0 - before0 ELSE amount0 END AS amount0,
                CASE WHEN kind = 'sync' THEN reserve1 - before1 ELSE amount1 END AS amount1
            ),
            kind = 'sync' AND lead(kind) OVER places <> 'sync' AND lead(tx_hash) OVER places = tx_hash
                AS belongs_to_next,
            kind = 'sync' AND reserve0 = before0 AND reserve1 = before1 AS idle
        FROM (
            SELECT
                *,
                rowid AS row,
                coalesce(lag(reserve0 IGNORE NULLS) OVER (ORDER BY rowid), CAST(? AS BIGNUM)) AS before0,
                coalesce(lag(reserve1 IGNORE NULLS) OVER (ORDER BY rowid), CAST(? AS BIGNUM)) AS before1
            FROM spooled
        ) WINDOW places AS (ORDER BY row)
    ) ORDER BY row
"""


def attach_reserves(spool: Spool, before: tuple[int, int]) -> int:
    """Gives each swap, mint and burn the reserves of the Sync just before it, and takes those Syncs out.

    A Sync by itself means that somebody sent the pair tokens and called ``sync``: it stays, its amounts being the
    change of the reserves, unless it changed nothing; the number of those that did not is returned. ``before`` are
    the reserves before the first event.

    Raises:
        InputError: A swap, mint or burn without its Sync just before it in the same transaction.
    """
    spool.load()
    for file, line, kind in spool.rows(ALONE):
        spool.fail(file, line, "log_index", f"no Sync log stands just before this {kind}; the file leaves out logs")
    spool.connection.execute(ATTACHED, [str(reserve) for reserve in before])
    ((idle,),) = spool.rows("SELECT count(*) FROM attached WHERE idle AND belongs_to_next IS NOT TRUE")
    spool.take("attached WHERE belongs_to_next IS NOT TRUE AND idle IS NOT TRUE")
    spool.connection.execute("DROP TABLE spooled; DROP TABLE attached")
    return int(idle)
