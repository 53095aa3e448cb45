"""The wire: web3's HTTP provider with answers bounded in size and time, and a URL that nobody gets to see.

An endpoint's URL usually holds a key. It leaves this module in no message, log record, representation or exception;
those of the HTTP library, which contain it, are neither passed on nor chained.
"""

from __future__ import annotations

import contextlib
import email.utils
import json
import logging
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import numpy as np
import requests
import urllib3
from requests.adapters import HTTPAdapter

from ingest.errors import InputError
from ingest.rpc.errors import AnswerError, RefusedError, TooMuchError, UnavailableError

_recursion_limit = sys.getrecursionlimit()
from web3 import HTTPProvider  # noqa: E402 - what it imports raises the limit so far that nested JSON ends the process

sys.setrecursionlimit(_recursion_limit)

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_ANSWER_BYTES = 128 << 20
MAX_DEPTH = 200  # of nested lists and objects; answers have less than ten
NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
READ_BYTES = 1 << 16
CONNECT_S = 10.0
MAX_RETRY_AFTER_S = 300.0
MIN_SECRET_SEGMENT_CHARS = 8  # shorter parts of a path are words such as "v2" or "mainnet"
MIN_SECRET_CHARS = 4  # hiding less would hide every digit of a text
HIDDEN = "***"
TIMEOUT_STATUSES = (408, 504, 524)  # 524 is Cloudflare's
Call = tuple[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer: its status, its body read as JSON (None where it is none), and how long to wait."""

    status: int
    document: Any
    retry_after_s: float | None


class Mask(logging.Filter):
    """Hides the secret parts of URLs in text, and in the log records of the HTTP library."""

    def __init__(self) -> None:
        super().__init__()
        self._secrets: set[str] = set()

    def add(self, url: str) -> None:
        """Learns the secret parts of a URL."""
        parts = urlsplit(url)
        path = {segment for segment in parts.path.split("/") if len(segment) >= MIN_SECRET_SEGMENT_CHARS}
        pairs = {value for _, value in parse_qsl(parts.query, keep_blank_values=False)}
        raw = {pair.partition("=")[2] or pair for pair in parts.query.split("&")}
        named = {parts.username or "", parts.password or ""}
        whole = {url, parts.path if parts.path.strip("/") else "", parts.query, parts.netloc.rpartition("@")[0]}
        found = path | pairs | raw | named | whole
        self._secrets |= {text for text in found | {unquote(text) for text in found} if len(text) >= MIN_SECRET_CHARS}

    def hide(self, text: str) -> str:
        """The text without any of the secrets."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrites a record's message."""
        record.msg, record.args = self.hide(record.getMessage()), ()
        return True


MASK = Mask()
for _name in ("urllib3.connectionpool", "urllib3.util.retry"):
    logging.getLogger(_name).addFilter(MASK)


class Endpoint(HTTPProvider):
    """A JSON-RPC endpoint over HTTP(S), one attempt a call.

    Args:
        url: Where it is, with whatever key it needs.
        timeout_s: The longest that one answer may take.
        connections: How many are kept open.

    Raises:
        InputError: The URL is none, or not HTTP(S).
    """

    def __init__(self, url: str, *, timeout_s: float, connections: int) -> None:
        self.name = _name_of(url)
        MASK.add(url)
        session = requests.Session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=connections))
        super().__init__(url, session=session, exception_retry_configuration=None)
        self._session = session
        self.timeout_s = timeout_s

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"Endpoint({self.name!r})"

    def exchange(self, calls: Sequence[Call], timeout_s: float | None = None) -> tuple[Reply, list[dict[str, Any]]]:
        """Sends one call by itself, or several as a batch; gives the reply and the requests as they were sent.

        Raises:
            UnavailableError: No answer, or none in time.
            AnswerError: The answer is no JSON, or was cut off.
            RefusedError: The endpoint sends elsewhere.
            TooMuchError: The answer is larger than allowed.
        """
        sent = [self._request(method, params) for method, params in calls]
        return self.post(sent[0] if len(sent) == 1 else sent, timeout_s), sent

    def close(self) -> None:
        """Closes the connections that nobody uses."""
        self._session.close()

    def _request(self, method: str, params: list[Any]) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": next(self.request_counter), "method": method, "params": params}

    def post(self, document: Any, timeout_s: float | None = None) -> Reply:
        """Posts a JSON document; see ``exchange``."""
        limit_s = self.timeout_s if timeout_s is None else timeout_s
        try:
            return self._post(json.dumps(document).encode(), limit_s)
        except requests.ConnectTimeout:
            problem: Exception = UnavailableError(f"{self.name}: cannot be reached in time")
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            problem = self._too_slow(limit_s)
        except requests.exceptions.SSLError:
            problem = UnavailableError(f"{self.name}: its certificate is not trusted")
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader, UnicodeError):
            problem = RefusedError(f"{self.name}: the address cannot be used; check it for odd characters")
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            problem = UnavailableError(f"{self.name}: {_in_words(error)}")
        raise problem  # outside the handlers, so that the library's exception is not chained to it

    def _too_slow(self, limit_s: float) -> UnavailableError:
        return UnavailableError(f"{self.name}: no answer within {limit_s:.3g} s", timed_out=True)

    def _post(self, body: bytes, limit_s: float) -> Reply:
        end = time.monotonic() + limit_s
        response = self._request_session_manager.get_response_from_post_request(
            self.endpoint_uri,  # type: ignore[arg-type]  # never None here
            data=body,
            headers=self.get_request_headers(),
            timeout=(min(CONNECT_S, limit_s), limit_s),
            stream=True,
            allow_redirects=False,  # a redirect would carry the key elsewhere, or turn the POST into a GET
        )
        with contextlib.closing(response):
            if response.is_redirect:
                raise RefusedError(f"{self.name}: the endpoint sends elsewhere; give the address it moved to")
            content = self._read(response, end, limit_s)
        document, sound = _as_json(content)
        if not sound and response.ok:
            raise AnswerError(f"{self.name}: an answer of {len(content)} bytes that is no JSON, or was cut off")
        return Reply(response.status_code, document, _retry_after(response.headers.get("Retry-After")))

    def _read(self, response: requests.Response, end: float, limit_s: float) -> bytes:
        """The body, read as it comes in: a body that trickles must not outlast the limit."""
        chunks: list[bytes] = []
        size = 0
        while chunk := response.raw.read1(READ_BYTES, decode_content=True):
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                raise TooMuchError(f"{self.name}: an answer larger than {MAX_ANSWER_BYTES >> 20} MiB")
            if time.monotonic() > end:
                raise self._too_slow(limit_s)
            chunks.append(chunk)
        return b"".join(chunks)


