"""A pact as it stands: what was agreed, the contract filled in with it, and what the checks say of that contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.chats.message import Message
    from synth.pact.terms import Terms
    from verify.pact.check import PactReport
    from verify.pact.rehearsal import Scene
    from verify.pact.terms import PactTerms


@dataclass(frozen=True, slots=True)
class Draft:
    """All that is handed over, as values.

    Args:
        terms: What the chat's people agreed on, each term with the ids of the messages that it comes from.
        cited: These messages, by id.
        pact: What the contract is told.
        chain_id: The chain that it is for; None as long as nobody has said which.
        names: People by their address in ``pact``.
        stand_ins: Addresses in ``pact`` that are nobody's yet: made up for the checks, to be filled in.
        symbol: The token's.
        decimals: The token's.
        source: The contract's Solidity, of one file.
        report: What the checks say of it.
        scenes: The rehearsal; empty where the checks turned the contract down.
    """

    terms: Terms
    cited: Mapping[str, Message]
    pact: PactTerms
    chain_id: int | None
    names: Mapping[str, str]
    stand_ins: frozenset[str]
    symbol: str
    decimals: int
    source: str
    report: PactReport
    scenes: tuple[Scene, ...]
