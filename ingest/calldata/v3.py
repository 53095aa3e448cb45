"""Calls of Uniswap v3's SwapRouter and of SwapRouter02, alone or several in a multicall.

Methods are those of ISwapRouter, IV3SwapRouter, IV2SwapRouter and the periphery's payments. SwapRouter keeps what is
sent to the zero address; SwapRouter02 knows 1 as its caller and 2 as itself, and an amount of 0 as all that it holds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ingest.calldata.abi import ZERO, Args, CallDataError, packed_path, selector
from ingest.calldata.steps import Frame, Fund, Move, Portion, Swap

if TYPE_CHECKING:
    from ingest.records import IntentKind

CALLER, ITSELF = f"0x{1:040x}", f"0x{2:040x}"

_Method = Callable[[Frame, Args], None]


def read(frame: Frame, data: bytes, depth: int = 0, *, second: bool) -> None:
    """Adds the steps of a call of SwapRouter (or of the ``second`` one, SwapRouter02) to its frame.

    Raises:
        CallDataError: It is no call of a known method, or its arguments cannot be read.
    """
    frame.enter(depth)
    chosen, args = data[:4], Args(data[4:])
    method = (_SECOND if second else _FIRST).get(chosen)
    if method is not None:
        method(frame, args)
    elif chosen == _MULTICALL:
        _calls(frame, args, 0, depth, second=second)
    elif second and chosen in (_MULTICALL_UNTIL, _MULTICALL_AFTER):
        if chosen == _MULTICALL_UNTIL:
            frame.deadline_ts = args.uint(0)
        _calls(frame, args, 1, depth, second=second)
    elif chosen not in _NO_TRADE:
        raise CallDataError(f"calls the unknown method 0x{chosen.hex()}")


def _calls(frame: Frame, args: Args, place: int, depth: int, *, second: bool) -> None:
    length, calls = args.items(place)
    for call in range(length):
        read(frame, calls.bytes(call), depth + 1, second=second)


def _single(frame: Frame, args: Args, *, kind: IntentKind, second: bool) -> None:
    """``exactInputSingle`` and ``exactOutputSingle``: words, with a deadline in the first router only."""
    place = 4 if second else 5
    first, limit = args.uint(place), args.uint(place + 1)
    holds = second and kind == "sell" and first == 0
    frame.add(
        Swap(
            method="exactInputSingle" if kind == "sell" else "exactOutputSingle",
            kind=kind,
            path=(args.address(0), args.address(1)),
            fees_pips=(args.uint(2, 24),),
            amount_in=None if holds else first if kind == "sell" else limit,
            amount_out=limit if kind == "sell" else first,
            payer=frame.router if holds else frame.sender,
            recipient=_recipient(frame, args.address(3), second=second),
            deadline_ts=None if second else args.uint(4),
            price_limited=args.uint(place + 2, 160) != 0,
        )
    )


def _along_path(frame: Frame, args: Args, *, kind: IntentKind, second: bool) -> None:
    """``exactInput`` and ``exactOutput``: a packed path, from its end in the latter."""
    inside = args.tail(0)
    place = 2 if second else 3
    first, limit = inside.uint(place), inside.uint(place + 1)
    path, fees_pips = packed_path(inside.bytes(0))
    holds = second and kind == "sell" and first == 0
    frame.add(
        Swap(
            method="exactInput" if kind == "sell" else "exactOutput",
            kind=kind,
            path=path if kind == "sell" else path[::-1],
            fees_pips=fees_pips if kind == "sell" else fees_pips[::-1],
            amount_in=None if holds else first if kind == "sell" else limit,
            amount_out=limit if kind == "sell" else first,
            payer=frame.router if holds else frame.sender,
            recipient=_recipient(frame, inside.address(1), second=second),
            deadline_ts=None if second else inside.uint(2),
        )
    )


def _through_v2(frame: Frame, args: Args, *, kind: IntentKind) -> None:
    """SwapRouter02's own way through v2 pairs."""
    first, limit = args.uint(0), args.uint(1)
    holds = kind == "sell" and first == 0
    frame.add(
        Swap(
            method="swapExactTokensForTokens" if kind == "sell" else "swapTokensForExactTokens",
            kind=kind,
            path=args.addresses(2),
            fees_pips=(),
            amount_in=None if holds else first if kind == "sell" else limit,
            amount_out=limit if kind == "sell" else first,
            payer=frame.router if holds else frame.sender,
            recipient=_recipient(frame, args.address(3), second=True),
            balance_checked=kind == "sell",
            never_partial=kind == "sell",
        )
    )


def _recipient(frame: Frame, address: str, *, second: bool) -> str:
    if second:
        return {CALLER: frame.sender, ITSELF: frame.router}.get(address, address)
    return frame.router if address == ZERO else address


def _unwrap(frame: Frame, args: Args) -> None:
    frame.add(Move(frame.router, frame.wrapped_native, args.address(1), args.uint(0), unwrapped=True))


def _sweep(frame: Frame, args: Args) -> None:
    frame.add(Move(frame.router, args.address(0), args.address(2), args.uint(1)))


