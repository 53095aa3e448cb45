"""Orders as the kernel takes them: ABI encoding, EIP-712 signing, and the reading of what `settle` answers.

Hand-packed for the one known layout: a general ABI encoder takes longer than the settlement itself.
Sources: Solidity's ABI specification; EIP-712; contracts/kernel/IKernel.sol.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eth_hash.auto import keccak

from verify.abi import address_word, word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coincurve import PrivateKey

ORDER_TYPE = (
    "Order(address trader,address sellToken,address buyToken,uint256 sellAmount,uint256 minBuyAmount,"
    "uint256 nonce,bool partiallyFillable,uint64 validTo,uint64 placedAt)"
)
ORDER_TYPEHASH = keccak(ORDER_TYPE.encode())
DOMAIN_TYPEHASH = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
WORD = 32
ORDER_WORDS = 9


@dataclass(frozen=True, slots=True)
class SignedOrder:
    """One order's nine ABI words and its 65-byte signature."""

    words: bytes
    signature: bytes


def order_words(
    *,
    trader: str,
    sell_token: str,
    buy_token: str,
    sell_amount: int,
    min_buy_amount: int,
    nonce: int,
    valid_to: int,
    placed_at: int,
    partially_fillable: bool = False,
) -> bytes:
    """The struct `Order` as its nine ABI words."""
    return b"".join(
        (
            address_word(trader),
            address_word(sell_token),
            address_word(buy_token),
            word(sell_amount),
            word(min_buy_amount),
            word(nonce),
            word(int(partially_fillable)),
            word(valid_to),
            word(placed_at),
        )
    )


@functools.lru_cache(maxsize=64)
def domain_separator(chain_id: int, kernel: str) -> bytes:
    """The EIP-712 domain separator of one deployed kernel."""
    return keccak(DOMAIN_TYPEHASH + keccak(b"Pactsmith") + keccak(b"1") + word(chain_id) + address_word(kernel))


def sign(words: bytes, key: PrivateKey, domain: bytes) -> SignedOrder:
    """Signs an order: r, s, v as the kernel expects them."""
    digest = keccak(b"\x19\x01" + domain + keccak(ORDER_TYPEHASH + words))
    signature = key.sign_recoverable(digest, hasher=None)
    return SignedOrder(words, signature[:64] + bytes((27 + signature[64],)))


SETTLE_SIGNED = keccak(b"settle((address,address,address,uint256,uint256,uint256,bool,uint64,uint64)[],bytes[])")[:4]
SETTLE_HARNESS = keccak(b"settle((address,address,address,uint256,uint256,uint256,bool,uint64,uint64)[])")[:4]
_SIGNATURE_TAIL = bytes(31)  # 65 bytes of signature are padded to 96


def settle_signed_calldata(orders: Sequence[SignedOrder]) -> bytes:
    """Calldata of `SignedSettlement.settle(Order[], bytes[])`."""
    n = len(orders)
    orders_size = WORD * (1 + ORDER_WORDS * n)
    parts = [SETTLE_SIGNED, word(2 * WORD), word(2 * WORD + orders_size), word(n)]
    parts.extend(order.words for order in orders)
    parts.append(word(n))
    parts.extend(word(WORD * n + 128 * i) for i in range(n))
    for order in orders:
        parts.extend((word(65), order.signature, _SIGNATURE_TAIL))
    return b"".join(parts)


def settle_harness_calldata(orders: Sequence[bytes]) -> bytes:
    """Calldata of `HarnessSettlement.settle(Order[])` from each order's nine words."""
    return b"".join((SETTLE_HARNESS, word(WORD), word(len(orders)), *orders))


def read_fills(output: bytes, count: int) -> list[tuple[int, int]]:
    """The answer of `settle`: (sold, bought) an order.

    Raises:
        ValueError: when the kernel answered anything but ``count`` fills.
    """
    if len(output) != WORD * (2 + 2 * count) or int.from_bytes(output[WORD : 2 * WORD], "big") != count:
        raise ValueError(f"settle answered {len(output)} bytes, not {count} fills")
    words = [int.from_bytes(output[i : i + WORD], "big") for i in range(2 * WORD, len(output), WORD)]
    return list(zip(words[::2], words[1::2], strict=True))


def no_fills(count: int) -> bytes:
    """What `settle` answers where no order is filled."""
    return word(WORD) + word(count) + bytes(2 * WORD * count)
