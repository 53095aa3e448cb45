"""What to ask for logs: filters put together into few questions, and what belongs to each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from eth_hash.auto import keccak

from ingest.chain_store import LogFilter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingest.rpc.answers import Log

MOST_TERMS = 100  # addresses or ids in one question


def topic(signature: str) -> str:
    """The first topic of an event."""
    return "0x" + keccak(signature.encode()).hex()


COW_TRADE = topic("Trade(address,address,address,uint256,uint256,uint256,bytes)")
COW_SETTLEMENT = topic("Settlement(address)")
COW_SETTLEMENT_CONTRACT = "0x9008d19f58aabd9ed0d60971565aa8510560ab41"  # on every chain that CoW Protocol serves


def pool_filter(pool: str) -> LogFilter:
    """All logs of a v2 pair or a v3 pool."""
    return LogFilter(pool)


def v4_filter(manager: str, pool_id: str) -> LogFilter:
    """All logs of one v4 pool: each of its events has the pool's id as its first indexed argument."""
    return LogFilter(manager, topic1=pool_id)


def cow_filter(settlement: str = COW_SETTLEMENT_CONTRACT) -> LogFilter:
    """The trades and settlements of CoW Protocol."""
    return LogFilter(settlement, topic0=(COW_TRADE, COW_SETTLEMENT))


@dataclass(frozen=True, slots=True)
class Query:
    """One ``eth_getLogs`` question; an empty set of topics asks for any."""

    addresses: frozenset[bytes]
    topic0: frozenset[bytes]
    topic1: frozenset[bytes]

    def params(self, **blocks: str) -> list[Any]:
        """The question's parameters, with ``fromBlock`` and ``toBlock``, or ``blockHash``."""
        topics: list[list[str] | None] = [_texts(self.topic0) or None, _texts(self.topic1) or None]
        while topics and topics[-1] is None:
            topics.pop()
        return [blocks | {"address": _texts(self.addresses)} | ({"topics": topics} if topics else {})]

    def wants(self, log: Log) -> bool:
        """Whether a log is asked for."""
        topic0, topic1 = (*log.topics[:2], None, None)[:2]
        return (
            log.address in self.addresses
            and (not self.topic0 or topic0 in self.topic0)
            and (not self.topic1 or topic1 in self.topic1)
        )

    def may_be_in(self, bloom: bytes) -> bool:
        """Whether a header's bloom filter allows that the block holds such a log; it never denies one that is there."""
        bits = int.from_bytes(bloom, "big")
        return all(
            any(bits & _bloom_bits(term) == _bloom_bits(term) for term in terms)
            for terms in (self.addresses, self.topic0, self.topic1)
            if terms
        )


def queries(filters: Iterable[LogFilter]) -> tuple[Query, ...]:
    """The questions that ask for exactly the logs of the filters.

    Contracts of which the same events are wanted go together, and so do the pools of one PoolManager.
    """
    contracts: dict[tuple[str, ...], set[str]] = {}
    pools: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for one in filters:
        if one.topic1 is None:
            contracts.setdefault(one.topic0, set()).add(one.address)
        else:
            pools.setdefault((one.address, one.topic0), set()).add(one.topic1)
    found = [
        Query(_set(part), _set(events), frozenset()) for events, names in contracts.items() for part in _parts(names)
    ]
    found += [
        Query(_set([address]), _set(events), _set(part))
        for (address, events), ids in pools.items()
        for part in _parts(ids)
    ]
    return tuple(found)


def _parts(names: set[str]) -> list[list[str]]:
    ordered = sorted(names)
    return [ordered[start : start + MOST_TERMS] for start in range(0, len(ordered), MOST_TERMS)]


def _set(names: Sequence[str]) -> frozenset[bytes]:
    return frozenset(bytes.fromhex(name[2:]) for name in names)


def _texts(values: Iterable[bytes]) -> list[str]:
    return sorted("0x" + value.hex() for value in values)


@lru_cache(maxsize=4096)
def _bloom_bits(term: bytes) -> int:
    """The three of 2048 bits that a term sets (Ethereum's yellow paper, section 4.3.1)."""
    digest = keccak(term)
    return sum({1 << (int.from_bytes(digest[place : place + 2], "big") & 2047) for place in (0, 2, 4)})
