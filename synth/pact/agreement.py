"""From what was agreed to what the contract is told: every gap is filled in by a default that is told, or is asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn

from ingest.errors import InputError
from synth.pact.addresses import COIN
from synth.pact.terms import Deposit, Question, plain
from synth.pact.tokens import DECIMALS, smallest_units
from verify.pact.terms import NOBODY, Attestation, Disputed, NoShow, PactTerms
from verify.pact.terms import template as contract
from verify.venues import labelled_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from synth.pact.addresses import Addresses, Person
    from synth.pact.terms import TermName, Terms

SMALLEST_QUORUM = 2
FIELDS = {"join_until_ts": "join_deadline", "starts_ts": "starts_at"}
"""Fields of the contract's terms whose name in the chat's is another one."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the contract is told.

    Args:
        pact: That.
        names: People by their address in it.
        stand_ins: Addresses in it that are nobody's yet.
        decimals: The token's.
        defaults: What nobody said and was filled in, in words, by the term's name.
    """

    pact: PactTerms
    names: Mapping[str, str]
    stand_ins: frozenset[str]
    decimals: int
    defaults: Mapping[str, str]


class GapError(Exception):
    """The terms do not make a contract as they are; ``question`` is what has to be answered first."""

    def __init__(self, question: Question) -> None:
        super().__init__(question.text)
        self.question = question


def agreement(terms: Terms, addresses: Addresses) -> Agreement:
    """What the contract is told, with stand-ins for addresses that are not known yet.

    Args:
        terms: With the verdict ``pact``.
        addresses: Who is invited, and the addresses that are known.

    Raises:
        GapError: Something must be asked first.
    """
    return _Builder(terms, addresses).agreement()


class _Builder:
    def __init__(self, terms: Terms, addresses: Addresses) -> None:
        self._terms, self._addresses = terms, addresses
        self._stand_ins: dict[str, str] = {}
        self._defaults: dict[str, str] = {}

    def agreement(self) -> Agreement:
        guests = self._addresses.invited
        host = self._addresses.of(str(self._value("host")))
        if host is None:
            self._ask("host", "The host is not in the file of addresses: whose address is the host's?")
        if len(guests) < SMALLEST_QUORUM:
            self._ask("consent", "Fewer than two people are invited: who else may join?")
        host_address = self._of(host)
        names = {self._of(person): person.name for person in (*guests, host)}
        pact = self._pact(guests, host_address)
        return Agreement(pact, names, frozenset(self._stand_ins.values()), self._addresses.decimals, self._defaults)

    def _pact(self, guests: tuple[Person, ...], host: str) -> PactTerms:
        starts_at = self._moment("starts_at")
        capacity = self._capacity(len(guests))
        no_show = NoShow[str(self._value("no_show")).upper()]
        try:
            return PactTerms(
                host=host,
                token=self._token(),
                deposit=self._deposit(),
                capacity=capacity,
                quorum=self._quorum(),
                join_until_ts=self._join_until(starts_at),
                starts_ts=starts_at,
                attest_seconds=self._span("attestSeconds", "absences can be attested for {} from the start"),
                contest_seconds=self._span("contestSeconds", "they can be contested for {} after that; then it pays"),
                attestation=self._attestation(),
                no_show=no_show,
                disputed=self._disputed(),
                charity=self._known(self._addresses.charity, "charity") if no_show is NoShow.CHARITY else NOBODY,
                invited=tuple(self._of(person) for person in guests),
            )
        except InputError as error:
            field = str(error.field).partition("[")[0]
            self._ask(FIELDS.get(field, field), f"The contract cannot have this: {error}")

    # ------------------------------------------------------------------ addresses

    def _of(self, person: Person) -> str:
        return self._known(person.address, f"person {person.id}")

    def _known(self, address: str | None, role: str) -> str:
        if address is not None:
            return address
        return self._stand_ins.setdefault(role, labelled_address(f"pact {role}"))

    def _token(self) -> str:
        return NOBODY if self._addresses.token == COIN else self._known(self._addresses.token, "token")

    # ------------------------------------------------------------------ terms

    def _value(self, name: TermName) -> object:
        term = self._terms.terms.get(name)
        return None if term is None else term.value

    def _deposit(self) -> int:
        deposit = self._value("deposit")
        if not isinstance(deposit, Deposit):
            self._ask("deposit", "How much does everybody put down, and in which token?")
        places, usual = self._addresses.decimals, DECIMALS[deposit.token]
        units = smallest_units(deposit.amount, places)
        if units is None:
            told = f"{plain(deposit.amount)} {deposit.token}"
            self._ask("deposit", f"{told} needs more than the token's {places} decimal places.")
        if places != usual:
            self._defaults["deposit"] = f"{deposit.token} has {places} decimal places there, not {usual} as elsewhere"
        return units

    def _moment(self, name: TermName) -> int:
        moment = self._value(name)
        if not isinstance(moment, datetime) or moment.tzinfo is None:
            self._ask(name, "On which day and at what time, in which time zone?")
        return int(moment.timestamp())

    def _join_until(self, starts_at: int) -> int:
        if self._value("join_deadline") is not None:
            return self._moment("join_deadline")
        self._defaults["join_deadline"] = "people can join until it starts"
        return starts_at

    def _capacity(self, guests: int) -> int:
        most = min(guests, contract_maximum("capacity"))
        wanted = self._value("capacity")
        if isinstance(wanted, int) and wanted <= most:
            return wanted
        everybody = "everybody who is invited can join"
        self._defaults["capacity"] = everybody if wanted is None else f"{most} can join: no more than are invited"
        return most

    def _quorum(self) -> int:
        quorum = self._value("quorum")
        if isinstance(quorum, int):
            return quorum
        self._defaults["quorum"] = f"it is off if fewer than {SMALLEST_QUORUM} join"
        return SMALLEST_QUORUM

    def _attestation(self) -> Attestation:
        said = self._value("attestation")
        if said is not None:
            return Attestation[str(said).upper()]
        self._defaults["attestation"] = "the host says who stayed away"
        return Attestation.HOST

    def _disputed(self) -> Disputed:
        self._defaults["disputed"] = "who contests an absence in time has the own deposit back"
        return Disputed.REFUND

    def _span(self, name: str, told: str) -> int:
        seconds = next(parameter.default for parameter in contract().parameters if parameter.name == name)
        self._defaults[name] = told.format(f"{seconds // 3600} hours")
        return seconds

    def _ask(self, about: str, text: str) -> NoReturn:
        cites = term.cites if (term := self._terms.terms.get(about)) else ()  # type: ignore[call-overload]
        raise GapError(Question(about, text, cites))


def contract_maximum(name: str) -> int:
    """The most that the bundled contract takes for a parameter."""
    return next(parameter.maximum for parameter in contract().parameters if parameter.name == name)
