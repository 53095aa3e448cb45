"""An RPC endpoint as bad as real ones are: a proxy before a node that fails in seeded, counted and bounded ways."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import struct
import sys
import threading
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rpc_faults import (
    KINDS,
    RPC_ERRORS,
    STATUS,
    Faults,
    error_reply,
    fits,
    methods_of,
    place_of,
    same,
    spoil,
    spoil_body,
)
from rpc_provider import Provider, span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rpc_faults import Calls, Place
    from rpc_provider import Refusal

_MAX_BODY = 64 << 20
_PIECE = 1 << 20
_FAULTLESS = Faults()
_UNLIMITED = Provider()


@dataclass(frozen=True, slots=True)
class Injected:
    """One fault that happened: at which request, to which methods, and which logs were lost."""

    number: int
    kind: str
    methods: tuple[str, ...]
    lost: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class _Answer:
    """What goes over the wire; ``how`` is whole, or the fault that sending it is."""

    body: bytes = b""
    status: int = 200
    retry_after_s: int | None = None
    how: str = "whole"


class FaultyProxy:
    """Listens on loopback until it is closed; use it with ``with``.

    Args:
        upstream: The node's URL.
        faults: What goes wrong; may be set anew at any time.
        provider: What is never allowed; may be set anew too.
        actions: What else a fault may do, by kind: called alone, between two requests, such as a reorganisation.

    ``injected`` are the faults so far, ``methods`` counts the calls by method, ``requests`` the HTTP requests, ``peak``
    is the most of them that were open at once, and ``ranges`` are the blocks of every `eth_getLogs` that got through.
    """

    def __init__(
        self,
        upstream: str,
        faults: Faults = _FAULTLESS,
        provider: Provider = _UNLIMITED,
        actions: Mapping[str, Callable[[], None]] | None = None,
    ) -> None:
        self.provider = provider
        self.requests = 0
        self.peak = 0
        self.methods: Counter[str] = Counter()
        self.injected: list[Injected] = []
        self.ranges: list[tuple[int, int]] = []
        self._actions = dict(actions or {})
        self._lock = threading.RLock()
        self._open = 0
        self._met: Counter[str] = Counter()
        self._closing = threading.Event()
        self.faults = faults
        node = urlsplit(upstream)
        self._node = http.client.HTTPConnection(str(node.hostname), node.port, timeout=60)
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def __enter__(self) -> FaultyProxy:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close()
        if kind is None and self._server.failures:
            raise self._server.failures[0]

    def close(self) -> None:
        """Stops listening; answers that stall are given up."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        with self._lock:
            self._node.close()

    @property
    def faults(self) -> Faults:
        """What goes wrong from now on. Setting it begins a new count of what is bounded."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        unknown = {*faults.rates, *faults.once_at.values()} - {*KINDS, *self._actions}
        if unknown:
            raise ValueError(f"no such faults: {sorted(unknown)}")
        with self._lock:
            self._faults = faults
            self._due = sorted(faults.once_at.items())
            self._left = faults.most
            self._met.clear()

    def counts(self) -> Counter[str]:
        """How often each kind happened."""
        return Counter(fault.kind for fault in self.injected)

    def lost(self) -> set[Place]:
        """(Block, log index) of every log that some answer silently lacked."""
        return {place for fault in self.injected for place in fault.lost}

    # ------------------------------------------------------------------ one request

    def answer(self, body: bytes) -> _Answer:
        """What to send back for a request's body."""
        with self._lock:
            self._open += 1
            self.peak = max(self.peak, self._open)
        try:
            return self._answer(json.loads(body))
        finally:
            with self._lock:
                self._open -= 1

    def _answer(self, request: Any) -> _Answer:
        batch = isinstance(request, list)
        calls: Calls = request if batch else [request]
        with self._lock:  # the node answers one request at a time, so that an action is between two of them
            self.requests += 1
            self.methods.update(methods_of(calls))
            kind, planned = self._choose(calls)
            if kind in self._actions:
                self._actions[kind]()
                self._note(kind, calls)
                kind = None
            answer, lost = self._early(kind, calls, batch=batch), ()
            if answer is None:
                status, replies = self._ask(calls)
                happened, lost = (
                    (False, ()) if kind is None else spoil(kind, self._faults, self.requests, calls, replies)
                )
                if kind is not None and not happened and planned:
                    self._due.append((self.requests + 1, kind))
                kind = kind if happened else None
                whole = json.dumps(replies if batch else replies[0]).encode()
                answer = _Answer(spoil_body(kind, whole), 200 if batch else status, how=kind or "whole")
            if kind is not None:
                self._note(kind, calls, lost, by_chance=not planned)
        if kind == "stall":
            self._closing.wait(self._faults.stall_s)
        return answer

    def _note(self, kind: str, calls: Calls, lost: Sequence[Place] = (), *, by_chance: bool = False) -> None:
        self.injected.append(Injected(self.requests, kind, methods_of(calls), tuple(lost)))
        if by_chance:
            self._left -= 1
            self._met[same(calls)] += 1

    def _choose(self, calls: Calls) -> tuple[str | None, bool]:
        """Which fault this request meets, if any, and whether it is one that was planned."""
        for entry in self._due:
            if entry[0] <= self.requests and fits(entry[1], calls):
                self._due.remove(entry)
                return entry[1], True
        if self._left <= 0 or self._met[same(calls)] >= self._faults.most_per_request:
            return None, False
        rng = self._faults.rng(self.requests, "kind")
        drawn = [kind for kind, rate in self._faults.rates.items() if rng.random() < rate and fits(kind, calls)]
        return (rng.choice(drawn) if drawn else None), False

    def _early(self, kind: str | None, calls: Calls, *, batch: bool) -> _Answer | None:
        """The answer of a request that the node never sees."""
        if kind in STATUS:
            wait = self._faults.retry_after_s if kind == "http_429_retry_after" else None
            return _Answer(b"<html><body>try again</body></html>", STATUS[kind], wait)
        if kind in RPC_ERRORS:
            replies = [error_reply(call, RPC_ERRORS[kind]) for call in calls]
            return _Answer(json.dumps(replies if batch else replies[0]).encode())
        if kind in ("close", "stall", "huge"):
            return _Answer(how=kind)
        refusal = self.provider.refuses_batch(len(calls)) if batch else None
        if refusal is not None:
            return _Answer(json.dumps(error_reply({}, refusal.error)).encode(), refusal.status)
        return None

    # ------------------------------------------------------------------ asking the node

    def _ask(self, calls: Calls) -> tuple[int, Calls]:
        """The provider's replies, and the HTTP status for one that stands alone."""
        head = int(self._forward([{"method": "eth_blockNumber"}])[0]["result"], 16)
        refusals = [self.provider.refuses(call, head) for call in calls]
        answers = iter(self._forward([call for call, refusal in zip(calls, refusals, strict=True) if refusal is None]))
        replies, status = [], 200
        for call, early in zip(calls, refusals, strict=True):
            refusal = early
            if refusal is None:
                reply = {"jsonrpc": "2.0", "id": call.get("id")} | next(answers)
                if call.get("method") == "eth_getLogs" and "result" in reply:
                    refusal = self._limit_logs(call, reply, head)
            if refusal is not None:
                reply, status = error_reply(call, refusal.error), refusal.status
            replies.append(reply)
        return status, replies

    def _limit_logs(self, call: dict[str, Any], reply: dict[str, Any], head: int) -> Refusal | None:
        """Leaves out silently what is above the provider's measure, or says that it refuses."""
        told, most = reply["result"], self.provider.silent_results
        logs = reply["result"] = [log for log in told if not self.provider.withholds(call, log)]
        refusal = self.provider.refuses_logs(call, logs, head)
        if refusal is None:
            self.ranges.append(span(call["params"][0], head))
            if most is not None and len(logs) > most:
                reply["result"] = logs[:most]
                self._note("silent_results", [call], [place_of(log) for log in logs[most:]])
        return refusal

    def _forward(self, calls: Calls) -> Calls:
        """The node's results or errors, in the order of the calls."""
        if not calls:
            return []
        asked = [{"jsonrpc": "2.0", "params": []} | call | {"id": place} for place, call in enumerate(calls)]
        self._node.request("POST", "/", json.dumps(asked), {"Content-Type": "application/json"})
        replies = {reply.pop("id"): reply for reply in json.loads(self._node.getresponse().read())}
        return [replies[place] for place in range(len(calls))]


