"""CoW Protocol's settlements from a node: fetched, each call held against its logs, and asked again where they differ.

A pool's events lead from state to state; settlements do not, so that nothing shows a missing one but the chain itself.
What was looked at of it is therefore marked in the store beside the logs, and only as much is called proven.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ingest.cow_chain import settlements_of
from ingest.cow_orders import domain_of
from ingest.errors import InputError
from ingest.records import Coverage
from ingest.rpc.checks import forget, unseen, with_marks
from ingest.rpc.contracts import call_data
from ingest.rpc.fetch import Request, blooms_of, fetch
from ingest.rpc.queries import cow_filter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ingest.chain_store import BlockRange, ChainStore
    from ingest.cow_chain import Known, Settlement
    from ingest.rpc.fetch import Fetched
    from ingest.rpc.node import Node
    from ingest.rpc.progress import Progress

ONLY_SETTLED = (
    "Only orders that were settled are in it, not those that expired or were called off, nor settlements that failed."
)
MOST_LEFT_OUT = 100  # settlements that are named, and blocks that are asked for again


@dataclass(slots=True)
class Found:
    """What is known of the settlements in some blocks.

    ``settlements`` and ``intents`` are counted by what they are known by; ``contradictions`` are the first of those
    left out. ``extent`` are the first and the last block with a settlement.
    """

    settlements: Counter[Known] = field(default_factory=Counter)
    intents: Counter[Known] = field(default_factory=Counter)
    left_out: int = 0
    contradictions: list[Settlement] = field(default_factory=list)
    extent: BlockRange | None = None

    def add(self, one: Settlement) -> None:
        """Counts a settlement."""
        self.extent = (self.extent or (one.block_number, 0))[0], one.block_number
        if not one.contradiction:
            self.settlements[one.known] += 1
            self.intents[one.known] += len(one.intents)
            return
        self.left_out += 1
        if len(self.contradictions) < MOST_LEFT_OUT:
            self.contradictions.append(one)


@dataclass(frozen=True, slots=True)
class CowIngest:
    """What came of it; ``intents_of_settlements`` gives the intents of the covered blocks.

    ``refetched`` are the blocks that were asked for again because a call and its logs contradicted each other.
    """

    chain_id: int
    settlement: str
    coverage: Coverage
    fetched: tuple[Fetched, ...]
    found: Found
    refetched: tuple[int, ...]
    caveats: tuple[str, ...]


def ingest_cow(
    node: Node,
    store: ChainStore,
    request: Request,
    *,
    settlement: str,
    wrapped_native: str,
    progress: Callable[[Progress], None] = lambda _: None,
) -> CowIngest:
    """Fetches what is missing of a settlement contract's logs, and reads all of them.

    Args:
        node: Whom to ask.
        store: Where what it tells is kept.
        request: Which blocks, and how much is looked at; its filters are the contract's, whatever they are.
        settlement: The contract.
        wrapped_native: The token that the chain's native coin counts as.
        progress: Is told after every chunk.

    Raises:
        InputError: It is no settlement contract of this chain, or the request cannot be fulfilled.
        NodeError: The node cannot be used any further; running again goes on from there.
    """
    settlement = settlement.lower()
    chain_id = node.chain_id()
    _require_settlement(node, chain_id, settlement)
    return _Run(node, store, chain_id, settlement, wrapped_native, progress).go(request)


@dataclass(frozen=True, slots=True)
class _Run:
    node: Node
    store: ChainStore
    chain_id: int
    settlement: str
    wrapped_native: str
    progress: Callable[[Progress], None]

    def go(self, request: Request) -> CowIngest:
        if (first := request.first_block) is None:
            raise InputError("it is not known from where on; say from which block", field="first block")
        logs = cow_filter(self.settlement)
        request = replace(request, filters=with_marks(logs, request.checks))
        fetched = [fetch(self.node, self.store, request, self.progress)]
        blocks = first, fetched[0].last_block
        found = self._read(blocks)
        refetched = tuple(sorted({one.block_number for one in found.contradictions}))
        if refetched:
            for block in refetched:
                forget(self.store, self.chain_id, logs, (block, block))
            fetched.append(fetch(self.node, self.store, replace(request, last_block=blocks[1]), self.progress))
            found = self._read(blocks)
        why = "; ".join(self._why(blocks, found, fetched))
        return CowIngest(
            chain_id=self.chain_id,
            settlement=self.settlement,
            coverage=Coverage(*blocks, "none" if why else "logs", why),
            fetched=tuple(fetched),
            found=found,
            refetched=refetched,
            caveats=(ONLY_SETTLED, *_caveats(blocks, found, why)),
        )

    def _read(self, blocks: BlockRange) -> Found:
        found = Found()
        for one in settlements_of(self.store, self.chain_id, self.settlement, blocks, self.wrapped_native):
            found.add(one)
        return found

    def _why(self, blocks: BlockRange, found: Found, fetched: Sequence[Fetched]) -> Iterator[str]:
        """Why it is not proven that the intents are all there are."""
        if found.left_out:
            first = found.contradictions[0]
            yield (
                f"{found.left_out} settlement(s) left out, the first in block {first.block_number} (transaction "
                f"{first.tx_hash}): {first.contradiction}"
            )
        logs = cow_filter(self.settlement)
        if why := unseen(self.store, self.chain_id, logs, blocks, blooms_of(fetched)):
            yield why


def _require_settlement(node: Node, chain_id: int, settlement: str) -> None:
    """The contract hashes orders as this chain's settlement contract does, or it is none.

    Raises:
        InputError: It does not.
    """
    told = node.call_contract(settlement, call_data("domainSeparator()"))
    if told != domain_of(chain_id, settlement):
        raise InputError(
            f"{settlement} is not CoW Protocol's settlement contract on chain {chain_id}: it tells another domain "
            "separator than that has, or none",
            field="cow settlement",
        )


def _caveats(blocks: BlockRange, found: Found, why: str) -> Iterator[str]:
    if found.intents["logs"]:
        yield (
            f"{found.intents['logs']} of {found.intents.total()} fills are known by their logs alone, because the "
            "settlement was called by another contract: they count as sales without a limit, and have no recipient."
        )
    first, last = blocks
    if why:
        yield f"It has blocks {first} to {last}; that no settlement is missing there is not proven: {why}."
    else:
        yield f"It has all settlements of blocks {first} to {last}, as the node's headers and receipts show."
