"""Which address is whose: a file that the host fills in.

An address in the chat is never taken: whoever wants it used writes it here, and by that vouches for it.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Annotated, Any

import tomlkit
from eth_utils.address import is_checksum_address
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ingest.errors import InputError
from synth.pact.terms import deposit_of
from synth.pact.tokens import DECIMALS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from synth.pact.terms import Terms

COIN = "coin"
"""As the token's address: the chain's own coin."""
CHAIN_COINS = {1: "ETH", 10: "ETH", 100: "xDAI", 137: "POL", 8453: "ETH", 42161: "ETH", 11155111: "ETH"}
"""The coins of well-known chains by their id (EIP-155; chainid.network)."""
MAX_BYTES = 1 << 20
MAX_NAME = 4_096
_MAX_PEOPLE = 1_000
_HEX = re.compile(r"0x[0-9a-fA-F]{40}")


def _address(value: object) -> str | None:
    """An address in lower case; None where the text is empty."""
    if value == "":
        return None
    text = str(value)
    if not _HEX.fullmatch(text):
        raise ValueError(f"{text[:60]!r} is no address: 0x and 40 hex digits")
    if text[2:] not in (text[2:].lower(), text[2:].upper()) and not is_checksum_address(text):
        raise ValueError(f"{text} has a typing error: its capital letters do not fit its digits (EIP-55)")
    return text.lower()


def _token(value: object) -> str | None:
    return COIN if value == COIN else _address(value)


_ChainId = Annotated[int, Field(ge=1)]
Address = Annotated[str | None, BeforeValidator(_address)]


class Person(BaseModel):
    """Somebody who may join, or hosts. ``id`` is the chat's; who is not in the chat has one that the host makes up."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    id: Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
    invited: bool
    address: Address


class Addresses(BaseModel):
    """What the file says; None where it is still empty. ``decimals`` is the token's number of decimal places."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    chain_id: Annotated[_ChainId | None, BeforeValidator(lambda value: None if value == 0 else value)]
    token: Annotated[str | None, BeforeValidator(_token)]
    decimals: Annotated[int, Field(ge=0, le=36)]
    charity: Address
    person: Annotated[tuple[Person, ...], BeforeValidator(tuple), Field(max_length=_MAX_PEOPLE)]

    @property
    def invited(self) -> tuple[Person, ...]:
        """Who may join, in the file's order."""
        return tuple(person for person in self.person if person.invited)

    def of(self, person_id: str) -> Person | None:
        """The person of this id."""
        return next((person for person in self.person if person.id == person_id), None)


def blank(terms: Terms) -> Addresses:
    """The file as it is handed over to be filled in: whoever agreed is invited, everybody else of the chat is not."""
    symbol = deposit_of(terms).token
    agreed = {consent.participant for consent in terms.consents}
    people = sorted(terms.participants.items(), key=lambda person: person[0] not in agreed)
    return Addresses(
        chain_id=0,
        token=COIN if symbol in CHAIN_COINS.values() else "",
        decimals=DECIMALS[symbol],
        charity="",
        person=tuple(
            Person(id=who, name=name[:MAX_NAME] or "?", invited=who in agreed, address="")
            for who, name in people[:_MAX_PEOPLE]
        ),
    )


def read_addresses(file: Path, terms: Terms) -> Addresses:
    """What a filled-in file says, checked against the terms that it is for.

    Raises:
        InputError: The file cannot be read, or a value in it cannot be; names the field.
    """
    try:
        content = file.read_bytes()[: MAX_BYTES + 1]
        if len(content) > MAX_BYTES:
            raise InputError(f"is larger than {MAX_BYTES:,} bytes", file=file)
        found = Addresses.model_validate(tomllib.loads(content.decode()))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=file) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError(_told(first), file=file, field=_place(first["loc"])) from error
    except ValueError as error:  # TOML that is none, text that is no UTF-8
        raise InputError(f"is no TOML: {error}", file=file) from error
    _check(found, deposit_of(terms).token, file)
    return found


def written(addresses: Addresses, terms: Terms) -> str:
    """The file's text."""
    symbol = deposit_of(terms).token
    document = tomlkit.document()
    for line in (
        "Who has which address. Nothing here was taken from the chat: fill it in, and ask each in person.",
        "Who is not invited cannot join. People who are not in the chat may be added, with an id of your own.",
    ):
        document.add(tomlkit.comment(line))
    known = ", ".join(f"{chain} ({coin})" for chain, coin in CHAIN_COINS.items())
    document.add("chain_id", _item(addresses.chain_id or 0, f"the chain's number; some are {known}"))
    document.add(
        "token", _item(addresses.token or "", f'the contract of {symbol} there, or "{COIN}": the chain\'s own')
    )
    document.add("decimals", _item(addresses.decimals, f"of {symbol} on that chain: look it up"))
    document.add("charity", _item(addresses.charity or "", "only where it gets the deposits of those who stay away"))
    people = tomlkit.aot()
    for person in addresses.person:
        people.append(tomlkit.item(person.model_dump() | {"address": person.address or ""}))
    document.add("person", people)
    return tomlkit.dumps(document)


def _item(value: object, comment: str) -> tomlkit.items.Item:
    return tomlkit.item(value).comment(comment)


def _told(error: Mapping[str, Any]) -> str:
    cause = error.get("ctx", {}).get("error")
    return str(cause) if cause else f"{error['msg'][0].lower()}{error['msg'][1:]}"


def _place(where: tuple[int | str, ...]) -> str:
    return "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in where).lstrip(".")


def _check(found: Addresses, symbol: str, file: Path) -> None:
    """What only shows when values are seen together."""
    coin = CHAIN_COINS.get(found.chain_id or 0)
    if found.token == COIN and coin not in (None, symbol):
        raise InputError(f"the coin of chain {found.chain_id} is {coin}, not {symbol}", file=file, field="token")
    ids: set[str] = set()
    owners: dict[str, str] = {}
    for place, person in enumerate(found.person, start=1):
        if person.id in ids:
            raise InputError(f"there are two people with the id {person.id!r}", file=file, field=f"person[{place}].id")
        ids.add(person.id)
        if person.address in owners:
            message = f"{person.name} and {owners[person.address]} have the same address"
            raise InputError(message, file=file, field=f"person[{place}].address")
        if person.address:
            owners[person.address] = person.name
