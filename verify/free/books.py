"""What is written down while a free-running replay goes through its blocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from verify.flows import total
from verify.free.records import Arbitrage, FreeBlock, FreeOrder, Settlement, Unapplied

if TYPE_CHECKING:
    from verify.free.settle import Cleared
    from verify.outcomes import Flow


@dataclass(slots=True)
class Pages:
    """What a window's walk wrote down; thrown away where the window is walked again."""

    orders: list[FreeOrder] = field(default_factory=list)
    blocks: list[FreeBlock] = field(default_factory=list)
    arbitrages: list[Arbitrage] = field(default_factory=list)
    unapplied: list[Unapplied] = field(default_factory=list)
    unscored: dict[int, str] = field(default_factory=dict)
    reserves: list[tuple[int, int, int]] = field(default_factory=list)
    settlement: Settlement | None = None
    cleared: Cleared | None = None


@dataclass(slots=True)
class Books:
    """One block's books while it runs: flows by party, and the providers' fees within theirs."""

    flows: dict[str, list[Flow]] = field(default_factory=dict)
    lp_fees: list[Flow] = field(default_factory=list)

    def book(self, party: str, flow: Flow) -> None:
        """Notes what a party received."""
        self.flows.setdefault(party, []).append(flow)

    def close(self, number: int) -> FreeBlock:
        """The block's row."""
        return FreeBlock(number, {party: total(flows) for party, flows in self.flows.items()}, total(self.lp_fees))
