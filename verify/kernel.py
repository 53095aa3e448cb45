"""The kernel as the replay sees it: how it is deployed, what it logs, and what its errors mean in words."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak

from verify.abi import address_word, word
from verify.compile import compile_trusted
from verify.evm import describe_revert
from verify.slots import mapping_slot

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from verify.compile import Contract
    from verify.evm import Slots
    from verify.ledger import Ledger
    from verify.venues import Venue

Log = tuple[str, list[bytes], bytes]

# The kernel's storage: the rule's state is slots 0 to 63, then come mappings, these among them (contracts/kernel).
_RESIDUE = 65
_NONCE_BITS = 66

EARLIER_RESIDUE = 1
"""What a kernel in use holds of each token from batches before, in smallest units."""

_STORED = keccak(b"Stored(uint256,uint256)")
_DONATED = keccak(b"Donated(uint256,address,uint256)")
_ORDER_DROPPED = keccak(b"OrderDropped(uint256,address,bytes4)")
_SWAP_V2 = keccak(b"Swap(address,uint256,uint256,uint256,uint256,address)")
_SWAP_V3 = keccak(b"Swap(address,address,int256,int256,uint160,uint128,int24)")
SWAP_V4 = keccak(b"Swap(bytes32,address,int128,int128,uint160,uint128,int24,uint24)")
"""Topic of a v4 manager's event of a swap; its first two words are the amounts from the swapper's side."""


@functools.lru_cache(maxsize=1)
def contract() -> Contract:
    """The deployable kernel."""
    return compile_trusted(["kernel/SignedSettlement.sol"])["SignedSettlement"]


class NamedVenue(NamedTuple):
    """A venue as the kernel is told of it: its contract and kind (2, 3 or 4); of a v4 pool also which one it is."""

    pool: str
    kind: int
    token0: str = "0x" + "00" * 20
    token1: str = "0x" + "00" * 20
    fee_pips: int = 0
    tick_spacing: int = 0


VENUES_TYPE = "(address,uint8,address,address,uint24,int24)[]"
"""The ABI type of a list of such."""


def named(venue: Venue) -> NamedVenue:
    """How the kernel is told of a world's venue."""
    return NamedVenue(venue.pool, int(venue.kind[1:]), *venue.terms)


def creation(rule: str, venues: Iterable[NamedVenue | tuple[str, int]]) -> bytes:
    """Creation code of `SignedSettlement` for a rule and its venues; of v2 and v3 contract and kind are enough."""
    return contract().creation_code + arguments(rule, venues)


def arguments(rule: str, venues: Iterable[NamedVenue | tuple[str, int]]) -> bytes:
    """What the kernel's constructor takes."""
    return encode(["address", VENUES_TYPE], [rule, [NamedVenue(*each) for each in venues]])


def in_use(kernel: str, traders: Iterable[str], ledgers: Mapping[str, Ledger]) -> Slots:
    """Storage of a kernel that has settled before: traders have used a nonce, and of each token something was left.

    So no first-time storage cost falls on a replayed batch, as none falls on the swaps that it is compared with.
    """
    slots: Slots = {}
    for trader in traders:
        bits = mapping_slot(word(0), mapping_slot(address_word(trader), _NONCE_BITS))
        slots[kernel, bits] = 1 << 255  # nonce 255; replayed orders use nonce 0
    for token, ledger in ledgers.items():
        slots[kernel, mapping_slot(address_word(token), _RESIDUE)] = EARLIER_RESIDUE
        slots[ledger.slot(kernel)] = EARLIER_RESIDUE
    return slots


@dataclass(frozen=True, slots=True)
class Trail:
    """What a settlement's logs tell.

    ``stored`` are the rule's writes to its state in order; ``donated`` is by token, ``traded_in`` (the pools' inputs)
    by pool and token; ``dropped`` counts the orders that dropped out.
    """

    stored: tuple[tuple[int, int], ...]
    donated: tuple[int, int]
    traded_in: tuple[tuple[int, int], ...]
    dropped: int


def no_trail(pools: int) -> Trail:
    """That of a settlement that did nothing, with so many pools."""
    return Trail((), (0, 0), ((0, 0),) * pools, 0)


def read_trail(logs: Iterable[Log], kernel: str, pools: Sequence[str], token0: str) -> Trail:
    """Reads the logs of one `settle`; those of other contracts than kernel and pools are passed over."""
    stored: list[tuple[int, int]] = []
    donated = [0, 0]
    traded_in = {pool: [0, 0] for pool in pools}
    dropped = 0
    for address, topics, data in logs:
        if address == kernel:
            if topics[0] == _STORED:
                stored.append((_word(data, 0), _word(data, 1)))
            elif topics[0] == _DONATED:
                donated["0x" + data[44:64].hex() != token0] += _word(data, 2)
            elif topics[0] == _ORDER_DROPPED:
                dropped += 1
        elif address in traded_in:
            amounts = traded_in[address]
            if topics[0] == _SWAP_V3:
                amounts[0] += max(0, int.from_bytes(data[:32], "big", signed=True))
                amounts[1] += max(0, int.from_bytes(data[32:64], "big", signed=True))
            elif topics[0] == SWAP_V4:
                amounts[0] += max(0, -int.from_bytes(data[:32], "big", signed=True))
                amounts[1] += max(0, -int.from_bytes(data[32:64], "big", signed=True))
            elif topics[0] == _SWAP_V2:
                amounts[0] += _word(data, 0)
                amounts[1] += _word(data, 1)
    by_pool = tuple((amounts[0], amounts[1]) for amounts in traded_in.values())
    return Trail(tuple(stored), (donated[0], donated[1]), by_pool, dropped)


def error_in_words(output: bytes) -> tuple[str, str]:
    """A revert of `settle` as (name of the error, the error with its arguments)."""
    known = _errors().get(output[:4])
    if known is None:
        return "reverted", describe_revert(output)
    name, types = known
    try:
        values = decode(types, output[4:])
    except (DecodingError, OverflowError, ValueError):  # a rule may imitate an error and fill it with anything
        return name, name
    if name == "RuleFailed":
        reason = bytes(values[0])
        inner = error_in_words(reason)[1] if reason else "without a reason (out of gas, or a refused operation)"
        return name, f"the rule failed: {inner}"
    return name, f"{name}({', '.join(_shown(value) for value in values)})"


@functools.lru_cache(maxsize=1)
def _errors() -> dict[bytes, tuple[str, list[str]]]:
    """The kernel's custom errors by selector."""
    found = {}
    for entry in contract().abi:
        if entry["type"] == "error":
            types = [argument["type"] for argument in entry["inputs"]]
            found[keccak(f"{entry['name']}({','.join(types)})".encode())[:4]] = (entry["name"], types)
    return found


def _shown(value: Any) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


def _word(data: bytes, i: int) -> int:
    return int.from_bytes(data[32 * i : 32 * i + 32], "big")
