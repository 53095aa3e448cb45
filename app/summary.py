"""What a run amounts to, said once for the terminal and for the page."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

POSITIVE = frozenset({"improvement", "protects"})


def ranked(document: Json) -> list[Json]:
    """The run's scorecards, best first, as its ranking has them."""
    cards = {(card["candidate_id"], card["window_blocks"]): card for card in document["candidates"]}
    return [cards[row["candidate_id"], row["window_blocks"]] for row in document["ranking"]]


def headline(document: Json) -> str:
    """The run's result in a sentence."""
    cards = ranked(document)
    names = len({card["candidate_id"] for card in cards})
    tried = f"{names} rule{'s' if names != 1 else ''}, {len(cards)} evaluation{'s' if len(cards) != 1 else ''}"
    winners = [card for card in cards if card["verdict"] in POSITIVE]
    if winners:
        best = winners[0]
        also = f", and {len(winners) - 1} more" if len(winners) > 1 else ""
        return f"{best['verdict'].capitalize()}: {label(best)}{also} ({tried})."
    if all(card["verdict"] == "rejected" for card in cards):
        return f"Rejected: no candidate passed every gate ({tried})."
    if not any(card["status"] == "scored" for card in cards):
        return f"Unscored: no candidate could be judged soundly ({tried})."
    transfers = [card for card in cards if card["verdict"] == "transfer"]
    if transfers:
        return f"No improvement: {label(transfers[0])} serves traders better, but others pay for it ({tried})."
    return f"No improvement: no candidate was shown to beat the plain AMM on the held-out blocks ({tried})."


def label(card: Json) -> str:
    """A candidate and its window in a few words."""
    blocks = card["window_blocks"]
    return f"{card['name']} with windows of {blocks} block{'' if blocks == 1 else 's'}"


def every_rule_improves(document: Json) -> bool:
    """Whether each rule has a positive verdict over at least one of its windows: what ``--strict`` asks for."""
    rules = {card["candidate_id"] for card in document["candidates"]}
    return rules == {card["candidate_id"] for card in document["candidates"] if card["verdict"] in POSITIVE}
