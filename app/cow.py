"""CoW Protocol's settled orders from a node into the store, and what the command says of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from app.rpc import estimate, fetched_document, open_node, request_of, routing_of
from app.tables import say
from app.words import count
from ingest.chain_store import ChainStore
from ingest.cow_chain import intents_of_settlements
from ingest.cow_flow import flow_of_settlements, format_of
from ingest.errors import InputError
from ingest.rpc.cow_ingest import ingest_cow
from ingest.rpc.pools import ADDRESS
from ingest.rpc.queries import COW_SETTLEMENT_CONTRACT

if TYPE_CHECKING:
    from app.console import Session
    from app.node_options import Fetching, NodeOptions, Pools
    from app.progress import ProgressReport
    from ingest.flow_store import FlowSummary
    from ingest.rpc.cow_ingest import CowIngest

NOTED = {
    "settle": "settlements, each call and its logs saying the same",
    "swap": "orders swapped at Balancer, each call and its log saying the same",
    "inside": "settlements inside other contracts' calls, each proven by its logs",
    "logs": "settlements by calls that cannot be read, known by their logs alone",
}


def ingest_settlements(
    session: Session,
    options: NodeOptions,
    asked: Pools,
    settlement: str | None,
    fetching: Fetching,
    name: str,
    progress: ProgressReport,
) -> dict[str, Any]:
    """Brings the settled orders of some blocks from a node into the store; returns what was done as JSON values.

    Args:
        session: Whose store it is.
        options: How the node is asked.
        asked: From which block on, and what the chain's native coin counts as.
        settlement: The settlement contract; None: CoW Protocol's own.
        fetching: Up to which block, and how much is looked at.
        name: What the order flow is called; one that is stored is gone on with.
        progress: Is told after every chunk.

    Raises:
        InputError: There is no such contract or block, or the name is something else's.
        NodeError: The node cannot be used any further; running again goes on from there.
    """
    contract = (settlement or COW_SETTLEMENT_CONTRACT).lower()
    if not ADDRESS.fullmatch(contract):
        raise InputError(f"must be an address, found {settlement!r:.80}", field="cow settlement")
    _require_no_pools_options(asked)
    session.store.require_free(name, "flow")
    store = ChainStore(session.store_root)
    with open_node(options) as node:
        chain_id = node.chain_id()
        stored = _own(session, name, format_of(chain_id, contract))
        first, kept = _extent(stored, asked.first_block)
        routing = routing_of(store, chain_id, asked)
        done = ingest_cow(
            node,
            store,
            replace(request_of(fetching), first_block=first, kept_block=kept),
            settlement=contract,
            wrapped_native=routing.wrapped_native,
            progress=lambda at: progress.step("fetch", at.done_blocks, at.total_blocks, estimate(at)),
        )
    blocks = done.coverage.first_block, done.coverage.last_block
    flow = flow_of_settlements(
        intents_of_settlements(store, chain_id, contract, blocks, routing.wrapped_native),
        format_of(chain_id, contract),
        name=name,
        caveats=(*done.caveats, *routing.caveats),
        counts={"batches": done.found.settlements.total(), "batches left out": done.found.left_out},
        coverage=done.coverage,
    )
    written = session.store.flows.write(flow, replace=True)
    about = {"flow": name, "written": written, "content_id": flow.about.content_id, "caveats": [*flow.about.caveats]}
    return about | _fetched(done, node.name)


def _require_no_pools_options(asked: Pools) -> None:
    """What belongs to pools is not ignored.

    Raises:
        InputError: It was given.
    """
    given = {
        "decimals": asked.decimals,
        "manager": asked.manager,
        "v2 fee pips": asked.v2_fee_pips is not None,
        "created block": asked.created_block is not None,
    }
    for field, value in given.items():
        if value:
            raise InputError("belongs to a pool, not to --cow", field=field)


def _own(session: Session, name: str, format_name: str) -> FlowSummary | None:
    """What the store has of that name, if anything: it is of this contract from a node, and is gone on with."""
    stored = session.store.flows.find(name)
    if stored is not None and stored.flow.formats != (format_name,):
        raise InputError(
            f"what the store has as {name!r} is not of these settlements from a node; choose another name",
            field="name",
        )
    return stored


def _extent(stored: FlowSummary | None, first_block: int | None) -> tuple[int | None, int]:
    """From which block on, and at least up to which one: never less than what is stored."""
    if stored is None:
        return first_block, 0
    covered = stored.flow.coverage
    if covered is None:  # an earlier version did not keep it
        first = None if first_block is None else min(first_block, stored.first_block or 0)
        return first, stored.last_block or 0
    if first_block not in {None, covered.first_block}:
        raise InputError(
            f"the stored flow {stored.flow.name!r} begins at block {covered.first_block}; to begin elsewhere choose "
            "another name",
            field="first block",
        )
    return covered.first_block, covered.last_block


def _fetched(done: CowIngest, node_name: str) -> dict[str, Any]:
    return {
        "node": node_name,
        "chain_id": done.chain_id,
        "settlement": done.settlement,
        "coverage": asdict(done.coverage),
        "settlements": dict(done.found.settlements),
        "intents": dict(done.found.intents),
        "left_out": done.found.left_out,
        "contradictions": [
            {"block_number": one.block_number, "tx_hash": one.tx_hash, "why": one.contradiction}
            for one in done.found.contradictions
        ],
        "refetched_blocks": list(done.refetched),
    } | fetched_document(done.fetched)


def show_settlements(document: dict[str, Any]) -> None:
    """What the command did, on a terminal."""
    coverage, intents = document["coverage"], Counter(document["intents"])
    say(
        f"{document['flow']}: {document['written']} (order flow, settled at {document['settlement']} of chain "
        f"{document['chain_id']})",
        f"  {count(intents.total())} fills of orders",
    )
    noted = [(number, NOTED[known]) for known, number in document["settlements"].items()]
    noted += [
        (document["left_out"], "settlements LEFT OUT, whose calls and logs contradict each other"),
        (len(document["refetched_blocks"]), "blocks asked for again because of such"),
        (document["logs_fetched"], "logs fetched, those of the same transactions elsewhere included"),
        (document["transactions_fetched"], "transactions fetched"),
        (sum(reorg["dropped_blocks"] for reorg in document["reorgs"]), "stored blocks replaced by the chain"),
        (len(document["truncations"]), "ranges that the node had first told incompletely"),
    ]
    say(*(f"  {count(number)} {what}" for number, what in noted if number))
    proof = (
        "proven complete, by the node's headers and receipts"
        if coverage["proof"] == "logs"
        else "NOT proven complete; --checks receipts looks at what can prove it"
    )
    say(f"  blocks {coverage['first_block']} to {coverage['last_block']}: {proof}")
    say(*(f"  note: {caveat}" for caveat in document["caveats"]))
