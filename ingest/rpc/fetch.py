"""From a node into the chain store: what is missing, in chunks, several at a time, stored in the chain's order."""

from __future__ import annotations

import itertools
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.chain_store import ForkedError, LogFilter, missing
from ingest.errors import InputError
from ingest.rpc.chunks import ChunkReader
from ingest.rpc.errors import NodeError, ReorgError, UnavailableError
from ingest.rpc.progress import Meter
from ingest.rpc.ranges import Span
from ingest.rpc.reorgs import settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from ingest.chain_store import ChainStore, Chunk
    from ingest.rpc.checks import Blooms, Checks
    from ingest.rpc.chunks import Truncation
    from ingest.rpc.node import Node
    from ingest.rpc.progress import Progress
    from ingest.rpc.reorgs import Reorg

REORG_DEPTH_BLOCKS = 64
MOST_LOGS = 1_000  # of a chunk
MOST_BLOCKS = 100_000
MOST_BLOCKS_WITH_HEADERS = 1_000
MOST_REORGS = 5  # in one run
AHEAD = 2  # chunks read or waiting to be stored, for each connection


@dataclass(frozen=True, slots=True)
class Request:
    """What to fetch.

    Args:
        filters: Whose logs.
        first_block: From where on; None: from where each filter's stored blocks begin, which fetches what has come
            since the last time and closes gaps.
        last_block: Up to where; None: up to ``follow_blocks`` behind the node's head.
        follow_blocks: How far to stay behind the head.
        checks: How much is looked at to find what the node leaves out; see ``ingest.rpc.chunks``. ``events`` costs
            least; ``headers`` fetches every block's header, ``receipts`` also all receipts of blocks with events.
        reorg_depth_blocks: How many of the newest stored blocks the chain may replace.
        kept_block: Up to where what was made of them before goes: never less far, whatever is asked for.
    """

    filters: tuple[LogFilter, ...]
    first_block: int | None
    last_block: int | None
    follow_blocks: int
    checks: Checks
    reorg_depth_blocks: int = REORG_DEPTH_BLOCKS
    kept_block: int = 0


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of it. ``last_block`` is up to where all filters are complete now.

    ``logs`` and ``transactions`` count what was fetched in this run, the transactions' other logs included.
    ``truncations`` are ranges whose logs the node had given incompletely; they are complete now. ``blooms`` tells
    whether its headers' bloom filters were of use.
    """

    chain_id: int
    head: int
    last_block: int
    blocks: int
    logs: int
    transactions: int
    reorgs: tuple[Reorg, ...]
    truncations: tuple[Truncation, ...]
    blooms: Blooms
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Segment:
    """Blocks that are missing for the same filters."""

    filters: tuple[LogFilter, ...]
    first_block: int
    last_block: int


def fetch(
    node: Node,
    store: ChainStore,
    request: Request,
    progress: Callable[[Progress], None] = lambda _: None,
    inspect: Callable[[Chunk], None] = lambda _: None,
) -> Fetched:
    """Brings what is missing into the store. What is there already is not asked for; each chunk is stored whole.

    Args:
        node: Whom to ask.
        store: Where to.
        request: What.
        progress: Is told after every chunk.
        inspect: Sees each chunk before it is stored, and may refuse it.

    Raises:
        InputError: The request cannot be fulfilled: blocks that are not there yet, or nothing to go on from.
        BudgetError: The node's time budget is used up; tells how far it got.
        NodeError: The node cannot be used any further. In any case, running again goes on where this ended.
    """
    return _Run(node, store, request, progress, inspect).go()


def blooms_of(fetched: Sequence[Fetched]) -> Blooms:
    """Whether bloom filters were of use in all of several fetches."""
    return "unusable" if any(one.blooms == "unusable" for one in fetched) else fetched[-1].blooms


def plan(
    store: ChainStore, chain_id: int, filters: Sequence[LogFilter], first_block: int | None, last_block: int
) -> list[Segment]:
    """What is missing for the filters, ascending, in pieces within which the same filters lack blocks."""
    gaps: list[tuple[LogFilter, int, int]] = []
    for one, complete in store.complete(chain_id, filters).items():
        if first_block is None and not complete:
            raise InputError(
                f"nothing of {one.key} on chain {chain_id} is stored yet; say from which block on", field="first block"
            )
        start = complete[0][0] if first_block is None else first_block
        gaps += [(one, first, last) for first, last in missing(complete, start, last_block)]
    edges = sorted({first for _, first, _ in gaps} | {last + 1 for _, _, last in gaps})
    found = []
    for start, end in itertools.pairwise(edges):
        lacking = tuple(dict.fromkeys(one for one, first, last in gaps if first <= start and end - 1 <= last))
        if lacking:
            found.append(Segment(lacking, start, end - 1))
    return found


@dataclass(slots=True)
class _Run:
    node: Node
    store: ChainStore
    request: Request
    progress: Callable[[Progress], None]
    inspect: Callable[[Chunk], None]
    start_s: float = field(default_factory=time.monotonic)
    reorgs: list[Reorg] = field(default_factory=list)
    truncations: list[Truncation] = field(default_factory=list)
    blocks: int = 0
    logs: int = 0
    transactions: int = 0

    def go(self) -> Fetched:
        request, chain_id = self.request, self.node.chain_id()
        for _ in range(MOST_REORGS + 1):
            head = self.node.head()
            last = self._last(head)
            self._settle(chain_id, head)
            segments = plan(self.store, chain_id, request.filters, request.first_block, last)
            reader = self._reader(chain_id, head)
            try:
                self._fetch(reader, segments)
            except ForkedError:
                continue
            finally:
                self.truncations += reader.truncations
            if not self._settle(chain_id, head):
                return self._fetched(chain_id, head, last, reader)
        raise ReorgError(
            f"{self.node.name}: the chain replaced blocks {MOST_REORGS} times while they were fetched; "
            "stay further behind its head"
        )

    def _last(self, head: int) -> int:
        asked = self.request
        last = head - asked.follow_blocks if asked.last_block is None else asked.last_block
        if last > head:
            raise InputError(f"the node's newest block is {head}, asked for is {last}", field="last block")
        if asked.kept_block > head:
            raise UnavailableError(
                f"{self.node.name}: its newest block is {head}, what is stored goes to {asked.kept_block} already; "
                "ask again later, or another node"
            )
        last = max(last, asked.kept_block)
        if asked.first_block is not None and asked.first_block > last:
            raise InputError(f"is {asked.first_block}, beyond the last block to fetch, {last}", field="first block")
        return last

    def _settle(self, chain_id: int, head: int) -> bool:
        reorg = settle(self.node, self.store, chain_id, head, self.request.reorg_depth_blocks)
        self.reorgs += [reorg] if reorg else []
        return reorg is not None

    def _reader(self, chain_id: int, head: int) -> ChunkReader:
        checks = self.request.checks
        span = Span(MOST_BLOCKS if checks == "events" else MOST_BLOCKS_WITH_HEADERS, MOST_LOGS)
        settled = head - self.request.reorg_depth_blocks
        return ChunkReader(self.node, chain_id, span, checks=checks, settled_block=settled)

    def _fetch(self, reader: ChunkReader, segments: Sequence[Segment]) -> None:
        meter = Meter(sum(segment.last_block - segment.first_block + 1 for segment in segments))
        try:
            for chunks in _chunks(reader, segments, self.node.connections):
                for chunk in chunks:
                    self.inspect(chunk)
                self.store.write(*chunks)
                for chunk in chunks:
                    self._count(chunk, meter)
        except NodeError as error:
            done = f"{meter.done_blocks} of {meter.total_blocks} blocks were stored; running again goes on from there"
            error.args = (f"{error}. {done}",)
            raise

    def _count(self, chunk: Chunk, meter: Meter) -> None:
        blocks = chunk.last_block - chunk.first_block + 1
        self.blocks += blocks
        self.logs += chunk.logs.num_rows
        self.transactions += chunk.transactions.num_rows
        self.progress(meter.add(chunk.last_block, blocks, chunk.logs.num_rows, chunk.transactions.num_rows))

    def _fetched(self, chain_id: int, head: int, last: int, reader: ChunkReader) -> Fetched:
        return Fetched(
            chain_id=chain_id,
            head=head,
            last_block=last,
            blocks=self.blocks,
            logs=self.logs,
            transactions=self.transactions,
            reorgs=tuple(self.reorgs),
            truncations=tuple(self.truncations),
            blooms=reader.blooms,
            elapsed_s=time.monotonic() - self.start_s,
        )


def _chunks(reader: ChunkReader, segments: Sequence[Segment], connections: int) -> Iterator[list[Chunk]]:
    """The segments' chunks in order, several of which are being read at once; together, those that are ready together.

    A chunk may end early; the rest of its segment then comes before all that follows. It is cut into pieces as large as
    the node takes by then, which are read side by side.
    """
    queue: deque[tuple[Segment, Future[Chunk] | None]] = deque((segment, None) for segment in segments)
    pool = ThreadPoolExecutor(connections, thread_name_prefix="ingest-rpc")

    def start() -> None:
        """Starts the first pieces that nobody reads yet."""
        free = AHEAD * connections - sum(future is not None for _, future in queue)
        place = 0
        while free and place < len(queue):
            segment, future = queue[place]
            if future is None:
                piece, rest = _split(segment, reader.span.size)
                queue[place] = piece, pool.submit(reader.read, piece.filters, piece.first_block, piece.last_block)
                if rest is not None:
                    queue.insert(place + 1, (rest, None))
                free -= 1
            place += 1

    try:
        while queue:
            start()
            ready: list[Chunk] = []
            while queue and (future := queue[0][1]) is not None and (not ready or _succeeded(future)):
                segment, _ = queue.popleft()
                ready.append(future.result())
                if (end := ready[-1].last_block) < segment.last_block:
                    queue.appendleft((Segment(segment.filters, end + 1, segment.last_block), None))
            yield ready
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # after an error, what is still being read is of no use


def _succeeded(future: Future[Chunk]) -> bool:
    return future.done() and future.exception() is None


def _split(segment: Segment, blocks: int) -> tuple[Segment, Segment | None]:
    """The first so many blocks, and the rest if there is one."""
    end = segment.first_block + blocks - 1
    if end >= segment.last_block:
        return segment, None
    return (
        Segment(segment.filters, segment.first_block, end),
        Segment(segment.filters, end + 1, segment.last_block),
    )
