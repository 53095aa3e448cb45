"""The kinds of files that history is read from: one module each, listed here."""

from ingest.sources import cryo, etl, event_series, raw_logs
from ingest.sources.base import ParsedRows, Source

# the more particular first: logs of ethereum-etl are raw logs that name their contract
SOURCES: tuple[Source, ...] = (
    cryo.SOURCE,
    etl.JSON_SOURCE,
    etl.CSV_SOURCE,
    raw_logs.SOURCE,
    raw_logs.PROXY_SOURCE,
    event_series.SOURCE,
)

__all__ = ["SOURCES", "ParsedRows", "Source"]
