"""Dune's table of trades as CSV: ``dex.trades`` as it was until 2022 (``a`` and ``b``), and as it is (bought and sold).

The older one mixes trades of pools with those of aggregators, which consist of them. The newer one has a table of its
own for aggregators' trades; its rows have a ``trace_address``.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.flow_sources.base import FlowReader, FlowRows, FlowSource, FlowTold
from ingest.flow_sources.columns import database_bytes, decimals, names, utc_times, wholes
from ingest.flow_spool import Identity
from ingest.flow_table import given_table
from ingest.sources.text import counters, matching, missing_columns, read_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.sources.text import TextTable

OLDER = ("block_time", "token_a_symbol", "token_b_symbol", "token_a_amount", "token_b_amount", "project", "category")
OLDER_OPTIONAL = ("usd_amount", "trader_a")
NEWER = (
    "block_time", "project", "token_bought_address", "token_sold_address", "token_bought_amount_raw",
    "token_sold_amount_raw", "tx_hash", "evt_index"
)  # fmt: skip
NEWER_OPTIONAL = (
    "blockchain", "version", "block_number", "amount_usd", "taker", "project_contract_address", "trace_address"
)  # fmt: skip
CATEGORIES = ("DEX", "Aggregator")
PRINTED_DIGITS = 15
STEPS = r"[\[{]?([0-9]{1,9}([, ]+[0-9]{1,9})*)?[\]}]?"

LACKS = "it holds the trades that Dune decoded, not the events of any pool, and no pool's state"


class OlderReader(FlowReader):
    """Reads ``dex.trades`` with the columns ``token_a_…``, ``token_b_…`` and ``category``."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def read(self, path: Path) -> Iterator[FlowRows]:
        """A file's trades; see ``FlowReader``."""
        for table in read_tables(path, OLDER, OLDER_OPTIONAL, ascii_only=False):
            category = table.columns["category"]
            known = np.asarray(pc.is_in(category, value_set=pa.array(CATEGORIES)), np.bool_)
            table.require(known, "category", f"must be {' or '.join(CATEGORIES)}")
            amounts = [decimals(table, name, exponents=True) for name in ("token_a_amount", "token_b_amount")]
            columns = {
                "venue": names(table, "project"),
                "token_in": names(table, "token_a_symbol"),
                "token_out": names(table, "token_b_symbol"),
                "amount_in": amounts[0],
                "amount_out": amounts[1],
                "sides_told": pa.array(np.zeros(table.rows, np.bool_)),
                "aggregate": pc.equal(category, "Aggregator"),
                "block_ts": pa.array(utc_times(table, "block_time")),
            }
            table.require(pc.is_valid(columns["venue"]), "project", "must name the project")
            if "usd_amount" in table.columns:
                columns["amount_usd"] = decimals(table, "usd_amount", exponents=True)
            if "trader_a" in table.columns:
                columns["sender"] = database_bytes(table, "trader_a", 40)
            self._count(table, columns["aggregate"], amounts)
            yield FlowRows("trade", given_table("trade", columns, table.rows), table.lines)

    def _count(self, table: TextTable, aggregate: pa.BooleanArray, amounts: list[pa.StringArray]) -> None:
        self.counts["rows"] += table.rows
        self.counts["aggregators' trades"] += pc.sum(aggregate).as_py() or 0
        for values in amounts:
            given = values.drop_null()
            digits = pc.utf8_length(pc.utf8_trim(pc.replace_substring(given, ".", ""), characters="0"))
            self.counts["amounts"] += len(given)
            self.counts["amounts missing"] += values.null_count
            self.counts["amounts of at most 15 digits"] += pc.sum(pc.less_equal(digits, PRINTED_DIGITS)).as_py() or 0

    def told(self) -> FlowTold:
        """See ``FlowReader``."""
        counts = self.counts
        caveats = [
            f"Amounts are whole tokens, {counts['amounts of at most 15 digits']:,} of {counts['amounts']:,} with at "
            "most 15 significant digits: they were rounded, and none is sure to be its trade's own.",
            "It tells neither transaction nor block nor pool; trades of one second are in no order.",
            "Tokens are symbols, which different tokens can share.",
            "The columns do not say which of the two tokens was sold.",
        ]
        if aggregated := counts["aggregators' trades"]:
            caveats.insert(
                0,
                f"{aggregated:,} of {counts['rows']:,} trades are aggregators' and consist of others, many of which "
                "stand here as well: they are flagged, and no total counts them.",
            )
        return FlowTold("whole tokens", exact=False, lacks=LACKS, caveats=tuple(caveats), counts=counts)


