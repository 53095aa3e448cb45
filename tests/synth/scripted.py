"""An OpenAI-compatible server on loopback that answers by a script, and remembers what it was sent."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USAGE = {"prompt_tokens": 1_000, "completion_tokens": 200, "total_tokens": 1_200}


@dataclass
class Reply:
    """One answer: a completion with this text, or the raw body; ``stall_s`` before its last byte."""

    text: str = ""
    status: int = 200
    finish_reason: str = "stop"
    refusal: str | None = None
    usage: dict | None = field(default_factory=lambda: dict(USAGE))
    raw: bytes | None = None
    stall_s: float = 0.0
    breaks_off: bool = False

    def body(self) -> bytes:
        if self.raw is not None:
            return self.raw
        message = {"role": "assistant", "content": self.text, "refusal": self.refusal}
        choice = {"index": 0, "message": message, "finish_reason": self.finish_reason, "logprobs": None}
        made = {"id": "x", "object": "chat.completion", "created": 1, "model": "scripted", "choices": [choice]}
        return json.dumps(made | ({"usage": self.usage} if self.usage else {})).encode()


class Server:
    """Answers one script entry a request, the last one for ever; an entry may be a function of the request's body."""

    def __init__(self, script):
        self.script = list(script)
        self.requests = []
        self.keys = []
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                reply = server.next(body, self.headers.get("Authorization"))
                content = reply.body()
                try:
                    self.send_response(reply.status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    if reply.breaks_off:
                        self.wfile.write(content[: len(content) // 2])
                        self.close_connection = True
                        return
                    self.wfile.write(content[:-1])
                    self.wfile.flush()
                    time.sleep(reply.stall_s)
                    self.wfile.write(content[-1:])
                except OSError:
                    pass  # the other side has gone

            def log_message(self, *_):
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def next(self, body, key):
        with self._lock:
            entry = self.script[min(len(self.requests), len(self.script) - 1)]
            self.requests.append(body)
            self.keys.append(key)
        return entry(body) if callable(entry) else entry

    @contextmanager
    def running(self):
        thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
            thread.join()


def scripted(*replies):
    return Server(replies).running()
