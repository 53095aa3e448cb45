"""CoW Protocol's settled batches as order flow; see ``ingest.cow_settlements``."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np

from ingest.cow_settlements import COLUMNS, CowBatch, CowTrade, read_settlements
from ingest.flow_ingested import ON_CHAIN
from ingest.flow_sources.base import FlowReader, FlowRows, FlowSource, FlowTold
from ingest.flow_table import of_intents
from ingest.records import UserIntent
from ingest.rounding import WholeNumbers, first_rounded
from ingest.sources.text import missing_columns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VENUE = "CoW Protocol"
TO_OWNER = f"0x{0:040x}"  # as a receiver: the order's owner
LACKS = "orders are settled against each other and many venues at once; no pool's events are in it"


def intent_of(batch: CowBatch, place: int, trade: CowTrade) -> UserIntent:
    """A settled order with what it got."""
    return UserIntent(
        venue=VENUE,
        method="settle",
        kind=trade.kind,
        status="filled",
        path=(trade.sell_token, trade.buy_token),
        amount_in=trade.sell_amount,
        amount_out=trade.buy_amount,
        executed_in=trade.executed_sell,
        executed_out=trade.executed_buy,
        executed_fee=trade.executed_fee,
        partially_fillable=trade.partially_fillable,
        recipient=None if trade.receiver == TO_OWNER else trade.receiver,
        deadline_ts=trade.valid_to,
        block_number=batch.block_number,
        tx_hash=batch.tx_hash,
        place=place,
        gas_price_wei=batch.gas_price_wei,
    )


class SettlementReader(FlowReader):
    """Reads settlements; each of their trades becomes an intent with its fill."""

    def __init__(self) -> None:
        self.batches: set[str] = set()
        self.numbers: defaultdict[str, WholeNumbers] = defaultdict(WholeNumbers)

    def read(self, path: Path) -> Iterator[FlowRows]:
        """A file's orders; see ``FlowReader``."""
        batches = read_settlements(path)
        self.batches |= {batch.tx_hash for batch in batches}
        trades = [trade for batch in batches for trade in batch.trades]
        amounts = (amount for trade in trades for amount in (trade.sell_amount, trade.buy_amount))
        prices = (price for trade in trades for price in (trade.sell_price, trade.buy_price))
        for place, numbers in (("trades", amounts), ("clearing_prices", prices)):
            self.numbers[f"{path.name}, {place}"].see_numbers(numbers)
        places = [(row, batch, place) for row, batch in enumerate(batches) for place in range(len(batch.trades))]
        intents = [intent_of(batch, place, batch.trades[place]) for _, batch, place in places]
        yield FlowRows("intent", of_intents(intents), np.array([row for row, _, _ in places], np.int64))

    def told(self) -> FlowTold:
        """See ``FlowReader``."""
        rounded = first_rounded(self.numbers)
        return FlowTold(
            "smallest units",
            exact=rounded is None,
            lacks=LACKS,
            caveats=(
                "Executed amounts follow from the clearing prices by the settlement contract's rounding.",
                "It holds orders that were settled, none that were refused or expired, and not who signed them.",
                "When an order was placed is not told; deadlines are.",
            ),
            counts=Counter({"batches": len(self.batches)}),
            refused=rounded,
        )


SOURCE = FlowSource(
    name="cow-settlements",
    what="a CSV of calls of CoW Protocol's settle",
    missing=lambda head: missing_columns(head, COLUMNS),
    reader=SettlementReader,
    identities=ON_CHAIN,
    lined=False,
)
