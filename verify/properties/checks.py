"""The properties of a single batch: each says in words how a rule breaks it, or nothing."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import permutations
from typing import TYPE_CHECKING

from verify.score.gates import RESIDUE_SHARE, RESIDUE_UNITS_PER_ORDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from verify.properties.batches import Batch
    from verify.properties.bench import Bench, Fault

LIMIT_FAULTS = frozenset({"BelowLimit", "SoldTooMuch", "NotPartiallyFillable"})
CONSERVATION_FAULTS = frozenset({"CustodySpent", "CustodyExceeded", "BoughtWithoutSelling"})

TRADE_UNITS = 4
"""Smallest units of each token that a batch's trades may round away, beside those of its fills."""

MOST_KEPT = Fraction(1, 50)
"""Of what the pool alone would give for a small order without a limit, a rule may keep at most so much."""

LEAST_COMPARED = 1_000
"""Smallest units of which one is a thousandth: less is lost in rounding."""

MOST_TIGHTENED = 2
"""Orders of a batch whose limits are made as tight as can be."""

MOST_PERMUTED = 4
"""Of batches of so many orders every order is tried."""


def settles(bench: Bench, batch: Batch) -> str | None:
    """Every batch settles: a rule that fails for one order's sake keeps all others from trading."""
    fault = bench.usual(batch).fault
    return fault.words if fault and _kind(fault) == "settles" else None


def limits(bench: Bench, batch: Batch) -> str | None:
    """No order is filled below its limit, or for more than it sells; also where limits are as tight as can be.

    Each of the first orders that is filled asks for exactly what it got, then for one unit more: then it gets that, or
    is not filled.
    """
    settled = bench.usual(batch)
    if settled.fault:
        return settled.fault.words if _kind(settled.fault) == "limits" else None
    for place, (sold, bought) in enumerate(settled.fills[:MOST_TIGHTENED]):
        if sold != batch[place].amount:
            continue
        for more in (0, 1):
            tighter = replace(batch[place], limit=bought + more)
            fault = bench.settle((*batch[:place], tighter, *batch[place + 1 :])).fault
            if fault and _kind(fault) == "limits":
                asked = f"{more} more than" if more else "exactly"
                return f"order {place + 1} asks for {asked} what it got, {bought}: {fault.words}"
    return None


def conservation(bench: Bench, batch: Batch) -> str | None:
    """What came in went out, to the smallest unit, and no more than rounding stays with the contract."""
    settled = bench.usual(batch)
    if settled.fault:
        return settled.fault.words if _kind(settled.fault) == "conservation" else None
    for place, (fill, (paid, got)) in enumerate(zip(settled.fills, settled.moved, strict=True)):
        if fill != (-paid, got):
            return f"order {place + 1} is told that it sold {fill[0]} for {fill[1]}, but it sold {-paid} for {got}"
    kept0, kept1 = settled.residue
    price1 = Fraction(bench.depths[0], bench.depths[1])  # of a unit of token1 in units of token0
    units = RESIDUE_UNITS_PER_ORDER * len(batch) + TRADE_UNITS
    sold = sum(sold * (1 if ask.sells_token0 else price1) for ask, (sold, _) in zip(batch, settled.fills, strict=True))
    if min(kept0, kept1) < 0 or kept0 + kept1 * price1 > units * (1 + price1) + RESIDUE_SHARE * sold:
        return f"the contract kept {kept0} of token0 and {kept1} of token1, more than rounding explains"
    return None


def fair_value(bench: Bench, batch: Batch) -> str | None:
    """An order that is filled and does not move the market gets at least 98 % of what the pool would give it.

    Asked where each side of the batch sells at most a thousandth of the depth, of orders of at most a tenth of that,
    for which the pool gives enough that rounding is no matter.
    """
    totals = [sum(ask.amount for ask in batch if ask.sells_token0 == sells_token0) for sells_token0 in (True, False)]
    if any(10**3 * total > depth for total, depth in zip(totals, bench.depths, strict=True)):
        return None
    for place, (ask, (sold, bought)) in enumerate(zip(batch, bench.usual(batch).fills, strict=False)):
        if not bought or 10**4 * ask.amount > bench.depths[not ask.sells_token0]:
            continue
        alone = bench.alone(replace(ask, amount=sold))
        if alone >= LEAST_COMPARED and bought < alone * (1 - MOST_KEPT):
            return f"order {place + 1} got {bought}, the pool alone gives {alone}: {percent(bought, alone)}"
    return None


def order_independence(bench: Bench, batch: Batch) -> str | None:
    """Every trader gets the same, in whatever order the rule is given the batch."""
    usual = bench.usual(batch)
    for order in _permutations(len(batch)):
        settled = bench.settle(batch, order=order)
        for place, (fill, other) in enumerate(zip(usual.fills, settled.fills, strict=False)):
            if fill != other:
                where = order.index(place) + 1
                return f"order {place + 1} got {percent(other[1], fill[1])} when placed at {where}"
    return None


def monotonicity(bench: Bench, batch: Batch) -> str | None:
    """Who sells more gets no less in all."""
    usual = bench.usual(batch)
    for place, (sold, bought) in enumerate(usual.fills):
        if not sold:
            continue
        for percentage in (1, 10, 100):
            more = replace(batch[place], amount=sold + max(1, sold * percentage // 100))
            fills = bench.settle((*batch[:place], more, *batch[place + 1 :])).fills
            if fills and fills[place][0] == more.amount and fills[place][1] < bought:
                got = percent(fills[place][1], bought)
                return f"order {place + 1} got {got} in all when it sold {percentage} % more"
    return None


def percent(got: int, than: int) -> str:
    """``0.4 % less``: how an amount compares with another; nothing and all in words."""
    if got == 0 or than == 0:
        return "nothing" if got == 0 else f"{got} instead of nothing"
    change = Fraction(got - than, than) * 100
    shown = f"{abs(float(change)):.2g} %" if abs(change) >= Fraction(1, 1000) else f"{abs(got - than)} smallest units"
    return f"{shown} {'more' if change > 0 else 'less'}"


def _kind(fault: Fault) -> str:
    """Which property a settlement's failure breaks."""
    if fault.name in LIMIT_FAULTS:
        return "limits"
    if fault.name in CONSERVATION_FAULTS or any(name in fault.words for name in CONSERVATION_FAULTS):
        return "conservation"
    return "settles"


def _permutations(count: int) -> Iterator[Sequence[int]]:
    """Of up to four orders all other orders; of more the reverse and the rotations."""
    if count <= MOST_PERMUTED:
        yield from list(permutations(range(count)))[1:]
    else:
        yield from [(*range(i, count), *range(i)) for i in range(1, count)]
        yield tuple(reversed(range(count)))
