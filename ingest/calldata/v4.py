"""The v4 actions inside a Universal Router's call: swaps that run up debts, and the payments that settle them.

Layouts are those of v4-periphery's IV4Router and Actions. Debts are settled only in the end, so that the order of
swaps and payments does not matter; here what is paid in comes first. The zero address stands for the native coin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.calldata.abi import ZERO, Args, CallDataError
from ingest.calldata.steps import VAULT, Frame, Fund, Move, Payment, Portion, Swap

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.records import IntentKind

DYNAMIC_FEE = 1 << 23  # a pool whose hook sets its fee says so in place of it
OPEN_DELTA = 0  # all that is owed
CONTRACT_BALANCE = 1 << 255  # all that the router has

_SINGLE_SWAPS: dict[int, tuple[str, IntentKind]] = {
    0x06: ("V4_SWAP_EXACT_IN_SINGLE", "sell"),
    0x08: ("V4_SWAP_EXACT_OUT_SINGLE", "buy"),
}
_PATH_SWAPS: dict[int, tuple[str, IntentKind]] = {
    0x07: ("V4_SWAP_EXACT_IN", "sell"),
    0x09: ("V4_SWAP_EXACT_OUT", "buy"),
}
_SETTLE, _SETTLE_ALL, _TAKE, _TAKE_ALL, _TAKE_PORTION = 0x0B, 0x0C, 0x0E, 0x0F, 0x10
_PHASE = {_SETTLE: 0, _SETTLE_ALL: 0, _TAKE: 2, _TAKE_ALL: 2, _TAKE_PORTION: 2}  # swaps lie between


def read(frame: Frame, args: Args, recipient: Callable[[str], str], *, hop_prices: bool, may_fail: bool) -> None:
    """Adds the steps of a V4_SWAP command to its frame; ``recipient`` resolves the router's placeholders.

    With ``hop_prices`` a path is followed by a list of the hops' own limits, which the limit of the whole includes.

    Raises:
        CallDataError: It holds an unknown action, or arguments that cannot be read.
    """
    actions = args.bytes(0)
    length, inputs = args.items(1)
    if length != len(actions):
        raise CallDataError(f"has {length} inputs for {len(actions)} v4 actions")
    for place in sorted(range(length), key=lambda place: _PHASE.get(actions[place], 1)):
        frame.enter(0)
        action, inside = actions[place], Args(inputs.bytes(place))
        if action in _SINGLE_SWAPS:
            frame.add(_single(frame, inside.tail(0), *_SINGLE_SWAPS[action], may_fail))
        elif action in _PATH_SWAPS:
            frame.add(_along_path(frame, inside.tail(0), *_PATH_SWAPS[action], may_fail, 3 if hop_prices else 2))
        else:
            _payment(frame, action, inside, recipient)


def _payment(frame: Frame, action: int, args: Args, recipient: Callable[[str], str]) -> None:
    if action not in _PHASE:
        raise CallDataError(f"the v4 action 0x{action:02x} is not one of a trade")
    token, unwrapped = _token(frame, args.address(0)), args.address(0) == ZERO
    if action == _SETTLE:
        amount = args.uint(1)
        if args.flag(2):
            frame.add(Fund(VAULT, token, None if amount in (OPEN_DELTA, CONTRACT_BALANCE) else amount))
        else:
            frame.add(Move(frame.router, token, VAULT, 0))
    elif action == _SETTLE_ALL:
        frame.add(Fund(VAULT, token, args.uint(1)))
    elif action == _TAKE_ALL:
        frame.add(Move(VAULT, token, frame.sender, args.uint(1), unwrapped))
    elif action == _TAKE_PORTION:
        frame.add(Portion(VAULT, token, args.uint(2)))
    elif args.uint(2) == OPEN_DELTA:
        frame.add(Move(VAULT, token, recipient(args.address(1)), 0, unwrapped))
    else:
        frame.add(Payment(VAULT, token, recipient(args.address(1)), args.uint(2)))


def _token(frame: Frame, currency: str) -> str:
    return frame.wrapped_native if currency == ZERO else currency


def _amounts(kind: IntentKind, first: int, limit: int) -> tuple[int | None, int | None]:
    given = None if first == OPEN_DELTA else first
    return (given, limit) if kind == "sell" else (limit, given)


def _single(frame: Frame, inside: Args, method: str, kind: IntentKind, may_fail: bool) -> Swap:
    """One pool: its key (two currencies, fee, spacing, hooks), the direction, and two amounts of 128 bits."""
    pair = (_token(frame, inside.address(0)), _token(frame, inside.address(1)))
    amount_in, amount_out = _amounts(kind, inside.uint(6, 128), inside.uint(7, 128))
    return Swap(
        method=method,
        kind=kind,
        path=pair if inside.flag(5) else pair[::-1],
        fees_pips=_fees(inside.uint(2, 24)),
        amount_in=amount_in,
        amount_out=amount_out,
        payer=VAULT,
        recipient=VAULT,
        native=inside.address(0) == ZERO,  # the lower of two addresses is the first currency
        may_fail=may_fail,
    )


def _along_path(frame: Frame, inside: Args, method: str, kind: IntentKind, may_fail: bool, amounts_place: int) -> Swap:
    """A currency and the hops after it (for a buy: before it), each with the currency at its other end."""
    end = _token(frame, inside.address(0))
    length, items = inside.items(1)
    if not length:
        raise CallDataError("a v4 path has no hop")
    hops = [items.tail(hop) for hop in range(length)]
    others = tuple(_token(frame, hop.address(0)) for hop in hops)
    amount_in, amount_out = _amounts(kind, inside.uint(amounts_place, 128), inside.uint(amounts_place + 1, 128))
    return Swap(
        method=method,
        kind=kind,
        path=(end, *others) if kind == "sell" else (*others, end),
        fees_pips=_fees(*(hop.uint(1, 24) for hop in hops)),
        amount_in=amount_in,
        amount_out=amount_out,
        payer=VAULT,
        recipient=VAULT,
        native=ZERO in (inside.address(0), hops[-1 if kind == "sell" else 0].address(0)),
        may_fail=may_fail,
    )


def _fees(*fees_pips: int) -> tuple[int, ...]:
    return () if DYNAMIC_FEE in fees_pips else fees_pips
