"""Scorecards of a run: the candidates', and the baselines' in the same measures."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from verify.assemble import as_baseline
from verify.evaluate import HEADLINE_NAME, Replayed
from verify.reference import MARKOUT_SECONDS, Reference
from verify.score.metrics import unscored
from verify.score.ratios import BPS, weighted_mean
from verify.score.scorecard import CandidateInfo, scorecard, turned_down
from verify.score.split import Split
from verify.score.verdict import NOT_RUN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ingest.records import History
    from verify.audit import AuditReport
    from verify.evaluate import Verdict
    from verify.jobs import Plan
    from verify.outcomes import OrderOutcome, Outcomes
    from verify.score.bootstrap import Draws

Json = dict[str, Any]

BASELINES = ("history", "amm", "standalone")


def candidate_cards(
    plan: Plan,
    report: AuditReport,
    candidates: Sequence[CandidateInfo],
    verdicts: Mapping[tuple[int, int], Verdict],
    *,
    ledger_rows: int,
    draws: Draws,
    progress: Callable[[int, str], None],
) -> list[Json]:
    """One scorecard a (candidate, window), in that order.

    Args:
        plan: The history that was replayed.
        report: How well it replays.
        candidates: Who is scored.
        verdicts: By (index of the candidate, window length in blocks).
        ledger_rows: Evaluations ever made on these held-out blocks, these included.
        draws: All resampling of the run.
        progress: Is told how many cards are done, and whose is next.
    """
    reference = Reference(plan.history, plan.native_price)
    no_markout = _no_markout(reference)
    cards: list[Json] = []
    for (i, window), found in sorted(verdicts.items(), key=lambda entry: entry[0]):
        progress(len(cards), candidates[i].name)
        if isinstance(found, tuple):
            card = turned_down(candidates[i], window, found)
            cards.append(card | {"findings": [finding.to_json() for finding in found]})
            continue
        outcomes = found.outcomes
        card = scorecard(
            outcomes[HEADLINE_NAME],
            variants={name: other for name, other in outcomes.items() if name != HEADLINE_NAME},
            ledger_rows=ledger_rows,
            draws=draws,
            candidate=candidates[i],
            caveats=(),
            price_source=reference.source,
            no_markout=no_markout,
            provisional=_why_provisional(plan, found.free_running),
            audited_share=audited_share(plan.history, report, window),
        )
        card["free_running"] = found.free_running or unscored("it was not run")
        if "seq" in card["worst_order"]:
            card["worst_order"]["tx_hash"] = plan.history.events[card["worst_order"]["seq"]].tx_hash
        cards.append(card)
    progress(len(cards), "")
    return cards


def audited_share(history: History, report: AuditReport, window_blocks: int) -> Fraction:
    """Of what was swapped in the held-out blocks, the share by value that replays exactly."""
    blocks = history.events[0].block_number, history.events[-1].block_number
    first, last = Split(*blocks, window_blocks).blocks("heldout")
    wrong = {(block, transaction) for block, transaction, _ in report.unexplained}
    value = exact = 0
    for swap in history.swaps:
        if first <= swap.block_number <= last:
            value += abs(swap.amount1)
            exact += abs(swap.amount1) * ((swap.block_number, swap.tx_hash) not in wrong)
    return Fraction(exact, value) if value else Fraction(1)


def _why_provisional(plan: Plan, free_running: Json | None) -> str:
    """Why the free-running replay cannot settle the verdict on longer windows; empty where it can."""
    if free_running is None:
        return NOT_RUN
    if free_running["elasticity"]:
        return "traders who could leave the mechanism chose with hindsight"
    if not plan.history.prices:
        return "without a price from elsewhere, arbitrage followed the pool's own historical price"
    return ""


def _first(verdicts: Mapping[tuple[int, int], Verdict]) -> Mapping[str, Outcomes] | None:
    """The outcomes of the first candidate that ran to its end, over the shortest window."""
    scored = [(window, i, found.outcomes) for (i, window), found in verdicts.items() if isinstance(found, Replayed)]
    return min(scored, key=lambda entry: entry[:2])[2] if scored else None


def best_pool(verdicts: Mapping[tuple[int, int], Verdict]) -> Json:
    """For how many orders another pool of the pair gave more than their own in their own block, and how much."""
    found = _first(verdicts)
    if found is None:
        return unscored("no candidate ran to its end")
    headline = found[HEADLINE_NAME]
    lost = {batch.window for batch in headline.batches if batch.unscored}
    orders = [order for order in headline.orders if order.window not in lost and order.standalone_out > 0]
    gains = [(BPS * (order.best_out - order.standalone_out), order.standalone_out) for order in orders]
    mean = weighted_mean(gains, [order.value for order in orders])
    if mean is None:
        return unscored("no order has a value to compare by")
    return {
        "orders": len(orders),
        "better_elsewhere": sum(gain > 0 for gain, _ in gains),
        "value_share_better_elsewhere": _share(orders, gains),
        "mean_gain_bps": float(mean),
        "largest_gain_bps": max(gain / out for gain, out in gains),
    }


def _share(orders: Sequence[OrderOutcome], gains: Sequence[tuple[int, int]]) -> float:
    value = sum(order.value for order in orders)
    better = sum(order.value for order, (gain, _) in zip(orders, gains, strict=True) if gain > 0)
    return better / value


def baseline_cards(
    plan: Plan, verdicts: Mapping[tuple[int, int], Verdict], *, ledger_rows: int, draws: Draws
) -> list[Json]:
    """The baselines over the shortest window's orders; none where no candidate ran to its end."""
    found = _first(verdicts)
    if found is None:
        return []
    reference = Reference(plan.history, plan.native_price)
    no_markout = _no_markout(reference)
    return [
        scorecard(
            as_baseline(found[HEADLINE_NAME], name),
            variants={},
            ledger_rows=ledger_rows,
            draws=draws,
            candidate=CandidateInfo(name, name, {}),
            caveats=(),
            price_source=reference.source,
            no_markout=no_markout,
        )
        for name in BASELINES
    ]


def _no_markout(reference: Reference) -> dict[int, str]:
    return {seconds: reference.why_no_markout(seconds) for seconds in MARKOUT_SECONDS}
