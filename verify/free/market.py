"""What a free-running replay starts from: orders, prices, who arbitrages, and which traders would leave."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eth_hash.auto import keccak

from ingest.errors import InputError
from verify.free.arbitrage import Arbitrageur, BestResponse

if TYPE_CHECKING:
    from ingest.records import History
    from verify.baselines import Baseline, PreparedBatch
    from verify.reference import Reference

_HASH_BITS = 64


@dataclass(frozen=True, slots=True)
class FreeMarket:
    """What every free-running replay of one history shares.

    Args:
        history: The history.
        baseline: Its orders with their limits, and the batches of each window length with the anchor ``settlement``.
        reference: Its prices and times.
        beside: Histories of the world's further pools, in their order.
        arbitrageur: Who trades at the top of each block.
        first_block: Where the replay starts: in a world at the state before that block.
    """

    history: History
    baseline: Baseline
    reference: Reference
    beside: tuple[History, ...] = ()
    arbitrageur: Arbitrageur = field(default_factory=BestResponse)
    first_block: int = 0

    def batches(self, window_blocks: int) -> dict[int, PreparedBatch]:
        """The batches to settle, by their window.

        Raises:
            InputError: The baseline has none of this length.
        """
        prepared = self.baseline.batches.get(("settlement", window_blocks))
        if prepared is None:
            raise InputError(f"no batches were prepared for windows of {window_blocks} blocks", field="window")
        first = self.first_block
        return {each.batch.window: each for each in prepared if each.batch.window * window_blocks >= first}


def willing(seq: int, elasticity: float) -> bool:
    """Whether an order's trader goes to the AMM where that gives more.

    A number in [0, 1) that is drawn from the order's place in history by a hash decides: below the elasticity they go.
    So the same traders are willing under every candidate, and whoever is at some elasticity is at any higher one.
    """
    drawn = int.from_bytes(keccak(b"pactsmith:outside option" + seq.to_bytes(8, "big"))[: _HASH_BITS // 8], "big")
    return drawn < int(elasticity * (1 << _HASH_BITS))
