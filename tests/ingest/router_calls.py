"""Encodes routers' calls with eth-abi, which shares nothing with the reader under test."""

from __future__ import annotations

from eth_abi import encode
from eth_abi.grammar import parse
from eth_hash.auto import keccak

from ingest.calldata.decode import Router, Undecodable, decode_call
from ingest.native import WRAPPED_NATIVE

WETH = WRAPPED_NATIVE[1]
ETHER = "0x" + "00" * 20
A, B, C = ("0x" + digit * 40 for digit in "abc")
PAIR, FRIEND, COLLECTOR = ("0x" + digit * 40 for digit in "789")
SENDER = "0x" + "5e" * 20
CALLER, ITSELF = f"0x{1:040x}", f"0x{2:040x}"
HELD = 1 << 255  # the Universal Router's word for all that it has
DEADLINE = 1_700_000_000

V2_ROUTER = "0x7a250d5630b4cf539739df2c5dacb4c659f2488d"
V3_ROUTER = "0xe592427a0aece92de3edee1f18e0157c05861564"
V3_ROUTER_02 = "0x68b3465833fb72a70ecdf485e0e4c7bd8665fc45"
UNIVERSAL_1 = "0xef1c6e67703c7bd7107eed8303fbe6ec2554bf6b"
UNIVERSAL_1_2 = "0x3fc91a3afd70395cd496c647d5a6cc9d4b2b7fad"
UNIVERSAL_2 = "0x66a9893cc07d91d95644aedd05d03f95e1dba8af"

SWAP = "address,uint256,uint256,bytes,bool"
V2_SWAP = "address,uint256,uint256,address[],bool"


def arguments(types: str, *values) -> bytes:
    return encode([part.to_type_str() for part in parse(f"({types})").components], values) if types else b""


def call(signature: str, *values) -> bytes:
    return keccak(signature.encode())[:4] + arguments(signature[signature.index("(") + 1 : -1], *values)


def packed(*tokens_and_fees) -> bytes:
    """A v3 path: token, fee, token, fee, token."""
    return b"".join(
        bytes.fromhex(part[2:]) if isinstance(part, str) else part.to_bytes(3, "big") for part in tokens_and_fees
    )


def plan(*commands) -> tuple[bytes, list[bytes]]:
    """Commands as (byte, types, values)."""
    return bytes(byte for byte, *_ in commands), [arguments(types, *values) for _, types, *values in commands]


def execute(*commands, deadline: int | None = DEADLINE) -> bytes:
    if deadline is None:
        return call("execute(bytes,bytes[])", *plan(*commands))
    return call("execute(bytes,bytes[],uint256)", *plan(*commands), deadline)


def decoded(to: str, data: bytes, value: int = 0, routers: dict[str, Router] | None = None):
    kwargs = {} if routers is None else {"routers": routers}
    return decode_call(to, data, value, SENDER, wrapped_native=WETH, **kwargs)


def only(to: str, data: bytes, value: int = 0, **kwargs):
    """The one trade of a call."""
    trades = decoded(to, data, value, **kwargs)
    assert not isinstance(trades, Undecodable), trades.reason
    (trade,) = trades
    return trade


def reason(to: str, data: bytes, value: int = 0) -> str:
    """Why a call is not read."""
    answer = decoded(to, data, value)
    assert isinstance(answer, Undecodable), answer
    return answer.reason
