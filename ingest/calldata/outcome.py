"""What a call's trades came to, from what its transaction moved: net amounts of the trader, and never a guess.

The trader, the recipient and the router between them count as one, so that what the router passes on, wraps, unwraps
or gives back cancels out. Where two trades of a call touch one token, its movements cannot be told apart, unless their
limits add up to them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingest.blocks.calls import (
    BALANCE_OF,
    SELECTOR_BYTES,
    WORD_BYTES,
    Transfer,
    address,
    arguments,
    is_message,
    selector,
    topic0,
    transfers,
    unsigned,
)
from ingest.calldata.abi import ZERO

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ingest.blocks.logs import Log
    from ingest.calldata.trades import Trade
    from ingest.traces import Call

WITHDRAW = selector("withdraw(uint256)")
TRANSFERRED = topic0("Transfer(address,address,uint256)")
WRAPPED = topic0("Deposit(address,uint256)")
UNWRAPPED = topic0("Withdrawal(address,uint256)")
EVENTS = (TRANSFERRED, WRAPPED, UNWRAPPED)


@dataclass(frozen=True, slots=True)
class Executed:
    """What went in and came out, None where it is nothing or cannot be told; ``idle``: nothing moved at all."""

    amount_in: int | None = None
    amount_out: int | None = None
    idle: bool = False


def traced(
    trades: Sequence[Trade], calls: Sequence[Call], *, trader: str, router: str, wrapped_native: str
) -> list[Executed]:
    """What the trades of a transaction's own call came to, by all its calls.

    Amounts are what tokens were told to move. A token that takes a fee on transfers brings less; that is seen where
    the router itself compares the recipient's balances.
    """
    moves = [*transfers(calls), *_native(calls, wrapped_native)]
    found = []
    for trade, outcome in zip(trades, _net(trades, moves, trader, (router,)), strict=True):
        grown = _growth_read(calls, router, trade.path[-1], trade.recipient) if trade.balance_checked else None
        found.append(outcome if grown is None else replace(outcome, amount_out=grown))
    return found


def logged(
    trades: Sequence[Trade],
    logs: Sequence[Log],
    *,
    trader: str,
    router: str,
    wrapped_native: str,
    pays_native: bool,
    custodian: bool,
) -> list[Executed]:
    """What the trades of a transaction's own call came to, by its logs of ``EVENTS``.

    The native coin leaves no log; what the router wraps and unwraps stands for it. A router that holds tokens for its
    callers (``custodian``) has what it wraps and unwraps in its balance of the wrapped token. One that does not, wraps
    first what it is paid with (``pays_native``) and unwraps last what it pays; between the two it may be called again,
    by tokens that sell the fees they took. What a token keeps of what it is told to move may leave no log either; a
    sale that is never partial has given all.
    """
    moves = [move for log in logs if (move := _transfer(log, wrapped_native)) is not None]
    outcomes = _net(trades, moves, trader, (router,) if custodian else ())
    found = []
    for trade, outcome in zip(trades, outcomes, strict=True):
        amount_in, amount_out = outcome.amount_in, outcome.amount_out
        if not custodian and pays_native:
            amount_in = next(_amounts(logs, WRAPPED, router, wrapped_native), None)
        if not custodian and trade.native_out:
            *_, amount_out = (None, *_amounts(logs, UNWRAPPED, router, wrapped_native))
        if trade.never_partial and amount_in is not None:
            amount_in = trade.amount_in
        if trade.native_unlogged:
            amount_in = None if trade.path[0] == wrapped_native else amount_in
            amount_out = None if trade.path[-1] == wrapped_native else amount_out
        found.append(Executed(amount_in, amount_out, outcome.idle))
    return found


def _native(calls: Sequence[Call], wrapped: str) -> Iterator[Transfer]:
    """Movements of the native coin, counted as its wrapped token, which comes and goes against it."""
    for call in calls:
        if not is_message(call):
            continue
        if call.value_wei:
            yield Transfer(wrapped, call.sender, call.to, call.value_wei)
            if call.to == wrapped:
                yield Transfer(wrapped, wrapped, call.sender, call.value_wei)
        if call.to == wrapped and call.data[:SELECTOR_BYTES] == WITHDRAW:
            yield Transfer(wrapped, call.sender, wrapped, unsigned(arguments(call), 0))


def _growth_read(calls: Sequence[Call], router: str, token: str, owner: str) -> int | None:
    """What a balance grew by between the two times that the router read it; None where it did not read it twice."""
    read = [
        unsigned(call.output, 0)
        for call in calls
        if call.sender == router
        and call.to == token
        and call.data[:SELECTOR_BYTES] == BALANCE_OF
        and len(call.output) == WORD_BYTES
        and address(arguments(call), 0) == owner
    ]
    return read[1] - read[0] if len(read) == 2 and read[1] > read[0] else None


def _transfer(log: Log, wrapped_native: str) -> Transfer | None:
    """The transfer of an ERC-20 token that a log tells of; wrapping and unwrapping, which some tell so, are none."""
    if log.event != TRANSFERRED or len(log.topics) != 2 or len(log.data) != WORD_BYTES:
        return None
    sender, recipient = (address(topic, 0) for topic in log.topics)
    if log.emitter == wrapped_native and ZERO in (sender, recipient):
        return None
    return Transfer(log.emitter, sender, recipient, unsigned(log.data, 0))


def _amounts(logs: Sequence[Log], event: bytes, holder: str, wrapped_native: str) -> Iterator[int]:
    """What a holder wrapped, or unwrapped, each time."""
    for log in logs:
        told = log.event == event and log.emitter == wrapped_native and len(log.topics) == 1
        if told and address(log.topics[0], 0) == holder:
            yield unsigned(log.data, 0)


def _net(trades: Sequence[Trade], moves: Iterable[Transfer], trader: str, routers: tuple[str, ...]) -> list[Executed]:
    balance: Counter[tuple[str, str]] = Counter()
    for move in moves:
        balance[move.token, move.recipient] += move.amount
        balance[move.token, move.sender] -= move.amount

    def gained(token: str, among: Sequence[Trade]) -> int:
        return sum(balance[token, holder] for holder in {trader, *routers, *(trade.recipient for trade in among)})

    def moved(trade: Trade, place: int) -> int | None:
        token = trade.path[place]
        sharing = [other for other in trades if token in (other.path[0], other.path[-1])]
        amount = -gained(token, sharing) if place == 0 else gained(token, sharing)
        if len(sharing) > 1 or trade.path[0] == trade.path[-1]:
            return _part(trade, sharing, place, amount)
        return amount

    found = []
    for trade in trades:
        given, got = moved(trade, 0), moved(trade, -1)
        found.append(Executed(_above_0(given), _above_0(got), idle=given == got == 0))
    return found


def _part(trade: Trade, sharing: Sequence[Trade], place: int, total: int) -> int | None:
    """A trade's part of what several moved of a token: its limit, where the limits of all add up to the whole.

    None takes more than its limit, and none gets less, so that then each is met exactly.
    """
    if any(other.path[place] != trade.path[place] or other.path[0] == other.path[-1] for other in sharing):
        return None
    limits = [other.amount_in if place == 0 else other.amount_out for other in sharing]
    known = [limit for limit in limits if limit is not None]
    if len(known) < len(limits) or sum(known) != total:
        return None
    return trade.amount_in if place == 0 else trade.amount_out


def _above_0(amount: int | None) -> int | None:
    return amount if amount is not None and amount > 0 else None
