"""Puts the events of one or several files into execution order, once each, and checks that they fit together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.sources.base import ParsedFile
    from ingest.sources.text import Bools, Int64s


@dataclass(frozen=True, slots=True)
class Sequenced:
    """Events in execution order with the place each came from: ``files`` names, and per event its file and line.

    ``numbered`` events have a number of their own instead of a log index that counts through the block.
    """

    events: pa.Table
    files: tuple[str, ...]
    file_of: Int64s
    line_of: Int64s
    duplicates: int = 0
    out_of_order: int = 0
    numbered: bool = False
    fields: tuple[dict[str, str], ...] = ()

    def fail(self, row: int, field: str, message: str) -> NoReturn:
        """Raises an ``InputError`` that points at one event's line, and at the field that its column came from.

        Raises:
            InputError: Always.
        """
        file = int(self.file_of[row])
        name = self.fields[file].get(field, field)
        raise InputError(message, file=self.files[file], line=int(self.line_of[row]), field=name)

    def place(self, row: int) -> str:
        """Where an event came from, for a message about two of them."""
        return f"{self.files[int(self.file_of[row])]}, line {self.line_of[row]}"

    def require(self, ok: npt.ArrayLike, field: str, message: str) -> None:
        """Fails at the first event for which ``ok`` is false."""
        good = np.asarray(ok, dtype=np.bool_)
        if not good.all():
            self.fail(int(np.argmin(good)), field, message)

    def column(self, name: str) -> pa.Array:
        """One column of the events, in one piece."""
        return self.events[name].combine_chunks()

    def replaced(self, events: pa.Table) -> Sequenced:
        """The same places with other columns."""
        return replace(self, events=events)

    def take(self, rows: Int64s) -> Sequenced:
        """The same with only some events, in the order given."""
        events = self.events.take(pa.array(rows))
        return replace(self, events=events, file_of=self.file_of[rows], line_of=self.line_of[rows])


def put_in_sequence(files: list[tuple[str, ParsedFile]]) -> Sequenced:
    """Sorts, drops exact duplicates, and requires the rest to be one consistent chain of blocks and transactions.

    Raises:
        InputError: Two different events at one place, a number missing in a numbered series, a transaction in two
            places, a block with two times, or times that go backwards.
    """
    if len({parsed.numbered for _, parsed in files}) > 1:
        raise InputError("files with and without numbered events cannot be mixed in one history", file=files[-1][0])
    order = np.concatenate([parsed.order for _, parsed in files])
    given = Sequenced(
        pa.concat_tables([parsed.events for _, parsed in files]).combine_chunks(),
        tuple(name for name, _ in files),
        np.concatenate([np.full(len(parsed.lines), at, np.int64) for at, (_, parsed) in enumerate(files)]),
        np.concatenate([parsed.lines for _, parsed in files]),
        numbered=files[0][1].numbered,
        fields=tuple(parsed.fields for _, parsed in files),
    )
    if not given.events.num_rows:
        raise InputError("holds no event of the pool", file=files[0][0])
    by_key = np.lexsort(order.T[::-1])
    changes = np.concatenate([[True], (order[by_key[1:]] != order[by_key[:-1]]).any(axis=1)])
    rank = np.empty(len(by_key), dtype=np.int64)
    rank[by_key] = np.cumsum(changes)
    out_of_order = int((rank[1:] < np.maximum.accumulate(rank)[:-1]).sum())
    ordered = given.take(by_key)
    _require_equal(ordered, np.flatnonzero(~changes))
    ordered = replace(
        ordered.take(np.flatnonzero(changes)), duplicates=int((~changes).sum()), out_of_order=out_of_order
    )
    if given.numbered:
        _require_no_gap(ordered, order[by_key][changes][:, 0])
    _require_chain(ordered)
    return ordered


def _require_equal(ordered: Sequenced, again: Int64s) -> None:
    """Every row of ``again`` must equal the row before it: else two events claim the same place."""
    rows, before = pa.array(again), pa.array(again - 1)
    for name in ordered.events.column_names:
        values = ordered.column(name)
        values = values.fill_null("") if pa.types.is_string(values.type) else values
        same = np.asarray(pc.equal(values.take(rows), values.take(before)), dtype=np.bool_)
        if not same.all():
            row = int(again[int(np.argmin(same))])
            message = f"another event stands at the same place ({ordered.place(row - 1)}) with a different {name}"
            ordered.fail(row, name, message)


def _require_no_gap(ordered: Sequenced, numbers: Int64s) -> None:
    follows = np.concatenate([[True], np.diff(numbers) == 1])
    if not follows.all():
        row = int(np.argmin(follows))
        message = f"events are missing: number {numbers[row]} follows on {numbers[row - 1]}"
        ordered.fail(row, "seq", message)


def _require_chain(ordered: Sequenced) -> None:
    """Blocks, transactions and times must be those of one chain."""
    places = ("block_number", "block_ts", "tx_index", "log_index")
    block, time, tx, log = (ordered.column(name).to_numpy() for name in places)
    tx_hash = ordered.column("tx_hash").dictionary_encode().indices.to_numpy()
    new_block = np.diff(block) > 0
    new_tx = new_block | (np.diff(tx) > 0)

    def require(ok: Bools, field: str, message: str) -> None:
        ordered.require(np.concatenate([[True], ok]), field, message)

    require(np.diff(block) >= 0, "block_number", "blocks go backwards from one numbered event to the next")
    require(new_block | (np.diff(time) == 0), "block_ts", "the same block has two different times")
    require(np.diff(time) >= 0, "block_ts", "this block is earlier than the one before it")
    require(new_block | (np.diff(tx) >= 0), "tx_index", "transactions go backwards within the block")
    require(new_tx | (np.diff(log) > 0), "log_index", "events go backwards within the transaction")
    require((np.diff(tx_hash) != 0) == new_tx, "tx_hash", "hash and index of the transactions contradict each other")
    starts = np.flatnonzero(np.concatenate([[True], new_tx]))
    first = np.zeros(len(starts), dtype=np.bool_)
    first[np.unique(tx_hash[starts], return_index=True)[1]] = True
    if not first.all():
        ordered.fail(int(starts[int(np.argmin(first))]), "tx_hash", "this transaction stands at two places")
