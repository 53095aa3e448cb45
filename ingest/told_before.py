"""What a user told of a stored history, for the history that takes its place: labels, limits and prices stay."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.chain_history import ACROSS_POOLS

if TYPE_CHECKING:
    from ingest.ingested import Ordered, Told
    from ingest.records import History


def with_told_before(told: Told, ordered: Ordered, stored: History | None) -> Told:
    """The new history's facts with those of the stored one that nobody but a user can have given.

    Swaps are known again by transaction and log, not by their number: events may have been put in between.
    """
    if stored is None:
        return told
    given = {seq: label for seq, label in stored.labels.items() if not label.rule.startswith(ACROSS_POOLS)}
    swaps = {swap.seq: swap for swap in stored.swaps if swap.seq in given}
    places = {
        (swap.tx_hash, swap.log_index): swap.seq
        for swap in ordered.spool.swaps_of(swap.tx_hash for swap in swaps.values())
    }
    now = {
        seq: places[swap.tx_hash, swap.log_index]
        for seq, swap in swaps.items()
        if (swap.tx_hash, swap.log_index) in places
    }
    limits = {now[seq]: stored.known_limits[seq] for seq in now if seq in stored.known_limits}
    return replace(
        told,
        labels=told.labels | {now[seq]: given[seq] for seq in now},
        known_limits=told.known_limits | limits,
        prices=stored.prices,
        price_source=stored.price_source,
    )
