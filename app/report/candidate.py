"""One candidate over one window length, in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.report.figures import bars
from app.report.html import Content, Html, el, join
from app.report.parts import (
    Column,
    Row,
    definitions,
    explained,
    fold,
    statistic,
    table,
    unscored,
    verdict_badge,
)
from app.report.spread import by_class, by_decile, distribution, sensitivity
from app.words import (
    GATES,
    METRICS,
    PARTIES,
    VERDICT_METRIC,
    bounds,
    count,
    figure,
    in_order,
    is_scored,
    metric_of,
    money,
    or_dash,
    percent,
    plural,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]

DECOMPOSITION = ("bots_removed_bps", "mechanism_bps", "delay_bps", "improvement_bps", "net_of_gas_bps", VERDICT_METRIC)
FREE_WAYS = {
    "mechanism": "the mechanism",
    "fallback": "the AMM after a settlement left them",
    "amm": "the AMM by choice",
}
LARGEST_SIZE_SHOWN = 12
"""Batches of more orders share the last bar."""


def anchor_of(card: Json) -> str:
    """The candidate's place on the page."""
    return f"c-{card['candidate_id'][:12]}-{card['window_blocks']}"


def window_text(card: Json) -> str:
    """A window length in words."""
    blocks = card["window_blocks"]
    return f"{blocks} block{'' if blocks == 1 else 's'}"


def candidate_section(card: Json, *, opened: bool) -> Html:
    """A candidate's part of the page."""
    title = join((f"{card['name']}, window {window_text(card)}: ", verdict_badge(card)))
    scored = card["status"] == "scored"
    content: list[Content] = [
        el("p", card["verdict_why"], id=anchor_of(card)),
        _identity(card),
        el("h3", "Gates"),
        _gates(card["gates"]),
    ]
    if scored:
        content += [
            el("h3", "Where the change comes from"),
            _decomposition(card["metrics"]),
            el("div", _welfare(card), _batch_sizes(card), class_="columns"),
            _markouts(card),
            _free_running(card),
            sensitivity(card),
            el("div", el("div", distribution(card), by_class(card)), by_decile(card), class_="columns"),
            _all_metrics(card["metrics"]),
            el("h3", "Fills, gas, fairness"),
            _particulars(card),
        ]
    return fold(title, *content, opened=opened)


def _identity(card: Json) -> Html:
    parameters = ", ".join(f"{name} = {value}" for name, value in in_order(card["parameters"], ()))
    shown = f"Parameters: {parameters}." if parameters else "No parameters."
    return el("p", shown, " Candidate ", el("code", card["candidate_id"][:16]), class_="dim")


def _gates(gates: Mapping[str, Json]) -> Html:
    marks = {True: ("✔ passed", "good-mark"), False: ("✘ failed", "bad-mark"), None: ("– not reached", "dim")}
    rows = []
    for name, gate in in_order(gates, GATES):
        word, class_ = marks[gate["passed"]]
        rows.append(Row((name.replace("_", " "), el("span", word, class_=class_), gate["detail"])))
    return table((Column("Gate"), Column("Result"), Column("What was found")), rows)


def _decomposition(metrics: Mapping[str, Json]) -> Html:
    columns = (
        Column("bps of what history gave"),
        Column(
            "Held out", "The last third of the blocks, which no choice was made on. Mean [95 % bounds].", number=True
        ),
        Column("Train", "The first two thirds of the blocks.", number=True),
    )
    rows = [_metric_row(metrics, name) for name in DECOMPOSITION]
    return table(columns, rows, "Value-weighted means; bots removed + mechanism = improvement.")


def _metric_row(metrics: Mapping[str, Json], name: str) -> Row:
    metric = metric_of(name)
    title = metric.title if metric.unit in {"bps", ""} else f"{metric.title} ({metric.unit})"
    values = (statistic(metrics[part].get(name), name) for part in ("heldout", "train"))
    return Row((explained(title, metric.formula), *values))


def _all_metrics(metrics: Mapping[str, Json]) -> Html:
    """Everything with its distribution, and what is not measured with the reason."""
    columns = (
        Column("Metric, held out"),
        Column("Mean", number=True),
        Column("95 % bounds", "One-sided 95 % bounds by a block bootstrap.", number=True),
        Column("Median", "Each order alike, dust left out.", number=True),
        Column("5th percentile", "Each order alike, dust left out.", number=True),
        Column("Below 0", "Share of orders, dust left out.", number=True),
        Column("Orders", number=True),
    )
    heldout = in_order(metrics["heldout"], METRICS)
    rows = []
    for name, value in heldout:
        metric = metric_of(name)
        heading = explained(f"{metric.title} ({metric.unit})" if metric.unit else metric.title, metric.formula or name)
        if not is_scored(value):
            rows.append(Row((heading, unscored(value), *("",) * 5)))
            continue
        spread = [or_dash(value.get(key), figure) for key in ("median", "p5")]
        below = or_dash(value.get("share_below_zero"), percent)
        rows.append(Row((heading, figure(value["mean"]), bounds(value), *spread, below, count(value["n"]))))
    missing = [(metric_of(name).title, value["reason"]) for name, value in heldout if not is_scored(value)]
    listed = definitions(missing) if missing else None
    return fold("All metrics, and what is not measured yet", table(columns, rows), el("h3", "Not measured"), listed)


