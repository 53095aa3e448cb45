"""A v2 pair reports its reserves in a Sync log just before each Swap, Mint or Burn: this puts them together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from ingest.sequence import Sequenced

SYNC = "sync"


def attach_reserves(ordered: Sequenced, before: tuple[int, int]) -> tuple[Sequenced, int]:
    """Gives each swap, mint and burn the reserves of the Sync just before it, and takes those Syncs out.

    A Sync by itself means that somebody sent the pair tokens and called ``sync``: it stays, its amounts being the
    change of the reserves, unless it changed nothing; the number of those that did not is returned. ``before`` are
    the reserves before the first event.

    Raises:
        InputError: A swap, mint or burn without its Sync just before it in the same transaction.
    """
    kinds, hashes = ordered.column("kind").to_pylist(), ordered.column("tx_hash").to_pylist()
    given = [tuple(pair) for pair in zip(*(ordered.column(f"reserve{t}").to_pylist() for t in "01"), strict=True)]
    amounts = [tuple(pair) for pair in zip(*(ordered.column(f"amount{t}").to_pylist() for t in "01"), strict=True)]
    kept: list[int] = []
    idle = 0
    reserves = before
    for row, kind in enumerate(kinds):
        if kind != SYNC:
            if row == 0 or kinds[row - 1] != SYNC or hashes[row - 1] != hashes[row]:
                ordered.fail(row, "log_index", f"no Sync log stands just before this {kind}; the file leaves out logs")
            given[row] = given[row - 1]
            kept.append(row)
            continue
        after = int(given[row][0]), int(given[row][1])
        belongs_to_next = row + 1 < len(kinds) and kinds[row + 1] != SYNC and hashes[row + 1] == hashes[row]
        if not belongs_to_next and after != reserves:
            amounts[row] = tuple(str(new - old) for new, old in zip(after, reserves, strict=True))
            kept.append(row)
        elif not belongs_to_next:
            idle += 1
        reserves = after
    columns = {f"reserve{t}": [pair[t] for pair in given] for t in (0, 1)}
    columns |= {f"amount{t}": [pair[t] for pair in amounts] for t in (0, 1)}
    events = ordered.events
    for name, values in columns.items():
        events = events.set_column(events.column_names.index(name), name, pa.array(values, pa.string()))
    return ordered.replaced(events).take(np.array(kept, dtype=np.int64)), idle
