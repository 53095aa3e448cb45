"""A fork as a JSON document, and back: strictly, with everything proven again that says it is proven.

Integers and bytes are lower-case hex without leading zeros, so that equal forks have equal documents and one identity.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, NoReturn

from ingest.errors import InputError
from ingest.fork.answers import MAX_CODE_BYTES
from ingest.fork.errors import UnprovenError
from ingest.fork.headers import block_of_rlp
from ingest.fork.limits import MAX_ACCOUNTS, MAX_PROOF_BYTES, MAX_SLOTS
from ingest.fork.proofs import MAX_NODE_BYTES, TrieNodes, require_proven
from ingest.fork.records import Fork, ForkAccount, ForkBlock

if TYPE_CHECKING:
    from pathlib import Path

Document = dict[str, Any]

FORMAT = "pactsmith fork 1"
ADDRESS = re.compile(r"0x[0-9a-f]{40}")
NUMBER = re.compile(r"0x(?:0|[1-9a-f][0-9a-f]{0,63})")
BYTES = re.compile(r"0x(?:[0-9a-f]{2})*")
MAX_INT64 = (1 << 63) - 1
MAX_HEADER_BYTES = 4096
HASH_BYTES = 32


def content_id(fork: Fork) -> str:
    """The identity of a fork: SHA-256 in hex over its canonical document."""
    return _digest(content_of(fork))


def document_of(fork: Fork) -> Document:
    """The document that ``parse`` reads back to an equal fork."""
    content = content_of(fork)
    return {"format": FORMAT, "content_id": _digest(content), "content": content}


def content_of(fork: Fork) -> Document:
    """Everything in a fork."""
    block = fork.block
    codes = sorted({one.code for one in fork.accounts.values()})
    places = {code: place for place, code in enumerate(codes)}
    return {
        "block": {
            "chain_id": hex(block.chain_id),
            "block_number": hex(block.block_number),
            "block_hash": _hex(block.block_hash),
            "parent_hash": _hex(block.parent_hash),
            "state_root": _hex(block.state_root),
            "block_ts": hex(block.block_ts),
            "coinbase": block.coinbase,
            "prevrandao": _hex(block.prevrandao),
            "base_fee_wei": None if block.base_fee_wei is None else hex(block.base_fee_wei),
            "rlp": _hex(block.rlp),
        },
        "codes": [_hex(code) for code in codes],
        "accounts": {
            one.address: {
                "balance_wei": hex(one.balance_wei),
                "nonce": hex(one.nonce),
                "code": places[one.code],
                "proven": one.proven,
                "storage": {hex(slot): hex(value) for slot, value in one.storage.items()},
            }
            for one in fork.accounts.values()
        },
        "nodes": sorted(_hex(node) for node in fork.nodes),
    }


def parse(document: object, *, file: Path | None = None) -> Fork:
    """Reads a document's fields, and proves what is said to be proven.

    Raises:
        InputError: It is no fork file, was changed, or does not prove what it says.
    """
    fields = _Fields(document, file, "")
    if fields.value("format") != FORMAT:
        fields.fail("format", f"should be {FORMAT!r}: this is no fork file, or one of another version")
    content = fields.inner("content")
    if _digest(content.content) != fields.value("content_id"):
        fields.fail("content_id", "is not that of the content: the file is damaged or was changed; get it again")
    fork = Fork(_block(content.inner("block")), _accounts(content), _nodes(content))
    _prove(fork, content)
    return fork


def _block(fields: _Fields) -> ForkBlock:
    base_fee = fields.content.get("base_fee_wei")
    told = ForkBlock(
        chain_id=fields.number("chain_id", MAX_INT64),
        block_number=fields.number("block_number", MAX_INT64),
        block_hash=fields.hash("block_hash"),
        parent_hash=fields.hash("parent_hash"),
        state_root=fields.hash("state_root"),
        block_ts=fields.number("block_ts", MAX_INT64),
        coinbase=fields.address("coinbase"),
        prevrandao=fields.hash("prevrandao"),
        base_fee_wei=None if base_fee is None else fields.number("base_fee_wei"),
        rlp=fields.octets("rlp", MAX_HEADER_BYTES),
    )
    if told.rlp:
        try:
            true = block_of_rlp(told.rlp, told.chain_id)
        except ValueError as error:
            fields.fail("rlp", str(error))
        if true != told:
            fields.fail("rlp", "the header does not hash to the block's hash, or has other fields")
    return told


def _accounts(content: _Fields) -> dict[str, ForkAccount]:
    codes = [content.as_bytes(one, "codes", MAX_CODE_BYTES) for one in content.list("codes", MAX_ACCOUNTS)]
    table = content.inner("accounts")
    if len(table.content) > MAX_ACCOUNTS:
        content.fail("accounts", f"are more than {MAX_ACCOUNTS}")
    found: dict[str, ForkAccount] = {}
    slots = 0
    for address in table.content:
        table.require(ADDRESS, address, address)
        one = table.inner(address)
        storage = one.inner("storage")
        slots += len(storage.content)
        if slots > MAX_SLOTS:
            content.fail("accounts", f"have more than {MAX_SLOTS} slots")
        found[address] = ForkAccount(
            address=address,
            balance_wei=one.number("balance_wei"),
            nonce=one.number("nonce", MAX_INT64),
            code=codes[one.place("code", len(codes))],
            storage={storage.as_number(slot, slot): storage.number(slot) for slot in storage.content},
            proven=one.flag("proven"),
        )
    return found


def _nodes(content: _Fields) -> frozenset[bytes]:
    rows = content.list("nodes", MAX_PROOF_BYTES // HASH_BYTES)
    nodes = [content.as_bytes(one, "nodes", MAX_NODE_BYTES) for one in rows]
    if sum(map(len, nodes)) > MAX_PROOF_BYTES:
        content.fail("nodes", f"are more than {MAX_PROOF_BYTES} bytes")
    return frozenset(nodes)


def _prove(fork: Fork, content: _Fields) -> None:
    proven = [one for one in fork.accounts.values() if one.proven]
    if proven and not fork.block.rlp:
        content.fail("accounts", "cannot be proven by a block whose header is not there")
    nodes = TrieNodes(fork.nodes)
    for account in proven:
        try:
            require_proven(nodes, fork.block.state_root, account)
        except UnprovenError as error:
            content.fail("accounts", f"{error}; the file is wrong: get it from somebody else, or fork again")
    if nodes.used != fork.nodes:
        content.fail("nodes", "hold nodes that prove nothing here")


def canonical(content: Document) -> bytes:
    """The one way in which a document is written."""
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _digest(content: Document) -> str:
    return hashlib.sha256(canonical(content)).hexdigest()


def _hex(content: bytes) -> str:
    return "0x" + content.hex()


class _Fields:
    """The fields of one object in the document, each read as what it must be, or refused by its path."""

    def __init__(self, content: object, file: Path | None, path: str) -> None:
        self._file, self._path = file, path
        if not isinstance(content, dict):
            raise InputError("should be an object", file=file, field=path or None)
        self.content: Document = content

    def fail(self, name: str, message: str) -> NoReturn:
        raise InputError(message, file=self._file, field=f"{self._path}{name}")

    def value(self, name: str) -> Any:
        if name not in self.content:
            self.fail(name, "is missing")
        return self.content[name]

    def inner(self, name: str) -> _Fields:
        return _Fields(self.value(name), self._file, f"{self._path}{name}.")

    def list(self, name: str, most: int) -> list[Any]:
        found = self.value(name)
        if not isinstance(found, list) or len(found) > most:
            self.fail(name, f"should be a list of at most {most}")
        return found

    def require(self, pattern: re.Pattern[str], value: object, name: str) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            self.fail(name[:80], "should be lower-case hex, and of the right length")
        return value

    def as_number(self, value: object, name: str, most: int | None = None) -> int:
        found = int(self.require(NUMBER, value, name), 16)
        if most is not None and found > most:
            self.fail(name, f"is {found}, more than any chain has")
        return found

    def number(self, name: str, most: int | None = None) -> int:
        return self.as_number(self.value(name), name, most)

    def as_bytes(self, value: object, name: str, most: int) -> bytes:
        found = bytes.fromhex(self.require(BYTES, value, name)[2:])
        if len(found) > most:
            self.fail(name, f"has {len(found)} bytes, more than {most}")
        return found

    def octets(self, name: str, most: int) -> bytes:
        return self.as_bytes(self.value(name), name, most)

    def hash(self, name: str) -> bytes:
        found = self.octets(name, HASH_BYTES)
        if len(found) != HASH_BYTES:
            self.fail(name, f"should be {HASH_BYTES} bytes")
        return found

    def address(self, name: str) -> str:
        return self.require(ADDRESS, self.value(name), name)

    def place(self, name: str, end: int) -> int:
        found = self.value(name)
        if type(found) is not int or not 0 <= found < end:
            self.fail(name, f"should be a place below {end}")
        return found

    def flag(self, name: str) -> bool:
        found = self.value(name)
        if not isinstance(found, bool):
            self.fail(name, "should be true or false")
        return found