def _welfare(card: Json) -> Html:
    unit = str(card["numeraire"])
    columns = (
        Column(f"Held out, {unit}"),
        Column("Against history", number=True),
        Column("Against the AMM", "Against the plain AMM in the orders' own blocks, without bots.", number=True),
    )
    rows = []
    for party, gains in in_order(card["welfare"], PARTIES):
        cells = (unscored(gains) if gains[key] is None else money(gains[key], unit) for key in ("vs_history", "vs_amm"))
        rows.append(Row((PARTIES.get(party, party.replace("_", " ")), *cells), "baseline" if party == "gas" else None))
    note = "Without the gas row each column sums to zero: nothing appears or disappears."
    return el("div", el("h3", "Who gained, who paid"), table(columns, rows, note))


def _markouts(card: Json) -> Html:
    """What the liquidity providers' side of the trades was worth a while later, in the three worlds."""
    unit = str(card["numeraire"])
    columns = (
        Column("Seconds after settlement", METRICS["lp_markout_bps"].formula),
        *(Column(world, number=True) for world in ("History", "AMM", "Candidate")),
        Column("Candidate's fees", "Valued at the same moment.", number=True),
    )
    rows = []
    for seconds, found in sorted(card["lp_markout"].items(), key=lambda entry: int(entry[0])):
        if is_scored(found):
            worlds = (money(found[world]["inventory"], unit) for world in ("history", "amm", "candidate"))
            rows.append(Row((seconds, *worlds, money(found["candidate"]["fees"], unit))))
        else:
            rows.append(Row((seconds, unscored(found), "", "", "")))
    return fold("Liquidity providers' markout, held out, before fees", table(columns, rows))


def _free_running(card: Json) -> Html:
    """What came of it in the world that the mechanism makes: over all blocks, not only those held out."""
    found, unit = card["free_running"], str(card["numeraire"])
    title = "Free-running: the pool moves by what happens under the mechanism, all blocks"
    if not is_scored(found):
        return fold(title, el("p", unscored(found)))
    rows = []
    for party, gains in in_order(found["ledger"], PARTIES):
        cells = (unscored(gains) if gains[key] is None else money(gains[key], unit) for key in ("vs_history", "vs_amm"))
        rows.append(Row((PARTIES.get(party, party.replace("_", " ")), *cells), "baseline" if "gas" in party else None))
    columns = (
        Column(f"All blocks, {unit}"),
        Column("Against history", number=True),
        Column("Against the AMM", "The same world with every order sent to the AMM in its own block.", number=True),
    )
    note = "Without the gas rows each column sums to zero."
    return fold(title, definitions(_free_facts(found, unit)), table(columns, rows, note))


def _free_facts(found: Json, unit: str) -> list[tuple[Content, Content]]:
    ways = ", ".join(f"{count(number)} by {FREE_WAYS[way]}" for way, number in found["served_by"].items())
    arbitrage, plain = found["arbitrage"]["mechanism"], found["arbitrage"]["amm"]
    closed = arbitrage["closed_form"]
    facts: list[tuple[Content, Content]] = [
        ("Traders who leave where the AMM serves them better", percent(found["elasticity"])),
        ("Orders served", ways),
        (
            "Lost to arbitrage, before fees",
            f"{_worth(arbitrage['lost_before_fees'], unit)} in {count(arbitrage['trades'])} trades, which paid "
            f"{_worth(arbitrage['fees'], unit)} of fees; on the AMM alone {_worth(plain['lost_before_fees'], unit)}"
            + ("" if closed is None else f"; σ²/8 says {_worth(str(closed), unit)}"),
        ),
        ("Against the anchored replay", _divergence_text(found["divergence"])),
        ("Windows without a sound outcome", count(found["unscored_windows"])),
        ("Liquidity events that could not happen here", count(found["unapplied"])),
    ]
    return facts


def _worth(amount: str, unit: str) -> str:
    """An amount that is no gain: without a plus."""
    return money(amount, unit).lstrip("+")


def _divergence_text(found: Json) -> str:
    outcome = found["outcome_bps"]
    if "median" not in outcome:
        return "no order has an outcome in both"
    return (
        f"outcomes differ by {figure(outcome['median'])} bps in the median ({figure(outcome['p5'])} to "
        f"{figure(outcome['p95'])}, 5th and 95th percentile), {figure(outcome['farthest']['bps'])} bps at most"
    )


