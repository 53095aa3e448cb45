"""The welfare ledger: what each party gained against history and against the AMM without bots.

Valued in the numeraire at P(settlement). In every world what the parties received sums to zero in each token, so the
gains sum to zero too: exactly, per batch, before gas. What gas costs goes to no party: it is a row outside the sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from verify.flows import total
from verify.outcomes import BatchOutcome, Flow, OrderOutcome
from verify.score.frame import OutcomesError
from verify.score.ratios import charged_gas

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from fractions import Fraction

PARTIES = (
    "users",
    "unknown",
    "liquidity_providers",
    "liquidity_provider_fees",
    "arbitrageurs",
    "sandwichers",
    "residue",
    "capped",
)
"""In the order of a report. ``liquidity_providers`` is their inventory before fees; ``capped`` is what fallbacks
brought above what they were credited. A party that takes part in no batch has no row."""

WORLDS = ("history", "amm", "candidate")
ONE = 1 << 192
"""Prices enter sums in fixed point with 192 binary places; whatever they are, the parties' gains still sum to 0."""


@dataclass(frozen=True, slots=True)
class Gain:
    """What one party gained in one batch, exactly, in the numeraire's smallest unit."""

    vs_history: Fraction
    vs_amm: Fraction


def unbalanced(batch: BatchOutcome, world: str) -> str:
    """Which token's flows do not sum to zero in a world, in words; empty where all do."""
    flows: Mapping[str, Flow] = getattr(batch, world)
    for token, amount in zip(Flow._fields, total(flows.values()), strict=True):
        if amount:
            return (
                f"window {batch.window}, block {batch.settle_block}: the flows of {token} in the world {world!r} "
                f"sum to {amount}, not to 0"
            )
    return ""


def check(batches: Iterable[BatchOutcome]) -> None:
    """Checks that every batch's flows sum to zero in every world and token.

    Raises:
        OutcomesError: some do not; it names the batch, the world and the token.
    """
    for batch in batches:
        for world in WORLDS:
            if found := unbalanced(batch, world):
                raise OutcomesError(found)


def batch_gains(batch: BatchOutcome) -> dict[str, Gain]:
    """One batch's ledger, exactly: the gains of all parties sum to 0 in both columns.

    Raises:
        OutcomesError: the batch's flows do not sum to zero.
    """
    check([batch])
    value0, value1 = batch.value0, batch.value1
    return {
        party: Gain(*(value0 * token0 + value1 * token1 for token0, token1 in changes))
        for party, changes in _changes(batch)
    }


def totals(batches: Iterable[BatchOutcome], orders: Iterable[OrderOutcome], unit: int) -> dict[str, dict[str, Any]]:
    """The ledger over many batches and what their orders paid for gas, as decimal text in whole numeraire units.

    Returns:
        {party: {vs_history, vs_amm}} and the row ``gas``, negative where more gas was paid. Without that row each
        column sums to 0 to the last digit: remainders go to the parties that rounding hurt most.

    Raises:
        OutcomesError: a batch's flows do not sum to zero.
    """
    batches = list(batches)
    check(batches)
    sums: dict[str, list[int]] = {}
    for batch in batches:
        price0, price1 = prices(batch)
        for party, changes in _changes(batch):
            row = sums.setdefault(party, [0, 0])
            for i, (token0, token1) in enumerate(changes):
                row[i] += token0 * price0 + token1 * price1
    named = [party for party in PARTIES if party in sums] + sorted(sums.keys() - set(PARTIES))
    columns = [_rounded_to_zero_sum([sums[party][i] for party in named]) for i in range(2)]
    table: dict[str, dict[str, Any]] = {
        party: {"vs_history": decimal_text(columns[0][i], unit), "vs_amm": decimal_text(columns[1][i], unit)}
        for i, party in enumerate(named)
    }
    table["gas"] = _gas_row(batches, orders, unit)
    return table


def prices(batch: BatchOutcome) -> tuple[int, int]:
    """What one smallest unit of token0 and token1 is worth at settlement, times `ONE`, rounded down."""
    (numerator0, denominator0), (numerator1, denominator1) = (
        batch.value0.as_integer_ratio(),
        batch.value1.as_integer_ratio(),
    )
    return numerator0 * ONE // denominator0, numerator1 * ONE // denominator1


