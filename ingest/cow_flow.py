"""Settled CoW Protocol orders as an order flow."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from ingest.errors import InputError
from ingest.flow import OrderFlow
from ingest.flow_ingested import ON_CHAIN, settled
from ingest.flow_sources.cow import LACKS
from ingest.flow_spool import FlowSpool
from ingest.flow_table import of_intents

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingest.flow_ingested import IngestedFlow
    from ingest.records import Coverage, UserIntent

INTENTS_AT_ONCE = 10_000


def format_of(chain_id: int, settlement: str) -> str:
    """By which format a flow is known to be of a settlement contract, from a node."""
    return f"rpc-cow {chain_id} {settlement}"


def flow_of_settlements(
    intents: Iterable[UserIntent],
    format_name: str,
    *,
    name: str,
    caveats: Iterable[str],
    counts: Mapping[str, int],
    coverage: Coverage | None = None,
) -> IngestedFlow:
    """The intents of ``cow_chain.intents_of_settlements``, ready for the store; not all of them are held at once.

    Args:
        intents: In the chain's order.
        format_name: See ``format_of``.
        name: What the flow will be called.
        caveats: What is not known of them, or of their being all.
        counts: What was noticed while they were read, by name.
        coverage: Which blocks the node was asked for.

    Raises:
        InputError: There is none.
    """
    spool = FlowSpool(lined=False)
    spool.open_file(name)
    source, rows = iter(intents), 0
    while batch := list(islice(source, INTENTS_AT_ONCE)):
        spool.add("intent", of_intents(batch), np.arange(rows, rows + len(batch)))
        rows += len(batch)
    if not rows:
        raise InputError("these blocks hold no settled order that could be read", field="from block")
    about = OrderFlow(
        name=name,
        content_id="",
        source="chain",
        formats=(format_name,),
        unit="smallest units",
        amount_places=0,
        exact=True,
        lacks=LACKS,
        caveats=tuple(caveats),
        counts=dict(counts),
        coverage=coverage,
    )
    return settled(spool, about, ON_CHAIN)
