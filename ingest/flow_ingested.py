"""An order flow on its way to the store: put in order and identified, whatever brought it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ingest.errors import InputError
from ingest.flow_spool import FlowSpool, Identity
from ingest.flow_table import of_intents, of_labels, of_trades, to_intents, to_labels, to_trades

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from ingest.flow import OrderFlow

ON_CHAIN = {
    "trade": Identity(("tx_hash", "place")),
    "intent": Identity(("tx_hash", "place")),
    "label": Identity(("tx_hash",)),
}
"""What identifies rows whose transaction and place in it are known."""


@dataclass(frozen=True, slots=True)
class IngestedFlow:
    """An order flow whose rows are still in the spool; ``about`` is the flow without its rows."""

    about: OrderFlow
    spool: FlowSpool

    def batches(self, table: str) -> Iterator[pa.RecordBatch]:
        """The rows of a table of ``flow_table.SCHEMAS``, in order."""
        return self.spool.batches(table)

    @property
    def flow(self) -> OrderFlow:
        """The whole flow as records, made anew at every call."""
        labels = [pair for batch in self.batches("label") for pair in to_labels(batch).items()]
        return replace(
            self.about,
            trades=tuple(trade for batch in self.batches("trade") for trade in to_trades(batch)),
            intents=tuple(intent for batch in self.batches("intent") for intent in to_intents(batch)),
            labels=dict(labels),
        )


def settled(spool: FlowSpool, about: OrderFlow, identities: Mapping[str, Identity]) -> IngestedFlow:
    """Puts a spool's rows in order and gives them their identity.

    Args:
        spool: With all rows.
        about: What the source says of them; its places, identity and counts are completed here.
        identities: See ``FlowSpool.settle``.

    Raises:
        InputError: Two rows of one identity say different things, or there is no row.
    """
    found = spool.settle(identities)
    if not any(spool.count(table) for table in ("trade", "intent")):
        raise InputError("holds neither a trade nor an order", file=spool.files[0] if spool.files else None)
    noticed = {
        "duplicates dropped": found.duplicates,
        "rows equal to another of their file, kept": found.alike,
        "rows out of order, sorted": found.out_of_order,
    }
    counts = Counter(about.counts) + Counter(noticed)
    content = spool.content_id(about.unit, found.amount_places, exact=about.exact)
    made = replace(about, content_id=content, amount_places=found.amount_places, counts=dict(counts))
    return IngestedFlow(made, spool)


def from_records(flow: OrderFlow) -> IngestedFlow:
    """Makes a flow ready for the store whose rows are records with amounts in smallest units.

    Its order, duplicates and ``content_id`` are settled here, whatever it says of them.

    Raises:
        InputError: Two trades or intents at one place of a transaction differ, or there is none.
        ValueError: A hash or an address is no hex text, a counter exceeds 63 bits, or amounts have places.
    """
    if flow.amount_places:
        raise ValueError("amounts with places cannot be taken from records")
    spool = FlowSpool(lined=False)
    spool.open_file(flow.name)
    tables = {"trade": of_trades(flow.trades), "intent": of_intents(flow.intents), "label": of_labels(flow.labels)}
    for name, table in tables.items():
        spool.add(name, table, np.arange(table.num_rows))
    bare = replace(flow, trades=(), intents=(), labels={})
    return settled(spool, bare, ON_CHAIN)