def gains_over_amm(batch: BatchOutcome, parties: Sequence[str]) -> list[int]:
    """What each party gained over the AMM, before gas, in the numeraire's smallest unit times `ONE`.

    ``parties`` are keys of the flows, where the liquidity providers' fees are part of ``liquidity_providers``.
    """
    price0, price1 = prices(batch)
    gains = []
    for party in parties:
        got0, got1 = batch.candidate.get(party, NOTHING)
        base0, base1 = batch.amm.get(party, NOTHING)
        gains.append((got0 - base0) * price0 + (got1 - base1) * price1)
    return gains


def gas_saved(order: OrderOutcome, bought_price: int, base_gas: int) -> int:
    """What an order saved on gas, in the numeraire's smallest unit times `ONE`; negative where it paid more.

    ``bought_price`` is its bought token's entry of `prices`. The order's gas must have a price.
    """
    worth = order.bought_per_wei
    if worth is None:
        raise OutcomesError(f"order {order.seq}: its gas money has no price")
    saved_wei = (base_gas - charged_gas(order)) * order.gas_price_wei
    return saved_wei * worth.numerator * bought_price // worth.denominator


def decimal_text(amount: int, unit: int) -> str:
    """A number of smallest units as exact decimal text in whole units; ``unit`` is a power of ten."""
    places = len(str(unit)) - 1
    if unit != 10**places:
        raise OutcomesError(f"the numeraire's unit is {unit}, not a power of ten")
    whole, rest = divmod(abs(amount), unit)
    text = f"{whole}.{rest:0{places}d}" if places else str(whole)
    return f"-{text}" if amount < 0 else text


NOTHING = Flow()


def _flows(batch: BatchOutcome, world: str) -> dict[str, tuple[int, int]]:
    """A world's flows by party, the liquidity providers' fees apart from their inventory."""
    flows: Mapping[str, Flow] = getattr(batch, world)
    found = {party: (flow.token0, flow.token1) for party, flow in flows.items()}
    fees = batch.lp_fees[world]
    inventory0, inventory1 = found.get("liquidity_providers", (0, 0))
    found["liquidity_providers"] = (inventory0 - fees.token0, inventory1 - fees.token1)
    found["liquidity_provider_fees"] = (fees.token0, fees.token1)
    return found


def _changes(batch: BatchOutcome) -> Iterator[tuple[str, tuple[tuple[int, int], tuple[int, int]]]]:
    """Each party's tokens in the candidate's world less those in history, and less those in the AMM's."""
    history, amm, candidate = (_flows(batch, world) for world in WORLDS)
    zero = (0, 0)
    for party in history | amm | candidate:
        got, before, base = candidate.get(party, zero), history.get(party, zero), amm.get(party, zero)
        yield party, ((got[0] - before[0], got[1] - before[1]), (got[0] - base[0], got[1] - base[1]))


def _rounded_to_zero_sum(amounts: Sequence[int]) -> list[int]:
    """Amounts in 1/`ONE` that sum to 0, rounded to whole numbers that sum to 0 (largest remainders go up)."""
    floors = [amount // ONE for amount in amounts]
    by_remainder = sorted(range(len(amounts)), key=lambda i: (floors[i] * ONE - amounts[i], i))
    for i in by_remainder[: -sum(floors)]:
        floors[i] += 1
    return floors


def _gas_row(batches: Sequence[BatchOutcome], orders: Iterable[OrderOutcome], unit: int) -> dict[str, Any]:
    orders = list(orders)
    if any(order.bought_per_wei is None for order in orders):
        return {"vs_history": None, "vs_amm": None, "status": "unscored", "reason": "gas money has no known price"}
    price_of = {batch.window: prices(batch) for batch in batches}
    vs_history = vs_amm = 0
    for order in orders:
        bought_price = price_of[order.window][order.sells_token0]
        vs_history += gas_saved(order, bought_price, order.gas_history)
        vs_amm += gas_saved(order, bought_price, order.gas_amm)
    return {"vs_history": decimal_text(vs_history // ONE, unit), "vs_amm": decimal_text(vs_amm // ONE, unit)}
