"""What the commands print on a terminal. Everything from outside goes through `printable`, never through markup."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.summary import headline, label, ranked
from app.text import printable
from app.words import VERDICT_METRIC, bounds, count, figure, is_scored, percent, verdict_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from app.doctor import Check
    from app.report.page import ReportFiles
    from app.stored import Stored

Json = dict[str, Any]


class _Output(Console):
    """Standard output that leaves a closed pipe to the command line, which knows the exit code for it."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console() -> Console:
    """Standard output: as wide as the terminal, and wide enough for every table where there is none."""
    found = _Output(highlight=False, markup=False, emoji=False)
    return found if found.is_terminal else _Output(highlight=False, markup=False, emoji=False, width=160)


def grid(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Sequence[str] = (), whole: Sequence[str] = ()
) -> Table:
    """A table of plain text; ``numbers`` are aligned to the right, ``whole`` are never broken over lines."""
    found = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        justify: Literal["left", "right"] = "right" if column in numbers else "left"
        found.add_column(column, justify=justify, overflow="fold", no_wrap=column in whole)
    for row in rows:
        found.add_row(*(cell if isinstance(cell, Text) else Text(printable(cell)) for cell in row))
    return found


def say(*lines: object, wrap: bool = False) -> None:
    """Prints lines of plain text, broken only where the text itself is, or with ``wrap`` to fit a terminal."""
    out = console()
    for line in lines:
        out.print(Text(printable(line)), soft_wrap=not (wrap and out.is_terminal))


def show_checks(found: Sequence[Check]) -> None:
    """What ``doctor`` found."""
    out = console()
    for check in found:
        word, style = (
            ("ok", "green") if check.passed else ("MISSING", "bold red") if check.essential else ("note", "yellow")
        )
        out.print(
            Text.assemble((f"{word:<8}", style), (f"{check.name:<19}", "bold"), printable(check.detail)), soft_wrap=True
        )
        if not check.passed and check.remedy:
            out.print(Text(f"{'':<27}→ {check.remedy}"), soft_wrap=True)


def show_stored(stored: Sequence[Stored]) -> None:
    """What an ingest did."""
    for one in stored:
        _say_stored(one.to_json())


def show_gaps(gaps: Sequence[Json]) -> None:
    """In which blocks events are missing."""
    say(*(f"  events are {_gap(gap)}" for gap in gaps[:SHOWN_GAPS]))
    if len(gaps) > SHOWN_GAPS:
        say(f"  and in {count(len(gaps) - SHOWN_GAPS)} more places")


def show_fetched(documents: Sequence[Json]) -> None:
    """What an ingest from a node did."""
    for document in documents:
        _say_stored(document)
        noted = [
            (document["logs_fetched"], "logs fetched, those of the same transactions elsewhere included"),
            (document["transactions_fetched"], "transactions fetched"),
            (document["router_calls"], "calls of known routers read"),
            (sum(reorg["dropped_blocks"] for reorg in document["reorgs"]), "stored blocks replaced by the chain"),
            (len(document["truncations"]), "ranges that the node had first told incompletely"),
            (len(document["refetched"]), "ranges asked for again, because events were missing"),
        ]
        say(*(f"  {count(number)} {what}" for number, what in noted if number))
        if document["intents"]:
            say(f"  what their callers wanted is the order flow {document['intents']['order_flow']}")
        say(f"  blocks {_proof(document['coverage'])}")


def _proof(coverage: Json) -> str:
    blocks = f"{coverage['first_block']} to {coverage['last_block']}"
    if coverage["proof"] == "logs":
        return f"{blocks}: proven complete, by the node's headers and receipts"
    if coverage["proof"] == "state":
        return f"{blocks}: proven to lead to the state that the node tells for the last one; {coverage['why']}"
    return f"{blocks}: NOT proven complete: {coverage['why']}"


def _say_stored(document: Json) -> None:
    counts = document["counts"]
    kinds = ", ".join(f"{count(number)} {kind}" for kind, number in sorted(counts["events"].items()))
    say(
        f"{document['history']}: {document['written']} ({_source(document['source'])}, {document['pool']})",
        f"  {count(document['events'])} events in blocks {document['first_block']} to "
        f"{document['last_block']}: {kinds}",
    )
    noted = [
        (counts["duplicates"], "exact duplicates, dropped"),
        (counts["out_of_order"], "rows out of order, sorted"),
        (counts["dropped_before_state"], "events at or before the initial state, dropped"),
        (counts["unmatched_labels"], "labels of swaps that are not here"),
        (sum(counts["ignored"].values()), "other logs ignored"),
        (document["labels"], "swaps with a class from the source"),
        (document["known_limits"], "swaps with a known limit"),
    ]
    say(*(f"  {what}: {count(number)}" for number, what in noted if number))
    if document["prices"]:
        say(f"  {count(document['prices'])} reference prices: {document['price_source']}")
    say(*(f"  note: {caveat}" for caveat in document["caveats"]))


def show_histories(document: Json) -> None:
    """The stored histories."""
    if not document["histories"]:
        say(
            f"The store at {document['store']} has no history yet.",
            "`pactsmith demo` makes the embedded one; `pactsmith ingest files` reads one from files.",
        )
        return
    columns = ("history", "source", "pool", "events", "swaps", "blocks")
    rows = [
        (
            found["history"],
            _source(found["source"]),
            found["pool"],
            count(found["events"]),
            count(found["swaps"]),
            f"{found['first_block']}–{found['last_block']}",
        )
        for found in document["histories"]
    ]
    console().print(grid(columns, rows, numbers=("events", "swaps")))


SHOWN_GAPS = 10