class NewerReader(FlowReader):
    """Reads ``dex.trades`` and ``dex_aggregator.trades`` with the columns ``token_bought_…`` and ``token_sold_…``."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.blockchain: str | None = None

    def read(self, path: Path) -> Iterator[FlowRows]:
        """A file's trades; see ``FlowReader``."""
        for table in read_tables(path, NEWER, NEWER_OPTIONAL, ascii_only=False):
            self._require_one_chain(table)
            columns = {
                "venue": _venue(table),
                "token_in": _address(table, "token_sold_address"),
                "token_out": _address(table, "token_bought_address"),
                "amount_in": wholes(table, "token_sold_amount_raw"),
                "amount_out": wholes(table, "token_bought_amount_raw"),
                "sides_told": pa.array(np.ones(table.rows, np.bool_)),
                "aggregate": pa.array(np.full(table.rows, "trace_address" in table.columns)),
                "block_ts": pa.array(utc_times(table, "block_time")),
                "tx_hash": database_bytes(table, "tx_hash", 64, optional=False),
                "place": _place(table),
            }
            if "amount_usd" in table.columns:
                columns["amount_usd"] = decimals(table, "amount_usd", exponents=True)
            if "block_number" in table.columns:
                columns["block_number"] = pa.array(counters(table, "block_number"))
            for column, name in (("sender", "taker"), ("pool", "project_contract_address")):
                if name in table.columns:
                    columns[column] = database_bytes(table, name, 40)
            self.counts["rows"] += table.rows
            self.counts["aggregators' trades"] += pc.sum(columns["aggregate"]).as_py() or 0
            self.counts["amounts missing"] += columns["amount_in"].null_count + columns["amount_out"].null_count
            yield FlowRows("trade", given_table("trade", columns, table.rows), table.lines)

    def _require_one_chain(self, table: TextTable) -> None:
        if "blockchain" not in table.columns:
            return
        found = table.columns["blockchain"]
        self.blockchain = self.blockchain or found[0].as_py()
        message = f"one flow is of one chain, here {self.blockchain!r}; filter the export by it"
        table.require(pc.equal(found, self.blockchain), "blockchain", message)

    def told(self) -> FlowTold:
        """See ``FlowReader``."""
        caveats = ["The order within a block is known only within each transaction."]
        if aggregated := self.counts["aggregators' trades"]:
            caveats.insert(
                0,
                f"{aggregated:,} trades are aggregators' and consist of trades in pools: they are flagged, and no "
                "total counts them.",
            )
        return FlowTold("smallest units", exact=True, lacks=LACKS, caveats=tuple(caveats), counts=self.counts)


def _venue(table: TextTable) -> pa.StringArray:
    project = names(table, "project")
    table.require(pc.is_valid(project), "project", "must name the project")
    if "version" not in table.columns:
        return project
    version = pc.fill_null(names(table, "version"), "")
    return pc.utf8_rtrim_whitespace(pc.binary_join_element_wise(project, version, " "))


def _address(table: TextTable, field: str) -> pa.StringArray:
    database_bytes(table, field, 40)
    texts = table.columns[field].to_pylist()
    return pa.array([f"0x{text[2:].lower()}" if text else None for text in texts], pa.string())


def _place(table: TextTable) -> pa.StringArray:
    """The log index, then the path in the tree of calls where the row has one; -1 stands for no log."""
    logs = table.columns["evt_index"]
    table.require(matching(logs, "-1|0|[1-9][0-9]{0,17}|"), "evt_index", "must be a log index")
    steps = [[log] if log.isdigit() else [] for log in logs.to_pylist()]
    if "trace_address" in table.columns:
        paths = table.columns["trace_address"]
        table.require(matching(paths, STEPS), "trace_address", "must be a list of places in the tree of calls")
        path_steps = pc.split_pattern_regex(pc.utf8_trim(paths, characters="[]{} "), "[, ]+").to_pylist()
        steps = [log + [step for step in path if step] for log, path in zip(steps, path_steps, strict=True)]
    return pa.array(["/".join(one) for one in steps], pa.string())


OLDER_SOURCE = FlowSource(
    name="dune-trades-2022",
    what="a CSV of Dune's dex.trades as it was until 2022",
    missing=lambda head: missing_columns(head, OLDER),
    reader=OlderReader,
)
NEWER_SOURCE = FlowSource(
    name="dune-trades",
    what="a CSV of Dune's dex.trades",
    missing=lambda head: missing_columns(head, NEWER),
    reader=NewerReader,
    identities={"trade": Identity(("tx_hash", "place", "venue"), loose=("amount_usd",))},
)
