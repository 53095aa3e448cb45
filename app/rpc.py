"""A pool's way from a node into the store, as the commands that ask a node show it."""

from __future__ import annotations

import random
import re
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, get_args

from app.intents import require_names, store_intents
from app.stored import Stored
from ingest.calldata.decode import Family, Router
from ingest.chain_history import Routing
from ingest.chain_store import ChainStore
from ingest.errors import ChangedError, InputError
from ingest.naming import check_name
from ingest.rpc.checks import forget
from ingest.rpc.fetch import Request, blooms_of
from ingest.rpc.node import Node
from ingest.rpc.pool_ingest import ingest_pool, start_of
from ingest.rpc.pools import ADDRESS, find_pool, require_pool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.console import Session
    from app.node_options import Fetching, NodeOptions, Pools
    from app.progress import ProgressReport
    from ingest.records import History, Pool
    from ingest.rpc.fetch import Fetched
    from ingest.rpc.pool_ingest import PoolIngest, Start
    from ingest.rpc.pools import FoundPool
    from ingest.rpc.progress import Progress
    from ingest.store import Store

MOST_WRITES = 5  # of one history that others change at the same time
UNFIT = re.compile(r"[^0-9A-Za-z.-]")  # in a name
LONGEST_SYMBOL = 12
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
    done = ingest_pool(
        node,
        ChainStore(session.store_root),
        found,
        start,
        request_of(fetching),
        name=name,
        routing=routing,
        progress=lambda at: progress.step("fetch", at.done_blocks, at.total_blocks, estimate(at)),
    )
    stored = _write(session.store, name, done)
    return stored.to_json() | _fetched(node, done) | store_intents(session.store, name, done.transactions, routing)


def request_of(fetching: Fetching) -> Request:
    """Which blocks are wanted, and how much is looked at; whose and from where on is for others to say."""
    return Request(
        filters=(),
        first_block=None,
        last_block=fetching.last_block,
        follow_blocks=fetching.follow_blocks,
        checks=fetching.checks,
        reorg_depth_blocks=fetching.reorg_depth_blocks,
    )


def _write(store: Store, name: str, done: PoolIngest) -> Stored:
    """Stores a history, with what its user told of the one in its place until the moment of writing.

    Raises:
        ChangedError: Another process keeps changing it, or has brought it further.
    """
    for attempt in range(1, MOST_WRITES + 1):
        before = store.find_history(name)
        _require_no_less(before, done)
        made = done.history(name, before)
        try:
            return Stored(made, store.write_ingested(made, instead_of=before))
        except ChangedError:
            if attempt == MOST_WRITES:
                raise
    raise AssertionError("unreachable")


def _require_no_less(before: History | None, done: PoolIngest) -> None:
    """What is stored does not go further than what takes its place.

    Raises:
        ChangedError: It does, since a moment ago.
    """
    now = done.told.coverage
    if before is None or before.coverage is None or now is None:
        return
    if before.coverage.first_block < now.first_block or before.coverage.last_block > now.last_block:
        raise ChangedError(f"history {before.name!r} was brought further by another process meanwhile; run again")


def _fetched(node: Node, done: PoolIngest) -> dict[str, Any]:
    return {
        "node": node.name,
        "coverage": None if done.told.coverage is None else asdict(done.told.coverage),
        "gaps": [asdict(gap) for gap in done.gaps],
        "refetched": [{"first_block": first, "last_block": last} for first, last in done.refetched],
        "router_calls": done.transactions.intents,
    } | fetched_document(done.fetched)


