"""What tokens say of themselves, which may be nothing, nonsense, or no text at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.errors import InputError
from ingest.records import Token
from ingest.rpc.contracts import call_data, words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.rpc.node import Node

NATIVE = "0x" + "00" * 20  # v4's address for the chain's own coin
NATIVE_DECIMALS = 18
NATIVE_SYMBOLS = {56: "BNB", 100: "xDAI", 137: "POL", 42220: "CELO", 43114: "AVAX"}
MAX_SYMBOL_CHARS = 64
MAX_SYMBOL_BYTES = 256
MAX_DECIMALS = 255


def read_token(node: Node, chain_id: int, address: str, decimals: Mapping[str, int]) -> Token:
    """A token's symbol and decimals.

    Args:
        node: Whom to ask.
        chain_id: The node's chain.
        address: The token; the zero address is the chain's own coin.
        decimals: What the user knows of tokens that do not tell.

    Raises:
        InputError: The token does not tell its decimals and nobody else does, or it tells others than the user.
    """
    if address == NATIVE:
        return Token(address, NATIVE_SYMBOLS.get(chain_id, "ETH"), NATIVE_DECIMALS)
    questions = [(address, call_data("symbol()")), (address, call_data("decimals()"))]
    symbol, answer = node.call_contracts(questions)
    told = words(answer, 1)
    own = told[0] if told is not None and told[0] <= MAX_DECIMALS else None
    given = decimals.get(address)
    if (known := given if own is None else own) is None:
        raise InputError(f"token {address} does not tell its decimals; say how many it has", field="decimals")
    if own is not None and given is not None and own != given:
        raise InputError(f"token {address} says that it has {own} decimals, not {given}", field="decimals")
    return Token(address, symbol_of(symbol) or short(address), known)


def short(address: str) -> str:
    """An address that can stand for a symbol."""
    return f"{address[:6]}…{address[-4:]}"


def symbol_of(answer: bytes | None) -> str | None:
    """A symbol from what ``symbol()`` gave, as a string or, in old tokens, as 32 bytes; None where it is no symbol."""
    if answer is None or len(answer) < 32:
        return None
    raw = answer.rstrip(b"\0") if len(answer) == 32 else _string(answer)
    try:
        text = raw.decode().strip() if raw is not None else ""
    except UnicodeDecodeError:
        return None
    return text if text and text.isprintable() and len(text) <= MAX_SYMBOL_CHARS else None


def _string(answer: bytes) -> bytes | None:
    """The bytes of an ABI-encoded string, if it lies whole in the answer."""
    start = int.from_bytes(answer[:32], "big")
    if start + 32 > len(answer):
        return None
    size = int.from_bytes(answer[start : start + 32], "big")
    if size > MAX_SYMBOL_BYTES or start + 32 + size > len(answer):
        return None
    return answer[start + 32 : start + 32 + size]
