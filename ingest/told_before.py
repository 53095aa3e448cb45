"""What a user told of a stored history, for the history that takes its place: labels, limits and prices stay."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.chain_history import ACROSS_POOLS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingest.ingested import Ordered, Told
    from ingest.records import History, Swap


def with_told_before(told: Told, ordered: Ordered, stored: History | None) -> Told:
    """The new history's facts with those of the stored one that nobody but a user can have given.

    Swaps are known again by transaction and log, not by their number: events may have been put in between. What was
    told of swaps that are no more is counted among the labels that match none.
    """
    if stored is None:
        return told
    given = {seq: label for seq, label in stored.labels.items() if not label.rule.startswith(ACROSS_POOLS)}
    now = _found_again(stored, ordered, given)
    limits = {seq: limit for seq, limit in stored.known_limits.items() if seq in given}
    kept = {now[seq].seq: limit for seq, limit in limits.items() if seq in now and limit <= now[seq].amount_out}
    lost = sum(seq not in now for seq in given) + sum(seq in now for seq in limits) - len(kept)
    return replace(
        told,
        labels=told.labels | {swap.seq: given[seq] for seq, swap in now.items()},
        known_limits=told.known_limits | kept,
        unmatched_labels=told.unmatched_labels + lost,
        prices=stored.prices,
        price_source=stored.price_source,
    )


def _found_again(stored: History, ordered: Ordered, seqs: Iterable[int]) -> dict[int, Swap]:
    """Which of the new swaps some of the stored ones are, by the stored ones' ``seq``."""
    wanted = set(seqs)
    hashes = {swap.tx_hash for swap in stored.swaps if swap.seq in wanted}
    before = _by_transaction(swap for swap in stored.swaps if swap.tx_hash in hashes)
    after = _by_transaction(ordered.spool.swaps_of(hashes))
    return {
        old.seq: new
        for tx_hash, swaps in before.items()
        for old, new in _pairs(swaps, after[tx_hash])
        if old.seq in wanted
    }


def _by_transaction(swaps: Iterable[Swap]) -> defaultdict[str, list[Swap]]:
    found: defaultdict[str, list[Swap]] = defaultdict(list)
    for swap in swaps:
        found[swap.tx_hash].append(swap)
    return found


def _pairs(before: Sequence[Swap], after: Sequence[Swap]) -> Iterable[tuple[Swap, Swap]]:
    """A transaction's swaps with themselves: by their logs; in their order where a reorg gave them other numbers."""
    by_log = {swap.log_index: swap for swap in after}
    if all(swap.log_index in by_log for swap in before):
        return [(swap, by_log[swap.log_index]) for swap in before]
    return zip(before, after, strict=True) if len(before) == len(after) else ()
