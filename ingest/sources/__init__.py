"""The kinds of files that history is read from: one module each, listed here."""

from ingest.sources import event_series, raw_logs
from ingest.sources.base import ParsedRows, Source

SOURCES: tuple[Source, ...] = (raw_logs.SOURCE, raw_logs.PROXY_SOURCE, event_series.SOURCE)

__all__ = ["SOURCES", "ParsedRows", "Source"]
