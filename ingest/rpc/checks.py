"""How much was looked at beside a filter's logs; kept in the store, so that only as much is called proven.

Beside the filter itself a range of blocks is marked where the node's headers tell which blocks may hold a log, and
those without one were looked into (``headers``); and where all receipts of all that may hold one were read
(``receipts``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ingest.chain_store import LogFilter, missing

if TYPE_CHECKING:
    from ingest.chain_store import BlockRange, ChainStore

Checks = Literal["events", "headers", "receipts"]
Blooms = Literal["checked", "unusable", "not checked"]


@dataclass(frozen=True, slots=True)
class Checked(LogFilter):
    """Asks for the same logs as a filter, and marks the blocks of which headers or receipts were looked at as well."""

    looked_at: Literal["headers", "receipts"] = "headers"

    @property
    def key(self) -> str:
        """Under which these blocks are marked."""
        return f"{LogFilter(self.address, self.topic0, self.topic1).key}/{self.looked_at}"


def with_marks(logs: LogFilter, checks: Checks) -> tuple[LogFilter, ...]:
    """A filter, and what marks the blocks that are looked at so closely."""
    headers, receipts = (Checked(logs.address, logs.topic0, logs.topic1, of) for of in ("headers", "receipts"))
    return {"events": (logs,), "headers": (logs, headers), "receipts": (logs, headers, receipts)}[checks]


def forget(store: ChainStore, chain_id: int, logs: LogFilter, blocks: BlockRange) -> None:
    """Takes back all that is marked of some blocks, so that they are fetched and looked at again."""
    store.forget(chain_id, with_marks(logs, "receipts"), *blocks)


def unseen(store: ChainStore, chain_id: int, logs: LogFilter, blocks: BlockRange, blooms: Blooms) -> str:
    """Why headers and receipts do not show that no log is missing in some blocks; empty where they do.

    ``blooms`` tells whether the headers' bloom filters were of use when the blocks were fetched.
    """
    _, headers, receipts = with_marks(logs, "receipts")
    complete = store.complete(chain_id, (headers, receipts))
    if not missing(complete[receipts], *blocks):
        return ""
    if missing(complete[headers], *blocks):
        if blooms == "unusable":
            return "the node's headers do not tell which blocks may hold a log, and not all receipts were read"
        return "the node was not asked for every block's header, which would show logs that it left out"
    return "blocks that hold a log may hold another, which the node left out: not all receipts were read"
