"""What the commands print of order flows on a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from app.tables import console, grid, say, show_histories
from app.words import count, or_dash, percent

Json = dict[str, Any]

MOST_PAIRS = 8


def show_flow_stored(document: Json) -> None:
    """What an ingest of order flow did."""
    say(
        f"{document['history']}: {document['written']} (order flow from a {document['source']}: "
        f"{', '.join(document['formats'])})"
    )
    _say_facts(document)


def show_all(document: Json) -> None:
    """The stored histories, and the order flows beside them."""
    if document["histories"] or not document["flows"]:
        show_histories(document)
    if not document["flows"]:
        return
    if document["histories"]:
        say("")
    rows = [
        (
            found["history"],
            ", ".join(found["formats"]),
            found["unit"] if found["exact"] else f"{found['unit']}, INEXACT",
            count(found["trades"]),
            count(found["intents"]),
            _extent(found),
        )
        for found in document["flows"]
    ]
    console().print(
        grid(("order flow", "read from", "amounts", "trades", "intents", "extent"), rows, numbers=("trades", "intents"))
    )


def show_flow(document: Json) -> None:
    """One order flow in full."""
    found = document["overview"]
    say(f"{document['history']} (order flow from a {document['source']}: {', '.join(document['formats'])})")
    _say_facts(document)
    if found["venues"]:
        _show_trades(found)
    if found["intents"]:
        _show_intents(found["intents"])
    if found["classes"]:
        said = ", ".join(f"{count(number)} {name}" for name, number in found["classes"].items())
        say("", f"transactions by class: {said}")


def _show_trades(found: Json) -> None:
    usd = "" if found["usd"] is None else f", about {found['usd']:,.0f} USD"
    left_out = f"; {count(found['aggregates'])} aggregates are left out" if found["aggregates"] else ""
    say("", f"{count(found['trades'])} trades{usd}{left_out}")
    columns = ("venue", "trades", "of them aggregates", "about USD")
    venues = [
        (one["venue"], count(one["trades"]), count(one["aggregates"]), or_dash(one["usd"], count))
        for one in found["venues"]
    ]
    console().print(grid(columns, venues, numbers=columns[1:]))
    pairs = [(one["one"], one["other"], count(one["trades"])) for one in found["pairs"][:MOST_PAIRS]]
    say("")
    console().print(grid(("token", "and token", "trades"), pairs, numbers=("trades",)))


def _show_intents(found: list[Json]) -> None:
    columns = ("venue", "kind", "status", "intents", "limit known", "execution known", "with fee")
    intents = [
        (
            one["venue"],
            f"{one['kind']}, {'partial' if one['partially_fillable'] else 'whole'}",
            one["status"],
            *(count(one[name]) for name in ("intents", "limits", "executed", "with_fee")),
        )
        for one in found
    ]
    say("")
    console().print(grid(columns, intents, numbers=columns[3:]))


def show_flow_audit(document: Json) -> None:
    """What could be checked of a flow, and what could not."""
    inexact = "" if document["exact"] else ", INEXACT amounts"
    say(f"{document['history']} (order flow from a {document['source']}{inexact}): it is not replayed")
    for check in document["checks"]:
        done = check["checked"]
        good = done - check["failed"] if check["found"] is None else check["found"]
        held = f"{count(good)} of {count(done)} ({percent(good / done)})" if done else "nothing to check"
        untold = f", {count(check['untold'])} untold" if check["untold"] else ""
        say(f"  {check['name']:<16}{held}{untold}: {check['says']}")
        if check["figures"]:
            say(f"{'':<18}{', '.join(f'{name} {value:,.4g}' for name, value in check['figures'].items())}")
        say(*(f"{'':<18}FAILED: {case}" for case in check["cases"]))
    if not document["checks"]:
        say("  nothing in it can be checked")
    say(*(f"cannot be checked: {caveat}" for caveat in document["cannot_check"]))


def _say_facts(document: Json) -> None:
    exact = "exact" if document["exact"] else "INEXACT: rounded before they came here"
    say(
        f"  holds     {count(document['trades'])} trades ({count(document['aggregate_trades'])} of them aggregates), "
        f"{count(document['intents'])} intents",
        f"  amounts   in {document['unit']}, {exact}",
        f"  extent    {_extent(document)}",
        f"  content   {document['content_id']}",
        *(f"  {count(number)} {what}" for what, number in document["counts"].items() if number),
        f"  not replayable: {document['not_replayable']}",
        *(f"  note: {caveat}" for caveat in document["caveats"]),
    )


def _extent(document: Json) -> str:
    if document["first_block"] is not None:
        return f"blocks {document['first_block']} to {document['last_block']}"
    if document["first_ts"] is None:
        return "no time told"
    first, last = (datetime.fromtimestamp(document[name], UTC) for name in ("first_ts", "last_ts"))
    return f"{first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S} UTC"
