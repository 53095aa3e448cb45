"""What an attacker who orders, censors and inserts can do with one batch, and what came of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ingest.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from verify.outcomes import Flow

Json = dict[str, Any]

MOST_OWN = 4
"""Orders of the attacker's in one batch."""

MOST_TRADES = 8
"""Of the attacker's on venues, before a batch and after it."""

AMOUNT = re.compile(r"[0-9]{1,39}")
AMOUNT_END = 1 << 128
"""No trader of the harness has as much."""


@dataclass(frozen=True, slots=True)
class Trade:
    """The attacker's own swap of exactly this input on one of the world's venues."""

    place: int
    sells_token0: bool
    amount: int


@dataclass(frozen=True, slots=True)
class Own:
    """An order of the attacker's in the batch; it is not partially fillable."""

    sells_token0: bool
    amount: int
    limit: int = 0


Step = int | Own
"""In a batch: the order at this place of the honest batch, or one of the attacker's."""


@dataclass(frozen=True, slots=True)
class Play:
    """Own trades before the batch, the batch as the attacker composes it, own trades after it.

    Honest orders that ``batch`` does not name are censored.
    """

    batch: tuple[Step, ...]
    before: tuple[Trade, ...] = ()
    after: tuple[Trade, ...] = ()

    @classmethod
    def honest(cls, orders: int) -> Play:
        """The batch of so many orders as it is."""
        return cls(tuple(range(orders)))

    @property
    def own(self) -> tuple[Own, ...]:
        """The attacker's orders, in the batch's order."""
        return tuple(step for step in self.batch if isinstance(step, Own))

    @property
    def insertions(self) -> int:
        """How many trades before the batch and orders in it are the attacker's."""
        return len(self.before) + len(self.own)

    def followed_by(self, after: Sequence[Trade]) -> Play:
        """The same with these trades after the batch."""
        return replace(self, after=tuple(after))

    def to_json(self) -> Json:
        """The play as JSON values; amounts are decimal text."""
        return {
            "before": [_trade_json(trade) for trade in self.before],
            "batch": [step if isinstance(step, int) else _own_json(step) for step in self.batch],
            "after": [_trade_json(trade) for trade in self.after],
        }

    @classmethod
    def from_json(cls, document: Json, orders: int, venues: int) -> Play:
        """Reads what `to_json` wrote, for a batch of so many orders in a world of so many venues.

        Raises:
            InputError: It is no play of such a batch.
        """
        try:
            batch = tuple(step if type(step) is int else _own(step) for step in document["batch"])
            before, after = (tuple(map(_trade, document[name])) for name in ("before", "after"))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"is no play of an attacker's: {error!r}", field="play") from None
        named = [step for step in batch if isinstance(step, int)]
        if len(set(named)) < len(named) or not set(named) <= set(range(orders)):
            raise InputError(f"its batch must name orders from 0 to {orders - 1}, none twice", field="play.batch")
        if not {trade.place for trade in (*before, *after)} <= set(range(venues)):
            raise InputError(f"its trades must be on venues from 0 to {venues - 1}", field="play")
        if len(batch) - len(named) > MOST_OWN or max(len(before), len(after)) > MOST_TRADES:
            raise InputError(f"has more than {MOST_OWN} own orders, or {MOST_TRADES} trades at a time", field="play")
        return cls(batch, before, after)


@dataclass(frozen=True, slots=True)
class Played:
    """What a play came to.

    ``taken`` is the attacker's net flow of tokens in smallest units, ``gas`` what its own trades and orders took.
    ``bought`` is what each honest order got, a fallback's outcome included where it was not filled.
    """

    taken: Flow
    gas: int
    bought: tuple[int, ...]


def _trade_json(trade: Trade) -> Json:
    return {"place": trade.place, "sells_token0": trade.sells_token0, "amount": str(trade.amount)}


def _own_json(own: Own) -> Json:
    return {"sells_token0": own.sells_token0, "amount": str(own.amount), "limit": str(own.limit)}


def _trade(document: Json) -> Trade:
    return Trade(int(document["place"]), bool(document["sells_token0"]), _amount(document["amount"]))


def _own(document: Json) -> Own:
    return Own(bool(document["sells_token0"]), _amount(document["amount"]), _amount(document["limit"]))


def _amount(text: object) -> int:
    if not isinstance(text, str) or not AMOUNT.fullmatch(text) or int(text) >= AMOUNT_END:
        raise ValueError(f"{text!r:.80} is no amount in decimal digits, below 2**128")
    return int(text)