def _unwrap_to_caller(frame: Frame, args: Args) -> None:
    frame.add(Move(frame.router, frame.wrapped_native, frame.sender, args.uint(0), unwrapped=True))


def _sweep_to_caller(frame: Frame, args: Args) -> None:
    frame.add(Move(frame.router, args.address(0), frame.sender, args.uint(1)))


def _less_fee(frame: Frame, token: str, recipient: str, least: int, bips: int, *, unwrapped: bool) -> None:
    """The least is required before the fee is taken."""
    frame.add(Move(frame.router, token, frame.router, least, unwrapped=unwrapped))
    frame.add(Portion(frame.router, token, bips))
    frame.add(Move(frame.router, token, recipient, 0, unwrapped=unwrapped))


def _unwrap_with_fee(frame: Frame, args: Args) -> None:
    token, bips = frame.wrapped_native, args.uint(2)
    _less_fee(frame, token, args.address(1), args.uint(0), bips, unwrapped=True)


def _sweep_with_fee(frame: Frame, args: Args) -> None:
    _less_fee(frame, args.address(0), args.address(2), args.uint(1), args.uint(3), unwrapped=False)


def _unwrap_with_fee_to_caller(frame: Frame, args: Args) -> None:
    token, bips = frame.wrapped_native, args.uint(1)
    _less_fee(frame, token, frame.sender, args.uint(0), bips, unwrapped=True)


def _sweep_with_fee_to_caller(frame: Frame, args: Args) -> None:
    _less_fee(frame, args.address(0), frame.sender, args.uint(1), args.uint(2), unwrapped=False)


def _wrap(frame: Frame, args: Args) -> None:
    frame.add(Fund(frame.router, frame.wrapped_native, args.uint(0)))


def _pull(frame: Frame, args: Args) -> None:
    frame.add(Fund(frame.router, args.address(0), args.uint(1)))


_MULTICALL = selector("multicall(bytes[])")
_MULTICALL_UNTIL = selector("multicall(uint256,bytes[])")
_MULTICALL_AFTER = selector("multicall(bytes32,bytes[])")  # after a block with this hash

_ADDRESSES = "(address,address,uint24,address,"
_PAYMENTS: dict[str, _Method] = {
    "unwrapWETH9(uint256,address)": _unwrap,
    "sweepToken(address,uint256,address)": _sweep,
    "unwrapWETH9WithFee(uint256,address,uint256,address)": _unwrap_with_fee,
    "sweepTokenWithFee(address,uint256,address,uint256,address)": _sweep_with_fee,
}
_FIRST_METHODS: dict[str, _Method] = _PAYMENTS | {
    f"exactInputSingle({_ADDRESSES}uint256,uint256,uint256,uint160))": partial(_single, kind="sell", second=False),
    f"exactOutputSingle({_ADDRESSES}uint256,uint256,uint256,uint160))": partial(_single, kind="buy", second=False),
    "exactInput((bytes,address,uint256,uint256,uint256))": partial(_along_path, kind="sell", second=False),
    "exactOutput((bytes,address,uint256,uint256,uint256))": partial(_along_path, kind="buy", second=False),
}
_SECOND_METHODS: dict[str, _Method] = _PAYMENTS | {
    f"exactInputSingle({_ADDRESSES}uint256,uint256,uint160))": partial(_single, kind="sell", second=True),
    f"exactOutputSingle({_ADDRESSES}uint256,uint256,uint160))": partial(_single, kind="buy", second=True),
    "exactInput((bytes,address,uint256,uint256))": partial(_along_path, kind="sell", second=True),
    "exactOutput((bytes,address,uint256,uint256))": partial(_along_path, kind="buy", second=True),
    "swapExactTokensForTokens(uint256,uint256,address[],address)": partial(_through_v2, kind="sell"),
    "swapTokensForExactTokens(uint256,uint256,address[],address)": partial(_through_v2, kind="buy"),
    "unwrapWETH9(uint256)": _unwrap_to_caller,
    "sweepToken(address,uint256)": _sweep_to_caller,
    "unwrapWETH9WithFee(uint256,uint256,address)": _unwrap_with_fee_to_caller,
    "sweepTokenWithFee(address,uint256,uint256,address)": _sweep_with_fee_to_caller,
    "wrapETH(uint256)": _wrap,
    "pull(address,uint256)": _pull,
}
_FIRST = {selector(signature): method for signature, method in _FIRST_METHODS.items()}
_SECOND = {selector(signature): method for signature, method in _SECOND_METHODS.items()}
_NO_TRADE = {
    selector(signature)
    for signature in (
        "refundETH()",
        "selfPermit(address,uint256,uint256,uint8,bytes32,bytes32)",
        "selfPermitIfNecessary(address,uint256,uint256,uint8,bytes32,bytes32)",
        "selfPermitAllowed(address,uint256,uint256,uint8,bytes32,bytes32)",
        "selfPermitAllowedIfNecessary(address,uint256,uint256,uint8,bytes32,bytes32)",
        "checkOracleSlippage(bytes,uint24,uint32)",
        "checkOracleSlippage(bytes[],uint128[],uint24,uint32)",
    )
}
