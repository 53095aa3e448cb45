"""Who is behind each swap: its flow class, decided per transaction, with the rule that gave it.

Labels move results, so there are three conventions, and every report shows them all:

- ``rules``: sandwich legs, just-in-time liquidity and arbitrage by the rules of ``ingest.sandwiches`` and
  ``ingest.arbitrage``; ``user`` where the sender is a listed public router or has served many recipients; else
  ``unknown``.
- ``routers``: only what ``rules`` finds to come through a listed router (or a label from the source calls ``user``) is
  an order; every other swap that would be one is kept as news, in the class ``arbitrage``.
- ``all``: every swap but sandwich legs (and swaps of just-in-time liquidity or of a liquidation) is an order:
  ``user`` as under ``rules``, the others ``unknown``.

Orders are ``user`` and ``unknown``; all else is news. No rule over one pool's events tells a liquidation, but a label
that came with the history may. Such labels (a file's, or a simulated market's truth) overrule the rules. Where no swap
has a sender, every swap is ``unknown`` under every convention.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ingest.arbitrage import MANY_RECIPIENTS, arbitrage_senders, price_path, responses
from ingest.intents import ORDER_CLASSES
from ingest.records import Label
from ingest.routers import ROUTERS
from ingest.sandwiches import jit_events, sandwiches

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ingest.records import History, Swap

Convention = Literal["rules", "routers", "all"]
CONVENTIONS: tuple[Convention, ...] = ("rules", "routers", "all")

BETWEEN_POOLS = Label("arbitrage", "trades two pools of the pair against each other in one transaction")
NO_SENDERS = Label("unknown", "the source has no senders")
NOT_LISTED = Label("arbitrage", "not through a listed router: kept as news")
EVERYTHING = Label("unknown", "every swap but sandwich legs is an order")
UNKNOWN = Label("unknown", "no rule applies")

__all__ = ["CONVENTIONS", "Convention", "has_senders", "jit_events", "label_swaps"]


def has_senders(history: History) -> bool:
    """Whether the source tells who swapped; without, the three conventions are one."""
    return any(swap.sender is not None for swap in history.swaps)


def label_swaps(history: History, convention: Convention, beside: Sequence[History] = ()) -> dict[int, Label]:
    """A label for every swap, by ``seq``.

    Args:
        history: Whose swaps.
        convention: Which labelling.
        beside: Histories of other pools of the pair: they show what trades the pools against each other.

    Raises:
        ValueError: There is no such convention.
    """
    if convention not in CONVENTIONS:
        raise ValueError(f"no convention {convention!r}; there are {', '.join(CONVENTIONS)}")
    labels = _by_rules(history) if has_senders(history) else {swap.seq: NO_SENDERS for swap in history.swaps}
    labels |= _between_pools(history, beside, labels)
    labels |= {seq: label for seq, label in history.labels.items() if seq in labels}
    if convention == "rules" or not has_senders(history):
        return labels
    if convention == "all":
        return {seq: EVERYTHING if label.flow_class == "arbitrage" else label for seq, label in labels.items()}
    public = {swap.seq for swap in history.swaps if swap.sender in ROUTERS} | history.labels.keys()
    return {
        seq: NOT_LISTED
        if label.flow_class == "unknown" or (label.flow_class == "user" and seq not in public)
        else label
        for seq, label in labels.items()
    }


def _by_rules(history: History) -> dict[int, Label]:
    """The rules in order of precedence; what one says of a swap goes for its transaction."""
    swaps = history.swaps
    recipients = _recipients(swaps)
    traders = arbitrage_senders(swaps, price_path(history))
    answers = responses(swaps, recipients)
    by_transaction = _strategies(history, swaps)
    labels: dict[int, Label] = {}
    for swap in swaps:
        label = by_transaction.get(swap.tx_hash) or _of_sender(swap, traders, recipients, swap.seq in answers)
        labels[swap.seq] = label
    return labels


def _between_pools(history: History, beside: Sequence[History], labels: Mapping[int, Label]) -> dict[int, Label]:
    """Swaps whose transaction trades the pool against another one, where no stronger rule has labelled them."""
    ways: dict[str, set[bool]] = {}
    for other in beside:
        for swap in other.swaps:
            ways.setdefault(swap.tx_hash, set()).add(swap.zero_for_one)
    return {
        swap.seq: BETWEEN_POOLS
        for swap in history.swaps
        if (not swap.zero_for_one) in ways.get(swap.tx_hash, ()) and labels[swap.seq].flow_class in ORDER_CLASSES
    }


def _strategies(history: History, swaps: Iterable[Swap]) -> dict[str, Label]:
    """Transactions that are legs of a sandwich, or that put in or take out just-in-time liquidity."""
    jit = jit_events(history)
    found = {
        event.tx_hash: Label("jit", "the transaction of just-in-time liquidity")
        for event in history.events
        if event.seq in jit
    }
    for sandwich in sandwiches(swaps):
        about = f"of a sandwich around {len(sandwich.victims)} swap(s) of others, {sandwich.why}"
        found[sandwich.front.tx_hash] = Label("sandwich", f"front {about}")
        found[sandwich.back.tx_hash] = Label("sandwich", f"back {about}")
    return found


def _of_sender(swap: Swap, traders: dict[str, str], recipients: dict[str, int], answers: bool) -> Label:
    sender = swap.sender
    if sender is None:
        return NO_SENDERS
    if sender in ROUTERS:
        return Label("user", f"through {ROUTERS[sender]}")
    if sender in traders:
        return Label("arbitrage", traders[sender])
    if answers:
        return Label("arbitrage", "a large opposite swap right behind another in the block")
    if recipients[sender] >= MANY_RECIPIENTS:
        return Label("user", f"its sender served {recipients[sender]} recipients")
    return UNKNOWN


def _recipients(swaps: Iterable[Swap]) -> dict[str, int]:
    """How many different recipients each sender has served."""
    served: dict[str, set[str]] = {}
    for swap in swaps:
        if swap.sender is not None:
            served.setdefault(swap.sender, set())
            if swap.recipient is not None:
                served[swap.sender].add(swap.recipient)
    return {sender: len(those) for sender, those in served.items()}
