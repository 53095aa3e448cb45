"""The page's top: what was replayed, what came out, the leaderboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.report.candidate import anchor_of
from app.report.figures import axis, common_scale, forest_row
from app.report.html import Content, Html, el, join
from app.report.parts import Column, Row, definitions, explained, fold, section, statistic, table, verdict_badge
from app.report.spread import interval_of, plain_statistic
from app.summary import headline, ranked
from app.words import (
    METRICS,
    VERDICT_METRIC,
    VERDICTS,
    best_pool_text,
    count,
    in_order,
    is_scored,
    percent,
    pool_name,
    verdict_of,
)
from ingest.records import FLOW_CLASSES

if TYPE_CHECKING:
    from app.report.figures import Interval

Json = dict[str, Any]

SOURCES = {
    "simulated": "simulated market: not real trading",
    "file": "real history, from files",
    "chain": "real history, from a chain",
}
BASELINES = {
    "history": ("History", "What the orders really got, bots included."),
    "amm": ("AMM without bots", "Each block's orders one by one on the pool, in historical order, nobody in between."),
    "standalone": (
        "Each order alone",
        "Every order by itself on its block's first state: a bound, no mechanism can give it to all.",
    ),
}
LARGEST_LIST = 200
"""So many exceptions of the audit are listed on the page; the JSON beside it has all."""


def opening(document: Json) -> Html:
    """Title, where the history comes from, and the result in a sentence."""
    market, best = document["market"], ranked(document)[0]
    pool, blocks = market["pool"], market["blocks"]
    source = document["source"]
    facts = [
        el("li", SOURCES.get(source, source), class_="warn" if source == "simulated" else None),
        el(
            "li",
            f"{pool_name(pool['kind'], pool['token0'], pool['token1'], pool['fee_pips'])}, chain {pool['chain_id']}",
        ),
        el("li", f"blocks {blocks['first']:,} to {blocks['last']:,}"),
        el("li", _audit_in_short(document["audit"]), class_=None if _audited(document["audit"]) else "warn"),
    ]
    tone = verdict_of(best["verdict"]).tone
    told = el("p", el("strong", f"{best['name']}, window {best['window_blocks']}: "), best["verdict_why"])
    return join(
        (
            el("p", "Pactsmith report", class_="eyebrow"),
            el("h1", f"Would another settlement have served the traders of {document['history']} better?"),
            el("ul", *facts, class_="facts"),
            el("div", el("p", el("strong", headline(document))), told, class_=f"headline {tone}"),
        )
    )


def _audited(audit: Json) -> bool:
    return not audit["mismatched"] and not audit["unexplained"]


def _audit_in_short(audit: Json) -> str:
    return f"audit: {count(audit['exact'])} of {count(audit['swaps'])} swaps exact to the wei"


def leaderboard(document: Json) -> Html:
    """All candidates with their intervals on one axis, the baselines among them."""
    cards = ranked(document)
    intervals = {anchor_of(card): interval_of(_m(card)) for card in cards}
    scale = common_scale([found for found in intervals.values() if found is not None], 200)
    rows = [_leader_row(place, card, intervals[anchor_of(card)], scale) for place, card in enumerate(cards, start=1)]
    rows.append(Row(("", "", "", "", axis(scale), "", "", ""), "axis-row"))
    columns = (
        Column("Rule"),
        Column("Window", "Blocks whose orders settle together.", number=True),
        Column("Verdict", "Held out, at the level that pays for everything ever tried on these blocks."),
        Column("M, bps [95 % bounds]", METRICS[VERDICT_METRIC].formula, number=True),
        Column("M against zero, the AMM"),
        Column("Net of gas, bps", METRICS["net_of_gas_bps"].formula, number=True),
        Column("Gas per order", "The settlement's gas over the orders that it filled.", number=True),
        Column("Orders", "Held out, of the class that is judged.", number=True),
    )
    note = (
        "M is what an order gained over the plain AMM in its own block, gas included. Held-out blocks only. "
        "Hover over what has a dotted line for its formula, or see the end of the page."
    )
    return section(
        "Leaderboard", el("p", note), table(columns, [*_baseline_rows(document), *rows]), anchor="leaderboard"
    )


def _m(card: Json) -> Any:
    return card["metrics"]["heldout"].get(VERDICT_METRIC)


def _baseline_rows(document: Json) -> list[Row]:
    """What every candidate is compared with, in the candidates' own measures."""
    rows = []
    for card in document["baselines"]:
        heldout = card["metrics"]["heldout"]
        value = _m(card)
        cells: tuple[Content, ...] = (
            explained(BASELINES.get(card["name"], (card["name"], ""))[0], BASELINES.get(card["name"], ("", ""))[1]),
            str(card["window_blocks"]),
            "baseline",
            statistic(value, VERDICT_METRIC),
            None,
            _mean_only(heldout.get("net_of_gas_bps")),
            count(card["gas_per_order"]) if is_scored(card["gas_per_order"]) else "–",
            count(value["n"]) if is_scored(value) else "–",
        )
        rows.append(Row(cells, "baseline"))
    return rows