def _continuity(continuity: Json) -> str:
    gaps, doubts = len(continuity["gaps"]), continuity["doubts"]
    fitting = (
        f"{count(continuity['fitting'])} of {count(continuity['moves'])} events follow from those before, to the wei"
    )
    said = f"{fitting}; {count(gaps)} gap(s)" if gaps else f"{fitting}; no gap"
    return f"{said}, {count(doubts)} place(s) where something else may explain it" if doubts else said


def _gap(gap: Json) -> str:
    return f"missing in blocks {gap['after_block']} to {gap['before_block']}: {gap['why']}"


def show_coverage(document: Json) -> None:
    """One history in full."""
    kinds = ", ".join(f"{count(number)} {kind}" for kind, number in document["events"].items())
    say(
        f"{document['history']} ({_source(document['source'])})",
        f"  pool      {document['pool']}, chain {document['chain_id']}, {document['pool_address']}",
        f"  blocks    {document['first_block']} to {document['last_block']} "
        f"({_time(document['first_ts'])} to {_time(document['last_ts'])} UTC), "
        f"{count(document['blocks_with_events'])} with events",
        f"  events    {kinds}",
        *(() if document["coverage"] is None else (f"  fetched   {_proof(document['coverage'])}",)),
        f"  chain     {_continuity(document['continuity'])}",
        *(f"            {_gap(gap)}" for gap in document["continuity"]["gaps"][:SHOWN_GAPS]),
        f"  limits    {count(document['known_limits'])} known from the source",
        f"  gas       prices of {count(document['gas_prices'])} swaps known",
        f"  prices    {document['prices']['source']}",
    )
    for gap in document["longest_gaps"]:
        say(f"  gap       {count(gap['blocks'])} blocks without an event after block {gap['after_block']}")
    say(f"  content   {document['content_id']}", "")
    classes = list(next(iter(document["flow"].values())))
    rows = [(name, *(count(found[flow_class]) for flow_class in classes)) for name, found in document["flow"].items()]
    console().print(grid(("swaps by labelling", *classes), rows, numbers=classes))
    if document["rules_against_truth"] is not None:
        _show_confusion(document["rules_against_truth"])
    say(*(f"note: {caveat}" for caveat in document["caveats"]))


def _show_confusion(document: Json) -> None:
    """How the rules' labels compare with the market's own knowledge of who traded."""
    found = list(next(iter(document["matrix"].values()), {}))
    rows = []
    for truth, row in document["matrix"].items():
        fit = document["fits"][truth]
        shares = (percent(fit[name]) if fit[name] is not None else "–" for name in ("precision", "recall"))
        rows.append((truth, *(count(row[name]) for name in found), *shares))
    columns = (*found, "precision", "recall")
    say("")
    console().print(grid(("true class, by rules", *columns), rows, numbers=columns))


def show_audit(document: Json) -> None:
    """How exactly a history replays, with every exception."""
    say(
        f"{document['history']} ({_source(document['source'])}): "
        f"{count(document['exact'])} of {count(document['swaps'])} swaps replay exactly, "
        f"{percent(document['audited_share_by_value'])} of the value; {count(document['mismatched'])} mismatched; "
        f"{count(document['liquidity_exact'])} of {count(document['liquidity_events'])} liquidity events exactly",
    )
    if document["unexplained"]:
        rows = [(found["block"], found["tx"], found["why"]) for found in document["unexplained"]]
        console().print(grid(("block", "transaction", "unexplained"), rows))
    say(*(f"  events are {_gap(gap)}" for gap in document.get("gaps", ())[:SHOWN_GAPS]))
    if (coverage := document.get("coverage")) is not None:
        say(f"  blocks {_proof(coverage)}")


def show_run(document: Json, files: ReportFiles) -> None:
    """A run: its audit, leaderboard with the baselines, a sentence for each candidate, and where the report is."""
    show_audit(document["audit"])
    say("")
    columns = ("rule", "window", "verdict", "M [95 %], bps", "net of gas", "gas/order", "orders")
    cards = ranked(document)
    rows = [_board_row(card, card["name"], _verdict_text(card)) for card in cards]
    rows += [_board_row(card, f"({card['name']})", Text("baseline", style="dim")) for card in document["baselines"]]
    say(f"{document['history']} ({_source(document['source'])}), held-out blocks, the best first", "")
    console().print(grid(columns, rows, numbers=columns[3:], whole=columns[:3]))
    say(
        "", "M: gain over the plain AMM in the order's own block, without bots, gas included. Net of gas: over history."
    )
    if any(card["provisional"] for card in cards):
        say("* provisional: see the sentence.")
    for card in cards:
        say("")
        say(f"{label(card)}: {card['verdict']}", card["verdict_why"], wrap=True)
    say("", headline(document), f"Report: {files.html}", f"        {files.json}")


def _board_row(card: Json, name: str, verdict: Text) -> tuple[object, ...]:
    heldout = card["metrics"]["heldout"]
    m = heldout.get(VERDICT_METRIC)
    gas = card["gas_per_order"]
    return (
        name,
        card["window_blocks"],
        verdict,
        f"{figure(m['mean'])} {bounds(m).replace(' ', '')}" if is_scored(m) else "–",
        figure(heldout["net_of_gas_bps"]["mean"]) if is_scored(heldout.get("net_of_gas_bps")) else "–",
        count(gas) if is_scored(gas) else "–",
        count(m["n"]) if is_scored(m) else "–",
    )


def _verdict_text(card: Json) -> Text:
    verdict = verdict_of(card["verdict"])
    style = {"good": "bold green", "bad": "bold red", "mixed": "bold magenta"}.get(verdict.tone, "")
    return Text(f"{verdict.mark} {printable(card['verdict'])}{'*' if card['provisional'] else ''}", style=style)


def _source(source: str) -> str:
    return "SIMULATED" if source == "simulated" else f"from a {source}"


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
