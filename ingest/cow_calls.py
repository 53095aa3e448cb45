"""Calls of GPv2Settlement: the trades that ``settle`` and ``swap`` are given.

Only what says something of the trades is read: neither the interactions nor the steps at Balancer. Solvers append
bytes to their calls, which the contract does not look at either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.calldata.abi import WORD, Args, CallDataError, selector
from ingest.cow_orders import PRE_SIGN, SCHEME_SHIFT, CowOrder

if TYPE_CHECKING:
    from collections.abc import Iterator

_TRADE = "(uint256,uint256,address,uint256,uint256,uint32,bytes32,uint256,uint256,uint256,bytes)"
SETTLE = selector(f"settle(address[],uint256[],{_TRADE}[],(address,uint256,bytes)[][3])")
SWAP = selector(f"swap((bytes32,uint256,uint256,uint256,bytes)[],address[],{_TRADE})")
MAX_BYTES = 1 << 18  # mainnet's nodes pass on transactions of up to 128 KiB
MAX_INSIDE = 64  # calls looked for inside another one


@dataclass(frozen=True, slots=True)
class CalledTrade:
    """A trade that the contract is told to make; ``prices`` of its sold and bought token, None for a ``swap``."""

    order: CowOrder
    executed_amount: int
    signature: bytes
    prices: tuple[int, int] | None

    @property
    def scheme(self) -> int:
        """How the order is signed."""
        return self.order.flags >> SCHEME_SHIFT


def trades_of_call(data: bytes, count: int) -> tuple[CalledTrade, ...]:
    """The trades of a call of the contract, which are known to be so many.

    Raises:
        CallDataError: It is no call that settles trades, is damaged, or has another number of them.
    """
    if len(data) > MAX_BYTES:
        raise CallDataError(f"has {len(data)} bytes, more than {MAX_BYTES}")
    if data[:4] == SETTLE:
        return _settled(Args(data, 4), count)
    if data[:4] == SWAP:
        return _swapped(Args(data, 4), count)
    raise CallDataError("is a call of neither settle nor swap")


def calls_inside(data: bytes, count: int) -> Iterator[tuple[CalledTrade, ...]]:
    """The trades of whatever in another contract's data reads as a call of ``settle`` with so many of them.

    That such a call was made is for the logs to show.
    """
    at = -1
    for _ in range(MAX_INSIDE if len(data) <= MAX_BYTES else 0):
        at = data.find(SETTLE, at + 1)
        if at < 0:
            return
        try:
            trades = _settled(Args(data, at + len(SETTLE)), count)
        except CallDataError:
            continue
        yield trades


def _settled(call: Args, count: int) -> tuple[CalledTrade, ...]:
    (tokens, token_count), (prices, price_count) = _items(call, 0), _items(call, 1)
    trades, trade_count = _items(call, 2)
    if trade_count != count:
        raise CallDataError(f"makes {trade_count} trades, not {count}")
    found = []
    for place in range(count):
        trade = trades.tail(place)
        sell, buy = (_index(trade, side, min(token_count, price_count)) for side in (0, 1))
        prices_of = prices.uint(sell), prices.uint(buy)
        found.append(_trade(trade, tokens.address(sell), tokens.address(buy), prices_of))
    return tuple(found)


def _swapped(call: Args, count: int) -> tuple[CalledTrade, ...]:
    if count != 1:
        raise CallDataError(f"makes 1 trade, not {count}")
    (tokens, token_count), trade = _items(call, 1), call.tail(2)
    sell, buy = (tokens.address(_index(trade, side, token_count)) for side in (0, 1))
    return (_trade(trade, sell, buy, None),)


def _trade(trade: Args, sell_token: str, buy_token: str, prices: tuple[int, int] | None) -> CalledTrade:
    flags = trade.uint(8)
    if flags >> SCHEME_SHIFT > PRE_SIGN:
        raise CallDataError(f"an order's flags are {flags}, which names no way of signing")
    order = CowOrder(
        sell_token=sell_token,
        buy_token=buy_token,
        receiver=trade.address(2),
        sell_amount=trade.uint(3),
        buy_amount=trade.uint(4),
        valid_to=trade.uint(5, 32),
        app_data=trade.uint(6).to_bytes(WORD, "big"),
        fee_amount=trade.uint(7),
        flags=flags,
    )
    return CalledTrade(order, trade.uint(9), trade.bytes(10), prices)


def _items(args: Args, place: int) -> tuple[Args, int]:
    """A list's items and its length, which may be anything: an item beyond the data is not readable."""
    inside = args.tail(place)
    return Args(inside.data, inside.start + WORD), inside.uint(0)


def _index(trade: Args, place: int, count: int) -> int:
    index = trade.uint(place)
    if index >= count:
        raise CallDataError(f"points at token {index} of {count}")
    return index
