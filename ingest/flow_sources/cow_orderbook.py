"""CoW Protocol's order books as tables of doubles: one auction a file, with the orders that its solution filled."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.bignum import from_ints
from ingest.flow_sources.base import FlowReader, FlowRows, FlowSource, FlowTold
from ingest.flow_sources.columns import decimals, names
from ingest.flow_sources.cow import VENUE
from ingest.flow_sources.cow_uid import deadline_of, owner_of
from ingest.flow_spool import Identity
from ingest.flow_table import WRITTEN, given_table
from ingest.sources.text import matching, missing_columns, read_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.sources.text import TextTable

COLUMNS = (
    "uid", "kind", "class", "token_bought_symbol", "token_sold_symbol", "token_bought_amount", "token_sold_amount",
    "fulfill",
)  # fmt: skip
UID = "0x[0-9a-fA-F]{112}"
AUCTION = re.compile(r"[0-9]{4,12}")
LACKS = "it holds one auction's orders, no pool's events and no clearing prices"


class OrderBookReader(FlowReader):
    """Reads order books; an order of a winning solution is filled, by how much is not told."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def read(self, path: Path) -> Iterator[FlowRows]:
        """A file's orders; see ``FlowReader``."""
        self.counts["auctions"] += 1
        for table in read_tables(path, COLUMNS, ascii_only=False):
            table.require(matching(table.columns["uid"], UID), "uid", "must be an order's id of 56 bytes")
            table.require(matching(table.columns["kind"], "sell|buy"), "kind", "must be sell or buy")
            table.require(matching(table.columns["fulfill"], "0|1"), "fulfill", "must be 0 or 1")
            filled = pc.equal(table.columns["fulfill"], "1")
            uids = pc.utf8_lower(table.columns["uid"])
            amounts = {side: decimals(table, f"token_{side}_amount", exponents=True) for side in ("sold", "bought")}
            self._count(table, filled, amounts)
            columns = {
                "venue": pa.array([VENUE] * table.rows, pa.string()),
                "method": pa.array([f"auction {_auction(path)}"] * table.rows, pa.string()),
                "kind": table.columns["kind"],
                "status": pc.if_else(filled, "filled", "open"),
                "path": _paths(table),
                "amount_in": amounts["sold"],
                "amount_out": amounts["bought"],
                "executed_fee": pa.array(["0"] * table.rows, pa.string()),
                "fees_pips": pa.array([""] * table.rows, pa.string()),
                "partially_fillable": pa.array(np.zeros(table.rows, np.bool_)),
                "trader": pa.array([bytes.fromhex(owner_of(uid)[2:]) for uid in uids.to_pylist()], pa.binary()),
                "deadline_ts": from_ints(map(deadline_of, uids.to_pylist())),
                "order_id": uids,
                "place": pa.array(np.zeros(table.rows, np.int64)),
            }
            yield FlowRows("intent", given_table("intent", columns, table.rows), table.lines)

    def _count(self, table: TextTable, filled: pa.BooleanArray, amounts: dict[str, pa.StringArray]) -> None:
        self.counts["rows"] += table.rows
        self.counts["orders in a winning solution"] += pc.sum(filled).as_py() or 0
        missing = pc.or_(pc.is_null(amounts["sold"]), pc.is_null(amounts["bought"]))
        self.counts["orders without one of their amounts"] += pc.sum(missing).as_py() or 0

    def told(self) -> FlowTold:
        """See ``FlowReader``."""
        return FlowTold(
            "whole tokens",
            exact=False,
            lacks=LACKS,
            caveats=(
                "Amounts are whole tokens that went through doubles: limits are right to about 15 digits.",
                "Of an order in the winning solution it is not told how much was filled, nor at what price.",
                "Whether an order may be filled in part is not told.",
                "Tokens are symbols, which different tokens can share; some are missing.",
                "The auction is known from the file's name only.",
            ),
            counts=self.counts,
        )


def _auction(path: Path) -> str:
    stem = path.name.partition(".")[0]
    found = AUCTION.search(stem)
    return found[0] if found else stem


def _paths(table: TextTable) -> pa.StringArray:
    symbols = (pc.fill_null(names(table, f"token_{side}_symbol"), "").to_pylist() for side in ("sold", "bought"))
    return pa.array([WRITTEN["path"](pair) for pair in zip(*symbols, strict=True)], pa.string())


SOURCE = FlowSource(
    name="cow-orderbook",
    what="a CSV of a CoW Protocol order book with a fulfill flag",
    missing=lambda head: missing_columns(head, COLUMNS),
    reader=OrderBookReader,
    identities={"intent": Identity(("order_id", "method"))},
)
