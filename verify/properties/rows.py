"""Properties that take more than one batch: gas by size, batches in a row, a token that misbehaves."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from verify.properties.batches import mixed, small
from verify.properties.checks import percent
from verify.replay import SETTLE_GAS

if TYPE_CHECKING:
    from verify.properties.bench import Bench

GAS_SIZES = (16, 32, 64)
MOST_GAS_GROWTH = 3
"""Twice the orders cost about twice the gas, where they are not compared with each other; four times, where that is
most of what a rule does. Measured on the differences, from which what does not grow has gone."""

ROW = 128
"""So many batches are settled in a row."""

MOST_LOST = Fraction(1, 20)
"""All of these batches together move the price by less than a hundredth."""


def gas_growth(bench: Bench) -> str | None:
    """A batch's gas grows with its orders, not with their square, and sixty-four of them fit into a block."""
    used = []
    for size in GAS_SIZES:
        settled = bench.usual(small(bench.depths, size))
        if settled.fault:
            return f"of {size} orders: {settled.fault.words}"
        used.append(settled.gas)
    low, high = (after - before for before, after in pairwise(used))
    if high > MOST_GAS_GROWTH * low:
        return (
            f"{GAS_SIZES[-1]} orders take {used[-1]:,} gas and {GAS_SIZES[-2]} {used[-2]:,}: "
            f"the last {GAS_SIZES[-2]} cost {high / low:.1f} times those before them; a block has {SETTLE_GAS:,}"
        )
    return None


def goes_on(bench: Bench) -> str | None:
    """What a first batch got, later ones like it get too, but for a twentieth, on a pool that hardly moved."""
    batch = small(bench.depths, 2)
    for count, settled in enumerate(bench.row([batch] * ROW)):
        if settled.fault:
            return f"batch {count + 1} in a row: {settled.fault.words}"
        if count == 0:
            first = settled.fills
        for place, ((_, before), (_, now)) in enumerate(zip(first, settled.fills, strict=True)):
            if now < before * (1 - MOST_LOST):
                return f"order {place + 1} got {percent(now, before)} in batch {count + 1} in a row than in the first"
    return None


def second_batch(bench: Bench) -> str | None:
    """After a batch that moves the market, one of the other side and one of nothing but dust settle too."""
    large = mixed(bench.depths, 4, 12)
    batches = [large, large[::-1], mixed(bench.depths, 6), large]
    for count, settled in enumerate(bench.row(batches)):
        if settled.fault:
            return f"batch {count + 1} of {len(batches)} in a row: {settled.fault.words}"
        if min(settled.residue) < 0:
            return f"batch {count + 1} was paid for with what earlier ones left: {settled.residue}"
    return None
