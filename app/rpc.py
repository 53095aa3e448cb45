"""A pool's way from a node into the store, as the commands that ask a node show it."""

from __future__ import annotations

import random
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, get_args

from app.stored import Stored
from ingest.calldata.decode import Family, Router
from ingest.chain_history import Routing
from ingest.chain_store import ChainStore
from ingest.errors import InputError
from ingest.flow import OrderFlow
from ingest.flow_ingested import from_records
from ingest.rpc.fetch import Request
from ingest.rpc.node import Node
from ingest.rpc.pool_ingest import ingest_pool, start_of
from ingest.rpc.pools import ADDRESS, find_pool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.console import Session
    from app.node_options import Fetching, NodeOptions, Pools
    from app.progress import ProgressReport
    from ingest.records import History
    from ingest.rpc.pool_ingest import PoolIngest, Start
    from ingest.rpc.pools import FoundPool
    from ingest.rpc.progress import Progress


INTENTS = "/intents"
FAMILIES: dict[str, Family] = {family: family for family in get_args(Family)}
WRAPPED = "wrapped native"  # the role of the token that a chain's coin counts as


def open_node(options: NodeOptions) -> Node:
    """A connection to a node."""
    return Node(
        options.rpc_url,
        generator=random.Random(),  # noqa: S311 - spreads the pauses between attempts
        timeout_s=options.timeout_s,
        budget_s=options.budget_s,
        connections=options.connections,
    )


def store_pool(
    session: Session,
    node: Node,
    found: FoundPool,
    start: Start,
    fetching: Fetching,
    name: str,
    routing: Routing,
    progress: ProgressReport,
) -> dict[str, Any]:
    """Brings one pool's history from a node into the store; returns what was done as JSON values."""
    request = Request(
        filters=(found.filter,),
        first_block=start.first_block,
        last_block=fetching.last_block,
        follow_blocks=fetching.follow_blocks,
        checks=fetching.checks,
        reorg_depth_blocks=fetching.reorg_depth_blocks,
    )
    done = ingest_pool(
        node,
        ChainStore(session.store_root),
        found,
        start,
        request,
        name=name,
        routing=routing,
        stored=session.store.find_history(name),
        progress=lambda at: progress.step("fetch", at.done_blocks, at.total_blocks, estimate(at)),
    )
    written = session.store.write_ingested(done.ingested, replace=True)
    return Stored(done.ingested, written).to_json() | _fetched(node, done) | _store_intents(session, name, done)


def _store_intents(session: Session, name: str, done: PoolIngest) -> dict[str, Any]:
    """Keeps what the pool's traders called routers for, beside its history, as an order flow."""
    found = done.transactions
    if not found.intents:
        return {"intents": None}
    flow = OrderFlow(
        name=f"{name}{INTENTS}",
        content_id="",
        source="chain",
        formats=("rpc-intents",),
        unit="smallest units",
        amount_places=0,
        exact=True,
        lacks=f"it holds what the traders of {name!r} wanted; what happened is in that history",
        intents=tuple(found.intents),
        labels=found.labels,
        caveats=("Intents are read from direct calls of known routers only; those that failed left no log.",),
    )
    written = session.store.flows.write(from_records(flow), replace=True)
    return {"intents": {"order_flow": flow.name, "written": written, "intents": len(flow.intents)}}


def _fetched(node: Node, done: PoolIngest) -> dict[str, Any]:
    told = done.ingested.told
    return {
        "node": node.name,
        "coverage": None if told.coverage is None else asdict(told.coverage),
        "gaps": [asdict(gap) for gap in done.gaps],
        "refetched": [{"first_block": first, "last_block": last} for first, last in done.refetched],
        "reorgs": [asdict(reorg) for one in done.fetched for reorg in one.reorgs],
        "truncations": [asdict(found) for one in done.fetched for found in one.truncations],
        "logs_fetched": sum(one.logs for one in done.fetched),
        "transactions_fetched": sum(one.transactions for one in done.fetched),
        "router_calls": len(done.transactions.intents),
    }


def estimate(at: Progress) -> str:
    """How far a fetch is, and how long the rest may take."""
    said = f"block {at.last_block:,}, {at.logs:,} logs"
    if at.remaining_s is None:
        return said
    low, high = (
        f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s" for seconds in sorted(at.remaining_s)
    )
    return f"{said}, {low} left" if low == high else f"{said}, {low} to {high} left"


