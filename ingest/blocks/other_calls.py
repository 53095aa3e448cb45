"""Trades of other venues in call traces: Balancer v1, Curve, Bancor, and orders that 0x fills.

Amounts are those of the token transfers that the venue made for the trade, or the venue's own answer. Pools that pay
in ether are not read: no transfer shows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.blocks.calls import SELECTOR_BYTES, address, arguments, descendants, selector, transfers, unsigned
from ingest.blocks.trades import Exchanged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.traces import Call

MAX_PATH = 32

_ORDER_TAIL = "(uint8,uint8,bytes32,bytes32),uint128"
_RFQ = "(address,address,uint128,uint128,address,address,address,bytes32,uint64,uint256)"
_LIMIT = "(address,address,uint128,uint128,uint128,address,address,address,address,bytes32,uint64,uint256)"
_RFQ_MAKER, _LIMIT_MAKER = 4, 5  # words of the order


def _balancer_exact_in(calls: Sequence[Call], place: int) -> Exchanged | None:
    """``swapExactAmountIn(tokenIn, amountIn, tokenOut, …)`` answers the amount out."""
    call, words = calls[place], arguments(calls[place])
    return _exchanged("balancer_v1", call, words, unsigned(words, 1), unsigned(call.output, 0))


def _balancer_exact_out(calls: Sequence[Call], place: int) -> Exchanged | None:
    """``swapExactAmountOut(tokenIn, maxAmountIn, tokenOut, amountOut, …)`` answers the amount in."""
    call, words = calls[place], arguments(calls[place])
    return _exchanged("balancer_v1", call, words, unsigned(call.output, 0), unsigned(words, 3))


def _exchanged(venue: str, call: Call, words: bytes, amount_in: int, amount_out: int) -> Exchanged | None:
    if not (amount_in and amount_out):
        return None
    return Exchanged(venue, call.to, call.sender, address(words, 0), address(words, 2), amount_in, amount_out)


def _curve(calls: Sequence[Call], place: int) -> Exchanged | None:
    """``exchange`` and its like: what its caller sent to the pool, and what the pool sent to its caller."""
    pool, trader = calls[place].to, calls[place].sender
    return _by_transfers("curve", calls, place, pool=pool, trader=trader)


def _bancor(calls: Sequence[Call], place: int) -> Exchanged | None:
    """``convertByPath(path, amount, …)`` along tokens and their anchors in turn; answers the amount out."""
    call, words = calls[place], arguments(calls[place])
    start = unsigned(words, 0) // 32
    length = unsigned(words, start)
    if not 3 <= length <= MAX_PATH or not unsigned(call.output, 0) or not unsigned(words, 1):
        return None
    ends = address(words, start + 1), address(words, start + length)
    return Exchanged("bancor", call.to, call.sender, *ends, unsigned(words, 1), unsigned(call.output, 0))


def _zero_x(maker_word: int) -> Callable[[Sequence[Call], int], Exchanged | None]:
    """An order filled: what was sent to its maker, and what was sent by him. The pool is the maker."""

    def read(calls: Sequence[Call], place: int) -> Exchanged | None:
        words = arguments(calls[place])
        return _by_transfers("0x", calls, place, pool=address(words, maker_word), trader=None)

    return read


def _by_transfers(venue: str, calls: Sequence[Call], place: int, *, pool: str, trader: str | None) -> Exchanged | None:
    """The one token that came to the pool and the one that left it; with a trader, only from and to him."""
    into: dict[str, int] = {}
    out: dict[str, int] = {}
    recipient = calls[place].sender
    for one in transfers(descendants(calls, place)):
        if one.recipient == pool and trader in (None, one.sender):
            into[one.token] = into.get(one.token, 0) + one.amount
        elif one.sender == pool and trader in (None, one.recipient):
            out[one.token] = out.get(one.token, 0) + one.amount
            recipient = one.recipient
    if len(into) != 1 or len(out) != 1 or into.keys() == out.keys():
        return None
    ((sold, amount_in),), ((bought, amount_out),) = into.items(), out.items()
    return Exchanged(venue, pool, recipient, sold, bought, amount_in, amount_out) if amount_in and amount_out else None


_CURVE = (
    "exchange(int128,int128,uint256,uint256)",
    "exchange_underlying(int128,int128,uint256,uint256)",
    "exchange(uint256,uint256,uint256,uint256)",
)
_BANCOR = (
    "convertByPath(address[],uint256,uint256,address,address,uint256)",
    "convertByPath2(address[],uint256,uint256,address)",
)
_ZERO_X_RFQ = (
    f"fillRfqOrder({_RFQ},{_ORDER_TAIL})",
    f"fillOrKillRfqOrder({_RFQ},{_ORDER_TAIL})",
    f"_fillRfqOrder({_RFQ},{_ORDER_TAIL},address)",
    f"_fillRfqOrder({_RFQ},{_ORDER_TAIL},address,bool,address)",
)
_ZERO_X_LIMIT = (
    f"fillLimitOrder({_LIMIT},{_ORDER_TAIL})",
    f"fillOrKillLimitOrder({_LIMIT},{_ORDER_TAIL})",
    f"_fillLimitOrder({_LIMIT},{_ORDER_TAIL},address,address)",
)

_READERS: dict[bytes, Callable[[Sequence[Call], int], Exchanged | None]] = {
    selector("swapExactAmountIn(address,uint256,address,uint256,uint256)"): _balancer_exact_in,
    selector("swapExactAmountOut(address,uint256,address,uint256,uint256)"): _balancer_exact_out,
    **dict.fromkeys(map(selector, _CURVE), _curve),
    **dict.fromkeys(map(selector, _BANCOR), _bancor),
    **dict.fromkeys(map(selector, _ZERO_X_RFQ), _zero_x(_RFQ_MAKER)),
    **dict.fromkeys(map(selector, _ZERO_X_LIMIT), _zero_x(_LIMIT_MAKER)),
}


def other_swap(calls: Sequence[Call], place: int) -> Exchanged | None:
    """The trade that the call at ``place`` made in one of these venues; None where it made none."""
    reader = _READERS.get(calls[place].data[:SELECTOR_BYTES])
    return reader(calls, place) if reader else None