def fetched_document(fetched: Sequence[Fetched]) -> dict[str, Any]:
    """What fetching took and showed, as JSON values."""
    return {
        "reorgs": [asdict(reorg) for one in fetched for reorg in one.reorgs],
        "truncations": [asdict(found) for one in fetched for found in one.truncations],
        "blooms": blooms_of(fetched),
        "logs_fetched": sum(one.logs for one in fetched),
        "transactions_fetched": sum(one.transactions for one in fetched),
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

    All that can be refused is refused before anything is fetched.

    Raises:
        InputError: There is no such pool, or the name is another history's.
        NodeError: The node cannot be used any further; running again goes on from there.
    """
    pools = tuple(dict.fromkeys(pool.lower() for pool in asked.addresses)) or (_stored_pool(session, name),)
    _require_sound(session, asked, pools, name)
    with open_node(options) as node:
        chain = ChainStore(session.store_root)
        found = [
            find_pool(
                node,
                chain,
                pool,
                manager=asked.manager,
                decimals=asked.decimals,
                v2_fee_pips=asked.v2_fee_pips,
                created_block=asked.created_block,
            )
            for pool in pools
        ]
        names = _names(name, found)
        for one in names:
            require_names(session.store, one)
        starts = [
            start_of(node, chain, one, asked.first_block, session.store.find_history(its_name))
            for one, its_name in zip(found, names, strict=True)
        ]
        routing = routing_of(chain, node.chain_id(), asked)
        return [
            store_pool(session, node, one, start, fetching, its_name, routing, progress)
            for one, start, its_name in zip(found, starts, names, strict=True)
        ]


def _require_sound(session: Session, asked: Pools, pools: Sequence[str], name: str) -> None:
    """What needs no node to be refused.

    Raises:
        InputError: Something is no pool, address or name, or does not belong together.
    """
    for pool in pools:
        require_pool(pool)
    for field, address in (("manager", asked.manager), ("wrapped native", asked.wrapped_native)):
        if address is not None and not ADDRESS.fullmatch(address):
            raise InputError(f"must be an address, found {address!r:.80}", field=field)
    _named_routers(asked)
    if len(pools) > 1 and asked.created_block is not None:
        raise InputError("is one pool's; give one --pool", field="created block")
    if len(pools) == 1:
        require_names(session.store, name)
    check_name(name)


def heal(
    session: Session, options: NodeOptions, asked: Pools, fetching: Fetching, name: str, progress: ProgressReport
) -> dict[str, Any]:
    """Asks a node again for the blocks of a stored history in which events are missing.

    With checks that see what leaves no trace in the pool's state, it asks for all of the history's blocks.

    Raises:
        InputError: There is no such history, or it did not come from a node.
        NodeError: The node cannot be used any further.
    """
    history = session.store.load_history(name)
    if (coverage := history.coverage) is None:
        raise InputError(f"only histories from a node can be healed; {name!r} came from files", field="name")
    _require_sound(session, asked, (history.pool.address,), name)
    with open_node(options) as node:
        chain = ChainStore(session.store_root)
        found = find_pool(node, chain, history.pool.address, v2_fee_pips=_fee_of_pair(history))
        start = start_of(node, chain, found, None, history)
        if fetching.checks != "events":
            forget(chain, found.pool.chain_id, found.filter, (coverage.first_block, coverage.last_block))
        until = replace(fetching, last_block=coverage.last_block)
        routing = routing_of(chain, found.pool.chain_id, asked)
        return store_pool(session, node, found, start, until, name, routing, progress)


def _fee_of_pair(history: History) -> int | None:
    return history.pool.fee_pips if history.pool.kind == "v2" else None


def routing_of(chain: ChainStore, chain_id: int, asked: Pools) -> Routing:
    """How a chain's routers are known: those of Uniswap and its like, and those named, now or in an earlier run.

    Raises:
        InputError: A router is not named as ``FAMILY=ADDRESS``, or the wrapped coin is no address.
    """
    named: dict[str, str] = dict(_named_routers(asked))
    if asked.wrapped_native is not None:
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


def _named_routers(asked: Pools) -> dict[str, Family]:
    found: dict[str, Family] = {}
    for text in asked.routers:
        family, _, router = text.partition("=")
        if family not in FAMILIES or not ADDRESS.fullmatch(router):
            message = f"must be FAMILY=ADDRESS, the family one of {', '.join(FAMILIES)}; found {text!r:.80}"
            raise InputError(message, field="router")
        found[router.lower()] = FAMILIES[family]
    return found


def _stored_pool(session: Session, name: str) -> str:
    """The pool of a stored history, to go on with it."""
    history = session.store.find_history(name)
    if history is None:
        message = f"give --pool: the store has no history {name!r} to go on with"
        raise InputError(message, field="pool")
    if history.coverage is None:
        message = f"history {name!r} did not come from a node: say which --pool is meant, and choose another name"
        raise InputError(message, field="name")
    return history.pool.address


def _names(name: str, found: Sequence[FoundPool]) -> list[str]:
    """Names for the histories of some pools: the name itself for one, else with each pool's own behind it."""
    if len(found) == 1:
        return [name]
    return [f"{name}/{_name_of(one.pool)}" for one in found]


def _name_of(pool: Pool) -> str:
    """A name for a pool out of what its tokens call themselves, which may be anything, and its address."""
    symbols = [UNFIT.sub("", token.symbol).strip(".-")[:LONGEST_SYMBOL] for token in (pool.token0, pool.token1)]
    return "-".join([pool.kind, *filter(None, symbols), str(pool.fee_pips), pool.address[2:8]])
