"""Contracts' answers as words of 32 bytes, and how they are called; an answer that does not fit is no answer."""

from __future__ import annotations

from eth_hash.auto import keccak

WORD_BYTES = 32


def call_data(signature: str, *arguments: int) -> bytes:
    """The call of a function with words as its arguments; negative ones as two's complement."""
    return keccak(signature.encode())[:4] + b"".join(
        (one % (1 << 256)).to_bytes(WORD_BYTES, "big") for one in arguments
    )


def words(answer: bytes | None, least: int) -> list[int] | None:
    """An answer's words, if there are at least so many; None where it is missing, cut, or shorter."""
    if answer is None or len(answer) % WORD_BYTES or len(answer) < least * WORD_BYTES:
        return None
    return [int.from_bytes(answer[at : at + WORD_BYTES], "big") for at in range(0, len(answer), WORD_BYTES)]


def unsigned(word: int, bits: int) -> int | None:
    """A word as an unsigned integer of so many bits; None where it does not fit."""
    return word if word < 1 << bits else None


def signed(word: int, bits: int) -> int | None:
    """A word as a two's complement integer of so many bits; None where it does not fit."""
    value = word - (1 << 256) if word >> 255 else word
    return value if -(1 << (bits - 1)) <= value < 1 << (bits - 1) else None


def low_signed(word: int, bits: int) -> int:
    """The lowest bits of a packed word as a two's complement integer."""
    value = word % (1 << bits)
    return value - (1 << bits) if value >> (bits - 1) else value


def address(word: int) -> str | None:
    """A word as an address; None where it is none."""
    return f"0x{word:040x}" if word < 1 << 160 else None
