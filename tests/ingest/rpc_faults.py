"""What can go wrong with an answer, how often, and how a good answer is spoilt."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Calls = list[dict[str, Any]]
Place = tuple[int, int]
"""A log's block and its index there."""

STATUS = {
    "http_429": 429,
    "http_429_retry_after": 429,
    "http_500": 500,
    "http_502": 502,
    "http_503": 503,
    "http_504": 504,
}
RPC_ERRORS = {
    # Alchemy puts it into the body of a good answer; the others are nodes under load.
    "rpc_429": {"code": 429, "message": "Your app has exceeded its compute units per second capacity."},
    "rpc_rate_limit": {"code": -32005, "message": "daily request count exceeded, request rate limited"},
    "rpc_internal": {"code": -32603, "message": "Internal error"},
    "rpc_timeout": {"code": -32002, "message": "request timed out"},
}
CONNECTION = ("reset", "close", "stall")
BODY = ("truncated_json", "invalid_json", "not_an_object", "huge")
LOUD = (*STATUS, *RPC_ERRORS, *CONNECTION, *BODY, "wrong_id", "no_result")
"""What any request may meet, and any client can notice."""
SILENT = ("empty_logs", "dropped_logs", "cut_logs")
"""What a client can notice only by what is missing."""
LOGS = (*SILENT, "duplicate_logs")
LAGGING = ("null_result", "stale_head")
"""What comes of asking a node that has not yet seen what another one has."""
KINDS = (*LOUD, *LOGS, *LAGGING)

_NULLABLE = {"eth_getBlockByNumber", "eth_getBlockByHash", "eth_getBlockReceipts", "eth_getTransactionReceipt"}


@dataclass(frozen=True)
class Faults:
    """What goes wrong, and how often.

    Args:
        seed: Whether a request fails depends on this and its number alone.
        rates: The probability of each kind, of `KINDS` or the proxy's actions.
        once_at: A kind that happens once, at this request (the first one is 1) or the first after it that it fits.
        most: How many faults by chance there are in all.
        most_per_request: How many of them the same calls meet, so that who asks again gets an answer.
        stall_s: How long a stalled answer takes; then the connection is closed.
        retry_after_s: What a 429 with Retry-After says.
        huge_bytes: The size of a huge answer.
        stale_blocks: How far behind a stale head is.
    """

    seed: int = 0
    rates: Mapping[str, float] = field(default_factory=dict)
    once_at: Mapping[int, str] = field(default_factory=dict)
    most: int = 10_000
    most_per_request: int = 2
    stall_s: float = 5.0
    retry_after_s: int = 1
    huge_bytes: int = 300 << 20
    stale_blocks: int = 5

    def rng(self, number: int, what: str) -> random.Random:
        """The chances of one request."""
        return random.Random(f"{self.seed}:{number}:{what}")  # faults, no secrets


def methods_of(calls: Calls) -> tuple[str, ...]:
    """Each call's method."""
    return tuple(str(call.get("method")) for call in calls)


def same(calls: Calls) -> str:
    """Equal for requests that ask the same."""
    return json.dumps([(call.get("method"), call.get("params")) for call in calls])


def fits(kind: str, calls: Calls) -> bool:
    """Whether a kind can happen to these calls."""
    methods = set(methods_of(calls))
    if kind in LOGS:
        return "eth_getLogs" in methods
    if kind == "null_result":
        return bool(methods & _NULLABLE)
    return "eth_blockNumber" in methods if kind == "stale_head" else True


def error_reply(call: dict[str, Any], error: dict[str, Any]) -> dict[str, Any]:
    """The reply to a call that fails."""
    return {"jsonrpc": "2.0", "id": call.get("id"), "error": error}


def place_of(log: dict[str, Any]) -> Place:
    """Where a log stands."""
    return int(log["blockNumber"], 16), int(log["logIndex"], 16)


def spoil(kind: str, faults: Faults, number: int, calls: Calls, replies: Calls) -> tuple[bool, Sequence[Place]]:
    """Changes replies in place; tells whether there was anything to change, and which logs were lost."""
    if kind in LOGS:
        return _spoil_logs(kind, faults.rng(number, "logs"), calls, replies)
    for call, reply in zip(calls, replies, strict=True):
        if kind == "wrong_id":
            reply["id"] = 987_654_321
        elif kind == "no_result":
            reply.pop("result", None)
        elif kind == "null_result" and call.get("method") in _NULLABLE:
            reply["result"] = None
        elif kind == "stale_head" and call.get("method") == "eth_blockNumber":
            reply["result"] = hex(max(0, int(reply["result"], 16) - faults.stale_blocks))
    return True, ()


def _spoil_logs(kind: str, rng: random.Random, calls: Calls, replies: Calls) -> tuple[bool, Sequence[Place]]:
    happened, lost = False, []
    for call, reply in zip(calls, replies, strict=True):
        logs = reply.get("result")
        if call.get("method") != "eth_getLogs" or not logs:
            continue
        happened = True
        if kind == "duplicate_logs":
            reply["result"] = [log for log in logs for _ in range(rng.choice((1, 2)))] + logs[:1]
            continue
        if kind == "empty_logs":
            missing = set(range(len(logs)))
        elif kind == "cut_logs":
            missing = set(range(rng.randrange(len(logs)), len(logs)))
        else:
            missing = {rng.randrange(len(logs)) for _ in range(3)}
        reply["result"] = [log for place, log in enumerate(logs) if place not in missing]
        lost += [place_of(logs[place]) for place in sorted(missing)]
    return happened, lost


def spoil_body(kind: str | None, body: bytes) -> bytes:
    """What is left of a good body."""
    if kind == "truncated_json":
        return body[: len(body) // 2]
    if kind == "invalid_json":
        return body.replace(b":", b"=", 1)
    return b"null" if kind == "not_an_object" else body