def _batch_sizes(card: Json) -> Html:
    shown: dict[str, int] = {}
    for size, batches in sorted(card["batch_sizes"].items(), key=lambda item: int(item[0])):
        label = size if int(size) < LARGEST_SIZE_SHOWN else f"{LARGEST_SIZE_SHOWN}+"
        shown[label] = shown.get(label, 0) + batches
    titles = [f"{plural(number, 'batch', 'batches')} of {label}" for label, number in shown.items()]
    alone = shown.get("1", 0) / max(sum(shown.values()), 1)
    caption = (
        f"{plural(card['batches'], 'batch', 'batches')} by their number of orders; {percent(alone)} hold one order, "
        "where a batch cannot beat the AMM."
    )
    return el("div", el("h3", "Batch sizes"), bars(list(shown), list(shown.values()), titles, caption))


def _particulars(card: Json) -> Html:
    unit = str(card["numeraire"])
    fills, gas, fairness = card["fills"]["heldout"], card["gas"], card["fairness"]
    rows: list[tuple[Content, Content]] = []
    filled = fills["fill_rate_by_value"]
    rows.append(
        (
            "Filled",
            _or_unscored(
                filled,
                lambda share: f"{count(fills['filled'])} of {count(fills['orders'])} orders, {percent(share)} by value",
            ),
        )
    )
    rows.append(
        (
            "Fallbacks",
            f"{count(fills['fallbacks'])}, of them {count(fills['fallbacks_below_limit'])} below the limit; "
            f"{count(fills['dropped'])} orders dropped by the kernel, {count(fills['partial'])} filled in part",
        )
    )
    rows.append(("Limits unknown", f"{count(fills['limits_unknown'])} of {count(fills['orders'])} orders"))
    rows.append(("Gas per order", _or_unscored(gas, _gas_text)))
    rows.append(("Price uniformity", _or_unscored(card["price_uniformity"], _uniformity_text)))
    rows.append(("Fairness", _or_unscored(fairness, _fairness_text)))
    rows.append(("Effective number of orders", _or_unscored(card["effective_n"], lambda n: f"{n:,.1f} = (Σv)² / Σv²")))
    rows.append(
        (
            "M without the ten largest orders",
            _or_unscored(card["mean_without_ten_largest"], lambda m: f"{figure(m)} bps"),
        )
    )
    rows.append(("M with weights capped at their 99th percentile", statistic(card["capped_weights"], VERDICT_METRIC)))
    rows.append(("Worst order", _or_unscored(card["worst_order"], lambda worst: _worst_text(worst, unit))))
    rows.append(("Value that could not be replayed soundly", percent(card["unscored_share_by_value"])))
    rows.append(("Dust", f"{count(card['dust'])} orders worth less than 1 {unit}"))
    rows.append(("Level of the verdict", _level_text(card["verdict_bounds"])))
    return definitions(rows)


def _or_unscored(value: Any, say: Any) -> Content:
    return say(value) if is_scored(value) else unscored(value)


def _gas_text(gas: Json) -> str:
    return (
        f"{count(gas['per_order'])} ({count(gas['amm_per_order'])} as a swap on the AMM); "
        f"the largest settlement took {count(gas['worst_settlement'])}"
    )


def _uniformity_text(spread: Json) -> str:
    return (
        f"largest difference of two orders' price in one batch and direction: median {spread['median']:.2f} bps, "
        f"max {spread['max']:.2f} bps, {plural(spread['n'], 'batch', 'batches')} of two orders or more"
    )


def _fairness_text(fairness: Json) -> str:
    gini = fairness["gini"]
    inequality = f", Gini coefficient of ŷ/y {gini:.4f}" if is_scored(gini) else ""
    return f"{percent(fairness['share_below_standalone'])} of orders got less than alone{inequality}"


def _worst_text(worst: Json, unit: str) -> str:
    transaction = f", transaction {worst['tx_hash']}" if worst.get("tx_hash") else ""
    place = f"block {worst['block_number']:,}, {_worth(worst['value'], unit)}"
    return f"{place}: {figure(worst[worst['by']])} bps{transaction}"


def _level_text(level: Json) -> str:
    if "tests" not in level:
        return str(level.get("reason", ""))
    drawn = (
        f"M {_edge(level['m']['lower'])} to {_edge(level['m']['upper'])} bps" if is_scored(level) else level["reason"]
    )
    return f"0.05 / {count(level['tests'])}, for every evaluation ever made on these held-out blocks: {drawn}"


def _edge(value: float | None) -> str:
    return "…" if value is None else figure(value)