def by_id(document: Any, sent: Sequence[dict[str, Any]]) -> list[Any]:
    """The answers' objects in the order of the requests.

    Raises:
        AnswerError: An object is none, answers no request or one twice, or a request has no answer.
    """
    answers = document if isinstance(document, list) else [document]
    wanted = {request["id"]: place for place, request in enumerate(sent)}
    found: dict[int, Any] = {}
    for answer in answers:
        key = answer.get("id") if isinstance(answer, dict) else None
        place = wanted.get(key) if type(key) is int else None
        if place is None or place in found:
            raise AnswerError("an answer to something that was not asked")
        found[place] = answer
    if len(found) < len(sent):
        raise AnswerError(f"{len(sent) - len(found)} of {len(sent)} questions were left unanswered")
    return [found[place] for place in range(len(sent))]


def _name_of(url: str) -> str:
    """A URL's scheme, host and port: all of it that may be shown."""
    problem = "must be http:// or https://, a host, and what the provider adds to it"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, parts, port = None, urlsplit(""), None
    if not host or parts.scheme not in ("http", "https") or not url.isprintable() or " " in url:
        raise InputError(problem, field="rpc url")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port else "")


def _as_json(content: bytes) -> tuple[Any, bool]:
    opening = np.isin(np.frombuffer(content.translate(None, NO_BRACKETS), np.uint8), (ord("["), ord("{")))
    if np.cumsum(np.where(opening, 1, -1), dtype=np.int64).max(initial=0) > MAX_DEPTH:
        return None, False
    try:
        return json.loads(content), True
    except (ValueError, RecursionError):
        return None, False


def _retry_after(header: str | None) -> float | None:
    """Seconds to wait, from a number or a date (RFC 9110, 10.2.3)."""
    if header is None:
        return None
    if header.strip().isascii() and header.strip().isdigit():
        return min(float(header[:9]), MAX_RETRY_AFTER_S)
    try:
        wait_s = email.utils.parsedate_to_datetime(header).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait_s, 0.0), MAX_RETRY_AFTER_S)


def _in_words(error: Exception) -> str:
    """What happened, without the error's own text, which holds the URL."""
    if "NameResolutionError" in repr(error) or "Name or service" in repr(error):
        return "its name is not known; check the address"
    if "refused" in repr(error):
        return "refuses the connection; is the node running?"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy set in the environment does not answer"
    return "the connection broke before the answer was complete"
