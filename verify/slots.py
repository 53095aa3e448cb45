"""Where the harness's token and Uniswap's pools keep what, and how it is packed.

Solidity's layout: a mapping at slot p keeps key k at keccak256(k . p); small fields share a slot from the low end up.
The places are those of the genuine contracts (v2-core 1.0.1, v3-core 1.0.1, v4-core 1.0.2, whose StateLibrary documents
them) and of ``contracts/harness``.
"""

from __future__ import annotations

import functools

from eth_hash.auto import keccak

from verify.abi import address_word, signed, word

# Token.sol
TOKEN_BALANCES = 0

# Permit2
PERMIT2_ALLOWANCES = 1

# UniswapV2Pair
V2_TOTAL_SUPPLY = 0
V2_BALANCES = 1
V2_RESERVES = 8
V2_PRICE0_CUMULATIVE = 9
V2_PRICE1_CUMULATIVE = 10
V2_K_LAST = 11

# UniswapV3Pool
V3_SLOT0 = 0
V3_FEE_GROWTH0 = 1
V3_FEE_GROWTH1 = 2
V3_PROTOCOL_FEES = 3
V3_LIQUIDITY = 4
V3_TICKS = 5
V3_BITMAP = 6
V3_POSITIONS = 7
V3_OBSERVATIONS = 8

# PoolManager; then, from a pool's own first slot, v4's Pool.State
V4_PROTOCOL_FEES = 1
V4_POOLS = 6
V4_FEE_GROWTH0 = 1
V4_FEE_GROWTH1 = 2
V4_LIQUIDITY = 3
V4_TICKS = 4
V4_BITMAP = 5
V4_POSITIONS = 6

MAX_OBSERVATIONS = 4096
"""So many of the price observations that a v3 pool will write are known; it may keep 65,535, written one a block."""

MIN_TICK = -887272
MAX_TICK = 887272

_MASK48 = (1 << 48) - 1
_MASK112 = (1 << 112) - 1
_MASK128 = (1 << 128) - 1
_MASK160 = (1 << 160) - 1


def mapping_slot(key: bytes, slot: int) -> int:
    """The slot of a mapping's entry whose key is already encoded."""
    return int.from_bytes(keccak(key + slot.to_bytes(32, "big")), "big")


def permit2_slot(owner: str, token: str, spender: str) -> int:
    """Where ``Permit2`` keeps what a spender may take of an owner's token."""
    by_token = mapping_slot(address_word(token), mapping_slot(address_word(owner), PERMIT2_ALLOWANCES))
    return mapping_slot(address_word(spender), by_token)


PERMIT2_UNLIMITED = _MASK48 << 160 | _MASK160
"""An allowance of Permit2's that is never used up and never ends."""


def v2_share_slot(owner: str) -> int:
    """Where a v2 pair keeps an owner's liquidity shares."""
    return mapping_slot(address_word(owner), V2_BALANCES)


def v2_reserves(packed: int) -> tuple[int, int]:
    """(reserve0, reserve1) of the pair's reserves slot; the upper 32 bits are the time of the last update."""
    return packed & _MASK112, packed >> 112 & _MASK112


def v2_with_reserves(packed: int, reserve0: int, reserve1: int) -> int:
    """The reserves slot with other reserves and the same time."""
    return packed >> 224 << 224 | reserve1 << 112 | reserve0


def v3_slot0_price(packed: int) -> int:
    """The square root price alone."""
    return packed & _MASK160


def v3_slot0_tick(packed: int) -> int:
    """The tick alone."""
    tick = packed >> 160 & 0xFFFFFF
    return tick - 0x1000000 if tick & 0x800000 else tick


def v3_slot0_observation(packed: int) -> int:
    """The slot of the price observation that was written last."""
    return V3_OBSERVATIONS + (packed >> 184 & 0xFFFF)


def v3_observation_slots(packed: int) -> list[int]:
    """The slots of the price observation that was written last, and of those that will be written next."""
    index, kept = packed >> 184 & 0xFFFF, max(1, packed >> 216 & 0xFFFF)
    return [V3_OBSERVATIONS + (index + step) % kept for step in range(min(kept, MAX_OBSERVATIONS))]


def v3_slot0_with(packed: int, sqrt_price_x96: int, tick: int) -> int:
    """The first slot with another price and tick, all else the same."""
    return packed >> 184 << 184 | (tick & 0xFFFFFF) << 160 | sqrt_price_x96


@functools.lru_cache(maxsize=65536)
def v3_tick_slots(tick: int) -> tuple[int, int, int, int]:
    """The four slots of a tick: liquidity gross and net, fee growth outside of token0 and token1, seconds outside."""
    first = mapping_slot(word(tick), V3_TICKS)
    return first, first + 1, first + 2, first + 3


def v3_tick_liquidity(packed: int) -> tuple[int, int]:
    """(gross, net) of a tick's first slot."""
    return packed & _MASK128, signed(packed >> 128, 128)


@functools.lru_cache(maxsize=65536)
def v3_bitmap_slot(word_position: int) -> int:
    """The slot of one 256-tick word of the bitmap of initialised ticks."""
    return mapping_slot(word(word_position), V3_BITMAP)


@functools.lru_cache(maxsize=65536)
def v3_position_slots(owner: str, tick_lower: int, tick_upper: int) -> tuple[int, int, int, int]:
    """The four slots of a position: liquidity, fee growth inside of token0 and token1, tokens owed."""
    first = mapping_slot(keccak(_position(owner, tick_lower, tick_upper)), V3_POSITIONS)
    return first, first + 1, first + 2, first + 3


def _position(owner: str, tick_lower: int, tick_upper: int) -> bytes:
    return (
        bytes.fromhex(owner[2:])
        + (tick_lower & 0xFFFFFF).to_bytes(3, "big")
        + (tick_upper & 0xFFFFFF).to_bytes(3, "big")
    )


def v4_pool_slot(pool_id: str) -> int:
    """The first slot of a pool in its manager: price and tick packed as v3's, above them the fees."""
    return mapping_slot(bytes.fromhex(pool_id[2:]), V4_POOLS)


def v4_protocol_fees_slot(token: str) -> int:
    """Where a manager keeps what the protocol has earned of a token."""
    return mapping_slot(address_word(token), V4_PROTOCOL_FEES)


def v4_slot0_with_protocol_fee(packed: int, fee_pips: int) -> int:
    """The first slot with another protocol fee, the same for both directions (12 bits each)."""
    cleared = packed & ~(0xFFFFFF << 184)
    return cleared | (fee_pips << 12 | fee_pips) << 184


@functools.lru_cache(maxsize=65536)
def v4_tick_slots(pool_slot: int, tick: int) -> tuple[int, int, int]:
    """The three slots of a tick: liquidity gross and net, fee growth outside of token0 and token1."""
    first = mapping_slot(word(tick), pool_slot + V4_TICKS)
    return first, first + 1, first + 2


@functools.lru_cache(maxsize=65536)
def v4_bitmap_slot(pool_slot: int, word_position: int) -> int:
    """The slot of one 256-tick word of the bitmap of initialised ticks."""
    return mapping_slot(word(word_position), pool_slot + V4_BITMAP)


@functools.lru_cache(maxsize=65536)
def v4_position_slots(pool_slot: int, owner: str, tick_lower: int, tick_upper: int) -> tuple[int, int, int]:
    """The three slots of a position without salt: liquidity, fee growth inside of token0 and token1."""
    key = keccak(_position(owner, tick_lower, tick_upper) + bytes(32))
    first = mapping_slot(key, pool_slot + V4_POSITIONS)
    return first, first + 1, first + 2
