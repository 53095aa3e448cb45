"""A part's scored orders as columns: where exact integers become the floats that statistics are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ingest.errors import PactsmithError
from verify.score.ratios import Measure, as_float
from verify.score.split import PARTS, Part, Split

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from verify.outcomes import BatchOutcome, OrderOutcome, Outcomes

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


class OutcomesError(PactsmithError):
    """A replay's outcomes contradict themselves: the evaluator is at fault, not the candidate."""


@dataclass(frozen=True, slots=True)
class Rows:
    """One part's orders and batches, in time order; those of batches without a sound outcome are only summed."""

    orders: tuple[OrderOutcome, ...]
    batches: tuple[BatchOutcome, ...]
    unscored_batches: tuple[BatchOutcome, ...]
    unscored_orders: int
    unscored_value: int

    @property
    def value(self) -> int:
        """Worth of all orders, scored or not, in the numeraire's smallest unit."""
        return self.unscored_value + sum(order.value for order in self.orders)

    @property
    def unscored_share(self) -> float:
        """The share by value of the orders that have no sound outcome; by number where nothing has a value."""
        if self.value:
            return self.unscored_value / self.value
        count = self.unscored_orders + len(self.orders)
        return self.unscored_orders / count if count else 0.0


def rows_by_part(outcomes: Outcomes) -> dict[Part, Rows]:
    """Sorts batches and their orders into the parts of the history.

    Raises:
        OutcomesError: an order has no batch, or a window has two.
    """
    split = Split(outcomes.first_block, outcomes.last_block, outcomes.window_blocks)
    batches = {batch.window: batch for batch in outcomes.batches}
    if len(batches) != len(outcomes.batches):
        raise OutcomesError("two batches have the same window")
    for order in outcomes.orders:
        if order.window not in batches:
            raise OutcomesError(f"order {order.seq} belongs to window {order.window}, which has no batch")

    parts: dict[Part, list[int]] = {part: [] for part in PARTS}
    for window in sorted(batches):
        parts[split.part(window)].append(window)
    orders_of: dict[int, list[OrderOutcome]] = {window: [] for window in batches}
    for order in sorted(outcomes.orders, key=lambda order: order.seq):
        orders_of[order.window].append(order)

    return {part: _rows(windows, batches, orders_of) for part, windows in parts.items()}


def whole(outcomes: Outcomes) -> Rows:
    """All of a replay as one part.

    Raises:
        OutcomesError: as `rows_by_part`.
    """
    parts = rows_by_part(outcomes).values()
    return Rows(
        orders=tuple(order for part in parts for order in part.orders),
        batches=tuple(batch for part in parts for batch in part.batches),
        unscored_batches=tuple(batch for part in parts for batch in part.unscored_batches),
        unscored_orders=sum(part.unscored_orders for part in parts),
        unscored_value=sum(part.unscored_value for part in parts),
    )


def _rows(
    windows: Sequence[int], batches: Mapping[int, BatchOutcome], orders_of: Mapping[int, list[OrderOutcome]]
) -> Rows:
    sound = [window for window in windows if not batches[window].unscored]
    unsound = [window for window in windows if batches[window].unscored]
    lost = [order for window in unsound for order in orders_of[window]]
    return Rows(
        orders=tuple(order for window in sound for order in orders_of[window]),
        batches=tuple(batches[window] for window in sound),
        unscored_batches=tuple(batches[window] for window in unsound),
        unscored_orders=len(lost),
        unscored_value=sum(order.value for order in lost),
    )


@dataclass(frozen=True, slots=True)
class Frame:
    """Columns over the scored orders of one part, aligned with ``orders``.

    ``batch_of`` indexes ``batches``; ``value`` is in the numeraire's smallest unit; ``measures`` holds each metric,
    NaN where it is not defined for an order. ``gas_known`` says whether gas money has a price in the bought tokens.
    """

    orders: tuple[OrderOutcome, ...]
    batches: tuple[BatchOutcome, ...]
    batch_of: IntArray
    value: FloatArray
    dust: BoolArray
    user: BoolArray
    sandwich: BoolArray
    gas_known: bool
    measures: dict[str, FloatArray]

    def per_batch(self, amounts: FloatArray, mask: BoolArray) -> FloatArray:
        """Sums a column over each batch, counting only the orders of ``mask``."""
        sums = np.bincount(self.batch_of[mask], weights=amounts[mask], minlength=len(self.batches))
        return sums.astype(np.float64)


def frame(rows: Rows, unit: int, measures: Mapping[str, Measure]) -> Frame:
    """Computes the given metrics of every scored order of a part; ``unit`` as in `Outcomes`.

    Raises:
        OutcomesError: gas money is priced for some orders and not for others, so that a mean over the priced ones
            would pass for one over all.
    """
    index = {batch.window: i for i, batch in enumerate(rows.batches)}
    orders = rows.orders
    batch_of = np.fromiter((index[order.window] for order in orders), np.int64, len(orders))
    unpriced = sum(order.bought_per_wei is None for order in orders)
    if 0 < unpriced < len(orders):
        raise OutcomesError(f"gas money has a price for {len(orders) - unpriced} of {len(orders)} orders only")
    in_sandwich = np.fromiter((batch.has_sandwich for batch in rows.batches), np.bool_, len(rows.batches))
    return Frame(
        orders=orders,
        batches=rows.batches,
        batch_of=batch_of,
        value=np.fromiter((float(order.value) for order in orders), np.float64, len(orders)),
        dust=np.fromiter((order.value < unit for order in orders), np.bool_, len(orders)),
        user=np.fromiter((order.flow_class == "user" for order in orders), np.bool_, len(orders)),
        sandwich=in_sandwich[batch_of],
        gas_known=unpriced == 0,
        measures={name: column(orders, measure) for name, measure in measures.items()},
    )


def column(orders: Sequence[OrderOutcome], measure: Measure) -> FloatArray:
    """A metric of each order, correctly rounded; NaN where it is not defined."""
    ratios = map(measure, orders)
    return np.fromiter((np.nan if ratio is None else as_float(ratio) for ratio in ratios), np.float64, len(orders))
