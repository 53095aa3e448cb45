"""Hard gates: what a candidate must never do, whatever it earns. One broken order or batch rejects it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from verify.outcomes import BatchOutcome, Flow, OrderOutcome
from verify.score.ratios import BPS
from verify.score.welfare import NOTHING, ONE, prices, unbalanced

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from verify.findings import Finding, Stage

ADMISSION_STAGES: tuple[Stage, ...] = ("admission", "compile", "bytecode", "deploy")

RESIDUE_UNITS_PER_ORDER = 2
"""Rounding keeps at most this many smallest units of each token an order: one on its fill, one on the pool's trade."""
RESIDUE_SHARE = Fraction(1, 100_000)
"""Beyond rounding, a contract may keep 0.1 bps of what was sold to it: a price found by bisection is not exact."""


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate's answer; ``passed`` is None where it was never reached."""

    passed: bool | None
    detail: str


def gates(orders: Sequence[OrderOutcome], batches: Sequence[BatchOutcome]) -> dict[str, Gate]:
    """Every gate over all scored batches of a replay, in any part of the history."""
    by_window: dict[int, list[OrderOutcome]] = {batch.window: [] for batch in batches}
    for order in orders:
        by_window[order.window].append(order)
    return {
        "admission": Gate(True, "admitted: the source, its bytecode and its deployment passed every rule"),
        "execution": Gate(True, f"{len(batches):,} settlements ran to their end within the caps"),
        "individual_rationality": _individual_rationality(orders, batches, by_window),
        "budget_balance": _budget_balance(batches),
        "no_subsidy": _no_subsidy(batches),
        "no_trapped_funds": _no_trapped_funds(orders, batches),
        "fill_or_fallback": _fill_or_fallback(orders, batches, by_window),
    }


def gates_of_findings(findings: Iterable[Finding]) -> dict[str, Gate]:
    """The gates of a candidate that was turned down before its replay was done, for at least one finding."""
    findings = list(findings)
    if not findings:
        raise ValueError("no candidate is turned down without a finding")
    early = [finding for finding in findings if finding.stage in ADMISSION_STAGES]
    late = [finding for finding in findings if finding.stage == "run"]
    names = "admission", "properties", "metamorphic", *gates((), ())
    found = dict.fromkeys(names, Gate(None, "not reached"))
    found["admission"] = Gate(False, _listed(early)) if early else Gate(True, "admitted")
    for part in ("properties", "metamorphic"):
        if broken := [finding for finding in findings if finding.stage == part]:
            found[part] = Gate(False, _listed(broken))
    if late:
        found["execution"] = Gate(False, _listed(late))
    return found


def first_failure(found: Mapping[str, Gate]) -> str:
    """The first failed gate with its detail; empty where none failed."""
    return next(
        (f"{name.replace('_', ' ')}: {gate.detail}" for name, gate in found.items() if gate.passed is False), ""
    )


def _individual_rationality(
    orders: Sequence[OrderOutcome], batches: Sequence[BatchOutcome], by_window: Mapping[int, list[OrderOutcome]]
) -> Gate:
    fills = [order for order in orders if order.filled]
    below = [order for order in fills if order.bought < order.limit]
    if below:
        worst = min(below, key=lambda order: (Fraction(order.bought, order.limit), order.seq))
        return Gate(
            False,
            f"{len(below):,} of {len(fills):,} fills below their limit; the worst, order {worst.seq} in block "
            f"{worst.block_number}, got {worst.bought} where it asked for at least {worst.limit}",
        )
    for batch in batches:
        for party in ("users", "unknown"):
            expected = _traders_flow(by_window[batch.window], users=party == "users")
            if batch.candidate.get(party, NOTHING) != expected:
                return Gate(
                    False,
                    f"window {batch.window}: {party} moved {batch.candidate.get(party, NOTHING)}, but their orders "
                    f"account for {expected}: an unfilled order did not get back exactly what it brought",
                )
    limits = [BPS * (order.bought - order.limit) / order.limit for order in fills if order.limit > 0]
    closest = f"; the closest {min(limits):.4g} bps above its limit" if limits else ""
    return Gate(True, f"{len(fills):,} fills, none below its limit{closest}; unfilled orders got everything back")


def _budget_balance(batches: Sequence[BatchOutcome]) -> Gate:
    broken = [found for batch in batches if (found := unbalanced(batch, "candidate"))]
    if broken:
        return Gate(False, f"{len(broken):,} of {len(batches):,} batches do not balance: {broken[0]}")
    return Gate(True, f"{len(batches):,} batches: per token, what came in went out or is booked, to the smallest unit")


def _no_subsidy(batches: Sequence[BatchOutcome]) -> Gate:
    for batch in batches:
        for party in ("residue", "capped"):
            flow = batch.candidate.get(party, NOTHING)
            if flow.token0 < 0 or flow.token1 < 0:
                return Gate(
                    False, f"window {batch.window}: {party} is {flow}: custody from elsewhere paid for the batch"
                )
    return Gate(True, "no batch was paid for with custody that it did not bring")


def _no_trapped_funds(orders: Sequence[OrderOutcome], batches: Sequence[BatchOutcome]) -> Gate:
    kept = rounding = 0
    worst, worst_window = -1, None
    for batch in batches:
        price0, price1 = prices(batch)
        residue = batch.candidate.get("residue", NOTHING)
        in_batch = residue.token0 * price0 + residue.token1 * price1
        kept += in_batch
        rounding += RESIDUE_UNITS_PER_ORDER * batch.order_count * (price0 + price1)
        if in_batch > worst:
            worst, worst_window = in_batch, batch.window
    sold = sum(order.value for order in orders) * ONE
    share = f"{BPS * kept / sold:.3g} bps of what was sold" if sold else "of nothing sold"
    if kept > rounding + RESIDUE_SHARE * sold:
        return Gate(
            False,
            f"the contract kept {share}, most of it in window {worst_window}: more than rounding explains, "
            "and it belongs to nobody",
        )
    return Gate(True, f"what stayed with the contract is rounding: {share}")


def _fill_or_fallback(
    orders: Sequence[OrderOutcome], batches: Sequence[BatchOutcome], by_window: Mapping[int, list[OrderOutcome]]
) -> Gate:
    for batch in batches:
        if batch.order_count != len(by_window[batch.window]):
            return Gate(
                False,
                f"window {batch.window} took {batch.order_count} orders but {len(by_window[batch.window])} are "
                "accounted for",
            )
    left = [order for order in orders if not order.filled]
    for order in left:
        credited = min(order.fallback_out, order.amm_out)
        if order.bought != credited:
            return Gate(
                False,
                f"order {order.seq} was not filled and is credited {order.bought}; its fallback, at most the AMM's, "
                f"is {credited}",
            )
    return Gate(
        True, f"{len(orders) - len(left):,} orders filled, {len(left):,} fell back; every order is accounted for"
    )


def _traders_flow(orders: Iterable[OrderOutcome], *, users: bool) -> Flow:
    token0 = token1 = 0
    for order in orders:
        if (order.flow_class == "user") is not users:
            continue
        sign = -order.sell_amount, order.bought
        change0, change1 = sign if order.sells_token0 else sign[::-1]
        token0, token1 = token0 + change0, token1 + change1
    return Flow(token0, token1)


def _listed(findings: Sequence[Finding]) -> str:
    return "; ".join(str(finding) for finding in findings)
