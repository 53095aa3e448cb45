"""Whole blocks as order flow: every trade in them, what traders called routers for, and who was behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from ingest.block_intents import (
    block_intents,
    calls_in_block,
    calls_in_tables,
    intents_of_transactions,
    unread_calls,
)
from ingest.blocks import activity_of_block, activity_of_logs
from ingest.errors import InputError
from ingest.flow import flow_trade
from ingest.flow_ingested import ON_CHAIN
from ingest.flow_sources.base import FlowReader, FlowRows, FlowSource, FlowTold
from ingest.flow_sources.chain_spool import ChainSpool
from ingest.flow_sources.json_items import missing_keys
from ingest.flow_table import of_intents, of_labels, of_trades
from ingest.native import WRAPPED_NATIVE
from ingest.sources import cryo, etl
from ingest.sources.chain_files import chain_rows
from ingest.strategies import label_transactions
from ingest.traces import read_block

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from ingest.block_intents import RouterCall
    from ingest.blocks import Activity
    from ingest.blocks.log_trades import Tokens
    from ingest.records import UserIntent
    from ingest.traces import Block

ETHEREUM = 1
TABLE_SOURCES = (cryo.SOURCE, etl.JSON_SOURCE, etl.CSV_SOURCE)
PER_BLOCK = "Labels see one block at a time: trades against another exchange's price are not among them."
ASSUMED = "It is not told which coin is the chain's wrapped native one; Ethereum's was assumed where a route needs it."
UNREAD = "calls of known routers that could not be read"
LACKS = "single blocks of a chain are in it, not all events of a pool since a known state"


class TraceReader(FlowReader):
    """Reads blocks of call traces, one a file."""

    def __init__(self) -> None:
        self.blocks: set[int] = set()
        self.unread = 0
        self.assumed = False

    def read(self, path: Path) -> Iterator[FlowRows]:
        """A block's trades, intents and labels; see ``FlowReader``."""
        block = read_block(path)
        self.blocks.add(block.number)
        native = wrapped_native(block)
        self.assumed |= native is None
        native = native or WRAPPED_NATIVE[ETHEREUM]
        intents = block_intents(block, wrapped_native=native)
        self.unread += _unread(calls_in_block(block), intents, native)
        yield from rows_of_blocks(activity_of_block(block), intents)

    def told(self) -> FlowTold:
        """See ``FlowReader``."""
        caveats = [
            "Trades of pool kinds that are not known are missing; reverted ones are no trades, but stay intents.",
            "Intents are read from direct calls of known routers only.",
            PER_BLOCK,
        ]
        if self.assumed:
            caveats.append(ASSUMED)
        counts = {"blocks": len(self.blocks), UNREAD: self.unread}
        return FlowTold("smallest units", exact=True, lacks=LACKS, caveats=tuple(caveats), counts=counts)


