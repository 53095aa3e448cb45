"""A pact's terms: all that its contract is told, as integers and addresses."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING

from ingest.errors import InputError
from verify.contracts import contracts_dir
from verify.templates import load_template

if TYPE_CHECKING:
    from pathlib import Path

    from verify.templates import Template

NOBODY = "0x" + "00" * 20
"""In place of a token it stands for the chain's own coin."""

BURN = "0x000000000000000000000000000000000000dead"
"""Where burnt deposits go."""

TERMS_TYPE = "(address,address,uint256,uint16,uint16,uint64,uint64,uint32,uint32,uint8,uint8,uint8,address)"
"""The ABI type of the contract's `Terms`."""

_ADDRESS = re.compile(r"0x[0-9a-f]{40}")
_LATEST_TS = (1 << 40) - 1


class Attestation(IntEnum):
    """Whose word it is that somebody stayed away."""

    HOST = 0
    MAJORITY = 1


class NoShow(IntEnum):
    """What becomes of the deposit of somebody who stayed away."""

    SPLIT = 0
    REFUND = 1
    BURN = 2
    CHARITY = 3


class Disputed(IntEnum):
    """What becomes of the deposit of somebody who contests the own absence."""

    REFUND = 0
    BURN = 1


@dataclass(frozen=True, slots=True)
class PactTerms:
    """What a group agreed on, as `contracts/kernel/IPact.sol` has it, and who is invited.

    ``deposit`` is in the token's smallest unit, times are Unix seconds, addresses are lower-case hex. Where ``token``
    is `NOBODY` the deposits are coins; ``charity`` is `NOBODY` unless ``no_show`` is ``CHARITY``.

    Raises:
        InputError: A term is impossible; names it.
    """

    host: str
    token: str
    deposit: int
    capacity: int
    quorum: int
    join_until_ts: int
    starts_ts: int
    attest_seconds: int
    contest_seconds: int
    attestation: Attestation
    no_show: NoShow
    disputed: Disputed
    charity: str
    invited: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in ("host", "token", "charity"):
            _check_address(getattr(self, name), name)
        for place, guest in enumerate(self.invited):
            _check_address(guest, f"invited[{place}]")
        self._check_ranges()
        self._check_people()

    def _check_ranges(self) -> None:
        names = {"attest_seconds": "attestSeconds", "contest_seconds": "contestSeconds"}
        limits = {parameter.name: parameter for parameter in template().parameters}
        for name in ("deposit", "capacity", "quorum", "attest_seconds", "contest_seconds"):
            limit = limits[names.get(name, name)]
            value = getattr(self, name)
            if not limit.minimum <= value <= limit.maximum:
                message = f"{value} is outside of {limit.minimum} to {limit.maximum} {limit.unit}"
                raise InputError(message, field=name)
        if self.quorum > self.capacity:
            raise InputError(f"{self.quorum} is above the capacity, {self.capacity}", field="quorum")
        if self.capacity > len(self.invited):
            raise InputError(f"{self.capacity} can join, but only {len(self.invited)} are invited", field="capacity")
        if not 0 < self.join_until_ts <= self.starts_ts:
            raise InputError("joining must end at the start or before it", field="join_until_ts")
        if self.starts_ts > _LATEST_TS:
            raise InputError(f"{self.starts_ts} is too far away; are these milliseconds?", field="starts_ts")

    def _check_people(self) -> None:
        if self.host == NOBODY:
            raise InputError("there must be a host", field="host")
        if (self.no_show is NoShow.CHARITY) != (self.charity != NOBODY):
            raise InputError("must be named exactly where no-shows' deposits go to it", field="charity")
        if self.charity in (self.host, BURN):
            raise InputError("must be neither the host, who would gain by attesting, nor 0x…dEaD", field="charity")
        seen = {NOBODY, BURN, self.charity, self.token}
        for place, guest in enumerate(self.invited):
            if guest in seen:
                message = f"{guest} stands there twice, or is nobody's, 0x…dEaD, the charity's or the token's address"
                raise InputError(message, field=f"invited[{place}]")
            seen.add(guest)

    @property
    def in_coins(self) -> bool:
        """Whether deposits are the chain's own coin."""
        return self.token == NOBODY

    @property
    def attest_until_ts(self) -> int:
        """Absences can be attested before it, contested from then on."""
        return self.starts_ts + self.attest_seconds

    @property
    def pays_from_ts(self) -> int:
        """From then on everybody can claim: the last-resort exit needs no further step."""
        return self.attest_until_ts + self.contest_seconds

    def constructor(self) -> tuple[tuple[object, ...], list[str]]:
        """The constructor's arguments, as `eth_abi` takes them: `TERMS_TYPE` and ``address[]``."""
        terms = (
            self.host,
            self.token,
            self.deposit,
            self.capacity,
            self.quorum,
            self.join_until_ts,
            self.starts_ts,
            self.attest_seconds,
            self.contest_seconds,
            int(self.attestation),
            int(self.no_show),
            int(self.disputed),
            self.charity,
        )
        return terms, list(self.invited)

    def among(self, guests: tuple[str, ...], *, capacity: int, quorum: int) -> PactTerms:
        """The same pact for other guests and in another size."""
        return replace(self, invited=guests, capacity=capacity, quorum=quorum)


def meetup_pact() -> Path:
    """The pact that comes with Pactsmith."""
    return contracts_dir() / "templates" / "pacts" / "MeetupPact.sol"


@functools.lru_cache(maxsize=1)
def template() -> Template:
    """The bundled pact with the ranges of its parameters."""
    return load_template(meetup_pact())


def _check_address(text: str, field: str) -> None:
    if not _ADDRESS.fullmatch(text):
        raise InputError(f"must be 0x and 40 lower-case hex digits, not {text!r}", field=field)
