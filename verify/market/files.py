"""The market as files of the ordinary kinds, which is its only way into a store: raw logs, state, labels, prices."""

from __future__ import annotations

import csv
import os
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ingest.pool_state import write_pool_state
from verify.market.simulation import Run, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ingest.records import FlowClass
    from verify.market.config import MarketConfig

EVENT_COLUMNS = (
    "block_number",
    "block_timestamp",
    "transaction_hash",
    "transaction_index",
    "log_index",
    "topics",
    "data",
    "gas_used",
    "effective_gas_price",
)
LABEL_COLUMNS = ("tx_hash", "class", "min_buy_amount", "rule")
PRICE_COLUMNS = ("ts", "price")


@dataclass(frozen=True, slots=True)
class MarketSummary:
    """What happened: swaps by true class, and what no log tells (reverts, orders that were still waiting)."""

    blocks: int
    swaps: dict[FlowClass, int]
    liquidity_moves: int
    reverted: int
    unfinished: int
    sandwiches: int
    just_in_time: int


@dataclass(frozen=True, slots=True)
class MarketFiles:
    """The files of one market, in the form that ``ingest.files.read_history`` takes.

    Args:
        events: Raw logs (CSV).
        initial_state: Pool state (JSON).
        labels: True class and limit of every swap (CSV).
        prices: The exogenous price, quote for one base, from each block's time on (CSV).
        summary: What happened.
    """

    events: Path
    initial_state: Path
    labels: Path
    prices: Path
    summary: MarketSummary


def simulate(config: MarketConfig, folder: Path) -> MarketFiles:
    """Simulates a market on genuine pool bytecode and writes its files; the same configuration, the same bytes.

    Args:
        config: The market.
        folder: Where to write ``events.csv``, ``initial_state.json``, ``labels.csv`` and ``prices.csv``; made where
            it is missing. Files of these names are replaced.

    Raises:
        InputError: The pool that the configuration asks for cannot be.
        OSError: The folder cannot be written.
    """
    result = run(config)
    folder.mkdir(parents=True, exist_ok=True)
    files = MarketFiles(
        folder / "events.csv",
        folder / "initial_state.json",
        folder / "labels.csv",
        folder / "prices.csv",
        _summary(config, result),
    )
    write_pool_state(result.state, files.initial_state)
    _write(files.labels, LABEL_COLUMNS, _label_rows(result))
    _write(files.prices, PRICE_COLUMNS, result.prices)
    _write(files.events, EVENT_COLUMNS, _event_rows(result))
    return files


def _summary(config: MarketConfig, result: Run) -> MarketSummary:
    swaps = Counter(truth.trade.flow_class for truth in result.book.truths)
    transactions = {row.tx_hash for row in result.book.logs}
    return MarketSummary(
        blocks=config.blocks,
        swaps=dict(sorted(swaps.items())),
        liquidity_moves=len(transactions) - len(result.book.truths),
        reverted=result.book.reverted,
        unfinished=result.unfinished,
        sandwiches=result.sandwiches,
        just_in_time=result.just_in_time,
    )


def _event_rows(result: Run) -> Iterable[Sequence[object]]:
    for row in result.book.logs:
        time = datetime.fromtimestamp(row.timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S")
        topics = "[" + ", ".join(f'"{topic}"' for topic in row.topics) + "]"
        place = row.block_number, time, row.tx_hash, row.tx_index, row.log_index
        yield *place, topics, row.data, row.gas_used, row.gas_price_wei


def _label_rows(result: Run) -> Iterable[Sequence[object]]:
    for truth in result.book.truths:
        yield truth.tx_hash, truth.trade.flow_class, truth.trade.min_out, truth.trade.why


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes to a temporary name first, so that the file is there whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    temporary.replace(path)
