"""Limits of swaps in one pool, from what their traders called routers for."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.records import Pool, Swap, UserIntent


def limits_of_swaps(swaps: Iterable[Swap], intents: Iterable[UserIntent], pool: Pool) -> dict[int, int]:
    """The least that each swap had to buy, by ``seq``, for the swaps whose trader's limit is one on this pool alone.

    That is so where an intent's whole way is one hop, and one swap of its transaction in this pool is exactly its
    trade. An exact-output call's swap counts as a sale of its input: its limit is the same price, rounded up. A limit
    over several pools, or over several swaps, says nothing about one of them.
    """
    by_transaction: dict[str, list[Swap]] = defaultdict(list)
    for swap in swaps:
        by_transaction[swap.tx_hash].append(swap)
    found: dict[int, int] = {}
    for intent in intents:
        if intent.tx_hash is None or not may_limit(intent, pool):
            continue
        trade = (intent.executed_in, intent.executed_out)
        fitting = [
            swap
            for swap in by_transaction.get(intent.tx_hash, ())
            if (swap.amount_in, swap.amount_out) == trade and intent.path == _path(swap, pool)
        ]
        limit = _limit(intent)
        if len(fitting) == 1 and limit is not None and limit <= fitting[0].amount_out:
            found[fitting[0].seq] = limit
    return found


def may_limit(intent: UserIntent, pool: Pool) -> bool:
    """Whether an intent is over this pool's tokens alone, and it is known what came of it."""
    whole_way = len(intent.path) == 2 and set(intent.path) == {pool.token0.address, pool.token1.address}
    return whole_way and intent.status == "filled" and None not in (intent.executed_in, intent.executed_out)


def _path(swap: Swap, pool: Pool) -> tuple[str, str]:
    tokens = (pool.token0.address, pool.token1.address)
    return tokens if swap.zero_for_one else (tokens[1], tokens[0])


def _limit(intent: UserIntent) -> int | None:
    if intent.kind == "sell" or intent.amount_in is None or intent.amount_out is None:
        return intent.amount_out if intent.kind == "sell" else None
    if not intent.amount_in or intent.executed_in is None:
        return None
    return -(-intent.executed_in * intent.amount_out // intent.amount_in)
