"""An HTTP server on loopback that answers what a test says, byte by byte if it must be."""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Raw:
    """An answer as it goes over the wire. With ``length`` the header says so, whatever the body is."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    pieces: int = 1
    pause_s: float = 0.0


def result(request: dict[str, Any], value: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request["id"], "result": value}


def error(request: dict[str, Any], code: int, message: str, **more: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request["id"], "error": {"code": code, "message": message, **more}}


class ScriptedNode:
    """Gives each request to ``script``, whose answer is a ``Raw``, or a document to be sent as JSON.

    ``asked`` are the requests so far, as documents.
    """

    def __init__(self, script: Callable[[Any], Any]) -> None:
        self.asked: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self._closing = threading.Event()
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                node.asked.append(request)
                node.headers.append(dict(self.headers))
                answer = script(request)
                raw = answer if isinstance(answer, Raw) else Raw(json.dumps(answer).encode())
                with contextlib.suppress(OSError):
                    self._send(raw)

            def _send(self, raw: Raw) -> None:
                self.send_response(raw.status)
                for name, value in raw.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(raw.body) if raw.length is None else raw.length))
                self.end_headers()
                size = max(1, len(raw.body) // raw.pieces)
                for start in range(0, len(raw.body), size):
                    self.wfile.write(raw.body[start : start + size])
                    self.wfile.flush()
                    node._closing.wait(raw.pause_s)
                if raw.length is not None:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self) -> ScriptedNode:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
