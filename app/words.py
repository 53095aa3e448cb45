"""How numbers and verdicts are said, the same on the terminal and on the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

MINUS = "−"
UNSCORED = "unscored"
VERDICT_METRIC = "net_mechanism_bps"


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric is called, its unit, and how it is computed."""

    title: str
    formula: str
    unit: str = "bps"


METRICS = {
    "net_mechanism_bps": Metric(
        "M: net gain over the AMM",
        "M = 10⁴·[(ŷ − y_amm) − (gas − gas_amm)·gas price·p] / y: what the order got (ŷ) against what the plain AMM "
        "gives it in its own block without bots (y_amm), less the gas that it costs more, over what history gave (y). "
        "The verdict rests on this.",
    ),
    "improvement_bps": Metric(
        "Improvement over history",
        "D = 10⁴·(ŷ / y − 1). Never judged by itself: the absence of bots is part of it.",
    ),
    "bots_removed_bps": Metric(
        "Bots removed",
        "10⁴·(y_amm − y) / y: what the order gains by a plain AMM without sandwiches and other bots.",
    ),
    "mechanism_bps": Metric(
        "Mechanism",
        "10⁴·(ŷ − y_amm) / y: what the rule adds, before gas. Bots removed + mechanism = improvement, exactly.",
    ),
    "delay_bps": Metric(
        "of which delay",
        "10⁴·(what the AMM gives on the batch's state − y_amm) / y: what waiting for the batch is worth.",
    ),
    "net_of_gas_bps": Metric(
        "Improvement net of gas",
        "W = 10⁴·[(ŷ − y) − (gas − gas_history)·gas price·p] / y. History's gas is one swap through a router.",
    ),
    "standalone_bps": Metric(
        "Against standalone", "10⁴·(ŷ / y_alone − 1): against the order alone on its own block's first state."
    ),
    "latency_drift_bps": Metric(
        "Price drift while waiting",
        "How the reference price moved from the order's block to its settlement; positive: in the order's favour.",
    ),
    "latency_blocks": Metric("Wait", "Blocks from the order to its settlement.", "blocks"),
    "ebbo_strict_bps": Metric(
        "Against the best pool, at its best",
        "10⁴·(ŷ / y_E − 1), y_E the most that any one pool gave in any block from the order to its settlement.",
    ),
    "ebbo_lenient_bps": Metric(
        "Against the best pool, at its worst", "The same in the block where the best pool gave least."
    ),
    "order_dependence_bps": Metric(
        "Order dependence", "How much the sequence of orders within a batch can change an order's outcome."
    ),
    "bad_ev": Metric(
        "Bad extractable value", "What an attacker who orders, censors or inserts can take from the batch's orders.", ""
    ),
    "regret_bps": Metric("Regret", "What a trader gains by misreporting: limit, size, splits, fake orders, delay."),
    "lp_markout_bps": Metric(
        "Liquidity providers' markout",
        "10⁴·Σ (Δx·P(t+τ) + Δy) / Σ v on the pools' side before fees, 300 s after settlement, over what was sold.",
    ),
    "lp_markout_net_bps": Metric("The same with fees", "Their fees added, valued at the same moment."),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a verdict is shown: never by colour alone."""

    mark: str
    tone: str
    meaning: str


VERDICTS = {
    "improvement": Verdict(
        "✔", "good", "Users gain more than chance explains, after gas, and others do not pay for it."
    ),
    "protects": Verdict("◆", "good", "No better than the plain AMM, but the attack that history suffered is gone."),
    "transfer": Verdict("⇄", "mixed", "Users gain, and others lose as much: the sentence names who pays."),
    "no improvement": Verdict("=", "plain", "Not shown to be better than the plain AMM without bots."),
    "worse": Verdict("✘", "bad", "Worse than the plain AMM, by more than chance explains."),
    "rejected": Verdict("⊘", "bad", "Turned down at a gate; it has no score."),
    "unscored": Verdict("?", "plain", "There are no sound data to judge it by."),
}

PARTIES = {
    "users": "Users",
    "unknown": "Unknown traders",
    "liquidity_providers": "Liquidity providers, inventory before fees",
    "liquidity_provider_fees": "Liquidity providers, fees",
    "arbitrageurs": "Arbitrageurs",
    "sandwichers": "Sandwich bots",
    "residue": "Residue, booked with the contract",
    "capped": "Fallback output above the AMM's, credited to nobody",
    "just_in_time": "Just-in-time liquidity's swaps",
    "liquidators": "Liquidators",
    "gas": "Gas (outside the sum)",
    "gas_of_arbitrage": "Gas of arbitrage (outside the sum)",
}


GATES = (
    "admission",
    "properties",
    "metamorphic",
    "execution",
    "individual_rationality",
    "budget_balance",
    "no_subsidy",
    "no_trapped_funds",
    "fill_or_fallback",
)


def in_order(found: Mapping[str, Any], order: Iterable[str]) -> list[tuple[str, Any]]:
    """The items of a mapping in a fixed order, what is not in it last by name.

    A document that was read from the store has lost the order of its keys, and must still be shown the same.
    """
    places = {name: place for place, name in enumerate(order)}
    return sorted(found.items(), key=lambda item: (places.get(item[0], len(places)), item[0]))


def verdict_of(name: str) -> Verdict:
    """How a verdict is shown."""
    return VERDICTS.get(name, VERDICTS["unscored"])


def metric_of(name: str) -> Metric:
    """What a metric is; an unknown one is called by its key."""
    return METRICS.get(name, Metric(name.replace("_", " "), "", "bps" if name.endswith("_bps") else ""))


def pool_name(kind: str, symbol0: str, symbol1: str, fee_pips: int) -> str:
    """A pool in a few words, for example ``USDC/WETH 0.05 % v3``."""
    return f"{symbol0}/{symbol1} {fee_pips / 10_000:.4g} % {kind}"


def signed(value: float, digits: int = 2) -> str:
    """A number with its sign and a true minus; what rounds to zero has no sign."""
    written = f"{abs(value):,.{digits}f}"
    if not any(digit in "123456789" for digit in written):
        return written
    return f"{'+' if value > 0 else MINUS}{written}"


def figure(value: float) -> str:
    """A signed number: two digits after the point, four of what is below 0.1, and only nothing at all is "0"."""
    if value == 0:
        return "0"
    written = signed(value, 2 if abs(value) >= 0.1 else 4)
    return written if written.strip("0.") else "≈0"


def bounds(statistic: dict[str, Any]) -> str:
    """``[lower, upper]`` of a statistic, without the unit; empty where the data give none."""
    lower, upper = statistic.get("lower95"), statistic.get("upper95")
    if lower is None and upper is None:
        return ""
    return f"[{'…' if lower is None else figure(lower)}, {'…' if upper is None else figure(upper)}]"


def count(value: float) -> str:
    """A whole number with thousands separated."""
    return f"{round(value):,}"


def or_dash(value: float | None, say: Callable[[float], str]) -> str:
    """A number in words, or a dash where there is none."""
    return "–" if value is None else say(value)


def plural(number: int, one: str, many: str) -> str:
    """A number with its noun."""
    return f"{count(number)} {one if number == 1 else many}"


def percent(share: float) -> str:
    """A share as a percentage; one that is nearly but not quite all or nothing is not rounded to it."""
    return f"{100 * share:.{1 if share in {0, 1} or 0.001 <= share <= 0.999 else 4}f} %"


def money(amount: str, unit: str) -> str:
    """An amount of the numeraire, given as exact decimal text, to two digits after the point."""
    return f"{figure(float(amount))} {unit}"


def is_scored(value: object) -> bool:
    """Whether something was measured; what was not is ``{"status": "unscored", "reason": …}``."""
    return value is not None and not (isinstance(value, dict) and value.get("status") in {"unscored", "rejected"})


def best_pool_text(found: dict[str, Any]) -> str:
    """For how many orders another pool of the pair gave more, and how much."""
    if not is_scored(found):
        return str(found["reason"])
    return (
        f"another pool gave more than their own for {count(found['better_elsewhere'])} of {count(found['orders'])} "
        f"orders ({percent(found['value_share_better_elsewhere'])} of the value), each alone in its own block: "
        f"{figure(found['mean_gain_bps'])} bps over all orders by value, "
        f"{figure(found['largest_gain_bps'])} bps at most"
    )
