"""Calls of the Universal Router: a string of commands, each a byte, with its input.

Layouts are those of the router's Commands and Dispatcher, whose generations differ in the commands from 0x10 on: they
traded NFTs there, then swapped through v4. A byte's upper bit lets a command fail without the rest; of those read here
only a plan within the plan can, as a swap that fails fails the whole call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.calldata import v4
from ingest.calldata.abi import ZERO, Args, CallDataError, packed_path, selector
from ingest.calldata.steps import Frame, Fund, Move, Payment, Portion, Swap
from ingest.calldata.v3 import CALLER, ITSELF

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.records import IntentKind

ALLOW_REVERT = 0x80
SUB_PLAN, V4_SWAP = 0x21, 0x10
CONTRACT_BALANCE = 1 << 255  # all that the router has
ALREADY_PAID = 0  # as a v2 swap's amount in: the first pair has the tokens


@dataclass(frozen=True, slots=True)
class Generation:
    """What a generation of the router knows beyond the first; ``hop_prices``: v4 paths name a limit for each hop."""

    sub_plans: bool = False
    v4: bool = False
    hop_prices: bool = False


FIRST = Generation()
SECOND = Generation(sub_plans=True)
THIRD = Generation(sub_plans=True, v4=True)
FOURTH = Generation(sub_plans=True, v4=True, hop_prices=True)

_EXECUTE = selector("execute(bytes,bytes[])")
_EXECUTE_UNTIL = selector("execute(bytes,bytes[],uint256)")


def read(frame: Frame, data: bytes, generation: Generation) -> None:
    """Adds the steps of a call to its frame.

    Raises:
        CallDataError: It is no call of a known method, a command is unknown or no part of a trade of tokens, or its
            arguments cannot be read.
    """
    args = Args(data[4:])
    if data[:4] == _EXECUTE_UNTIL:
        frame.deadline_ts = args.uint(2)
    elif data[:4] != _EXECUTE:
        raise CallDataError(f"calls the unknown method 0x{data[:4].hex()}")
    _plan(frame, args, generation, 0, may_fail=False)


def _plan(frame: Frame, args: Args, generation: Generation, depth: int, *, may_fail: bool) -> None:
    commands = args.bytes(0)
    length, inputs = args.items(1)
    if length != len(commands):
        raise CallDataError(f"has {length} inputs for {len(commands)} commands")
    for place, byte in enumerate(commands):
        frame.enter(depth)
        _command(frame, byte, Args(inputs.bytes(place)), generation, depth, may_fail)


def _command(frame: Frame, byte: int, args: Args, generation: Generation, depth: int, may_fail: bool) -> None:
    command = byte & ~ALLOW_REVERT
    if command in _SWAPS:
        frame.add(_swap(frame, args, *_SWAPS[command], may_fail))
    elif command in _PAYMENTS:
        _PAYMENTS[command](frame, args)
    elif command == SUB_PLAN and generation.sub_plans:
        _plan(frame, args, generation, depth + 1, may_fail=may_fail or command != byte)
    elif command == V4_SWAP and generation.v4:
        hop_prices = generation.hop_prices
        v4.read(frame, args, lambda address: _recipient(frame, address), hop_prices=hop_prices, may_fail=may_fail)
    elif command not in _NO_TRADE:
        raise CallDataError(f"the command 0x{byte:02x} is not one of a trade of tokens")


def _recipient(frame: Frame, address: str) -> str:
    return {CALLER: frame.sender, ITSELF: frame.router}.get(address, address)


def _token(frame: Frame, address: str) -> str:
    return frame.wrapped_native if address == ZERO else address


def _swap(frame: Frame, args: Args, method: str, kind: IntentKind, through_v3: bool, may_fail: bool) -> Swap:
    """All four have one layout: recipient, amount, limit, path, and whether the sender pays."""
    first, limit = args.uint(1), args.uint(2)
    path, fees_pips = packed_path(args.bytes(3)) if through_v3 else (args.addresses(3), ())
    if through_v3 and kind == "buy":
        path, fees_pips = path[::-1], fees_pips[::-1]
    paid_before = not through_v3 and kind == "sell" and first == ALREADY_PAID
    whole = paid_before or (kind == "sell" and first == CONTRACT_BALANCE)
    return Swap(
        method=method,
        kind=kind,
        path=path,
        fees_pips=fees_pips,
        amount_in=None if whole else first if kind == "sell" else limit,
        amount_out=limit if kind == "sell" else first,
        payer=None if paid_before else frame.sender if args.flag(4) else frame.router,
        recipient=_recipient(frame, args.address(0)),
        balance_checked=not through_v3 and kind == "sell",
        never_partial=not through_v3 and kind == "sell",
        may_fail=may_fail,
    )


def _wrap(frame: Frame, args: Args) -> None:
    amount = args.uint(1)
    whole = amount == CONTRACT_BALANCE
    token, recipient = frame.wrapped_native, _recipient(frame, args.address(0))
    frame.add(Fund(recipient, token, frame.value_wei if whole else amount))


def _unwrap(frame: Frame, args: Args) -> None:
    recipient = _recipient(frame, args.address(0))
    frame.add(Move(frame.router, frame.wrapped_native, recipient, args.uint(1), unwrapped=True))


def _sweep(frame: Frame, args: Args) -> None:
    token, native = _token(frame, args.address(0)), args.address(0) == ZERO
    frame.add(Move(frame.router, token, _recipient(frame, args.address(1)), args.uint(2), native))


def _transfer(frame: Frame, args: Args) -> None:
    token, recipient, amount = _token(frame, args.address(0)), _recipient(frame, args.address(1)), args.uint(2)
    if amount == CONTRACT_BALANCE:
        frame.add(Move(frame.router, token, recipient, 0))
    else:
        frame.add(Payment(frame.router, token, recipient, amount))


def _pay_portion(frame: Frame, args: Args) -> None:
    frame.add(Portion(frame.router, _token(frame, args.address(0)), args.uint(2)))


def _permit2_transfer(frame: Frame, args: Args) -> None:
    frame.add(Fund(_recipient(frame, args.address(1)), args.address(0), args.uint(2, 160)))


def _permit2_transfers(frame: Frame, args: Args) -> None:
    """A list of structures of words: from, to, amount, token."""
    length, items = args.items(0)
    for item in range(length):
        place = 4 * item
        if items.address(place) != frame.sender:
            raise CallDataError("takes tokens from somebody else than the sender")
        amount, token = items.uint(place + 2, 160), items.address(place + 3)
        frame.add(Fund(_recipient(frame, items.address(place + 1)), token, amount))


_SWAPS: dict[int, tuple[str, IntentKind, bool]] = {
    0x00: ("V3_SWAP_EXACT_IN", "sell", True),
    0x01: ("V3_SWAP_EXACT_OUT", "buy", True),
    0x08: ("V2_SWAP_EXACT_IN", "sell", False),
    0x09: ("V2_SWAP_EXACT_OUT", "buy", False),
}
_PAYMENTS: dict[int, Callable[[Frame, Args], None]] = {
    0x02: _permit2_transfer,
    0x04: _sweep,
    0x05: _transfer,
    0x06: _pay_portion,
    0x0B: _wrap,
    0x0C: _unwrap,
    0x0D: _permit2_transfers,
}
_NO_TRADE = {0x03, 0x0A, 0x0E}  # permits, and the check of a balance
