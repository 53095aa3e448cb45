"""The page for those who take part: the terms, and with a wallet what each can do now.

It can be read without a wallet and without a script. The script sends nothing before the chain, the contract's code and
its terms are the very ones that the page tells.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from app.pact.plan_page import bulleted, numbered, opening_of, style
from app.pact.words import PactWords
from app.report.document import document
from app.report.html import Html, el
from app.report.parts import section
from app.text import printable
from verify.pact.compile import error_signatures
from verify.pact.terms import BURN, NOBODY, TERMS_TYPE, Attestation

if TYPE_CHECKING:
    from synth.pact.draft import Draft
    from verify.pact.compile import PactCode

Json = dict[str, Any]

CALLS = (
    "join()", "cancel()", "attest(address[])", "contest()", "claim()", "claimTo(address)", "claimFor(address)",
    "participants()", "owed(address)", "terms()", "invited(address)", "approve(address,uint256)",
    "allowance(address,address)", "balanceOf(address)", "decimals()",
)  # fmt: skip


def join_page(draft: Draft, code: PactCode) -> str:
    """The page as one HTML file; everything that comes from the chat is text."""
    words = PactWords(draft)
    return document(
        f"{words.title}: join",
        style(),
        opening_of(draft, words),
        section("What the contract does", numbered(words.does()), anchor="does"),
        section("What it does not do", bulleted(words.does_not()), anchor="does-not"),
        section("Take part", *_wallet(draft), anchor="take-part"),
        _data(draft, code, words),
        script=script(),
    )


@cache
def script() -> str:
    """What runs on the page."""
    return Path(__file__).with_name("join.js").read_text(encoding="utf-8")


def selector(signature: str) -> str:
    """The first four bytes of a function's or error's hash."""
    return "0x" + keccak(text=signature)[:4].hex()


def _wallet(draft: Draft) -> tuple[Html, ...]:
    text = (
        "Reading this page needs nothing. To act, you need a browser with a wallet, and the contract's address from "
        f"{PactWords(draft).name(draft.pact.host)}. Before anything is sent, the page compares the contract's code and "
        "terms with what stands above, and stops if they differ."
    )
    return (
        el("p", text),
        el("noscript", el("p", "Acting from here needs a script; reading does not.")),
        el("form", _address_field(), el("button", "Connect and check", type="submit"), id="connect", hidden=True),
        el("p", id="said", role="status", aria_live="polite"),
        el("div", id="state", hidden=True),
        el("div", id="actions", hidden=True),
    )


def _address_field() -> Html:
    field = el("input", type="text", id="contract", autocomplete="off", spellcheck="false", placeholder="0x…")
    return el("p", el("label", "The contract's address ", field))


def _data(draft: Draft, code: PactCode, words: PactWords) -> Html:
    """What the script knows, as JSON that no text in it can end."""
    pact = draft.pact
    terms, invited = pact.constructor()
    content: Json = {
        "chainId": draft.chain_id,
        "code": "0x" + code.runtime_code.hex(),
        "terms": "0x" + encode([TERMS_TYPE], [terms]).hex(),
        "invited": {to_checksum_address(guest): printable(words.name(guest)) for guest in invited},
        "readsInvited": any(entry.get("name") == "invited" for entry in code.abi),
        "host": to_checksum_address(pact.host),
        "hostName": printable(words.name(pact.host)),
        "hostAttests": pact.attestation is Attestation.HOST,
        "token": None if pact.token == NOBODY else to_checksum_address(pact.token),
        "symbol": printable(draft.symbol),
        "decimals": draft.decimals,
        "deposit": str(pact.deposit),
        "phases": {
            "joinUntil": pact.join_until_ts, "starts": pact.starts_ts, "attestUntil": pact.attest_until_ts,
            "paysFrom": pact.pays_from_ts,
        },
        "moments": [[ts, words.moment(ts)] for _, ts, _ in words.phases()],
        "commons": [to_checksum_address(each) for each in (BURN, pact.charity) if each != NOBODY],
        "standIns": bool(draft.stand_ins),
        "selectors": {signature.partition("(")[0]: selector(signature) for signature in CALLS},
        "errors": {selector(signature): _in_words(name) for name, signature in error_signatures(code).items()},
    }  # fmt: skip
    written = json.dumps(content, ensure_ascii=True).replace("<", "\\u003c").replace("&", "\\u0026")
    return el("script", Html(written), type="application/json", id="pact")


def _in_words(name: str) -> str:
    """AlreadyJoined: already joined."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
