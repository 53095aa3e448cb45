"""What a user tells of a stored history afterwards: who is behind its swaps, their limits, a reference price."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.content import content_id
from ingest.errors import InputError
from ingest.label_file import FileLabels, read_labels
from ingest.prices import pool_price, read_prices

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from fractions import Fraction
    from pathlib import Path

    from ingest.price_files import PriceFile
    from ingest.records import History, Swap


def annotate(
    history: History,
    *,
    labels: Path | None = None,
    prices: PriceFile | None = None,
    prices_per: PriceFile | None = None,
    invert_prices: bool | None = None,
) -> History:
    """The history with what files tell of it: labels and limits overrule those it has, prices take the place of others.

    Args:
        history: As it is stored.
        labels: See ``ingest.label_file``.
        prices: See ``ingest.prices``.
        prices_per: Another series, by which that one is divided.
        invert_prices: Whether the prices are token0 per token1; None finds out from the pool's first price.

    Raises:
        InputError: A file is malformed or another history's, or neither labels nor prices were given.
    """
    if labels is None and prices is None:
        raise InputError("give labels, prices, or both")
    told = FileLabels() if labels is None else read_labels(labels, lambda hashes: _swaps_of(history, hashes))
    points, source = history.prices, history.price_source
    if prices is not None:
        points, source = read_prices(
            prices,
            pool=history.pool,
            first_ts=history.events[0].block_ts,
            last_ts=history.events[-1].block_ts,
            near=_first_price(history),
            invert=invert_prices,
            per=prices_per,
        )
    made = replace(
        history,
        labels=history.labels | told.labels,
        known_limits=history.known_limits | told.known_limits,
        prices=points,
        price_source=source,
    )
    return replace(made, content_id=content_id(made))


def _swaps_of(history: History, tx_hashes: Iterable[str]) -> Iterator[Swap]:
    wanted = set(tx_hashes)
    return (swap for swap in history.swaps if swap.tx_hash in wanted)


def _first_price(history: History) -> Fraction | None:
    state = history.initial_state
    known = state.sqrt_price_x96 or (state.reserve0 and state.reserve1)
    first = state if known else next(iter(history.swaps), None)
    return None if first is None else pool_price(history.pool, first)
