"""The events of Uniswap v2 pairs, v3 pools and v4 pools, decoded from topics and data by whole columns, strictly.

Layouts are those of the pools' own interfaces (IUniswapV2Pair, IUniswapV3PoolEvents, v4's IPoolManager). A word that is
not a proper encoding of its type (padding, sign extension) is refused: it means that the file is damaged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from eth_hash.auto import keccak

from ingest.bignum import from_words
from ingest.event_table import COUNTER_COLUMNS

if TYPE_CHECKING:
    from ingest.sources.text import Bools, Bytes

WORD_BYTES = 32
LANE_BYTES = 8
ALL_ONES = np.uint64(2**64 - 1)


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
    def arguments(self) -> tuple[Field, ...]:
        """All arguments, the indexed ones first, as topics and data have them."""
        return self.indexed + self.data

    @property
    def topic0(self) -> bytes:
        """The hash that marks this event's logs."""
        return keccak(self.signature.encode())


_V3_RANGE = (Field("address", "owner"), Field("int24", "tick_lower"), Field("int24", "tick_upper"))
_V3_AMOUNTS = (Field("uint256", "amount0"), Field("uint256", "amount1"))
_V4_POOL_ID = Field("bytes32")

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
    EventSpec(
        "v4",
        "Swap",
        "swap",
        (_V4_POOL_ID, Field("address", "sender")),
        (
            Field("int128", "amount0"),
            Field("int128", "amount1"),
            Field("uint160", "sqrt_price_x96"),
            Field("uint128", "liquidity"),
            Field("int24", "tick"),
            Field("uint24", "fee_pips"),
        ),
        "Swap(bytes32,address,int128,int128,uint160,uint128,int24,uint24)",
    ),
    EventSpec(
        "v4",
        "ModifyLiquidity",
        "mint",  # or a burn, by the sign
        (_V4_POOL_ID, Field("address", "owner")),
        (
            Field("int24", "tick_lower"),
            Field("int24", "tick_upper"),
            Field("int256", "liquidity"),
            Field("bytes32"),
        ),
        "ModifyLiquidity(bytes32,address,int24,int24,int256,bytes32)",
    ),
    EventSpec(
        "v4",
        "ProtocolFeeUpdated",
        "",
        (_V4_POOL_ID,),
        (Field("uint24"),),
        "ProtocolFeeUpdated(bytes32,uint24)",
    ),
    EventSpec(
        "v4",
        "Donate",
        "flash",  # as in v3, what is paid on top goes to the liquidity providers
        (_V4_POOL_ID, Field("address", "owner")),
        _V3_AMOUNTS,
        "Donate(bytes32,address,uint256,uint256)",
    ),
    EventSpec(
        "v4",
        "Initialize",
        "initialize",
        (_V4_POOL_ID, Field("address"), Field("address")),
        (
            Field("uint24"),
            Field("int24"),
            Field("address"),
            Field("uint160", "sqrt_price_x96"),
            Field("int24", "tick"),
        ),
        "Initialize(bytes32,address,address,uint24,int24,address,uint160,int24)",
    ),
)
BY_TOPIC0: dict[bytes, EventSpec] = {spec.topic0: spec for spec in EVENTS}


def well_formed(words: Bytes, abi_type: str) -> Bools:
    """Which 32-byte words (rows, 32) are proper encodings of ``address``, ``bytes32``, ``uintN`` or ``intN``."""
    if abi_type == "bytes32":
        return np.ones(len(words), np.bool_)
    width = 20 if abi_type == "address" else int(abi_type.removeprefix("u").removeprefix("int")) // 8
    whole, rest = divmod(WORD_BYTES - width, LANE_BYTES)
    lanes = words.view("<u8")  # a word's first byte is its first lane's lowest
    negative = words[:, min(WORD_BYTES - width, WORD_BYTES - 1)] >= 128
    padding = np.where(negative & abi_type.startswith("int"), ALL_ONES, np.uint64(0))
    good: Bools = np.ones(len(words), np.bool_)
    for lane in range(whole):
        good &= lanes[:, lane] == padding
    if rest:
        mask = np.uint64((1 << 8 * rest) - 1)
        good &= (lanes[:, whole] & mask) == (padding & mask)
    return good


def decoded(words: Bytes, argument: Field) -> pa.Array:
    """Well-formed words of an argument as its column of the events has them (see ``ingest.event_table``)."""
    if argument.abi_type == "address":
        return fixed_bytes(words[:, 12:])
    if argument.column in COUNTER_COLUMNS:
        return pa.array(np.ascontiguousarray(words[:, 24:]).view(">i8").ravel().astype(np.int64))
    return from_words(words, signed=argument.abi_type.startswith("int"))


def fixed_bytes(values: Bytes) -> pa.BinaryArray:
    """Rows of bytes (rows, width) as a column of bytes."""
    rows, width = values.shape
    ends = np.arange(rows + 1, dtype=np.int32) * width
    return pa.Array.from_buffers(pa.binary(), rows, [None, pa.py_buffer(ends), pa.py_buffer(values.tobytes())])
