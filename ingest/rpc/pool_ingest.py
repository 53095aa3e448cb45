"""One pool from a node into a history: fetched, followed from state to state, and asked again where that fails."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingest.chain_history import events_of_pool, told_by_transactions, transactions_of_pool
from ingest.continuity import follow
from ingest.errors import InputError
from ingest.ingested import Ingested, Told, ingested
from ingest.records import Coverage
from ingest.rpc.errors import NoStateError
from ingest.rpc.fetch import Request, fetch
from ingest.rpc.state import read_pool_state
from ingest.told_before import with_told_before

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ingest.chain_history import Routing, Transactions
    from ingest.chain_store import BlockRange, ChainStore
    from ingest.gaps import Gap
    from ingest.ingested import Ordered
    from ingest.records import History, PoolState
    from ingest.rpc.fetch import Fetched
    from ingest.rpc.node import Node
    from ingest.rpc.pools import FoundPool
    from ingest.rpc.progress import Progress

FORMAT = "rpc"
MOST_ROUNDS = 4  # of asking again where events are missing
MOST_SHOWN = 10  # places where they are, besides the first


@dataclass(frozen=True, slots=True)
class Start:
    """Where a history begins: with a state after a block, or (None) with the pool's creation in its first block."""

    first_block: int
    state: PoolState | None


@dataclass(frozen=True, slots=True)
class PoolIngest:
    """What came of one pool.

    ``gaps`` are where events are missing still, ``refetched`` the blocks that were asked for again because of some;
    ``transactions`` tell what the pool's traders wanted.
    """

    ingested: Ingested
    fetched: tuple[Fetched, ...]
    gaps: tuple[Gap, ...]
    refetched: tuple[BlockRange, ...]
    transactions: Transactions


def start_of(node: Node, found: FoundPool, first_block: int | None, stored: History | None) -> Start:
    """Where a pool's history begins.

    Args:
        node: Is asked for the state before ``first_block``, where the pool is older.
        found: The pool.
        first_block: The first block wanted; None: where the stored history begins, else the pool's creation.
        stored: The history of that name that is in the store, if there is one: it is gone on with.

    Raises:
        InputError: The stored history is another pool's, or begins elsewhere.
    """
    created = found.created_block or 0
    if stored is None:
        if first_block is None or first_block <= created:
            return Start(created, None)
        return Start(first_block, read_pool_state(node, found, first_block - 1))
    if stored.coverage is None or (stored.pool.chain_id, stored.pool.address) != (
        found.pool.chain_id,
        found.pool.address,
    ):
        raise InputError(
            f"the store's history {stored.name!r} is not of this pool from a node; choose another name",
            field="name",
        )
    if found.pool.kind == "v2" and stored.pool.fee_pips != found.pool.fee_pips:
        raise InputError(
            f"the stored history {stored.name!r} has a fee of {stored.pool.fee_pips} pips; "
            "give that one, or choose another name",
            field="v2 fee pips",
        )
    start = stored.coverage.first_block
    if first_block is not None and max(first_block, created) != start:
        raise InputError(
            f"the stored history {stored.name!r} begins at block {start}; to begin elsewhere choose another name",
            field="first block",
        )
    return Start(start, None if stored.initial_state.after is None else stored.initial_state)


