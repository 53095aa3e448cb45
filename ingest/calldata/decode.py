"""The way in: a call's target, data, value and sender become the trades that it wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ingest.calldata import universal, v2, v3
from ingest.calldata.abi import CallDataError
from ingest.calldata.steps import Frame
from ingest.calldata.trades import Trade, trades_of
from ingest.routers import ROUTERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_BYTES = 1 << 18  # mainnet's nodes pass on transactions of up to 128 KiB

Family = Literal["v2", "v3", "v3-02", "universal-1", "universal-1.2", "universal-2", "universal-2.1"]

_READERS: dict[Family, Callable[[Frame, bytes], None]] = {
    "v2": v2.read,
    "v3": lambda frame, data: v3.read(frame, data, second=False),
    "v3-02": lambda frame, data: v3.read(frame, data, second=True),
    "universal-1": lambda frame, data: universal.read(frame, data, universal.FIRST),
    "universal-1.2": lambda frame, data: universal.read(frame, data, universal.SECOND),
    "universal-2": lambda frame, data: universal.read(frame, data, universal.THIRD),
    "universal-2.1": lambda frame, data: universal.read(frame, data, universal.FOURTH),
}


@dataclass(frozen=True, slots=True)
class Router:
    """A contract whose calls are read: its name, and which contract it is."""

    name: str
    family: Family


_FAMILIES: dict[Family, tuple[str, ...]] = {
    "v2": (
        "0xf164fc0ec4e93095b804a4795bbe1e041497b92a",
        "0x7a250d5630b4cf539739df2c5dacb4c659f2488d",
        "0xd9e1ce17f2641f24ae83637ab66a2cca9c378b9f",
        "0xa5e0829caced8ffdd4de3c43696c57f7d7a678ff",
    ),
    "v3": ("0xe592427a0aece92de3edee1f18e0157c05861564",),
    "v3-02": ("0x68b3465833fb72a70ecdf485e0e4c7bd8665fc45",),
    "universal-1": (
        "0xef1c6e67703c7bd7107eed8303fbe6ec2554bf6b",
        "0x4c60051384bd2d3c01bfc845cf5f4b44bcbe9de5",
        "0xb555edf5dcf85f42ceef1f3630a52a108e55a654",
    ),
    "universal-1.2": (
        "0x3fc91a3afd70395cd496c647d5a6cc9d4b2b7fad",
        "0x643770e279d5d0733f21d6dc03a8efbabf3255b4",
        "0xec7be89e9d109e7e3fec59c222cf297125fefda2",
        "0xec8b0f7ffe3ae75d7ffab09429e3675bb63503e4",
        "0xcb1355ff08ab38bbce60111f1bb2b784be25d7e8",
    ),
    "universal-2": (
        "0x66a9893cc07d91d95644aedd05d03f95e1dba8af",
        "0x851116d9223fabed8e56c0e6b8ad0c31d98b3507",
    ),
}
KNOWN_ROUTERS: dict[str, Router] = {
    address: Router(ROUTERS[address], family) for family, addresses in _FAMILIES.items() for address in addresses
}
"""The public routers whose calls are read, by address."""


@dataclass(frozen=True, slots=True)
class Undecodable:
    """A call of a known router that is not read, and why: damaged, hostile, or no trade of one token for one."""

    reason: str


def decode_call(
    to: str,
    data: bytes,
    value_wei: int,
    sender: str,
    *,
    wrapped_native: str,
    routers: Mapping[str, Router] = KNOWN_ROUTERS,
) -> tuple[Trade, ...] | Undecodable | None:
    """What a direct call of a router wanted; it never raises, whatever the data.

    One trade for each pair of tokens and way of asking: chains and splits are put together, the native coin counts as
    its wrapped token, the routers' placeholders for their caller and themselves are resolved, and a limit that is
    enforced only when everything is swept together is the trade's. Empty where a call trades nothing, such as one that
    adds liquidity; None where ``to`` is no router that is known.

    Args:
        to: The contract called, as lower-case text, like all addresses here.
        data: The call data, with the method's selector.
        value_wei: The native coin sent along.
        sender: Who calls.
        wrapped_native: The chain's wrapped native token.
        routers: The routers to know, by address.
    """
    router = routers.get(to)
    if router is None:
        return None
    if not data:
        return ()
    if len(data) > MAX_BYTES:
        return Undecodable(f"has {len(data)} bytes, more than {MAX_BYTES}")
    frame = Frame(router=to, sender=sender, wrapped_native=wrapped_native, value_wei=value_wei)
    try:
        _READERS[router.family](frame, data)
        return trades_of(frame)
    except CallDataError as error:
        return Undecodable(str(error))