class TableReader(FlowReader):
    """Reads files of cryo and ethereum-etl that together hold whole blocks: logs, perhaps transactions and blocks."""

    def __init__(self) -> None:
        self.spool = ChainSpool()
        self.chains: dict[int, str] = {}
        self.blocks = self.unread = 0
        self.assumed = False

    def read(self, path: Path) -> Iterator[FlowRows]:
        """Takes a file; the rows come when all files are there."""
        self.spool.open_file(path)
        for rows in chain_rows(path):
            if rows.chain_id is not None:
                self.chains.setdefault(rows.chain_id, str(path))
            if len(self.chains) > 1:
                raise InputError(f"is of another chain than {next(iter(self.chains.values()))}", file=path)
            self.spool.add(rows)
        return iter(())

    def rest(self) -> Iterator[FlowRows]:
        """The trades, intents and labels of all blocks, some blocks at a time."""
        self.spool.settle()
        self._require_many_contracts()
        native = self._wrapped_native()
        tokens: dict[str, Tokens] = {}
        for logs, transactions, blocks in self.spool.windows():
            activity = activity_of_logs(logs, transactions, tokens)
            for trade in activity.trades:
                first, second = sorted((trade.token_in, trade.token_out))
                tokens.setdefault(trade.pool, (first, second))
            intents = intents_of_transactions(transactions, logs, wrapped_native=native, blocks=blocks)
            self.unread += _unread(calls_in_tables(transactions, logs, blocks=blocks), intents, native)
            self.blocks += len(pc.unique(logs["block_number"]))
            yield from rows_of_blocks(activity, intents)

    def _require_many_contracts(self) -> None:
        found = self.spool.emitters()
        if not found:
            raise InputError("no file holds logs; trades are in them", file=self.spool.files[0])
        if len(found) == 1:
            message = (
                f"all logs are of one contract, 0x{found[0].hex()}: give a pool's state with --initial-state to make a "
                "history of them; order flow is read from whole blocks"
            )
            raise InputError(message, file=self.spool.files[0])

    def _wrapped_native(self) -> str:
        """The wrapped native coin: the chain's where it is told, else the one known whose logs are there."""
        for chain in self.chains:
            if chain in WRAPPED_NATIVE:
                return WRAPPED_NATIVE[chain]
        found = self.spool.emitters([bytes.fromhex(address[2:]) for address in sorted(set(WRAPPED_NATIVE.values()))])
        self.assumed = len(found) != 1
        return WRAPPED_NATIVE[ETHEREUM] if self.assumed else f"0x{found[0].hex()}"

    def told(self) -> FlowTold:
        """See ``FlowReader``."""
        caveats = ["Only swaps of Uniswap's kinds of pools are found in logs; other venues' trades are missing."]
        if self.spool.rows.get("transactions"):
            caveats.append("Intents are read from direct calls of known routers only; reverted ones have no logs.")
        else:
            caveats.append("Without transactions it is not known who sent them, nor what was wanted.")
        if self.assumed:
            caveats.append(ASSUMED)
        counts = {"blocks": self.blocks, UNREAD: self.unread}
        counts |= {f"rows of {kind}": rows for kind, rows in sorted(self.spool.rows.items())}
        return FlowTold("smallest units", exact=True, lacks=LACKS, caveats=(*caveats, PER_BLOCK), counts=counts)


def _unread(calls: Sequence[RouterCall], intents: Sequence[UserIntent], native: str) -> int:
    """How many calls of routers are no intents because their data could not be read."""
    read = {intent.tx_hash for intent in intents}
    return len(unread_calls([call for call in calls if call.tx_hash not in read], wrapped_native=native))


def rows_of_blocks(activity: Activity, intents: Sequence[UserIntent]) -> Iterator[FlowRows]:
    """The rows of some whole blocks, whatever they were read from."""
    tables: Mapping[str, pa.Table] = {
        "trade": of_trades([flow_trade(trade) for trade in activity.trades]),
        "intent": of_intents(intents),
        "label": of_labels(label_transactions(activity)),
    }
    for name, table in tables.items():
        yield FlowRows(name, table, np.arange(table.num_rows))


def wrapped_native(block: Block) -> str | None:
    """The wrapped native coin that the block's calls go to; None where they go to none, or to several chains'."""
    known = frozenset(WRAPPED_NATIVE.values())
    called = {call.to for transaction in block.transactions for call in transaction.calls if call.to in known}
    return called.pop() if len(called) == 1 else None


def missing_tables(head: bytes) -> list[str]:
    """What keeps a file from being a table of the chain; see ``ingest.sources.opening.head_of``."""
    return min((source.missing(head) for source in TABLE_SOURCES), key=len)


TABLES = FlowSource(
    name="chain-tables",
    what="a table of the chain as cryo or ethereum-etl write it",
    missing=missing_tables,
    reader=TableReader,
    identities=ON_CHAIN,
    lined=False,
    syntaxes=("CSV", "JSON", "Parquet"),
)
TRACES = FlowSource(
    name="call-traces",
    what="a block's call traces as JSON",
    missing=lambda head: missing_keys(head, ("block_number", "traces")),
    reader=TraceReader,
    identities=ON_CHAIN,
    lined=False,
    syntaxes=("JSON",),
)
