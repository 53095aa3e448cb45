"""The events of Uniswap v2 pairs and v3 pools, decoded from topics and data by whole columns, strictly.

Layouts are those of the pools' own interfaces (IUniswapV2Pair, IUniswapV3PoolEvents). A word that is not a proper
encoding of its type (padding, sign extension) is refused: it means that the file is damaged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from eth_hash.auto import keccak

if TYPE_CHECKING:
    from ingest.sources.text import Bools, Bytes

WORD_BYTES = 32


@dataclass(frozen=True, slots=True)
class Field:
    """One argument: its ABI type, and the column it goes to (empty: checked, then dropped)."""

    abi_type: str
    column: str = ""


@dataclass(frozen=True, slots=True)
class EventSpec:
    """One event of a pool: ``kind`` of the record it becomes, or empty where a replay does not need it."""

    venue: str
    name: str
    kind: str
    indexed: tuple[Field, ...]
    data: tuple[Field, ...]
    signature: str

    @property
    def topic0(self) -> bytes:
        """The hash that marks this event's logs."""
        return keccak(self.signature.encode())


_V3_RANGE = (Field("address", "owner"), Field("int24", "tick_lower"), Field("int24", "tick_upper"))
_V3_AMOUNTS = (Field("uint256", "amount0"), Field("uint256", "amount1"))

EVENTS = (
    EventSpec(
        "v3",
        "Swap",
        "swap",
        (Field("address", "sender"), Field("address", "recipient")),
        (
            Field("int256", "amount0"),
            Field("int256", "amount1"),
            Field("uint160", "sqrt_price_x96"),
            Field("uint128", "liquidity"),
            Field("int24", "tick"),
        ),
        "Swap(address,address,int256,int256,uint160,uint128,int24)",
    ),
    EventSpec(
        "v3",
        "Mint",
        "mint",
        _V3_RANGE,
        (Field("address"), Field("uint128", "liquidity"), *_V3_AMOUNTS),
        "Mint(address,address,int24,int24,uint128,uint256,uint256)",
    ),
    EventSpec(
        "v3",
        "Burn",
        "burn",
        _V3_RANGE,
        (Field("uint128", "liquidity"), *_V3_AMOUNTS),
        "Burn(address,int24,int24,uint128,uint256,uint256)",
    ),
    EventSpec(
        "v3",
        "Collect",
        "collect",
        _V3_RANGE,
        (Field("address"), Field("uint128", "amount0"), Field("uint128", "amount1")),
        "Collect(address,address,int24,int24,uint128,uint128)",
    ),
    EventSpec(
        "v3",
        "Flash",
        "flash",
        (Field("address", "owner"), Field("address")),
        (Field("uint256"), Field("uint256"), *_V3_AMOUNTS),  # what was lent changes nothing; what was paid does
        "Flash(address,address,uint256,uint256,uint256,uint256)",
    ),
    EventSpec(
        "v3",
        "Initialize",
        "initialize",
        (),
        (Field("uint160", "sqrt_price_x96"), Field("int24", "tick")),
        "Initialize(uint160,int24)",
    ),
    EventSpec(
        "v3",
        "SetFeeProtocol",
        "",
        (),
        (Field("uint8"), Field("uint8"), Field("uint8"), Field("uint8")),
        "SetFeeProtocol(uint8,uint8,uint8,uint8)",
    ),
    EventSpec(
        "v3",
        "CollectProtocol",
        "",
        (Field("address"), Field("address")),
        (Field("uint128"), Field("uint128")),
        "CollectProtocol(address,address,uint128,uint128)",
    ),
    EventSpec(
        "v3",
        "IncreaseObservationCardinalityNext",
        "",
        (),
        (Field("uint16"), Field("uint16")),
        "IncreaseObservationCardinalityNext(uint16,uint16)",
    ),
    EventSpec(
        "v2",
        "Swap",
        "swap",
        (Field("address", "sender"), Field("address", "recipient")),
        (Field("uint256", "in0"), Field("uint256", "in1"), Field("uint256", "out0"), Field("uint256", "out1")),
        "Swap(address,uint256,uint256,uint256,uint256,address)",
    ),
    EventSpec(
        "v2",
        "Sync",
        "sync",
        (),
        (Field("uint112", "reserve0"), Field("uint112", "reserve1")),
        "Sync(uint112,uint112)",
    ),
    EventSpec("v2", "Mint", "mint", (Field("address", "owner"),), _V3_AMOUNTS, "Mint(address,uint256,uint256)"),
    EventSpec(
        "v2",
        "Burn",
        "burn",
        (Field("address", "owner"), Field("address")),
        _V3_AMOUNTS,
        "Burn(address,uint256,uint256,address)",
    ),
    EventSpec(
        "v2",
        "Transfer",
        "",
        (Field("address"), Field("address")),
        (Field("uint256"),),
        "Transfer(address,address,uint256)",
    ),
    EventSpec(
        "v2",
        "Approval",
        "",
        (Field("address"), Field("address")),
        (Field("uint256"),),
        "Approval(address,address,uint256)",
    ),
)
BY_TOPIC0: dict[bytes, EventSpec] = {spec.topic0: spec for spec in EVENTS}


def well_formed(words: Bytes, abi_type: str) -> Bools:
    """Which 32-byte words (rows, 32) are proper encodings of ``address``, ``uintN`` or ``intN``."""
    width = 20 if abi_type == "address" else int(abi_type.removeprefix("u").removeprefix("int")) // 8
    padding = words[:, : WORD_BYTES - width]
    negative = words[:, WORD_BYTES - width] >= 128 if abi_type.startswith("int") else np.zeros(len(words), np.bool_)
    good: Bools = (padding == np.where(negative, 255, 0)[:, None]).all(axis=1)
    return good


def decoded(words: Bytes, abi_type: str) -> pa.Array:
    """Well-formed words as text: addresses as lower-case hex, numbers as decimal."""
    if abi_type == "address":
        text = np.ascontiguousarray(words[:, 12:]).tobytes().hex()
        return pa.array([f"0x{text[i : i + 40]}" for i in range(0, len(text), 40)], pa.string())
    return pa.array(map(str, integers(words, signed=abi_type.startswith("int"))), pa.string(), size=len(words))


def integers(words: Bytes, *, signed: bool) -> list[int]:
    """32-byte words as Python integers, exactly."""
    low = np.ascontiguousarray(words[:, 24:]).view(">i8").ravel()
    sign = np.where(signed & (low < 0), 255, 0)[:, None]
    short = (words[:, :24] == sign).all(axis=1) & ((low >= 0) | signed)
    numbers: list[int] = low.tolist()
    flat = words.tobytes()
    for row in np.flatnonzero(~short).tolist():
        start = row * WORD_BYTES
        numbers[row] = int.from_bytes(flat[start : start + WORD_BYTES], "big", signed=signed)
    return numbers
