"""Dune's table of trades as CSV: ``dex.trades`` as it was until 2022 (``a`` and ``b``), and as it is (bought and sold).

The older one mixes trades of pools with those of aggregators, which consist of them. The newer one has a table of its
own for aggregators' trades with the same columns; which of the two a row is from, its project tells, or that it has no
log but a place in the tree of calls.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.errors import InputError
from ingest.flow_sources.base import FlowReader, FlowRows, FlowSource, FlowTold
from ingest.flow_sources.columns import database_bytes, decimals, names, utc_times, wholes
from ingest.flow_spool import Identity
from ingest.flow_table import given_table
from ingest.rounding import WholeNumbers, first_rounded
from ingest.sources.text import counters, matching, missing_columns, read_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ingest.sources.text import Bools, TextTable

OLDER = ("block_time", "token_a_symbol", "token_b_symbol", "token_a_amount", "token_b_amount", "project", "category")
OLDER_OPTIONAL = (
    "usd_amount", "trader_a", "version", "tx_hash", "evt_index", "trace_address", "trade_id",
    "exchange_contract_address", "token_a_address", "token_b_address", "token_a_amount_raw", "token_b_amount_raw"
)  # fmt: skip
RAW = ("token_a_amount_raw", "token_b_amount_raw")
NEWER = (
    "block_time", "project", "token_bought_address", "token_sold_address", "token_bought_amount_raw",
    "token_sold_amount_raw", "tx_hash", "evt_index"
)  # fmt: skip
NEWER_OPTIONAL = (
    "blockchain", "version", "block_number", "amount_usd", "taker", "project_contract_address", "trace_address"
)  # fmt: skip
CATEGORIES = ("DEX", "Aggregator")
PRINTED_DIGITS = 15
STEPS = r"[\[{]?(-1|[0-9]{1,9}([, ]+[0-9]{1,9})*)?[\]}]?"
AGGREGATORS = (
    "0x API", "1inch", "bebop", "cow_protocol", "firebird_finance", "lifi", "matcha", "odos", "openocean", "paraswap",
    "tokenlon", "unidex", "yield_yak"
)  # fmt: skip
"""Projects of ``dex_aggregator.trades`` and of no other table (duneanalytics/spellbook, ``dex_aggregator_trades``)."""
BOTH_TABLES = ("dodo", "kyberswap")

IDENTITIES = {"trade": Identity(("tx_hash", "place", "venue"), loose=("amount_usd",), needs="place")}
LACKS = "it holds the trades that Dune decoded, not the events of any pool, and no pool's state"


class OlderReader(FlowReader):
    """Reads ``dex.trades`` with the columns ``token_a_…``, ``token_b_…`` and ``category``.

    Exact are its ``…_amount_raw``, where the export has them; the others went through rounding.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.numbers: defaultdict[str, WholeNumbers] = defaultdict(WholeNumbers)
        self.first: Path | None = None
        self.raw = False
        self.untold: dict[str, str] = {"tx_hash": "transaction", "exchange_contract_address": "pool"}

    def read(self, path: Path) -> Iterator[FlowRows]:
        """A file's trades; see ``FlowReader``."""
        for table in read_tables(path, OLDER, OLDER_OPTIONAL, ascii_only=False):
            self._require_one_unit(path, table)
            category = table.columns["category"]
            known = np.asarray(pc.is_in(category, value_set=pa.array(CATEGORIES)), np.bool_)
            table.require(known, "category", f"must be {' or '.join(CATEGORIES)}")
            amounts = self._amounts(path, table)
            columns = {
                "venue": _venue(table),
                "token_in": _older_token(table, "a"),
                "token_out": _older_token(table, "b"),
                "amount_in": amounts[0],
                "amount_out": amounts[1],
                "sides_told": pa.array(np.zeros(table.rows, np.bool_)),
                "aggregate": pc.equal(category, "Aggregator"),
                "block_ts": pa.array(utc_times(table, "block_time")),
            }
            if "usd_amount" in table.columns:
                columns["amount_usd"] = decimals(table, "usd_amount", exponents=True)
            for column, name in (("sender", "trader_a"), ("pool", "exchange_contract_address")):
                if name in table.columns:
                    columns[column] = database_bytes(table, name, 40)
            if "tx_hash" in table.columns:
                columns["tx_hash"] = database_bytes(table, "tx_hash", 64, optional=False)
                columns["place"] = _place(table)
            for name in self.untold.keys() & table.columns.keys():
                del self.untold[name]
            self.counts["rows"] += table.rows
            self.counts["aggregators' trades"] += pc.sum(columns["aggregate"]).as_py() or 0
            yield FlowRows("trade", given_table("trade", columns, table.rows), table.lines)

    def _require_one_unit(self, path: Path, table: TextTable) -> None:
        raw = all(name in table.columns for name in RAW)
        if self.first is not None and raw != self.raw:
            message = f"has {'' if raw else 'no '}raw amounts, unlike {self.first}: one flow is in one unit"
            raise InputError(message, file=path, line=1, field=RAW[0])
        self.first, self.raw = self.first or path, raw

    def _amounts(self, path: Path, table: TextTable) -> list[pa.StringArray]:
        if self.raw:
            found = [wholes(table, name) for name in RAW]
        else:
            found = [decimals(table, name, exponents=True) for name in ("token_a_amount", "token_b_amount")]
        for values in found:
            given = values.drop_null()
            self.counts["amounts"] += len(given)
            self.counts["amounts missing"] += values.null_count
            if self.raw:
                self.numbers[path.name].see(values)
                continue
            digits = pc.utf8_length(pc.utf8_trim(pc.replace_substring(given, ".", ""), characters="0"))
            self.counts["amounts of at most 15 digits"] += pc.sum(pc.less_equal(digits, PRINTED_DIGITS)).as_py() or 0
        return found

    def told(self) -> FlowTold:
        """See ``FlowReader``."""
        counts = self.counts
        absent = ", no ".join([*self.untold.values(), "block"])
        caveats = [
            f"It tells no {absent}; trades of one second are in no order.",
            "Tokens without an address are symbols, which different tokens can share.",
            "The columns do not say which of the two tokens was sold.",
        ]
        if not self.raw:
            caveats.insert(
                0,
                f"Amounts are whole tokens, {counts['amounts of at most 15 digits']:,} of {counts['amounts']:,} with "
                "at most 15 significant digits: they were rounded, and none is sure to be its trade's own.",
            )
        if aggregated := counts["aggregators' trades"]:
            caveats.insert(
                0,
                f"{aggregated:,} of {counts['rows']:,} trades are aggregators' and consist of others, many of which "
                "stand here as well: they are flagged, and no total counts them.",
            )
        refused = first_rounded(self.numbers)
        return FlowTold(
            "smallest units" if self.raw else "whole tokens",
            exact=self.raw and refused is None,
            lacks=LACKS,
            caveats=tuple(caveats),
            counts=counts,
            refused=refused,
        )


