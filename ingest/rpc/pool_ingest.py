"""One pool from a node into a history: fetched, followed from state to state, and asked again where that fails."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ingest.chain_history import (
    ForeignEventError,
    events_of_pool,
    require_known_events,
    told_by_transactions,
    transactions_of_pool,
)
from ingest.continuity import follow
from ingest.errors import InputError
from ingest.ingested import Ingested, Told, ingested
from ingest.records import Coverage
from ingest.rpc.checks import forget, unseen, with_marks
from ingest.rpc.errors import NoStateError
from ingest.rpc.fetch import Request, blooms_of, fetch
from ingest.rpc.pools import with_creation
from ingest.rpc.state import AbsentError, read_pool_state
from ingest.told_before import with_told_before

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ingest.chain_history import Routing, Transactions
    from ingest.chain_store import BlockRange, ChainStore, Chunk
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
UNDONE = "that none are missing which together leave it as it was is not proven"


@dataclass(frozen=True, slots=True)
class Start:
    """Where a history begins: with a state after a block, or (None) with the pool's creation in its first block.

    ``kept_block`` is up to where it goes already.
    """

    first_block: int
    state: PoolState | None
    kept_block: int = 0


@dataclass(frozen=True, slots=True)
class PoolIngest:
    """What came of one pool.

    ``gaps`` are where events are missing still, ``refetched`` the blocks that were asked for again because of some;
    ``transactions`` tell what the pool's traders wanted.
    """

    ordered: Ordered
    told: Told
    fetched: tuple[Fetched, ...]
    gaps: tuple[Gap, ...]
    refetched: tuple[BlockRange, ...]
    transactions: Transactions

    def history(self, name: str, stored: History | None) -> Ingested:
        """The history; what a user told of the one that is stored under its name stays."""
        told = with_told_before(self.told, self.ordered, stored)
        return ingested(self.ordered, told, name=name, source="chain", formats=(FORMAT,))


def start_of(node: Node, store: ChainStore, found: FoundPool, first_block: int | None, stored: History | None) -> Start:
    """Where a pool's history begins.

    Args:
        node: Is asked for the state before ``first_block``, where the pool is older.
        store: Keeps the block of the pool's creation, where that has to be looked for.
        found: The pool.
        first_block: The first block wanted; None: where the stored history begins, else the pool's creation.
        stored: The history of that name that is in the store, if there is one: it is gone on with.

    Raises:
        InputError: The stored history is another pool's, or begins elsewhere.
    """
    if stored is not None:
        return _stored_start(node, store, found, first_block, stored)
    if first_block and (found.created_block is None or found.created_block < first_block):
        with contextlib.suppress(AbsentError):  # the pool is younger
            return Start(first_block, read_pool_state(node, found, first_block - 1))
    created = with_creation(node, store, found).created_block or 0
    if first_block is not None and first_block > created:
        raise InputError(f"the pool has no price before block {first_block}; begin later", field="first block")
    return Start(created, None)


def _stored_start(node: Node, store: ChainStore, found: FoundPool, first_block: int | None, stored: History) -> Start:
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
    known, told = (
        [(one.address, one.decimals) for one in (pool.token0, pool.token1)] for pool in (stored.pool, found.pool)
    )
    if known != told:
        raise InputError(
            f"the stored history {stored.name!r} has other decimals; give the same, or choose another name",
            field="decimals",
        )
    start, last = stored.coverage.first_block, stored.coverage.last_block
    if first_block not in {None, start}:
        created = with_creation(node, store, found).created_block or 0
        if max(first_block or 0, created) != start:
            raise InputError(
                f"the stored history {stored.name!r} begins at block {start}; to begin elsewhere choose another name",
                field="first block",
            )
    return Start(start, None if stored.initial_state.after is None else stored.initial_state, last)


@dataclass(frozen=True, slots=True)
class _Run:
    node: Node
    store: ChainStore
    found: FoundPool
    start: Start
    request: Request
    progress: Callable[[Progress], None]

    def go(self, name: str, routing: Routing) -> PoolIngest:
        fetched = [self._fetch(self.request)]
        last = fetched[0].last_block
        again = replace(self.request, last_block=last)
        refetched: list[BlockRange] = []
        start = self.start
        ordered, gaps, coverage = self._judged(start, fetched)
        for _ in range(MOST_ROUNDS):
            if not gaps:
                break
            before, ranges = gaps, list(self._ranges(gaps, last))
            for blocks in ranges:
                self._forget(blocks)
            refetched += ranges
            fetched.append(self._fetch(again))
            start = self._told_anew(start)
            ordered, gaps, coverage = self._judged(start, fetched)
            if gaps == before:  # asking once more would tell no more
                break
        blocks = self.start.first_block, last
        transactions = transactions_of_pool(self.store, self.found.pool, self.found.filter, blocks, routing)
        labels, limits = told_by_transactions(ordered, transactions)
        told = Told(
            labels=labels, known_limits=limits, caveats=tuple(_caveats(gaps, coverage, name)), coverage=coverage
        )
        return PoolIngest(ordered, told, tuple(fetched), gaps, tuple(refetched), transactions)

    def _fetch(self, request: Request) -> Fetched:
        return fetch(self.node, self.store, request, self.progress, self._inspect)

    def _inspect(self, chunk: Chunk) -> None:
        """Notices a pool of another kind before all of its logs are fetched."""
        one = self.found.filter
        own = pc.equal(chunk.logs["address"], pa.scalar(bytes.fromhex(one.address[2:]), pa.binary(20)))
        if one.topic1 is not None:
            wanted = pa.scalar(bytes.fromhex(one.topic1[2:]), pa.binary(32))
            own = pc.and_(own, pc.fill_null(pc.equal(chunk.logs["topic1"], wanted), fill_value=False))
        require_known_events(chunk.logs.filter(own), self.found.pool)

    def _forget(self, blocks: BlockRange) -> None:
        forget(self.store, self.found.pool.chain_id, self.found.filter, blocks)

    def _told_anew(self, start: Start) -> Start:
        """The start with the state that the node tells now: the chain may have replaced the block it was read at."""
        if start.state is None:
            return start
        try:
            return replace(start, state=read_pool_state(self.node, self.found, start.first_block - 1))
        except NoStateError:
            return start

    def _judged(self, start: Start, fetched: Sequence[Fetched]) -> tuple[Ordered, tuple[Gap, ...], Coverage]:
        """The events, where some are missing, and how far it is shown that none is."""
        found, last = self.found, fetched[0].last_block
        blocks = start.first_block, last
        try:
            ordered = events_of_pool(self.store, found.pool, found.filter, blocks, start.state)
            shown = follow(ordered.initial_state, ordered.spool.each_event())
        except ForeignEventError:
            raise
        except InputError:
            self._forget(blocks)  # so that running again asks again
            raise
        gaps, stateless = shown.gaps, ""
        try:
            tail = shown.check_tail(read_pool_state(self.node, found, last))
            gaps += () if tail is None else (tail,)
        except NoStateError:
            stateless = f"the node does not keep the state of block {last} to compare with"
        if gaps:
            return ordered, gaps, Coverage(*blocks, "none", _missing(gaps))
        if not (why := unseen(self.store, found.pool.chain_id, found.filter, blocks, blooms_of(fetched))):
            return ordered, gaps, Coverage(*blocks, "logs")
        if against := stateless or _doubtful(shown.doubts):
            return ordered, gaps, Coverage(*blocks, "none", f"{against}; {why}")
        return ordered, gaps, Coverage(*blocks, "state", f"{UNDONE}: {why}")

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
    progress: Callable[[Progress], None] = lambda _: None,
) -> PoolIngest:
    """Fetches what is missing of a pool's logs, and makes its history of all of them.

    The events are followed from the initial state to the one that the node tells for the last block. Where they do not
    lead there, the blocks concerned are fetched again, a few times, as long as that changes anything; what then still
    does not fit is said with the history. Where they make no history at all, all blocks will be fetched again, unless
    that is because the pool is of another kind.

    Args:
        node: Whom to ask.
        store: Where what it tells is kept.
        found: The pool.
        start: Where its history begins.
        request: Which blocks, and how much is looked at; its filters are the pool's, whatever they are.
        name: What the history will be called.
        routing: How its chain's routers are known.
        progress: Is told after every chunk.

    Raises:
        NodeError: The node cannot be used any further; running again goes on from there.
        ForeignEventError: The pool is of another kind than Uniswap's.
        InputError: The request cannot be fulfilled, or what is stored is not the pool's from that state on.
    """
    filters = with_marks(found.filter, request.checks)
    request = replace(request, filters=filters, first_block=start.first_block, kept_block=start.kept_block)
    return _Run(node, store, found, start, request, progress).go(name, routing)


def _missing(gaps: tuple[Gap, ...]) -> str:
    """Where events are missing, in words; of many places the first ones, and the last, which may be the end."""
    first, *others = gaps
    shown = others if len(others) <= MOST_SHOWN else [*others[: MOST_SHOWN - 1], others[-1]]
    also = ", ".join(f"{gap.after_block} to {gap.before_block}" for gap in shown)
    more = f", and in {len(others) - len(shown)} more places between these" if len(others) > len(shown) else ""
    why = f"events are missing in blocks {first.after_block} to {first.before_block}: {first.why}"
    return f"{why}; also in blocks {also}{more}" if also else why


def _doubtful(doubts: tuple[Gap, ...]) -> str:
    """Where events may be missing, in words; empty where none may."""
    if not doubts:
        return ""
    first = doubts[0]
    return (
        f"events may be missing in {len(doubts)} place(s), the first in blocks {first.after_block} to "
        f"{first.before_block}: {first.why}"
    )


def _caveats(gaps: tuple[Gap, ...], coverage: Coverage, name: str) -> Iterator[str]:
    if gaps:
        yield f"Not complete: {coverage.why}. `pactsmith history heal {name}` asks for them again."
    elif coverage.proof == "none":
        yield f"That nothing is missing is not proven: {coverage.why}."
    elif coverage.proof == "state":
        yield f"The events lead to the pool's state, to the wei; {coverage.why}."
