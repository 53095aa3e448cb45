"""Forking a stored history's pool at a block: what is asked of the node, and what is said of the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.rpc import open_node
from ingest.errors import InputError
from ingest.event_table import to_bytes
from ingest.fork.calls import read_calls
from ingest.fork.file import write_fork
from ingest.fork.reader import StateReader
from ingest.records import Swap
from ingest.rpc.pools import POOL_MANAGERS
from verify.fork.prepare import caveats, prepare_fork

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from app.node_options import NodeOptions
    from ingest.fork.reader import Proofs
    from ingest.fork.records import Fork
    from ingest.records import History
    from verify.fork.machine import Outcome
    from verify.fork.prepare import Prepared

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which fork: after which block (None: the one before the first event), with so many transactions."""

    block: int | None = None
    transactions: int = 0
    proofs: Proofs = "auto"
    parties: tuple[str, ...] = ()
    manager: str | None = None


def make_fork(options: NodeOptions, histories: Sequence[History], wanted: Wanted, folder: Path) -> Json:
    """Forks the histories' pools, replays the transactions that followed, and writes the fork file.

    Raises:
        InputError: There is nothing to fork, a token cannot be settled in, or the folder cannot be written.
        NodeError: The node cannot tell, or what it tells does not hold; nothing was written.
    """
    block = _before(histories) if wanted.block is None else wanted.block
    gas_by_transaction = _following(histories, block, wanted.transactions)
    with open_node(options) as node:
        for history in histories:
            if history.pool.chain_id != node.chain_id():
                raise InputError(
                    f"the node's chain is {node.chain_id()}, that of {history.name} {history.pool.chain_id}"
                )
        calls = read_calls(node, [_hash(tx_hash) for tx_hash in gas_by_transaction])
        reader = StateReader(node, block, proofs=wanted.proofs)
        prepared = prepare_fork(
            reader,
            [history.pool for history in histories],
            calls,
            parties=wanted.parties,
            manager=wanted.manager or POOL_MANAGERS.get(node.chain_id()),
        )
    path = write_fork(prepared.fork, folder)
    return described(prepared.fork) | {
        "file": str(path),
        "tokens": _tokens(prepared),
        "transactions": len(calls),
        "transactions_with_recorded_gas": sum(gas is not None for gas in gas_by_transaction.values()),
        "transactions_as_recorded": _as_recorded(list(gas_by_transaction.values()), prepared.outcomes),
    }


def _before(histories: Sequence[History]) -> int:
    """The block before the first event of all."""
    firsts = [history.events[0].block_number for history in histories if history.events]
    if not firsts:
        raise InputError("no history has any events, so that no block follows from them: name one", field="block")
    return min(firsts) - 1


def described(fork: Fork) -> Json:
    """What a fork holds."""
    return {
        "chain_id": fork.block.chain_id,
        "block_number": fork.block.block_number,
        "block_hash": f"0x{fork.block.block_hash.hex()}",
        "accounts": len(fork.accounts),
        "slots": len(fork.keys.slots),
        "only_told": len(fork.told.accounts),
        "caveats": list(caveats(fork)),
    }


def _following(histories: Sequence[History], block: int, most: int) -> dict[str, int | None]:
    """The pools' first transactions after a block, in the chain's order, with the gas that is known of each."""
    events = [event for history in histories for event in history.events if event.block_number > block]
    found: dict[str, int | None] = {}
    for event in sorted(events, key=lambda event: (event.block_number, event.tx_index)):
        if len(found) == most and event.tx_hash not in found:
            break
        gas_used = event.gas_used if isinstance(event, Swap) else None
        found[event.tx_hash] = found.get(event.tx_hash) or gas_used
    return found


def _hash(tx_hash: str) -> bytes:
    found = to_bytes(tx_hash)
    assert found is not None  # noqa: S101 - every swap has its transaction
    return found


def _tokens(prepared: Prepared) -> list[Json]:
    return [
        {
            "token": report.token,
            "decimals": report.decimals,
            "transfers_answer": report.answer,
            "balances_known": report.ledger is not None,
        }
        for report in prepared.tokens
    ]


def _as_recorded(known_gas: Sequence[int | None], outcomes: Sequence[Outcome]) -> int:
    """How many transactions succeed on the fork, with the gas that history recorded where it did."""
    return sum(
        outcome.succeeded and gas in (None, outcome.gas_used) for gas, outcome in zip(known_gas, outcomes, strict=True)
    )