def ingest_pools(
    session: Session, options: NodeOptions, asked: Pools, fetching: Fetching, name: str, progress: ProgressReport
) -> list[dict[str, Any]]:
    """Brings some pools' histories from a node into the store, one after the other; without pools the stored one's.

    Raises:
        InputError: There is no such pool, or the name is another history's.
        NodeError: The node cannot be used any further; running again goes on from there.
    """
    stored = None if asked.addresses else _stored(session, name).pool
    with open_node(options) as node:
        chain = ChainStore(session.store_root)
        found = [
            find_pool(
                node,
                chain,
                pool,
                manager=asked.manager,
                decimals=asked.decimals,
                v2_fee_pips=asked.v2_fee_pips if stored is None else stored.fee_pips,
            )
            for pool in (asked.addresses if stored is None else [stored.address])
        ]
        done = []
        for one, history_name in zip(found, _names(name, found), strict=True):
            start = start_of(node, one, asked.first_block, session.store.find_history(history_name))
            routing = routing_of(chain, one.pool.chain_id, asked)
            done.append(store_pool(session, node, one, start, fetching, history_name, routing, progress))
    return done


def heal(
    session: Session, options: NodeOptions, asked: Pools, fetching: Fetching, name: str, progress: ProgressReport
) -> dict[str, Any]:
    """Asks a node again for the blocks of a stored history in which events are missing.

    With checks that see what leaves no trace in the pool's state, it asks for all of the history's blocks.

    Raises:
        InputError: There is no such history, or it did not come from a node.
        NodeError: The node cannot be used any further.
    """
    history = _stored(session, name)
    coverage = history.coverage
    assert coverage is not None  # noqa: S101 - `_stored` sees to it
    with open_node(options) as node:
        chain = ChainStore(session.store_root)
        found = find_pool(node, chain, history.pool.address, v2_fee_pips=history.pool.fee_pips)
        start = start_of(node, found, None, history)
        if fetching.checks != "events":
            chain.forget(found.pool.chain_id, (found.filter,), coverage.first_block, coverage.last_block)
        until = replace(fetching, last_block=coverage.last_block)
        routing = routing_of(chain, found.pool.chain_id, asked)
        return store_pool(session, node, found, start, until, name, routing, progress)


def routing_of(chain: ChainStore, chain_id: int, asked: Pools) -> Routing:
    """How a chain's routers are known: those of Uniswap and its like, and those named, now or in an earlier run.

    Raises:
        InputError: A router is not named as ``FAMILY=ADDRESS``, or the wrapped coin is no address.
    """
    named: dict[str, str] = {}
    for text in asked.routers:
        family, _, router = text.partition("=")
        if family not in FAMILIES or not ADDRESS.fullmatch(router):
            message = f"must be FAMILY=ADDRESS, the family one of {', '.join(FAMILIES)}; found {text!r:.80}"
            raise InputError(message, field="router")
        named[router.lower()] = family
    if asked.wrapped_native is not None:
        if not ADDRESS.fullmatch(asked.wrapped_native):
            raise InputError("must be an address", field="wrapped native")
        named[asked.wrapped_native.lower()] = WRAPPED
    if named:
        chain.keep_roles(chain_id, named)
    known = Routing.of(chain_id)
    native, routers = known.wrapped_native, dict(known.routers)
    for address, role in chain.kept_roles(chain_id).items():
        if role == WRAPPED:
            native = address
        else:
            routers[address] = Router(f"router {address}", FAMILIES[role])
    return Routing(native, routers)


def _stored(session: Session, name: str) -> History:
    history = session.store.load_history(name)
    if history.coverage is None:
        raise InputError(
            f"history {name!r} did not come from a node: say which --pool is meant and choose another name",
            field="name",
        )
    return history


def _names(name: str, found: Sequence[FoundPool]) -> list[str]:
    """Names for the histories of some pools: the name itself for one, else with each pool's own behind it."""
    if len(found) == 1:
        return [name]
    pools = [one.pool for one in found]
    return [
        f"{name}/{pool.kind}-{pool.token0.symbol}-{pool.token1.symbol}-{pool.fee_pips}-{pool.address[2:8]}"
        for pool in pools
    ]
