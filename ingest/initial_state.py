"""Where a history starts: drops what lies before the initial state, and checks that the two belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.bignum import to_ints
from ingest.errors import InputError
from ingest.event_table import AMOUNT_COLUMNS, to_bytes

if TYPE_CHECKING:
    from ingest.records import PoolState, Position
    from ingest.spool import Spool

LAST_SYNC = "SELECT max(rowid) FROM ordered WHERE rowid <= ? AND kind = 'sync'"


def start_after(spool: Spool, state: PoolState, *, numbered: bool) -> int:
    """Drops the events up to the initial state, which must agree with the last one of them; returns how many.

    Raises:
        InputError: The state contradicts the event it stands after or the pool's initialisation, or no event follows.
    """
    if state.after is None:
        _require_initialisation(spool, state)
        return 0
    first = _first_after(spool, state.after, numbered=numbered)
    before = "SELECT max(rowid) FROM ordered WHERE rowid < ? AND block_number = ?"
    ((row,),) = spool.rows(before, [first, state.after.block_number])
    if row is not None:
        _require_agreement(spool, row, state)
    ((dropped,),) = spool.rows("SELECT count(*) FROM ordered WHERE rowid < ?", [first])
    if dropped:
        spool.digest = None
        spool.connection.execute("DELETE FROM ordered WHERE rowid < ?", [first])
    return int(dropped)


def _first_after(spool: Spool, after: Position, *, numbered: bool) -> int:
    """The row of the first event after a position."""
    query = "SELECT min(rowid) FROM ordered WHERE block_number > ?"
    parameters: list[Any] = [after.block_number]
    if after.log_index is not None:
        if numbered:
            message = "this source has no log index; say after which transaction or block the state is"
            raise InputError(message, file=spool.files[0], field="state_is_after.log_index")
        query += " OR (block_number = ? AND log_index > ?)"
        parameters += [after.block_number, after.log_index]
    elif after.tx_hash is not None:
        here = spool.rows(
            "SELECT file, line, max(rowid) FILTER (tx_hash = ?) OVER () FROM ordered WHERE block_number = ? "
            "ORDER BY rowid",
            [to_bytes(after.tx_hash), after.block_number],
        )
        if here and here[0][2] is None:
            message = f"the pool state's transaction {after.tx_hash} is not in the file, but its block is"
            spool.fail(here[0][0], here[0][1], "tx_hash", message)
        if here:
            query += " OR (block_number = ? AND rowid > ?)"
            parameters += [after.block_number, here[0][2]]
    ((first,),) = spool.rows(query, parameters)
    if first is None:
        raise InputError("all its events lie at or before the initial state", file=spool.files[0])
    return int(first)


def _require_initialisation(spool: Spool, state: PoolState) -> None:
    """An Initialize log, if there is one, comes first and gives the price of a pool state at the creation."""
    found = spool.rows(
        "SELECT rowid, file, line, (SELECT min(rowid) FROM ordered) FROM ordered WHERE kind = 'initialize' "
        "ORDER BY rowid"
    )
    for row, file, line, first in found:
        if row != first:
            spool.fail(file, line, "kind", "the pool is initialised after it had events")
        _require_same(spool, row, {"sqrt_price_x96": state.sqrt_price_x96, "tick": state.tick})


def _require_agreement(spool: Spool, row: int, state: PoolState) -> None:
    """The last event before the state, where it tells the whole state, tells the same."""
    if state.pool.kind == "v2":
        ((sync,),) = spool.rows(LAST_SYNC, [row])
        if sync is not None:
            _require_same(spool, sync, {"reserve0": state.reserve0, "reserve1": state.reserve1})
        return
    ((kind,),) = spool.rows("SELECT kind FROM ordered WHERE rowid = ?", [row])
    if kind == "swap":
        told = {"sqrt_price_x96": state.sqrt_price_x96, "tick": state.tick, "liquidity": state.liquidity}
        _require_same(spool, row, told)


def _require_same(spool: Spool, row: int, told: dict[str, int]) -> None:
    query = f"SELECT file, line, {', '.join(told)} FROM ordered WHERE rowid = ?"
    found = spool.connection.sql(query, params=[row]).to_arrow_table()
    file, line = found["file"][0].as_py(), found["line"][0].as_py()
    for name, value in told.items():
        (event,) = to_ints(found[name]) if name in AMOUNT_COLUMNS else found[name].to_pylist()
        if event != value:
            message = f"the pool state says {value} here, the event says {event}; they do not belong together"
            spool.fail(file, line, name, message)