def _leader_row(place: int, card: Json, interval: Interval | None, scale: Any) -> Row:
    name = join((f"{place}. ", el("a", card["name"], href=f"#{anchor_of(card)}")))
    heldout = card["metrics"]["heldout"]
    value = _m(card)
    plot = forest_row(interval, scale, f"{card['name']}: {plain_statistic(value)}") if interval else None
    gas = card["gas_per_order"]
    orders = count(value["n"]) if is_scored(value) else "–"
    cells: tuple[Content, ...] = (
        name,
        str(card["window_blocks"]),
        verdict_badge(card),
        statistic(value, VERDICT_METRIC),
        plot,
        _mean_only(heldout.get("net_of_gas_bps")),
        count(gas) if is_scored(gas) else "–",
        orders,
    )
    return Row(cells)


def _mean_only(value: Any) -> Html:
    """A statistic of the leaderboard that is not the verdict's: without its bounds, which the candidate's part has."""
    return statistic({**value, "lower95": None, "upper95": None} if is_scored(value) else value, "net_of_gas_bps")


def audit_section(document: Json) -> Html:
    """How exactly history itself replays, with every exception."""
    content: list[Content] = []
    for audit in (document["audit"], *document["audit_beside"]):
        of_pool = f" (of {audit['history']})" if document["audit_beside"] else ""
        content.append(el("p", _audit_text(audit, of_pool)))
        if exceptions := audit["unexplained"]:
            content.append(_exceptions(exceptions))
    return section("Audit", *content, anchor="audit")


def _audit_text(audit: Json, of_pool: str) -> str:
    share = percent(audit["audited_share_by_value"])
    return (
        f"Before anything was scored, history itself{of_pool} was replayed through the real pool bytecode: "
        f"{count(audit['exact'])} of {count(audit['swaps'])} swaps came out exactly, in amounts, price, liquidity and "
        f"tick ({share} of the swapped value); {count(audit['mismatched'])} did not. "
        f"{count(len(audit['unexplained']))} events are unexplained."
    )


def _exceptions(exceptions: list[Json]) -> Html:
    rows = [Row((f"{found['block']:,}", el("code", found["tx"]), found["why"])) for found in exceptions[:LARGEST_LIST]]
    left = len(exceptions) - LARGEST_LIST
    more = f" The JSON lists the other {count(left)}." if left > 0 else ""
    return fold(f"The exceptions.{more}", table((Column("Block"), Column("Transaction"), Column("What differs")), rows))