class NewerReader(FlowReader):
    """Reads ``dex.trades`` and ``dex_aggregator.trades`` with the columns ``token_bought_…`` and ``token_sold_…``."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.numbers: defaultdict[str, WholeNumbers] = defaultdict(WholeNumbers)
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
                "block_ts": pa.array(utc_times(table, "block_time")),
                "tx_hash": database_bytes(table, "tx_hash", 64, optional=False),
                "place": _place(table),
                "aggregate": _aggregates(table),
            }
            if "amount_usd" in table.columns:
                columns["amount_usd"] = decimals(table, "amount_usd", exponents=True)
            if "block_number" in table.columns:
                columns["block_number"] = pa.array(counters(table, "block_number"))
            for column, name in (("sender", "taker"), ("pool", "project_contract_address")):
                if name in table.columns:
                    columns[column] = database_bytes(table, name, 40)
            for name in ("amount_in", "amount_out"):
                self.numbers[path.name].see(columns[name])
            self.counts["rows"] += table.rows
            self.counts["trades without a log or a call"] += pc.sum(pc.equal(columns["place"], "")).as_py() or 0
            self.counts["trades of projects with pools and an aggregator"] += _of(table, BOTH_TABLES).sum().item()
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
        if unsure := self.counts["trades of projects with pools and an aggregator"]:
            caveats.append(
                f"{unsure:,} trades are of {' or '.join(BOTH_TABLES)}, which have pools and an aggregator: with a log "
                "they are taken for trades in pools."
            )
        refused = first_rounded(self.numbers)
        return FlowTold(
            "smallest units",
            exact=refused is None,
            lacks=LACKS,
            caveats=tuple(caveats),
            counts=self.counts,
            refused=refused,
        )


def _venue(table: TextTable) -> pa.StringArray:
    project = names(table, "project")
    table.require(pc.is_valid(project), "project", "must name the project")
    if "version" not in table.columns:
        return project
    version = pc.fill_null(names(table, "version"), "")
    return pc.utf8_rtrim_whitespace(pc.binary_join_element_wise(project, version, " "))


def _of(table: TextTable, projects: Sequence[str]) -> Bools:
    """Which rows are of one of some projects."""
    lower = pc.utf8_lower(table.columns["project"])
    return np.asarray(pc.is_in(lower, value_set=pa.array([project.lower() for project in projects])), np.bool_)


def _aggregates(table: TextTable) -> pa.BooleanArray:
    """Which rows are aggregators' trades: by their project, or because they have a call and no log."""
    without_log = ~matching(table.columns["evt_index"], "[0-9]+")
    called = np.zeros(table.rows, np.bool_)
    if "trace_address" in table.columns:
        called = matching(table.columns["trace_address"], r"[\[{]?[0-9].*")
    return pa.array(_of(table, AGGREGATORS) | (without_log & called))


