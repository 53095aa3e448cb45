"""A v3 pool's history as that of a v4 pool: both do the same arithmetic, and v4's events tell no position's amounts."""

from __future__ import annotations

from dataclasses import replace

from ingest.content import content_id
from ingest.records import History, LiquidityEvent, Pool, PoolState
from verify.venues.v4_deploy import pool_id


def v4_pool(pool: Pool) -> Pool:
    """A v4 pool without hooks with the same tokens, fee and spacing."""
    made = replace(pool, kind="v4")
    return replace(made, address=pool_id(made))


def v4_state(state: PoolState) -> PoolState:
    return replace(state, pool=v4_pool(state.pool))


def as_v4(history: History) -> History:
    """The whole history; the places of its events stay."""
    events = tuple(
        replace(event, amount0=0, amount1=0) if isinstance(event, LiquidityEvent) else event for event in history.events
    )
    made = replace(history, name=f"{history.name}-v4", initial_state=v4_state(history.initial_state), events=events)
    return replace(made, content_id=content_id(made))
