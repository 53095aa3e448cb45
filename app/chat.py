"""A chat's way to a pact: read it, see what was agreed, fill the contract in, check it, hand it over."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app.pact.join_page import join_page
from app.pact.plan_page import plan_page
from app.text import printable
from ingest.chats import read_chat
from ingest.errors import InputError, StoreError
from synth.pact.addresses import blank, read_addresses
from synth.pact.addresses import written as addresses_text
from synth.pact.agreement import GapError, agreement
from synth.pact.draft import Contract, draft
from synth.pact.reader import read_terms
from verify.foundry.pact import pact_project
from verify.pact.compile import admit_pact
from verify.pact.rehearsal import dearest, table

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.chats.message import Chat
    from synth.pact.addresses import Addresses
    from synth.pact.agreement import Agreement
    from synth.pact.draft import Draft
    from synth.pact.llm.writer import Written
    from synth.pact.terms import Terms

Json = dict[str, Any]

ADDRESSES_FILE = "addresses.toml"
PROJECT_FOLDER = "contract"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user says beside the chat; ``None`` where nothing.

    Args:
        export: The file.
        chat: The chat's title or id, where the export holds several.
        day_first: Whether its dates begin with the day, where the file leaves it open.
        host: Who is responsible.
        timezone: Of the chat's times.
        answers: To questions, by what they are about.
        addresses: A file of addresses that was filled in.
        pact: A contract to take in place of the bundled one.
    """

    export: Path
    chat: str | None = None
    day_first: bool | None = None
    host: str | None = None
    timezone: str | None = None
    answers: Mapping[str, str] | None = None
    addresses: Path | None = None
    pact: Path | None = None


@dataclass(frozen=True, slots=True)
class Understood:
    """What a chat came to; ``addresses`` and ``draft`` are None where it came to no pact.

    ``written`` is what a model that was asked to write the contract came to; the bundled one stands in where it failed.
    """

    chat: Chat
    terms: Terms
    addresses: Addresses | None
    draft: Draft | None
    written: Written | None = None

    @property
    def handed_over(self) -> bool:
        """Whether there is a contract that passed every check."""
        return self.draft is not None and self.draft.report.status == "passed"

    def to_json(self) -> Json:
        """The command's document, but for the files."""
        chat = {
            "format": self.chat.format,
            "title": self.chat.title,
            "messages": len(self.chat.messages),
        }
        return {"chat": chat} | self.terms.to_json() | {"pact": None if self.draft is None else self._pact(self.draft)}

    def _pact(self, drafted: Draft) -> Json:
        attempts = [] if self.written is None else [attempt.to_json() for attempt in self.written.attempts]
        return _pact(drafted) | {"attempts_to_write": attempts}


Assist = Callable[["Chat", "Terms", Callable[[Mapping[str, str]], "Terms"]], "Terms"]
"""A second reader: the chat, what the rules found, and a way to ask them again with further answers."""


Write = Callable[["Agreement"], "Written"]
"""A model that writes the contract for what was agreed."""


def understand(wanted: Wanted, assist: Assist | None = None, write: Write | None = None) -> Understood:
    """Reads a chat and, where its people agreed on a pact, fills the contract in and checks it.

    Args:
        wanted: The chat, and what the user says.
        assist: A second reader of the chat.
        write: Writes a contract in place of the bundled one.

    Raises:
        InputError: A file, or something that the user said, cannot be.
        CompilerUnavailableError: The machine has no compiler.
    """
    chat = read_chat(wanted.export, chat=wanted.chat, day_first=wanted.day_first)

    def read(further: Mapping[str, str]) -> Terms:
        answers = {**(wanted.answers or {}), **further}
        return read_terms(chat, host=wanted.host, timezone=wanted.timezone, answers=answers)

    terms = read({})
    if assist is not None:
        terms = assist(chat, terms, read)
    if terms.verdict != "pact":
        return Understood(chat, terms, None, None)
    addresses = blank(terms) if wanted.addresses is None else read_addresses(wanted.addresses, terms)
    written = None
    contract = contract_of(wanted.pact)
    try:
        if write is not None:
            written = write(agreement(terms, addresses))
            contract = contract if written.source is None else Contract(written.source, "Pact.sol")
        drafted = draft(terms, chat, addresses, contract)
    except GapError as gap:
        asked = replace(terms, questions=(*terms.questions, gap.question), verdict="questions")
        return Understood(chat, asked, addresses, None)
    return Understood(chat, terms, addresses, drafted, written)


def contract_of(file: Path | None) -> Contract:
    """The contract in a file, or the bundled one.

    Raises:
        InputError: The file cannot be read.
    """
    if file is None:
        return Contract.bundled()
    try:
        return Contract(file.read_text(encoding="utf-8"), file.name)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=file) from error
    except UnicodeDecodeError as error:
        raise InputError(f"byte {error.start} is not UTF-8: {error.reason}", file=file) from error


def hand_over(understood: Understood, folder: Path) -> list[Path]:
    """Writes what a chat came to; a file of addresses that is there already is left as it is.

    Raises:
        StoreError: The folder cannot be written.
    """
    contents = {"terms.json": json.dumps(understood.to_json(), indent=2, allow_nan=False) + "\n"}
    if understood.addresses is not None and not (folder / ADDRESSES_FILE).exists():
        contents[ADDRESSES_FILE] = addresses_text(understood.addresses, understood.terms)
    if understood.draft is not None and understood.handed_over:
        contents |= _contract_files(understood.draft)
    try:
        for name, content in contents.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written: {error.strerror}; choose another folder with --out") from error
    return [folder / name for name in contents]


def _contract_files(drafted: Draft) -> dict[str, str]:
    """What only a contract that passed its checks comes with."""
    code = admit_pact(drafted.source, file="Pact.sol")
    rehearsed = table(drafted.scenes, decimals=drafted.decimals, symbol=drafted.symbol)
    project = pact_project(
        drafted.source,
        drafted.pact,
        drafted.scenes,
        names=drafted.names,
        stand_ins=drafted.stand_ins,
        chain_id=drafted.chain_id,
        symbol=drafted.symbol,
        decimals=drafted.decimals,
    )
    return {
        "plan.html": plan_page(drafted),
        "join.html": join_page(drafted, code),
        "rehearsal.txt": f"{printable(rehearsed)}\n",
        **{f"{PROJECT_FOLDER}/{name}": content for name, content in project.items()},
    }


def _pact(drafted: Draft) -> Json:
    invited = [drafted.names.get(guest, guest) for guest in drafted.pact.invited]
    return drafted.report.to_json() | {
        "chain_id": drafted.chain_id,
        "token": drafted.pact.token,
        "decimals": drafted.decimals,
        "invited": invited,
        "capacity": drafted.pact.capacity,
        "quorum": drafted.pact.quorum,
        "join_until_ts": drafted.pact.join_until_ts,
        "starts_ts": drafted.pact.starts_ts,
        "attest_until_ts": drafted.pact.attest_until_ts,
        "pays_from_ts": drafted.pact.pays_from_ts,
        "stand_ins": sorted(drafted.stand_ins),
        "defaults": dict(drafted.defaults),
        "gas": dearest(drafted.scenes),
        "rehearsal": [scene.to_json() for scene in drafted.scenes],
    }
