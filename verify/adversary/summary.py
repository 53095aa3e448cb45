"""What the attacks on a candidate's batches come to together, and the witnesses of those that paid."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from verify.adversary.witness import Witness, write_witness
from verify.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from verify.adversary.extract import Extracted
    from verify.adversary.jobs import Attacked
    from verify.adversary.regret import Deviation
    from verify.adversary.run import AttackOptions
    from verify.adversary.witness import Against
    from verify.jobs import Plan
    from verify.run import Rule

Json = dict[str, Any]

P99 = Fraction(99, 100)
NO_STATE_VALUE = "arbitrage alone takes nothing from these states, so that there is nothing to compare with"


def summary(
    plan: Plan,
    rule: Rule,
    candidate_id: str,
    options: AttackOptions,
    batches: int,
    found: Sequence[Attacked],
    folder: Path,
) -> Json:
    """The document of `pactsmith attack`; amounts of value are whole units of the numeraire.

    Writes a witness into the folder for every attack that pays. ``batches`` is how many there were to choose from.
    """
    reference = Reference(plan.history, plan.native_price)
    unit = reference.unit
    mechanism, amm = [one.mechanism for one in found], [one.amm for one in found]
    deviations = [deviation for one in found for deviation in one.deviations]
    witnesses = [write_witness(witness, folder) for one in found for witness in _witnesses(plan, rule, options, one)]
    return {
        "candidate_id": candidate_id,
        "name": rule.name,
        "history": plan.history.name,
        "window_blocks": options.window_blocks,
        "numeraire": reference.numeraire.symbol,
        "budget": _budget(options, found),
        "batches": {
            "attacked": len(found),
            "of": batches,
            "orders": sum(len(one.orders) for one in found),
            "filled": sum(one.filled for one in found),
        },
        **_extracted(mechanism, unit),
        "composability": _composability(mechanism, unit),
        "regret_bps": _regret(deviations),
        "regret_by_batch_size": _by_size(found),
        "collusion_bps": float(max((one.together.gain_bps for one in found if one.together), default=Fraction(0))),
        "misreports": dict(Counter(one.kind for one in deviations if one.gain_bps > 0)),
        "amm": _extracted(amm, unit),
        "searches": _searches([*mechanism, *amm]),
        "per_batch": [_batch(one, unit) for one in found],
        "witnesses": [str(path) for path in dict.fromkeys(witnesses)],
    }


def _budget(options: AttackOptions, found: Sequence[Attacked]) -> Json:
    budget = asdict(options.budget)
    del budget["capital"]
    return budget | {
        "capital": None if options.capital is None else float(options.capital),
        "plays_made": sum(one.mechanism.plays + one.amm.plays for one in found),
    }


def _extracted(found: Sequence[Extracted], unit: int) -> Json:
    return {
        "ev": _whole((one.ev for one in found), unit),
        "ev_without_orders": _whole((one.without for one in found), unit),
        "bad_ev": _whole((one.bad_ev for one in found), unit),
        "user_loss": _whole((one.user_loss for one in found), unit),
        "order_dependence_bps": float(max((one.dependence_bps for one in found), default=Fraction(0))),
        "batches_with_bad_ev": sum(one.bad_ev > 0 for one in found),
    }


def _composability(found: Sequence[Extracted], unit: int) -> Json:
    """ε of Clockwork Finance: by how much the mechanism with its orders raises what can be taken from the state."""
    state, both = (sum(amounts, Fraction(0)) for amounts in ((o.without for o in found), (o.ev for o in found)))
    told: Json = {"difference": float((both - state) / unit)}
    if state <= 0:
        return told | {"epsilon": None, "status": "unscored", "reason": NO_STATE_VALUE}
    return told | {"epsilon": float(both / state - 1), "status": "scored"}


def _regret(deviations: Sequence[Deviation]) -> Json:
    gains = sorted(one.gain_bps for one in deviations)
    if not gains:
        return {"mean": 0.0, "p99": 0.0, "max": 0.0, "n": 0}
    p99 = gains[min(len(gains) - 1, int(P99 * len(gains)))]
    return {"mean": float(sum(gains) / len(gains)), "p99": float(p99), "max": float(gains[-1]), "n": len(gains)}


def _by_size(found: Sequence[Attacked]) -> list[Json]:
    sizes: dict[int, list[Deviation]] = {}
    for one in found:
        sizes.setdefault(len(one.orders), []).extend(one.deviations)
    return [{"orders": size} | _regret(deviations) for size, deviations in sorted(sizes.items())]


def _searches(found: Sequence[Extracted]) -> Json:
    """How often each search found the best play, and how much of the structured one's the black-box one reached."""
    shares = sorted(one.black_box / one.structured for one in found if one.structured > 0)
    return {
        "best_by": dict(Counter(one.found_by for one in found)),
        "black_box_to_structured": None
        if not shares
        else {"min": float(shares[0]), "median": float(shares[len(shares) // 2]), "max": float(shares[-1])},
    }


def _batch(one: Attacked, unit: int) -> Json:
    return {
        "settle_block": one.settle_block,
        "orders": list(one.orders),
        "filled": one.filled,
        "mechanism": _of(one.mechanism, unit),
        "amm": _of(one.amm, unit),
        "regret_bps": [float(deviation.gain_bps) for deviation in one.deviations],
        "misreports": [deviation.kind for deviation in one.deviations],
    }


def _of(one: Extracted, unit: int) -> Json:
    return {
        "ev": float(one.ev / unit),
        "bad_ev": float(one.bad_ev / unit),
        "user_loss": float(one.user_loss / unit),
        "order_dependence_bps": float(one.dependence_bps),
        "orders_tried": one.orders_tried,
        "found_by": one.found_by,
        "play": one.play.to_json(),
    }


def _whole(amounts: Iterable[Fraction], unit: int) -> float:
    return float(sum(amounts, Fraction(0)) / unit)


def _witnesses(plan: Plan, rule: Rule, options: AttackOptions, one: Attacked) -> Iterator[Witness]:
    attacks: tuple[tuple[Against, Extracted], ...] = (("mechanism", one.mechanism), ("amm", one.amm))
    for against, found in attacks:
        if found.bad_ev > 0:
            taken = found.played.taken
            yield Witness(
                history=plan.history.name,
                content_ids=tuple(each.content_id for each in plan.histories),
                fork=None if plan.base is None else plan.base.content_id,
                rule={"name": rule.name, "source": rule.source, "parameters": dict(rule.parameters)},
                window_blocks=options.window_blocks,
                settle_block=one.settle_block,
                orders=one.orders,
                against=against,
                play=found.play,
                taken=(taken.token0, taken.token1),
                bought=found.played.bought,
                gas=found.played.gas,
            )
