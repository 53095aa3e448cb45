"""A desk on loopback at which pyrevm asks for state: it answers at once, from what is known, and notes every question.

That is the one way to learn what a call touches. The journal does not tell what a frame read that then reverted, and
a frame may well revert because a value that it read is not known; pyrevm's trace of every step takes seconds a swap.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from eth_hash.auto import keccak

from ingest.fork.records import Keys, Slot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.fork.records import ForkAccount

MAX_QUESTION_BYTES = 1 << 16


class Desk:
    """Use it with ``with``; ``url`` is its address."""

    def __init__(self) -> None:
        self.begin({})
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def begin(self, accounts: Mapping[str, ForkAccount]) -> None:
        """What is known from now on; all else is answered as empty, or zero. Nothing was asked yet."""
        self._accounts = accounts
        self._asked_accounts: set[str] = set()
        self._asked_slots: set[Slot] = set()
        self.blocks_asked = False

    @property
    def asked(self) -> Keys:
        """Every account and slot that was asked for."""
        return Keys(frozenset(self._asked_accounts), frozenset(self._asked_slots))

    def answer(self, method: str, params: list[Any]) -> Any:
        """The answer to one question, as a node would give it."""
        if method == "eth_getBlockByNumber":  # for BLOCKHASH, which gives this in an EVM without a chain
            self.blocks_asked = True
            number = int(params[0], 16)
            return {"number": params[0], "hash": "0x" + keccak(str(number).encode()).hex()}
        address = params[0].lower()
        account = self._accounts.get(address)
        if method == "eth_getStorageAt":
            slot = int(params[1], 16)
            self._asked_slots.add((address, slot))
            return f"0x{0 if account is None else account.storage.get(slot, 0):064x}"
        self._asked_accounts.add(address)
        if method == "eth_getCode":
            return "0x" + ("" if account is None else account.code.hex())
        number = 0 if account is None else account.balance_wei if method == "eth_getBalance" else account.nonce
        return hex(number)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, desk: Desk) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.desk = desk

    def handle_error(self, *_: object) -> None:
        """A worker that was killed has broken off; whatever else went wrong, it notices."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60

    def do_POST(self) -> None:
        """Answers one question."""
        length = int(self.headers.get("Content-Length", 0))
        if not 0 < length <= MAX_QUESTION_BYTES:
            self.close_connection = True
            return
        question = json.loads(self.rfile.read(length))
        result = self.server.desk.answer(question["method"], question.get("params", []))
        body = json.dumps({"jsonrpc": "2.0", "id": question["id"], "result": result}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads an access log of it."""
