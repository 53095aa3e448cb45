"""A pact as it stands: what was agreed, the contract filled in with it, and what the checks say of that contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from synth.pact.agreement import agreement
from synth.pact.terms import deposit_of
from verify.pact.check import check_pact
from verify.pact.rehearsal import rehearse
from verify.pact.terms import meetup_pact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.chats.message import Chat, Message
    from synth.pact.addresses import Addresses
    from synth.pact.terms import Consent, Question, Term, Terms
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
        defaults: What nobody said and was filled in, in words, by the term's name.
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
    defaults: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Contract:
    """A pact's Solidity, of one file; ``file`` is how findings name it."""

    source: str
    file: str

    @classmethod
    def bundled(cls) -> Contract:
        """The pact that comes with Pactsmith."""
        path = meetup_pact()
        return cls(path.read_text(encoding="utf-8"), path.name)


def draft(terms: Terms, chat: Chat, addresses: Addresses, contract: Contract) -> Draft:
    """Fills the contract in, checks it, and rehearses what passed.

    Args:
        terms: What was agreed on, with the verdict ``pact``.
        chat: Where.
        addresses: Who is invited, and the addresses that are known; the others get stand-ins.
        contract: The pact: the bundled one, or any other that implements `IPact`.

    Raises:
        GapError: The terms do not make a contract: something must be asked first.
        CompilerUnavailableError: The machine has no compiler.
    """
    agreed = agreement(terms, addresses)
    report = check_pact(contract.source, agreed.pact, file=contract.file, names=agreed.names)
    passed = report.status == "passed"
    return Draft(
        terms=terms,
        cited=_cited(terms, chat),
        pact=agreed.pact,
        chain_id=addresses.chain_id,
        names=agreed.names,
        stand_ins=agreed.stand_ins,
        symbol=deposit_of(terms).token,
        decimals=agreed.decimals,
        source=contract.source,
        report=report,
        scenes=rehearse(contract.source, agreed.pact, agreed.names) if passed else (),
        defaults=agreed.defaults,
    )


def _cited(terms: Terms, chat: Chat) -> dict[str, Message]:
    citing: tuple[Term | Consent | Question, ...] = (*terms.terms.values(), *terms.consents, *terms.questions)
    wanted = {cite for each in citing for cite in each.cites}
    wanted |= {suspicion.message for suspicion in terms.warnings}
    return {message.id: message for message in chat.messages if message.id in wanted}
