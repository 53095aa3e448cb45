"""Reads ABI-encoded arguments as the routers themselves do: bounds are checked, padding is not looked at.

A library's strict mode refuses padding that the chain accepts, its lenient mode cuts a length that points past the
end, and a list whose entries all point at one long string grows without bound. So words are read in place here, what
is nested only when it is asked for, and nothing that a length or an offset claims is believed beyond the data's end.
"""

from __future__ import annotations

from dataclasses import dataclass

from eth_hash.auto import keccak

WORD = 32
MAX_ITEMS = 256  # of one list; a block's gas holds fewer hops or commands
V3_ADDRESS, V3_HOP = 20, 23  # a packed path: a token, then fee and token for each hop

ZERO = "0x" + "00" * 20


class CallDataError(Exception):
    """Call data that says nothing readable; the text says why."""


def selector(signature: str) -> bytes:
    """The four bytes that choose a method."""
    return keccak(signature.encode())[:4]


@dataclass(frozen=True, slots=True)
class Args:
    """Encoded arguments. ``place`` counts words from their start, and offsets in them are relative to it."""

    data: bytes
    start: int = 0

    def uint(self, place: int, bits: int = 256) -> int:
        """An unsigned integer.

        Raises:
            CallDataError: The data ends before it, or the number has more bits.
        """
        at = self.start + WORD * place
        word = self.data[at : at + WORD]
        if len(word) != WORD:
            raise CallDataError(f"ends before argument {place}")
        value = int.from_bytes(word, "big")
        if value >> bits:
            raise CallDataError(f"argument {place} has more than {bits} bits")
        return value

    def flag(self, place: int) -> bool:
        """A truth value."""
        return bool(self.uint(place, 1))

    def address(self, place: int) -> str:
        """An address, lower-case."""
        return f"0x{self.uint(place, 160):040x}"

    def tail(self, place: int) -> Args:
        """What the offset in a word points at."""
        offset = self.uint(place)
        if offset > len(self.data) - self.start:
            raise CallDataError(f"the offset in argument {place} points outside of the data")
        return Args(self.data, self.start + offset)

    def items(self, place: int) -> tuple[int, Args]:
        """The length of the list that a word points at, and its items, to be read one by one."""
        inside = self.tail(place)
        length = inside.uint(0)
        if length > MAX_ITEMS:
            raise CallDataError(f"the list in argument {place} has {length} items, more than {MAX_ITEMS}")
        return length, Args(self.data, inside.start + WORD)

    def bytes(self, place: int) -> bytes:
        """The bytes that a word points at."""
        inside = self.tail(place)
        length, start = inside.uint(0), inside.start + WORD
        if length > len(self.data) - start:
            raise CallDataError(f"the bytes in argument {place} reach outside of the data")
        return self.data[start : start + length]

    def addresses(self, place: int) -> tuple[str, ...]:
        """The path of addresses that a word points at."""
        length, items = self.items(place)
        if length < 2:
            raise CallDataError(f"the path in argument {place} has {length} tokens")
        return tuple(items.address(item) for item in range(length))


def packed_path(packed: bytes) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The tokens and fees of a v3 path, in the order in which they are packed; what is left over is not looked at.

    Raises:
        CallDataError: It is shorter than one hop, or too long.
    """
    hops = (len(packed) - V3_ADDRESS) // V3_HOP
    if not 1 <= hops <= MAX_ITEMS:
        raise CallDataError(f"a v3 path of {len(packed)} bytes has no hop, or more than {MAX_ITEMS}")
    starts = range(0, hops * V3_HOP + 1, V3_HOP)
    tokens = tuple("0x" + packed[at : at + V3_ADDRESS].hex() for at in starts)
    fees = tuple(int.from_bytes(packed[at + V3_ADDRESS : at + V3_HOP], "big") for at in starts[:-1])
    return tokens, fees
