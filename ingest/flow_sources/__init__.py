"""The kinds of files that order flow is read from: one module each, listed here."""

from ingest.flow_sources import blocks, cow, cow_auction, cow_orderbook, dune, json_doubles, subgraph
from ingest.flow_sources.base import FlowReader, FlowRows, FlowSource, FlowTold

FLOW_SOURCES: tuple[FlowSource, ...] = (
    dune.OLDER_SOURCE,
    dune.NEWER_SOURCE,
    *subgraph.SOURCES,
    json_doubles.SOURCE,
    cow.SOURCE,
    cow_auction.SOURCE,
    cow_orderbook.SOURCE,
    blocks.TRACES,
    blocks.TABLES,
)

__all__ = ["FLOW_SOURCES", "FlowReader", "FlowRows", "FlowSource", "FlowTold"]
