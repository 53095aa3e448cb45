"""A v3 pool's events as a JSON list of numbers, such as backtesters in JavaScript keep them.

Amounts are in smallest units, but a program that reads JSON numbers into doubles and writes them again has rounded all
above 2**53: whether that happened is found out from the numbers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.flow_sources.base import FlowReader, FlowRows, FlowSource, FlowTold
from ingest.flow_sources.json_items import missing_keys, read_items
from ingest.flow_table import given_table
from ingest.rounding import WholeNumbers, first_rounded
from ingest.sources.text import counters, matching

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.sources.text import TextTable

AMOUNTS = ("amount", "amount0", "amount1")
FIELDS = ("eventType", *AMOUNTS, "unixTimestamp")
LISTS = ("events", "")
SWAP = 1
WHOLE = r"0|-?[1-9][0-9]{0,77}"
LACKS = "it names no pool, block or transaction, and not the pool's state at its start"


class EventListReader(FlowReader):
    """Reads the swaps; all amounts, also those of liquidity, serve to find out whether they were rounded."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.numbers: defaultdict[str, WholeNumbers] = defaultdict(WholeNumbers)

    def read(self, path: Path) -> Iterator[FlowRows]:
        """A file's swaps; see ``FlowReader``."""
        for table in read_items(path, LISTS, FIELDS):
            for name in AMOUNTS:
                table.require(matching(table.columns[name], WHOLE), name, "must be a whole number below 2**256")
                self.numbers[path.name].see(table.columns[name])
            swaps = counters(table, "eventType", 1) == SWAP
            times = counters(table, "unixTimestamp")
            first, second = (table.columns[name] for name in ("amount0", "amount1"))
            got = [matching(values, "[1-9].*") for values in (first, second)]
            kept = swaps & (got[0] != got[1])
            forward = pa.array(got[0])
            amounts = [pc.utf8_ltrim(values, characters="-") for values in (first, second)]
            columns = {
                "venue": pa.array(["v3"] * table.rows, pa.string()),
                "token_in": pc.if_else(forward, "token0", "token1"),
                "token_out": pc.if_else(forward, "token1", "token0"),
                "amount_in": pc.if_else(forward, amounts[0], amounts[1]),
                "amount_out": pc.if_else(forward, amounts[1], amounts[0]),
                "sides_told": pa.array(np.ones(table.rows, np.bool_)),
                "aggregate": pa.array(np.zeros(table.rows, np.bool_)),
                "block_ts": pa.array(times),
                "place": pa.array(table.lines.astype(str), pa.string()),
            }
            self._count(table, swaps, kept)
            rows = given_table("trade", columns, table.rows).filter(pa.array(kept))
            yield FlowRows("trade", rows, table.lines[kept])

    def _count(self, table: TextTable, swaps: np.ndarray, kept: np.ndarray) -> None:
        self.counts["rows"] += table.rows
        self.counts["events of liquidity, left out"] += int((~swaps).sum())
        self.counts["rows that sell no token for the other, left out"] += int((swaps & ~kept).sum())
        self.counts["amounts above 2**53"] = sum(numbers.beyond for numbers in self.numbers.values())
        self.counts["of those as doubles have them"] = sum(numbers.doubles for numbers in self.numbers.values())

    def told(self) -> FlowTold:
        """See ``FlowReader``."""
        rounded = first_rounded(self.numbers)
        caveats = ["Its order is that of the file; which swaps share a block is not told."]
        if rounded is not None:
            caveats.insert(0, f"Amounts above 2**53 were rounded: {rounded}.")
        return FlowTold(
            "smallest units",
            exact=rounded is None,
            lacks=LACKS,
            caveats=tuple(caveats),
            counts=self.counts,
            refused=rounded,
        )


SOURCE = FlowSource(
    name="v3-events-json",
    what="a JSON list of a v3 pool's events as numbers",
    missing=lambda head: missing_keys(head, FIELDS),
    reader=EventListReader,
    lined=False,
    syntaxes=("JSON",),
)
