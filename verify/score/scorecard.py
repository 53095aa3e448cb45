"""The scorecard of one candidate over one window length, as plain JSON (DESIGN.md section 8)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from verify.conventions import FREE_RUNNING
from verify.score import describe, markout, verdict, welfare
from verify.score.bootstrap import RESAMPLES, TAIL, Bounds
from verify.score.evidence import Evidence, M, VerdictClass, class_mask, resamples_for, verdict_class
from verify.score.frame import Frame, Rows, frame, rows_by_part
from verify.score.gates import Gate, first_failure, gates, gates_of_findings
from verify.score.metrics import (
    Slice,
    effective_n,
    size_deciles,
    tables,
    unscored,
    weighted_mean,
    without_largest,
)
from verify.score.ratios import MEASURES
from verify.score.sensitivity import Judged, judge_frame, judge_outcomes, why_empty
from verify.score.split import Part, Split

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from verify.findings import Finding
    from verify.outcomes import Outcomes
    from verify.score.bootstrap import Draws
    from verify.score.verdict import Judgement

Json = dict[str, Any]

SCORED_PARTS: tuple[Part, ...] = ("train", "heldout")

NOT_MEASURED = {
    "order_dependence_bps": "it takes an attack run",
    "bad_ev": "it takes an attack run",
    "regret_bps": "it takes an attack run",
}
"""Metrics that an anchored replay does not measure, with the reason."""

AUDITED = "of the held-out swaps by value replay exactly on the real pool"

RESULTS = (
    "parts",
    "by_class",
    "by_size_decile",
    "without_sandwich_batches",
    "effective_n",
    "mean_without_ten_largest",
    "capped_weights",
    "verdict_bounds",
    "bootstrap",
    "distribution",
    "fills",
    "gas_per_order",
    "gas",
    "price_uniformity",
    "fairness",
    "worst_order",
    "lp_markout",
    "welfare",
    "welfare_train",
    "sensitivity",
    "unscored_share_by_value",
    "dust",
)
"""Keys that a scorecard always has, unscored where the candidate was turned down or there was nothing to score."""


@dataclass(frozen=True, slots=True)
class CandidateInfo:
    """Who is scored: the rule's name, the candidate's identity and its constructor arguments."""

    name: str
    candidate_id: str
    parameters: Mapping[str, int]


def scorecard(
    headline: Outcomes,
    *,
    variants: Mapping[str, Outcomes],
    ledger_rows: int,
    draws: Draws,
    candidate: CandidateInfo,
    caveats: Sequence[str],
    price_source: str,
    no_markout: Mapping[int, str],
    provisional: str = "",
    audited_share: Fraction = Fraction(1),
) -> Json:
    """Scores one replay.

    Args:
        headline: The replay that is judged.
        variants: Replays under other labellings, limits or anchors, and the free-running one, by name.
        ledger_rows: k, the evaluations ever made on this held-out range, this one included; at least 1.
        draws: All resampling; shared by the scorecards of a run, which it does not change.
        candidate: Who is scored.
        caveats: Sentences that every report over this history repeats.
        price_source: Where the reference price comes from.
        no_markout: By horizon in seconds, why the price so long after a settlement cannot be told; empty where it can.
        provisional: Why a free-running replay cannot settle the verdict on longer windows; empty where it can.
        audited_share: Of the held-out swaps, the share by value that the real pool repeats exactly.

    Returns:
        Plain JSON values without NaN; a metric that could not be measured is {"status": "unscored", "reason": …}.

    Raises:
        OutcomesError: the outcomes contradict themselves, which no candidate can cause.
    """
    if ledger_rows < 1:
        raise ValueError(f"ledger_rows is {ledger_rows}: this evaluation itself is a row of the held-out ledger")
    rows = rows_by_part(headline)
    found = gates(
        [order for part in rows.values() for order in part.orders],
        [batch for part in rows.values() for batch in part.batches],
    )
    card = _opening(candidate, headline.window_blocks, found) | {
        "batches": len(headline.batches),
        "batch_sizes": describe.batch_sizes(headline.batches),
        "orders": len(headline.orders),
        "numeraire": headline.numeraire,
        "price_source": price_source,
        "caveats": list(caveats),
    }
    if failure := first_failure(found):
        return card | _closed(verdict.rejected(failure))
    if not rows["heldout"].orders:
        return card | _closed(verdict.unscored(why_empty(rows["heldout"])))
    if 1 - audited_share > verdict.MAX_UNSCORED_SHARE:
        return card | _closed(
            verdict.unscored(f"Only {100 * float(audited_share):.1f} % {AUDITED}, so no figure stands on it")
        )
    card |= _scores(headline, rows, variants, ledger_rows, draws, no_markout, provisional)
    if audited_share < 1:
        card["verdict_why"] += f" {100 * float(audited_share):.2f} % {AUDITED}; the others are listed under audit."
    return card


def turned_down(candidate: CandidateInfo, window_blocks: int, findings: Sequence[Finding]) -> Json:
    """The scorecard of a candidate that was rejected before its replay was done; ``findings`` say why."""
    found = gates_of_findings(findings)
    nothing: Json = {"batches": 0, "batch_sizes": {}, "orders": 0}
    return _opening(candidate, window_blocks, found) | nothing | _closed(verdict.rejected(first_failure(found)))


def _opening(candidate: CandidateInfo, window_blocks: int, found: Mapping[str, Gate]) -> Json:
    return {
        "name": candidate.name,
        "candidate_id": candidate.candidate_id,
        "parameters": {name: str(value) for name, value in candidate.parameters.items()},
        "window_blocks": window_blocks,
        "gates": {name: asdict(gate) for name, gate in found.items()},
    }


def _closed(judgement: Judgement) -> Json:
    """What stands in a scorecard that has no scores."""
    nothing = unscored(judgement.why)
    metrics = dict.fromkeys((*MEASURES, *markout.METRICS, *NOT_MEASURED), nothing)
    return {
        **dict.fromkeys(RESULTS, nothing),
        "status": judgement.verdict,
        "reason": judgement.why,
        "metrics": dict.fromkeys(SCORED_PARTS, metrics),
        **_verdict_json(judgement),
    }


def _scores(
    outcomes: Outcomes,
    rows: Mapping[Part, Rows],
    variants: Mapping[str, Outcomes],
    tests: int,
    draws: Draws,
    no_markout: Mapping[int, str],
    provisional: str,
) -> Json:
    flow_class = verdict_class(order for part in rows.values() for order in part.orders)
    heldout = frame(rows["heldout"], outcomes.unit, MEASURES)
    train = frame(rows["train"], outcomes.unit, MEASURES)
    resamples = {
        "train": resamples_for(train, flow_class, draws),
        "heldout": resamples_for(heldout, flow_class, draws),
    }
    by_part = {
        "train": _sliced(train, flow_class, resamples["train"]),
        "heldout": _sliced(heldout, flow_class, resamples["heldout"]),
    }
    judged, by_gas_price = judge_frame(heldout, rows["heldout"], outcomes, flow_class, resamples["heldout"], tests)
    of_batches = {
        part: markout.tables(found, no_markout, resamples[part])
        for part, found in (("train", train), ("heldout", heldout))
    }
    mask = class_mask(heldout, flow_class)
    trimmed = weighted_mean(heldout, M, without_largest(heldout, mask))
    gas = describe.gas(heldout)
    by_variant = {name: judge_outcomes(other, tests, draws) for name, other in variants.items()}
    judgement = judged.judgement
    if outcomes.window_blocks > 1:
        free = by_variant.get(FREE_RUNNING)
        judgement = verdict.over_windows(
            judgement,
            None if free is None else free.judgement,
            window_blocks=outcomes.window_blocks,
            provisional=provisional,
        )
    return {
        "status": "scored",
        "reason": "",
        "verdict_class": flow_class,
        "parts": {part: _part_json(outcomes, rows[part], part) for part in rows},
        "metrics": {part: found[flow_class] | of_batches[part] | _not_measured() for part, found in by_part.items()},
        "by_class": {part: {name: found[name] for name in ("user", "unknown")} for part, found in by_part.items()},
        "by_size_decile": {part: {str(i): found[str(i)] for i in range(1, 11)} for part, found in by_part.items()},
        "without_sandwich_batches": {part: found["without_sandwich"] for part, found in by_part.items()},
        "effective_n": effective_n(heldout, mask),
        "mean_without_ten_largest": unscored("no order left, or no M") if trimmed is None else trimmed,
        "capped_weights": _capped_json(judged),
        "verdict_bounds": _strict_json(judged.evidence),
        "bootstrap": {
            "method": "stationary block bootstrap over settlements, percentile and studentised, the wider of both",
            "block_length": {part: found.block_length for part, found in resamples.items()},
            "resamples": RESAMPLES,
            "seed": draws.seed,
        },
        "distribution": {
            "train": describe.distribution(train, class_mask(train, flow_class)),
            "heldout": describe.distribution(heldout, mask),
        },
        "fills": {"train": describe.fills(train), "heldout": describe.fills(heldout)},
        "gas_per_order": gas["per_order"],
        "gas": gas,
        "price_uniformity": describe.price_uniformity(heldout),
        "fairness": describe.fairness(heldout, mask),
        "worst_order": describe.worst_order(heldout, mask, outcomes.unit),
        "lp_markout": markout.markouts(heldout.batches, no_markout, outcomes.unit),
        "welfare": welfare.totals(heldout.batches, heldout.orders, outcomes.unit),
        "welfare_train": welfare.totals(train.batches, train.orders, outcomes.unit),
        "sensitivity": {name: _sensitivity_json(found) for name, found in by_gas_price.items()}
        | {name: _sensitivity_json(found) for name, found in by_variant.items()},
        "unscored_share_by_value": rows["heldout"].unscored_share,
        "dust": int(heldout.dust[mask].sum()),
        **_verdict_json(judgement),
    }


def _sliced(part: Frame, flow_class: VerdictClass, resamples: Any) -> dict[str, Json]:
    mask = class_mask(part, flow_class)
    slices = [
        Slice("user", part.user),
        Slice("unknown", ~part.user),
        Slice("without_sandwich", mask & ~part.sandwich),
        *size_deciles(part, mask),
    ]
    return tables(part, slices, resamples)


def _not_measured() -> Json:
    return {name: unscored(reason) for name, reason in NOT_MEASURED.items()}


def _verdict_json(judgement: Judgement) -> Json:
    return {
        "verdict": judgement.verdict,
        "verdict_why": judgement.why,
        "provisional": judgement.provisional,
    }


def _part_json(outcomes: Outcomes, rows: Rows, part: Part) -> Json:
    split = Split(outcomes.first_block, outcomes.last_block, outcomes.window_blocks)
    reasons = sorted({batch.unscored for batch in rows.unscored_batches})
    return {
        "blocks": list(split.blocks(part)),
        "batches": len(rows.batches),
        "orders": len(rows.orders),
        "dust": sum(order.value < outcomes.unit for order in rows.orders),
        "value": welfare.decimal_text(rows.value, outcomes.unit),
        "batch_sizes": describe.batch_sizes(rows.batches),
        "unscored_batches": len(rows.unscored_batches),
        "unscored_orders": rows.unscored_orders,
        "unscored_share_by_value": rows.unscored_share,
        "unscored_reasons": reasons,
        "without_history_outcome": sum(order.history_out <= 0 for order in rows.orders),
    }


def _bounds_json(bounds: Bounds) -> Json:
    return {"mean": bounds.estimate, "lower95": bounds.lower, "upper95": bounds.upper}


def _capped_json(judged: Judged) -> Json:
    if judged.evidence is None:
        return unscored(judged.judgement.why)
    return _bounds_json(judged.evidence.plain.m_capped)


def _strict_json(found: Evidence | None) -> Json:
    if found is None:
        return unscored("no M")
    level = {"tail": TAIL / found.tests, "tests": found.tests}
    if found.strict is None:
        return level | unscored("not drawn: the 95 % bounds do not clear 0 already")
    return level | {
        "resamples": found.resamples,
        **{name: {"lower": bounds["lower"], "upper": bounds["upper"]} for name, bounds in asdict(found.strict).items()},
    }


def _sensitivity_json(judged: Judged) -> Json:
    verdict_json = {"verdict": judged.judgement.verdict}
    if judged.evidence is None:
        return unscored(judged.judgement.why) | verdict_json
    return _bounds_json(judged.evidence.plain.m) | verdict_json | {"orders": judged.evidence.orders}
