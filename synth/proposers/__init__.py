"""Who proposes candidates: one interface, whatever is behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from synth.records import Proposal, Tried


class Proposer(Protocol):
    """Proposes candidates in generations of a fixed size, and is told what became of them in the order asked.

    What it proposes depends on its seed and on what it was told, on nothing else: so a run can be repeated, and one
    that was stopped goes on.
    """

    name: str

    def learn(self, tried: Sequence[Tried]) -> None:
        """What became of candidates of others, before the first is asked for."""

    def ask(self, count: int) -> Sequence[Proposal]:
        """So many candidates; fewer, or ones that were proposed before, where it has no others."""

    def tell(self, tried: Sequence[Tried]) -> None:
        """What became of those asked for last, in that order; those proposed again are told again."""