def setting_section(document: Json) -> Html:
    """What the figures rest on: conventions, labels, the reference price, and every caveat."""
    market, conventions, heldout = document["market"], document["conventions"], document["heldout"]
    first = document["candidates"][0]
    flow = in_order(market["swaps_by_class"], FLOW_CLASSES)
    rows: list[tuple[Content, Content]] = [
        ("Source", SOURCES.get(document["source"], document["source"])),
        ("Flow", ", ".join(f"{count(number)} {name}" for name, number in flow)),
        ("World", _world_text(market.get("fork"))),
        *_other_pools(document),
        ("Reference price", f"{market['reference_price']}; values in {market['numeraire']}"),
        ("Labelling", f"“{conventions['labelling']}”: {count(conventions['orders'])} swaps are orders"),
        (
            "Limits",
            f"{count(conventions['orders_with_known_limit'])} of {count(conventions['orders'])} known; an unknown one "
            "is the lower of what the order got and "
            f"{conventions['unknown_limit_slack_bps']} bps below its quote alone",
        ),
        ("Gas prices", _gas_price_text(conventions, market)),
        ("Anchor", f"“{conventions['anchor']}”: the true state of the pool that each batch is settled on"),
        ("Held out", _heldout_text(first)),
        ("Bootstrap", _bootstrap_text(first)),
        (
            "Level",
            f"the verdicts pay for all {count(heldout['ledger_rows'])} evaluations ever made on these held-out blocks",
        ),
        ("Evaluator", f"version {document['evaluator_version']}, seed {heldout['seed']}, run {document['run_id']}"),
    ]
    caveats = el("ul", *(el("li", caveat) for caveat in document["caveats"]))
    return section("What this rests on", definitions(rows), el("h3", "Caveats"), caveats, anchor="setting")


def _world_text(fork: Json | None) -> str:
    if fork is None:
        return "pools of Uniswap's own bytecode, made from what the history tells"
    proven = "all of it" if fork["proven"] else "not all of it"
    block = f"block {fork['block_number']:,} ({fork['block_hash']})"
    return f"the chain's own pools and tokens, forked after {block}; {proven} proven against that block"


def _other_pools(document: Json) -> list[tuple[Content, Content]]:
    """The pools beside, and for how many orders one of them was the better one."""
    beside = document["market"]["pools_beside"]
    if not beside:
        return []
    names = [
        f"{pool['history']} ({pool_name(pool['kind'], pool['token0'], pool['token1'], pool['fee_pips'])})"
        for pool in beside
    ]
    return [("Pools beside", ", ".join(names)), ("Best pool", best_pool_text(document["best_pool"]))]


def _gas_price_text(conventions: Json, market: Json) -> str:
    swaps, known = sum(market["swaps_by_class"].values()), conventions["swaps_with_gas_price"]
    assumed = int(conventions["default_gas_price_wei"]) / 10**9
    return f"known for {count(known)} of {count(swaps)} swaps; {assumed:g} gwei assumed elsewhere"


def _heldout_text(card: Json) -> str:
    parts = card["parts"]
    if not is_scored(parts):
        return str(parts["reason"])
    ranges = {name: "{:,} to {:,}".format(*part["blocks"]) for name, part in parts.items()}
    others = f"train {ranges['train']}, embargo {ranges['embargo']}"
    return f"blocks {ranges['heldout']}; {others} (window {card['window_blocks']})"


def _bootstrap_text(card: Json) -> str:
    found = card["bootstrap"]
    if not is_scored(found):
        return str(found["reason"])
    length = count(found["block_length"]["heldout"])
    return f"{found['method']}; {count(found['resamples'])} resamples, blocks of {length} settlements"


def glossary() -> Html:
    """Verdicts and measures in words."""
    verdicts = [
        (el("span", f"{verdict.mark} {name}", class_=f"verdict {verdict.tone}"), verdict.meaning)
        for name, verdict in VERDICTS.items()
    ]
    measures = [(metric.title, metric.formula) for metric in METRICS.values()]
    return section(
        "How to read this",
        el("h3", "Verdicts"),
        definitions(verdicts),
        fold("Measures and their formulas", definitions(measures)),
        anchor="glossary",
    )
