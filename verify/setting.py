"""What a report says of the setting that its figures hold in: the market, the conventions, and what they leave open."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ingest.continuity import follow
from ingest.errors import InputError
from ingest.intents import LEAST_OUT
from ingest.labels import has_senders
from ingest.price_use import price_use
from verify.conventions import DEFAULT_GAS_PRICE_WEI, HEADLINE
from verify.reference import Reference

if TYPE_CHECKING:
    from ingest.records import History, Pool
    from verify.audit import AuditReport
    from verify.fork.base import ForkBase
    from verify.jobs import Plan

Json = dict[str, Any]

GWEI = 10**9


def market_json(plan: Plan) -> Json:
    """The pool, the blocks, the flow by class and the reference price."""
    history = plan.history
    reference, use = Reference(history, plan.native_price), price_use(history)
    return {
        "pool": _pool_json(history.pool),
        "fork": None if plan.base is None else _fork_json(plan.base),
        "pools_beside": [
            {"history": other.history.name, "known_blocks": list(other.blocks)} | _pool_json(other.history.pool)
            for other in plan.beside
        ],
        "blocks": {"first": history.events[0].block_number, "last": history.events[-1].block_number},
        "swaps_by_class": dict(sorted(Counter(plan.readings["rules"].classes.values()).items())),
        "numeraire": reference.numeraire.symbol,
        "reference_price": use.sentence(),
        "reference_price_step_s": use.step_s,
        "reference_price_oldest_s": use.oldest_s,
        "reference_price_mean_age_s": use.mean_age_s,
        "reference_price_older_than_step": use.older_than_step,
    }


def _fork_json(base: ForkBase) -> Json:
    fork = base.fork
    return {
        "content_id": base.content_id,
        "block_number": fork.block.block_number,
        "block_hash": f"0x{fork.block.block_hash.hex()}",
        "proven": not fork.told,
    }


def _missing(history: History) -> list[str]:
    """Where events are missing, which no replay of the others can show; caveats of the history itself say it first."""
    coverage = history.coverage
    if coverage is not None:
        unproven = coverage.proof == "none"
        return [f"{history.name}: it is not proven that no event is missing: {coverage.why}."] if unproven else []
    try:
        gaps = follow(history.initial_state, history.events).gaps
    except InputError as error:
        return [f"{history.name}: {error}."]
    if not gaps or any(caveat.startswith("Events are missing") for caveat in history.caveats):
        return []
    first = gaps[0]
    return [
        f"{history.name}: events are missing in {len(gaps):,} places, first in blocks {first.after_block} to "
        f"{first.before_block}: {first.why}."
    ]


def _pool_json(pool: Pool) -> Json:
    return {
        "kind": pool.kind,
        "chain_id": pool.chain_id,
        "address": pool.address,
        "token0": pool.token0.symbol,
        "token1": pool.token1.symbol,
        "fee_pips": pool.fee_pips,
    }


def conventions_json(plan: Plan) -> Json:
    """How history was read for the headline."""
    history = plan.history
    orders = plan.readings[HEADLINE.labelling].orders
    return {
        "labelling": HEADLINE.labelling,
        "anchor": HEADLINE.anchor,
        "unknown_limit_slack_bps": HEADLINE.slack_bps,
        "orders": len(orders),
        "swaps_too_small_to_be_orders": sum(swap.amount_out < LEAST_OUT for swap in history.swaps),
        "orders_with_known_limit": sum(seq in history.known_limits for seq in orders),
        "default_gas_price_wei": str(DEFAULT_GAS_PRICE_WEI),
        "swaps_with_gas_price": sum(swap.gas_price_wei is not None for swap in history.swaps),
    }


def caveats(plan: Plan, report: AuditReport) -> list[str]:
    """Sentences that every report over this history repeats, the history's own first."""
    history = plan.history
    said = list(history.caveats)
    if history.source == "simulated":
        said.append("This history is simulated: a market model traded on genuine pool bytecode; no person did.")
    for each in plan.histories:
        said += _missing(each)
    if report.unexplained:
        said.append(
            f"{len(report.unexplained)} of {report.events:,} events do not replay exactly; they are listed under audit."
        )
    unknown = sum(seq not in history.known_limits for seq in plan.readings[HEADLINE.labelling].orders)
    if unknown:
        said.append(
            f"The limits of {unknown:,} orders are not known. They are taken as the lower of what the order got and "
            f"{HEADLINE.slack_bps} bps below its quote at the start of its block; the results at 10 and 300 bps stand "
            "under sensitivity."
        )
    if misfit := price_use(history).misfit:
        said.append(f"The reference price's times may be wrong: {misfit}")
    if not has_senders(history):
        said.append(
            "The source does not tell who traded: every swap is an order of class unknown, and the verdict is on them."
        )
    if any(swap.gas_price_wei is None for swap in history.swaps):
        said.append(
            f"The source has no gas prices: {DEFAULT_GAS_PRICE_WEI // GWEI} gwei is assumed; the results at 0 and at "
            "double stand under sensitivity."
        )
    if not Reference(history, plan.native_price).gas_can_be_priced:
        said.append(
            "Neither token is the chain's wrapped native coin, so gas cannot be turned into the pool's tokens: give "
            "--native-price to score net of gas."
        )
    said.append("Swaps that failed are not in a pool's logs: the population is what succeeded.")
    if plan.base is not None:
        said += plan.base.caveats
    elif history.source != "simulated":
        said.append(
            "Both tokens are stood in for by plain ERC-20 contracts: gas of transfers differs from the chain's."
        )
    return said
