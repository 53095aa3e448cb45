"""Every per-order metric as an exact rational: a numerator and a denominator, both integers, in basis points.

Formulas: docs/design/scoring.md. Nothing is rounded here; `as_float` rounds once, correctly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction

from verify.outcomes import OrderOutcome

BPS = 10_000

Ratio = tuple[int, int]
"""(numerator, denominator), not reduced; the denominator is positive."""

Measure = Callable[[OrderOutcome], Ratio | None]
"""A metric of one order; None where it is not defined for it."""


def charged_gas(order: OrderOutcome) -> int:
    """The gas that an order is charged: for one left to its fallback never less than the AMM's.

    A fallback is credited no more output than the AMM gives; were it charged less gas, a rule that fills nothing
    could score above 0.
    """
    return order.gas if order.filled else max(order.gas, order.gas_amm)


def improvement(order: OrderOutcome) -> Ratio | None:
    """D = 10⁴ (ŷ − y)/y."""
    return _over_history(order, order.bought - order.history_out)


def bots_removed(order: OrderOutcome) -> Ratio | None:
    """10⁴ (y^amm − y)/y: what the absence of bots alone is worth; not the candidate's doing."""
    return _over_history(order, order.amm_out - order.history_out)


def mechanism(order: OrderOutcome) -> Ratio | None:
    """10⁴ (ŷ − y^amm)/y: what is the candidate's doing, before gas. It is M at gas price 0."""
    return _over_history(order, order.bought - order.amm_out)


def delay(order: OrderOutcome) -> Ratio | None:
    """10⁴ (amm at the settlement's anchor − y^amm)/y: the part of `mechanism` that is waiting."""
    return _over_history(order, order.delay_out - order.amm_out)


def standalone(order: OrderOutcome) -> Ratio | None:
    """10⁴ (ŷ/y_alone − 1)."""
    alone = order.standalone_out
    return (BPS * (order.bought - alone), alone) if alone > 0 else None


def ebbo_strict(order: OrderOutcome) -> Ratio | None:
    """10⁴ (ŷ/y_E − 1), y_E the most that the best single pool gave in any block that the order waited."""
    return _over_route(order, order.ebbo_most)


def ebbo_lenient(order: OrderOutcome) -> Ratio | None:
    """The same with the least."""
    return _over_route(order, order.ebbo_least)


def net_of_gas(order: OrderOutcome) -> Ratio | None:
    """W = 10⁴ [(ŷ − y) − (ĝ − g)·γ·p]/y."""
    return _net(order, order.history_out, order.gas_history, 1)


def net_mechanism(gas_scale: int) -> Measure:
    """The verdict's M = 10⁴ [(ŷ − y^amm) − (ĝ − g^amm)·γ·p]/y, with the gas price γ times ``gas_scale``."""
    if gas_scale == 0:
        return mechanism
    return lambda order: _net(order, order.amm_out, order.gas_amm, gas_scale)


def amm_gas(order: OrderOutcome) -> Ratio | None:
    """10⁴ g^amm·γ·p/y: what the AMM's gas costs. No candidate can move it; it tells how gas prices hang together."""
    worth = order.bought_per_wei
    if worth is None or order.history_out <= 0:
        return None
    return BPS * order.gas_amm * order.gas_price_wei * worth.numerator, order.history_out * worth.denominator


def latency_drift(order: OrderOutcome) -> Ratio | None:
    """How the reference price moved while the order waited, in bps, positive when it moved for the order."""
    return order.drift_bps.as_integer_ratio()


def latency_blocks(order: OrderOutcome) -> Ratio | None:
    """Blocks from the order to its settlement."""
    return order.settle_block - order.block_number, 1


MEASURES: dict[str, Measure] = {
    "improvement_bps": improvement,
    "bots_removed_bps": bots_removed,
    "mechanism_bps": mechanism,
    "delay_bps": delay,
    "net_mechanism_bps": net_mechanism(1),
    "net_of_gas_bps": net_of_gas,
    "standalone_bps": standalone,
    "ebbo_strict_bps": ebbo_strict,
    "ebbo_lenient_bps": ebbo_lenient,
    "latency_drift_bps": latency_drift,
    "latency_blocks": latency_blocks,
}
"""Every metric of one order, by its name in the scorecard."""

GAS_PRICED = frozenset({"net_mechanism_bps", "net_of_gas_bps"})
"""The metrics that need the gas money's worth in the bought token."""


def as_float(ratio: Ratio) -> float:
    """The double nearest to the ratio."""
    numerator, denominator = ratio
    return numerator / denominator


def weighted_mean(ratios: Iterable[Ratio], weights: Iterable[int]) -> Fraction | None:
    """Σ w·r / Σ w, exactly; None where the weights sum to 0.

    The fractions are added in a balanced tree, without reducing: with the thousands of unrelated denominators of a
    day's orders this is far cheaper than a running sum.
    """
    ratios, weights = list(ratios), list(weights)
    total = sum(weights)
    if total == 0:
        return None
    terms = [
        (weight * numerator, denominator) for (numerator, denominator), weight in zip(ratios, weights, strict=True)
    ]
    while len(terms) > 1:
        odd = terms[-1:] if len(terms) % 2 else []
        pairs = zip(terms[::2], terms[1::2], strict=False)
        terms = [(a * d + c * b, b * d) for (a, b), (c, d) in pairs] + odd
    numerator, denominator = terms[0]
    return Fraction(numerator, denominator * total)


def _over_history(order: OrderOutcome, difference: int) -> Ratio | None:
    return (BPS * difference, order.history_out) if order.history_out > 0 else None


def _over_route(order: OrderOutcome, route_out: int | None) -> Ratio | None:
    return (BPS * (order.bought - route_out), route_out) if route_out else None


def _net(order: OrderOutcome, base_out: int, base_gas: int, gas_scale: int) -> Ratio | None:
    worth = order.bought_per_wei
    if worth is None or order.history_out <= 0:
        return None
    extra_gas_wei = (charged_gas(order) - base_gas) * order.gas_price_wei * gas_scale
    numerator = (order.bought - base_out) * worth.denominator - extra_gas_wei * worth.numerator
    return BPS * numerator, order.history_out * worth.denominator
