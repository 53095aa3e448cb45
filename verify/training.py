"""The part of a history that candidates are chosen by: what comes after it is never seen by whoever proposes them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.content import content_id
from ingest.errors import InputError
from verify.score.split import Split

if TYPE_CHECKING:
    from ingest.records import History


def training_part(history: History, last_block: int | None = None) -> History:
    """The history as it stood at the end of its training blocks: their events, and the prices known by then.

    Args:
        history: The whole history.
        last_block: The last block of the part; by default the history's own split says. (A pool beside another is cut
            where that other one is.)

    Raises:
        InputError: Nothing is left.
    """
    if last_block is None:
        last_block = training_last(history)
    events = tuple(event for event in history.events if event.block_number <= last_block)
    if not events:
        raise InputError(
            "its training blocks hold no event, so that no candidate can be chosen by them", field="history"
        )
    count, last_ts = len(events), events[-1].block_ts
    cut = replace(
        history,
        name=f"{history.name} (training)",
        events=events,
        labels={seq: label for seq, label in history.labels.items() if seq < count},
        known_limits={seq: limit for seq, limit in history.known_limits.items() if seq < count},
        prices=tuple(point for point in history.prices if point.ts <= last_ts),
        coverage=None,
    )
    return replace(cut, content_id=content_id(cut))


def training_last(history: History) -> int:
    """The last block of a history's training part.

    Raises:
        InputError: It has no events.
    """
    if not history.events:
        raise InputError("the history has no events", field="history")
    return Split(history.events[0].block_number, history.events[-1].block_number, 1).train_last