@dataclass(frozen=True, slots=True)
class _Run:
    node: Node
    store: ChainStore
    found: FoundPool
    start: Start
    request: Request
    stored: History | None
    progress: Callable[[Progress], None]

    def go(self, name: str, routing: Routing) -> PoolIngest:
        fetched = [fetch(self.node, self.store, self.request, self.progress)]
        last = fetched[0].last_block
        again = replace(self.request, last_block=last)
        refetched: list[BlockRange] = []
        start = self.start
        ordered, gaps, why = self._judged(start, last)
        for _ in range(MOST_ROUNDS):
            if not gaps:
                break
            before, ranges = gaps, list(self._ranges(gaps, last))
            for first, end in ranges:
                self.store.forget(self.found.pool.chain_id, self.request.filters, first, end)
            refetched += ranges
            fetched.append(fetch(self.node, self.store, again, self.progress))
            start = self._told_anew(start)
            ordered, gaps, why = self._judged(start, last)
            if gaps == before:  # asking once more would tell no more
                break
        blocks = self.start.first_block, last
        transactions = transactions_of_pool(self.store, self.found.pool, self.found.filter, blocks, routing)
        labels, limits = told_by_transactions(ordered, transactions)
        told = Told(
            labels=labels,
            known_limits=limits,
            caveats=tuple(_caveats(gaps, why, name)),
            coverage=Coverage(*blocks, proven=not why, why=why),
        )
        told = with_told_before(told, ordered, self.stored)
        history = ingested(ordered, told, name=name, source="chain", formats=(FORMAT,))
        return PoolIngest(history, tuple(fetched), gaps, tuple(refetched), transactions)

    def _told_anew(self, start: Start) -> Start:
        """The start with the state that the node tells now: the chain may have replaced the block it was read at."""
        if start.state is None:
            return start
        try:
            return replace(start, state=read_pool_state(self.node, self.found, start.first_block - 1))
        except NoStateError:
            return start

    def _judged(self, start: Start, last: int) -> tuple[Ordered, tuple[Gap, ...], str]:
        """The events, where some are missing, and why it is not proven that none is (empty: it is)."""
        found, blocks = self.found, (start.first_block, last)
        try:
            ordered = events_of_pool(self.store, found.pool, found.filter, blocks, start.state)
        except InputError:
            self.store.forget(found.pool.chain_id, self.request.filters, *blocks)  # so that running again asks again
            raise
        shown = follow(ordered.initial_state, ordered.spool.each_event())
        gaps = shown.gaps
        try:
            observed = read_pool_state(self.node, found, last)
        except NoStateError:
            return ordered, gaps, _why(gaps) or f"the node does not keep the state of block {last} to compare with"
        tail = shown.check_tail(observed)
        gaps += () if tail is None else (tail,)
        return ordered, gaps, _why(gaps)

    def _ranges(self, gaps: tuple[Gap, ...], last: int) -> Iterator[BlockRange]:
        for gap in gaps:
            yield max(gap.after_block, self.start.first_block), min(gap.before_block, last)


def ingest_pool(
    node: Node,
    store: ChainStore,
    found: FoundPool,
    start: Start,
    request: Request,
    *,
    name: str,
    routing: Routing,
    stored: History | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> PoolIngest:
    """Fetches what is missing of a pool's logs, and makes its history of all of them.

    The events are followed from the initial state to the one that the node tells for the last block. Where they do not
    lead there, the blocks concerned are fetched again, a few times, as long as that changes anything; what then still
    does not fit is said with the history. Where they make no history at all, all blocks will be fetched again.

    Args:
        node: Whom to ask.
        store: Where what it tells is kept.
        found: The pool.
        start: Where its history begins.
        request: Which blocks; its filters are the pool's.
        name: What the history will be called.
        routing: How its chain's routers are known.
        stored: The history of that name that is in the store: what its user told of it stays.
        progress: Is told after every chunk.

    Raises:
        NodeError: The node cannot be used any further; running again goes on from there.
        InputError: The request cannot be fulfilled, or what is stored is not the pool's from that state on.
    """
    return _Run(node, store, found, start, request, stored, progress).go(name, routing)


def _why(gaps: tuple[Gap, ...]) -> str:
    """Where events are missing, in words; of many places the first ones, and the last, which may be the end."""
    if not gaps:
        return ""
    first, *others = gaps
    shown = others if len(others) <= MOST_SHOWN else [*others[: MOST_SHOWN - 1], others[-1]]
    also = ", ".join(f"{gap.after_block} to {gap.before_block}" for gap in shown)
    more = f", and in {len(others) - len(shown)} more places between these" if len(others) > len(shown) else ""
    why = f"events are missing in blocks {first.after_block} to {first.before_block}: {first.why}"
    return f"{why}; also in blocks {also}{more}" if also else why


def _caveats(gaps: tuple[Gap, ...], why: str, name: str) -> Iterator[str]:
    if gaps:
        yield f"Not complete: {why}. `pactsmith history heal {name}` asks for them again."
    elif why:
        yield f"That nothing is missing at the end is not proven: {why}."
