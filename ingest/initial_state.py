"""Where a history starts: drops what lies before the initial state, and checks that the two belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.errors import InputError
from ingest.event_table import to_bytes, values_of

if TYPE_CHECKING:
    from ingest.records import PoolState, Position
    from ingest.spool import Spool

STATE_COLUMNS = ("file", "line", "kind", "sqrt_price_x96", "tick", "liquidity", "reserve0", "reserve1")


def start_after(spool: Spool, state: PoolState, *, numbered: bool) -> int:
    """Drops the events up to the initial state, which must agree with the last one of them; returns how many.

    Raises:
        InputError: The state contradicts the event it stands after or the pool's initialisation, or no event follows.
    """
    if state.after is None:
        _require_initialisation(spool, state)
        return 0
    earlier, block = _up_to(spool, state.after.block_number)
    before = block.slice(0, _at_or_before(spool, block, state.after, numbered=numbered))
    dropped: int = earlier + before.num_rows
    if dropped == spool.num_rows:
        raise InputError("all its events lie at or before the initial state", file=spool.files[0])
    if before.num_rows:
        _require_agreement(spool, before, state)
    spool.drop(dropped)
    return dropped


def _up_to(spool: Spool, block_number: int) -> tuple[int, pa.Table]:
    """How many events lie before a block, and the block's own."""
    earlier = 0
    own: list[pa.RecordBatch] = []
    for batch in spool.batches((*STATE_COLUMNS, "block_number", "log_index", "tx_hash")):
        numbers = batch["block_number"].to_numpy()
        first, end = (int(np.searchsorted(numbers, number)) for number in (block_number, block_number + 1))
        earlier += first
        own.append(batch.slice(first, end - first))
        if end < len(numbers):
            break
    return earlier, pa.Table.from_batches(own).combine_chunks()


def _at_or_before(spool: Spool, block: pa.Table, after: Position, *, numbered: bool) -> int:
    """How many of a block's events lie at or before a position in it."""
    if after.log_index is not None:
        if numbered:
            message = "this source has no log index; say after which transaction or block the state is"
            raise InputError(message, file=spool.files[0], field="state_is_after.log_index")
        return int(np.searchsorted(block["log_index"].to_numpy(), after.log_index, side="right"))
    rows: int = block.num_rows
    if after.tx_hash is None or not rows:
        return rows
    own = np.flatnonzero(np.asarray(pc.equal(block["tx_hash"], to_bytes(after.tx_hash)), np.bool_))
    if not len(own):
        message = f"the pool state's transaction {after.tx_hash} is not in the file, but its block is"
        _fail(spool, block, 0, "tx_hash", message)
    return int(own[-1]) + 1


def _require_initialisation(spool: Spool, state: PoolState) -> None:
    """An Initialize log, if there is one, comes first and gives the price of a pool state at the creation."""
    earlier = 0
    for batch in spool.batches(STATE_COLUMNS):
        rows = pa.Table.from_batches([batch])
        for row in np.flatnonzero(np.asarray(pc.equal(batch["kind"], "initialize"), np.bool_)).tolist():
            if earlier + row:
                _fail(spool, rows, row, "kind", "the pool is initialised after it had events")
            _require_same(spool, rows, row, {"sqrt_price_x96": state.sqrt_price_x96, "tick": state.tick})
        earlier += batch.num_rows


def _require_agreement(spool: Spool, before: pa.Table, state: PoolState) -> None:
    """The last event before the state, where it tells the whole state, tells the same."""
    kinds = before["kind"].to_pylist()
    if state.pool.kind == "v2":
        if "sync" in kinds:
            last_sync = len(kinds) - 1 - kinds[::-1].index("sync")
            _require_same(spool, before, last_sync, {"reserve0": state.reserve0, "reserve1": state.reserve1})
    elif kinds[-1] == "swap":
        told = {"sqrt_price_x96": state.sqrt_price_x96, "tick": state.tick, "liquidity": state.liquidity}
        _require_same(spool, before, len(kinds) - 1, told)


def _require_same(spool: Spool, rows: pa.Table, row: int, told: dict[str, int]) -> None:
    for name, value in told.items():
        (event,) = values_of(rows.slice(row, 1), name)
        if event != value:
            message = f"the pool state says {value} here, the event says {event}; they do not belong together"
            _fail(spool, rows, row, name, message)


def _fail(spool: Spool, rows: pa.Table, row: int, column: str, message: str) -> None:
    spool.fail(rows["file"][row].as_py(), rows["line"][row].as_py(), column, message)
