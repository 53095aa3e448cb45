"""The kinds of files that history is read from: one module each, listed here."""

from ingest.sources import cryo, etl, event_series, raw_logs
from ingest.sources.base import ParsedRows, Source

# the more particular last: logs of ethereum-etl are raw logs that name their contract
SOURCES: tuple[Source, ...] = (
    raw_logs.SOURCE,
    raw_logs.PROXY_SOURCE,
    event_series.SOURCE,
    etl.CSV_SOURCE,
    etl.JSON_SOURCE,
    cryo.SOURCE,
)

__all__ = ["SOURCES", "ParsedRows", "Source"]
