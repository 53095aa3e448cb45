"""Call traces read as a contract's story: words of call data, a call's descendants, and the token transfers in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eth_hash.auto import keccak

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.traces import Call

WORD_BYTES = 32
SELECTOR_BYTES = 4
SIGN_BIT = 1 << 255


def selector(signature: str) -> bytes:
    """The four bytes that open a call of the function."""
    return keccak(signature.encode())[:SELECTOR_BYTES]


def topic0(signature: str) -> bytes:
    """The hash that marks an event's logs."""
    return keccak(signature.encode())


TRANSFER = selector("transfer(address,uint256)")
TRANSFER_FROM = selector("transferFrom(address,address,uint256)")
BALANCE_OF = selector("balanceOf(address)")


@dataclass(frozen=True, slots=True)
class Transfer:
    """Tokens sent, as called: a token that takes a fee on transfers delivers less than ``amount``."""

    token: str
    sender: str
    recipient: str
    amount: int


def unsigned(data: bytes, place: int) -> int:
    """The 32-byte word at a place, as an unsigned number; a missing one is 0, as the EVM reads it."""
    return int.from_bytes(data[WORD_BYTES * place : WORD_BYTES * (place + 1)].ljust(WORD_BYTES, b"\0"), "big")


def signed(data: bytes, place: int) -> int:
    """The word at a place, in two's complement."""
    number = unsigned(data, place)
    return number - 2 * SIGN_BIT if number >= SIGN_BIT else number


def address(data: bytes, place: int) -> str:
    """The word at a place as an address: its lower 20 bytes."""
    return f"0x{unsigned(data, place) & ((1 << 160) - 1):040x}"


def arguments(call: Call) -> bytes:
    """Call data without its selector."""
    return call.data[SELECTOR_BYTES:]


def is_message(call: Call) -> bool:
    """Whether the call may change its receiver: it took effect, and is neither a delegate nor a static call.

    A proxy passes the same call data on by a delegate call; counting that too would count everything twice.
    """
    return call.call_type == "call" and not call.failed


def descendants(calls: Sequence[Call], place: int) -> Sequence[Call]:
    """The calls made within one, at any depth, in execution order. ``calls`` are a whole transaction's."""
    root = calls[place].address
    depth, end = len(root), place + 1
    while end < len(calls) and calls[end].address[:depth] == root:
        end += 1
    return calls[place + 1 : end]


def transfers(calls: Sequence[Call]) -> Iterator[Transfer]:
    """The ERC-20 transfers among calls, in execution order; those that answered false are none."""
    for call in calls:
        if not is_message(call) or (len(call.output) == WORD_BYTES and not any(call.output)):
            continue
        kind, words = call.data[:SELECTOR_BYTES], arguments(call)
        if kind == TRANSFER:
            yield Transfer(call.to, call.sender, address(words, 0), unsigned(words, 1))
        elif kind == TRANSFER_FROM:
            yield Transfer(call.to, address(words, 0), address(words, 1), unsigned(words, 2))


def balances_read(calls: Sequence[Call], owner: str) -> dict[str, int]:
    """What ``owner`` last read as its own balance of each token, in the order in which it first asked for them."""
    found: dict[str, int] = {}
    for call in calls:
        asks = call.sender == owner and call.data[:SELECTOR_BYTES] == BALANCE_OF
        if asks and len(call.output) == WORD_BYTES and address(arguments(call), 0) == owner:
            found[call.to] = unsigned(call.output, 0)
    return found