class _Server(ThreadingHTTPServer):
    """Keeps what went wrong in an action, or in the proxy itself, for the test to fail with."""

    daemon_threads = True

    def __init__(self, proxy: FaultyProxy) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy = proxy
        self.failures: list[BaseException] = []

    def handle_error(self, *_: object) -> None:
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError | TimeoutError):  # the client's, not ours
            self.failures.append(error)


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60

    def do_POST(self) -> None:
        proxy = self.server.proxy
        length = int(self.headers.get("Content-Length", 0))
        if length > _MAX_BODY:
            self.close_connection = True
            return
        body = self.rfile.read(length)
        if len(body) < length:  # a client that was killed while it asked
            self.close_connection = True
            return
        answer = proxy.answer(body)
        with contextlib.suppress(OSError):  # a client that has given up
            if answer.how in ("close", "stall"):
                self.close_connection = True
            elif answer.how == "huge":
                self._send_huge(proxy.faults.huge_bytes)
            elif answer.how == "reset":
                self._send_half(answer)
            else:
                self.wfile.write(_wire(answer))

    def _send_half(self, answer: _Answer) -> None:
        self.wfile.write(_wire(answer)[: -(len(answer.body) // 2)])
        # With no time to linger, closing sends a reset instead of an end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def _send_huge(self, size: int) -> None:
        """A proper answer, but for its size."""
        start, end = b'{"jsonrpc":"2.0","id":1,"result":"0x', b'"}'
        self.close_connection = True
        length = len(start) + size + len(end)
        self.wfile.write(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode() + start)
        for _ in range(size // _PIECE):
            self.wfile.write(b"0" * _PIECE)
        self.wfile.write(b"0" * (size % _PIECE) + end)

    def log_message(self, *_: object) -> None:
        """The tests' output is no access log."""


def _wire(answer: _Answer) -> bytes:
    head = [
        f"HTTP/1.1 {answer.status} {http.client.responses[answer.status]}",
        "Content-Type: application/json",
        f"Content-Length: {len(answer.body)}",
    ]
    if answer.retry_after_s is not None:
        head.append(f"Retry-After: {answer.retry_after_s}")
    return "\r\n".join([*head, "", ""]).encode() + answer.body
