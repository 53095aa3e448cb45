"""Where a history starts: drops what lies before the initial state, and checks that the two belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ingest.errors import InputError

if TYPE_CHECKING:
    from ingest.records import PoolState
    from ingest.sequence import Sequenced


def after_state(ordered: Sequenced, state: PoolState) -> Sequenced:
    """The events after the initial state, which must agree with the last event that it is said to stand after.

    Raises:
        InputError: The state contradicts the event it stands after or the pool's initialisation, or no event follows.
    """
    after = state.after
    if after is None:
        _require_initialisation(ordered, state)
        return ordered
    block, log = (ordered.column(name).to_numpy() for name in ("block_number", "log_index"))
    here = block == after.block_number
    past = np.zeros(len(here), dtype=np.bool_)
    if after.log_index is not None and ordered.numbered:
        message = "this source has no log index; say after which transaction or block the state is"
        raise InputError(message, file=ordered.files[0], field="state_is_after.log_index")
    if after.log_index is not None:
        past = here & (log > after.log_index)
    elif after.tx_hash is not None and here.any():
        inside = [text == after.tx_hash for text in ordered.column("tx_hash").to_pylist()]
        if not any(inside):
            message = f"the pool state's transaction {after.tx_hash} is not in the file, but its block is"
            ordered.fail(int(np.argmax(here)), "tx_hash", message)
        past = here & (np.arange(len(here)) > int(np.flatnonzero(inside)[-1]))
    later = np.flatnonzero((block > after.block_number) | past)
    if not len(later):
        raise InputError("all its events lie at or before the initial state", file=ordered.files[0])
    if later[0] and here[later[0] - 1]:
        _require_agreement(ordered, int(later[0]) - 1, state)
    return ordered.take(later)


def _require_initialisation(ordered: Sequenced, state: PoolState) -> None:
    """An Initialize log, if there is one, comes first and gives the price of a pool state at the creation."""
    for row, kind in enumerate(ordered.column("kind").to_pylist()):
        if kind == "initialize":
            if row:
                ordered.fail(row, "kind", "the pool is initialised after it had events")
            _require_same(ordered, row, {"sqrt_price_x96": state.sqrt_price_x96, "tick": state.tick})


def _require_agreement(ordered: Sequenced, row: int, state: PoolState) -> None:
    """The last event before the state, where it tells the whole state, tells the same."""
    kinds = ordered.column("kind").to_pylist()
    if state.pool.kind == "v2":
        while row and kinds[row] != "sync":
            row -= 1
        if kinds[row] == "sync":
            _require_same(ordered, row, {"reserve0": state.reserve0, "reserve1": state.reserve1})
    elif kinds[row] == "swap":
        told = {"sqrt_price_x96": state.sqrt_price_x96, "tick": state.tick, "liquidity": state.liquidity}
        _require_same(ordered, row, told)


def _require_same(ordered: Sequenced, row: int, told: dict[str, int]) -> None:
    for name, value in told.items():
        if (text := ordered.column(name)[row].as_py()) != str(value):
            message = f"the pool state says {value} here, the event says {text}; they do not belong together"
            ordered.fail(row, name, message)