def _older_token(table: TextTable, side: str) -> pa.StringArray:
    """A token's address where the export has it, else its symbol."""
    symbols = names(table, f"token_{side}_symbol")
    field = f"token_{side}_address"
    return pc.coalesce(_address(table, field), symbols) if field in table.columns else symbols


def _address(table: TextTable, field: str) -> pa.StringArray:
    database_bytes(table, field, 40)
    texts = table.columns[field].to_pylist()
    return pa.array([f"0x{text[2:].lower()}" if text else None for text in texts], pa.string())


def _place(table: TextTable) -> pa.StringArray:
    """The log index, then the path in the tree of calls where the row has one; -1 stands for none of both."""
    steps: list[list[str]] = [[] for _ in range(table.rows)]
    if "evt_index" in table.columns:
        logs = table.columns["evt_index"]
        table.require(matching(logs, "-1|0|[1-9][0-9]{0,17}|"), "evt_index", "must be a log index")
        steps = [[log] if log.isdigit() else [] for log in logs.to_pylist()]
    if "trace_address" in table.columns:
        paths = table.columns["trace_address"]
        table.require(matching(paths, STEPS), "trace_address", "must be a list of places in the tree of calls")
        path_steps = pc.split_pattern_regex(pc.utf8_trim(paths, characters="[]{} "), "[, ]+").to_pylist()
        steps = [log + [step for step in path if step.isdigit()] for log, path in zip(steps, path_steps, strict=True)]
    if "trade_id" in table.columns:  # counts the trades of one log or call from 1
        ids = counters(table, "trade_id").tolist()
        steps = [place + [str(one)] * (one > 1 and bool(place)) for place, one in zip(steps, ids, strict=True)]
    return pa.array(["/".join(one) for one in steps], pa.string())


OLDER_SOURCE = FlowSource(
    name="dune-trades-2022",
    what="a CSV of Dune's dex.trades as it was until 2022",
    missing=lambda head: missing_columns(head, OLDER),
    reader=OlderReader,
    identities=IDENTITIES,
)
NEWER_SOURCE = FlowSource(
    name="dune-trades",
    what="a CSV of Dune's dex.trades",
    missing=lambda head: missing_columns(head, NEWER),
    reader=NewerReader,
    identities=IDENTITIES,
)
