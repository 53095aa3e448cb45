"""Atomic arbitrage: trades of one transaction that lead back to the token they began with, and leave more of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingest.records import Trade

MAX_LEGS = 12
MAX_STEPS = 20_000  # trades looked at in one transaction's search


@dataclass(frozen=True, slots=True)
class Cycle:
    """Trades that together put ``put_in`` of ``token`` into pools and got ``got`` out; of no token they lost any."""

    trades: tuple[Trade, ...]
    token: str
    put_in: int
    got: int

    @property
    def gain(self) -> int:
        """In the token's smallest unit, before gas and what was paid to the block's builder."""
        return self.got - self.put_in


def cycles(trades: Sequence[Trade]) -> tuple[Cycle, ...]:
    """The arbitrages among one transaction's trades.

    A cycle is a ring of two to twelve trades in as many pools, each selling the token that the one before bought, that
    together take in no less of any token than they pay, and more of one. Trades of any order count: flash swaps pay
    first and trade later. What no ring uses, but is bought and sold among the rest, is taken together in the same way,
    which finds rings that split and join. A route from one token to another, however split, is no cycle.

    The search for rings looks at 20,000 trades at most in all and then stops.
    """
    search = _Search(trades)
    rings = [ring for start in trades if (ring := search.ring(start))]
    rest = _circulating([trade for trade in trades if trade not in search.used])
    joined = _cycle(rest) if len({trade.pool for trade in rest}) > 1 else None
    return (*rings, joined) if joined else tuple(rings)


class _Search:
    """Looks for rings that gain; a trade belongs to one of them only."""

    def __init__(self, trades: Sequence[Trade]) -> None:
        self.used: set[Trade] = set()
        self._steps = 0
        self._selling: dict[str, list[Trade]] = defaultdict(list)
        for trade in trades:
            self._selling[trade.token_in].append(trade)

    def ring(self, start: Trade) -> Cycle | None:
        """The first ring through ``start`` that gains, trying those next whose amount fits best."""
        ring = None if start in self.used else self._extended([start])
        if ring is not None:
            self.used.update(ring.trades)
        return ring

    def _extended(self, path: list[Trade]) -> Cycle | None:
        last = path[-1]
        if len(path) > 1 and last.token_out == path[0].token_in:
            return _cycle(path)
        onward = self._onward(path) if len(path) < MAX_LEGS else []
        for trade in onward:
            found = self._extended([*path, trade])
            if found is not None:
                return found
        return None

    def _onward(self, path: Sequence[Trade]) -> list[Trade]:
        last, pools = path[-1], {trade.pool for trade in path}
        selling = self._selling[last.token_out]
        self._steps += len(selling)
        if self._steps > MAX_STEPS:
            return []
        free = [trade for trade in selling if trade not in self.used and trade.pool not in pools]
        return sorted(free, key=lambda trade: abs(trade.amount_in - last.amount_out))


def net_amounts(trades: Iterable[Trade]) -> dict[str, int]:
    """What trades took in all out of pools (or, negative, put into them), by token."""
    nets: dict[str, int] = defaultdict(int)
    for trade in trades:
        nets[trade.token_out] += trade.amount_out
        nets[trade.token_in] -= trade.amount_in
    return dict(nets)


def _cycle(trades: Sequence[Trade]) -> Cycle | None:
    """Trades as a cycle in the token of which they gained most, relatively; None where they lost or gained nothing."""
    nets = net_amounts(trades)
    if not nets or min(nets.values()) < 0 or not any(nets.values()):
        return None
    put_in: dict[str, int] = defaultdict(int)
    for trade in trades:
        put_in[trade.token_in] += trade.amount_in
    token = max(put_in, key=lambda one: Fraction(nets[one], put_in[one]))
    return Cycle(tuple(trades), token, put_in[token], put_in[token] + nets[token])


def _circulating(trades: Sequence[Trade]) -> list[Trade]:
    """Those that sell a token which others of them buy, and buy one which others of them sell."""
    left = list(trades)
    while True:
        bought, sold = {trade.token_out for trade in left}, {trade.token_in for trade in left}
        kept = [trade for trade in left if trade.token_in in bought and trade.token_out in sold]
        if len(kept) == len(left):
            return kept
        left = kept
