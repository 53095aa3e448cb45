"""From a call's steps to what its sender wanted: what went in, what came out, and the least or most of it.

The steps are run through with pots: what a holder has of a token that came out of the call's own swaps, and the least
that it must be. A swap that is paid from such a pot goes on with the trade that filled it, so that a chain of swaps is
one trade; trades from one token to another that end in one pot are the parts of one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from ingest.calldata.abi import CallDataError
from ingest.calldata.steps import VAULT, Frame, Fund, Move, Payment, Portion, Swap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.records import IntentKind

BIPS = 10_000


@dataclass(frozen=True, slots=True)
class Trade:
    """What a call wants of one pair of tokens, from end to end.

    ``amount_in`` and ``amount_out`` are exact amount and limit as ``kind`` says, None where the call does not tell.
    ``path`` are only the two ends, and ``fees_pips`` empty, where parts of the trade take different ways.
    ``may_fail``: the rest of the call goes on without it. ``native_out``: what comes out is unwrapped to the native
    coin; ``native_unlogged``: the native coin moves in ways that leave no log. With ``balance_checked`` the router
    compares the recipient's balance before and after the one swap that there is. ``never_partial``: it takes all of
    ``amount_in`` or nothing.
    """

    method: str
    kind: IntentKind
    path: tuple[str, ...]
    fees_pips: tuple[int, ...]
    amount_in: int | None
    amount_out: int | None
    recipient: str
    deadline_ts: int | None
    partially_fillable: bool
    may_fail: bool
    native_out: bool
    native_unlogged: bool
    balance_checked: bool
    never_partial: bool


@dataclass(slots=True, eq=False)
class _Open:
    """A trade while the steps are run through."""

    kind: IntentKind
    token_in: str
    amount_in: int | None
    swaps: list[Swap]
    never_partial: bool
    between: set[str] = field(default_factory=set)  # tokens that its own swaps went on with
    native_out: bool = False
    native_unlogged: bool = False

    def take(self, other: _Open) -> None:
        """Makes another trade a part of this one.

        Raises:
            CallDataError: The two cannot be told as one.
        """
        if other.kind != self.kind:
            raise CallDataError("mixes an exact amount in with an exact amount out in one trade")
        if other.token_in != self.token_in:
            raise CallDataError("sells several tokens for one")
        self.amount_in = _sum(self.amount_in, other.amount_in)
        self.swaps += other.swaps
        self.between |= other.between
        self.never_partial &= other.never_partial
        self.native_out |= other.native_out
        self.native_unlogged |= other.native_unlogged


@dataclass(slots=True)
class _Pot:
    """What a holder has of a token: the least of each trade's output, and what the sender put in, if it is told.

    ``fee`` was taken from what the sender put in, before any swap.
    """

    least: dict[int, int | None] = field(default_factory=dict)  # by the trade's place
    funds: int | None = None
    fee: int = 0


class _Run:
    """The steps of one call, run through in order."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.places = count()
        self.trades: dict[int, _Open] = {}
        self.pots: dict[tuple[str, str], _Pot] = {}

    def pot(self, holder: str, token: str) -> _Pot:
        return self.pots.setdefault((holder, token), _Pot())

    def fund(self, step: Fund) -> None:
        if step.amount is not None:
            pot = self.pot(step.holder, step.token)
            pot.funds = (pot.funds or 0) + step.amount

    def swap(self, step: Swap) -> None:
        token_in, token_out = step.path[0], step.path[-1]
        pot = _Pot() if step.payer == self.frame.sender else self.source(step)
        if pot.least:
            if pot.funds:
                raise CallDataError("sells several tokens for one")
            place = self.merge(pot.least)
            trade = self.trades[place]
            if step.kind != trade.kind:
                raise CallDataError("mixes an exact amount in with an exact amount out in one trade")
            trade.swaps.append(step)
            trade.between.add(token_in)
            if step.amount_in is None:
                del pot.least[place]
        else:
            place = next(self.places)
            unlogged = bool(pot.fee) and token_in == self.frame.wrapped_native
            amount = self.paid(pot, step)
            self.trades[place] = _Open(
                step.kind, token_in, amount, [step], step.never_partial, native_unlogged=unlogged
            )
        self.trades[place].native_unlogged |= step.native
        self.put(self.pot(step.recipient, token_out), place, step.amount_out)

    def source(self, step: Swap) -> _Pot:
        """The pot that a swap is paid from; where a pair was paid before, the last one of its token anywhere else."""
        if step.payer is not None:
            return self.pot(step.payer, step.path[0])
        near = (self.frame.router, self.frame.sender)
        for (holder, token), pot in reversed(self.pots.items()):
            if token == step.path[0] and holder not in near and (pot.least or pot.funds):
                return pot
        raise CallDataError("swaps what nobody paid for")

    def paid(self, pot: _Pot, step: Swap) -> int | None:
        """What a trade takes of the sender's own tokens, with the fee before it: no more than there are, if told."""
        amount, fee, pot.fee = step.amount_in, pot.fee, 0
        if pot.funds is not None:
            if amount is None or (step.kind == "buy" and pot.funds < amount):
                amount = pot.funds
            pot.funds = max(0, pot.funds - amount)
        return _sum(amount, fee)

    def merge(self, places: Iterable[int]) -> int:
        """Makes one trade of several, and answers its place."""
        first, *others = places
        for place in others:
            self.trades[first].take(self.trades.pop(place))
            for pot in self.pots.values():
                if place in pot.least:
                    self.put(pot, first, pot.least.pop(place))
        return first

    @staticmethod
    def put(pot: _Pot, place: int, least: int | None) -> None:
        pot.least[place] = _sum(pot.least.get(place, 0), least)

    def move(self, step: Move) -> None:
        source = self.pot(step.holder, step.token)
        self.join_parts(source, step.token)
        if sum(least or 0 for least in source.least.values()) < step.least:
            alone = len(source.least) == 1
            source.least = dict.fromkeys(source.least, step.least if alone else None)
        for place in source.least:
            self.trades[place].native_out |= step.unwrapped
        if step.recipient == step.holder:
            return
        target = self.pot(step.recipient, step.token)
        for place, least in source.least.items():
            self.put(target, place, least)
        if source.funds is not None:
            target.funds = (target.funds or 0) + source.funds
        target.fee += source.fee
        source.least, source.funds, source.fee = {}, None, 0

    def portion(self, step: Portion) -> None:
        if step.bips > BIPS:
            raise CallDataError(f"pays away {step.bips} of {BIPS} parts")
        pot = self.pot(step.holder, step.token)
        self.join_parts(pot, step.token)
        for place, least in pot.least.items():
            self.trades[place].native_unlogged |= self.trades[place].native_out
            if least is not None:
                up = BIPS - 1 if len(pot.least) > 1 else 0  # the fee is rounded down once, for all of them
                pot.least[place] = least - (least * step.bips + up) // BIPS
        if not pot.least:
            self.take_fee(pot, self.own(step, pot) * step.bips // BIPS)

    def payment(self, step: Payment) -> None:
        pot = self.pot(step.holder, step.token)
        self.join_parts(pot, step.token)
        near = step.recipient in (self.frame.sender, self.frame.router)
        for place, least in pot.least.items():
            self.trades[place].native_unlogged |= self.trades[place].native_out and not near
            alone = len(pot.least) == 1
            pot.least[place] = max(0, least - step.amount) if alone and least is not None else None
            if near:
                self.put(self.pot(step.recipient, step.token), place, step.amount if alone else None)
        if not pot.least and not near:
            self.take_fee(pot, step.amount)

    def own(self, step: Portion, pot: _Pot) -> int:
        """What the sender put into a pot; the native coin comes with the call."""
        if pot.funds is not None:
            return pot.funds
        return self.frame.value_wei if step.token == self.frame.wrapped_native else 0

    @staticmethod
    def take_fee(pot: _Pot, amount: int) -> None:
        pot.fee += amount
        if pot.funds is not None:
            pot.funds = max(0, pot.funds - amount)

    def join_parts(self, pot: _Pot, token: str) -> None:
        """Makes one trade of those in a pot that sell, or buy, one token for one."""
        alike: dict[tuple[str, str], list[int]] = {}
        for place in pot.least:
            trade = self.trades[place]
            if token not in trade.between:
                alike.setdefault((trade.kind, trade.token_in), []).append(place)
        for places in alike.values():
            self.merge(places)

    def wanted(self) -> list[Trade]:
        for (_, token), pot in list(self.pots.items()):
            self.join_parts(pot, token)
        ends: dict[int, list[tuple[str, str, int | None]]] = {place: [] for place in self.trades}
        for (holder, token), pot in self.pots.items():
            for place, least in pot.least.items():
                if token not in self.trades[place].between:
                    ends[place].append((holder, token, least))
        return [self.trade(trade, ends[place]) for place, trade in self.trades.items()]

    def trade(self, trade: _Open, ends: list[tuple[str, str, int | None]]) -> Trade:
        if len({token for _, token, _ in ends}) != 1:
            raise CallDataError("sells one token for several, or for none")
        away = [end for end in ends if end[0] != self.frame.router]  # what stays with a router counts if all does
        if len(away or ends) != 1:
            raise CallDataError("pays what it buys to several addresses")
        recipient, token_out, least = (away or ends)[0]
        if recipient == VAULT:
            raise CallDataError("leaves what it buys with the pool manager")
        path, fees_pips = _way(trade.swaps, trade.token_in, token_out)
        deadlines = [swap.deadline_ts for swap in trade.swaps] + [self.frame.deadline_ts]
        return Trade(
            method="+".join(dict.fromkeys(swap.method for swap in trade.swaps)),
            kind=trade.kind,
            path=path,
            fees_pips=fees_pips,
            amount_in=trade.amount_in,
            amount_out=least,
            recipient=recipient,
            deadline_ts=min((time for time in deadlines if time is not None), default=None),
            partially_fillable=any(swap.price_limited for swap in trade.swaps),
            may_fail=any(swap.may_fail for swap in trade.swaps),
            native_out=trade.native_out,
            native_unlogged=trade.native_unlogged,
            balance_checked=len(trade.swaps) == 1 and trade.swaps[0].balance_checked and not trade.native_out,
            never_partial=trade.never_partial and not any(swap.may_fail for swap in trade.swaps),
        )


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _way(swaps: list[Swap], token_in: str, token_out: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The one path that the swaps take, in a chain or side by side, with its fees if all are named; else its ends."""
    first, *others = swaps
    path, fees_pips, named = first.path, first.fees_pips, bool(first.fees_pips)
    if all((swap.path, swap.fees_pips) == (path, fees_pips) for swap in others):
        return path, fees_pips
    for swap in others:
        if swap.path[0] != path[-1]:
            return (token_in, token_out), ()
        path, fees_pips = path + swap.path[1:], fees_pips + swap.fees_pips
        named = named and bool(swap.fees_pips)
    return path, fees_pips if named else ()


def trades_of(frame: Frame) -> tuple[Trade, ...]:
    """The trades that a call's steps come to, one for each pair of tokens and way of asking, in order.

    Raises:
        CallDataError: The steps do not come to sales and purchases of one token for one, each to one recipient.
    """
    run = _Run(frame)
    for step in frame.steps:
        match step:
            case Fund():
                run.fund(step)
            case Swap():
                run.swap(step)
            case Move():
                run.move(step)
            case Portion():
                run.portion(step)
            case Payment():
                run.payment(step)
    return tuple(run.wanted())
