"""What a node means by an error: JSON-RPC leaves that to free text, and every client and provider has its own.

The phrases were gathered from the sources and issue trackers of geth, Erigon, Nethermind, Besu, Reth, Anvil, and from
what users of Alchemy, Infura, QuickNode, Ankr, dRPC, Chainstack, Tenderly and public endpoints reported (2018–2026).
An error that no phrase fits is taken as final, and shown.
"""

from __future__ import annotations

import re
from typing import Any

from ingest.rpc.errors import (
    NodeError,
    NoStateError,
    RefusedError,
    RevertedError,
    TooMuchError,
    UnavailableError,
    UnknownBlockError,
    UnknownMethodError,
)

MAX_SHOWN_CHARS = 200
LOGS_METHOD = "eth_getLogs"
UNKNOWN_METHOD_CODE = -32601
INTERNAL_CODE = -32603
RATE_CODES = (429, -32007, -32012, -32029, -32090, -32097)
SIZE_CODES = (-32003, -32008, -32614, -32616)  # geth and others: the answer is too large; QuickNode: so is the range
REVERT_CODE = 3


def _any_of(*phrases: str) -> re.Pattern[str]:
    return re.compile("|".join(phrases), re.IGNORECASE)


RATE = _any_of(
    r"rate.?limit",
    r"too many requests",
    r"request rate",
    r"requests? (?:per|limit)",
    r"/ ?sec",
    r"per second",
    r"compute units",
    r"credits",
    r"capacity",
    r"throttl",
    r"quota",
    r"daily request",
)
REVERTED = _any_of(
    r"revert", r"vm execution error", r"invalid opcode", r"out of gas", r"stack (?:under|over)flow", r"bad instruction"
)
NO_STATE = _any_of(
    r"missing trie node",
    r"historical state",
    r"state histor",
    r"state (?:at block #?\d+ )?(?:is )?(?:not |un)available",
    r"no state available",
    r"world state",
    r"prun(?:ed|ing)",
    r"archive",
    r"proof window",
    r"state is not",
)
NO_BATCH = _any_of(r"batch")
UNKNOWN_METHOD = _any_of(
    r"method .{0,60}(?:not (?:found|supported|available|allowed)|does not exist)", r"unsupported method"
)
TOO_MUCH = _any_of(
    r"more than [\d,]+ (?:results|logs)",
    r"(?:too|so) many (?:blocks|logs|results|block)",
    r"requested (?:too many )?blocks",
    r"max(?:imum)? (?:results|logs|block|allowed)",
    r"logs matched by query",
    r"response (?:is )?(?:too|size)",
    r"(?:response|result|output) size",
    r"size (?:is )?(?:exceeded|larger|too)",
    r"too large",
    r"blocks? ranges?",
    r"blocks? distance",
    r"range (?:is )?(?:too|limit|exceed|allowed)",
    r"ranges? over",
    r"range \d+",
    r"max(?:imum)?\.? range",
    r"limited to",
    r"narrow your filter",
    r"must be smaller than size",
    r"at most [\d,]+ blocks",
)
TIMED_OUT = _any_of(r"time[d -]*out", r"deadline exceeded", r"took too long", r"context canceled")
UNKNOWN_BLOCK = _any_of(
    r"header not found", r"unknown block", r"block (?:\S+ )?(?:was )?not found", r"could not be found"
)
BUSY = _any_of(
    r"beyond (?:current )?head",
    r"no (?:available )?(?:backend|upstream|nodes?)",
    r"network connection",
    r"(?:temporar|service|upstream|currently)\w* .{0,30}unavailable",
    r"unavailable",
    r"try again",
    r"retry",
    r"overloaded",
    r"busy",
    r"internal (?:server )?error",
    r"bad gateway",
    r"syncing",
    r"out of ?range",
)

COUNT = r"([\d,]{1,15})"
RULES = tuple(
    re.compile(rule, re.IGNORECASE)
    for rule in (
        rf"limited to (?:a )?{COUNT}(k?)\b",
        rf"up to (?:a )?{COUNT}(k?) block",
        rf"range limit(?: of)? {COUNT}(k?)\b",
        rf"range \d+ exceeds limit of {COUNT}(k?)\b",
        rf"range exceeds server limit\D{{0,30}}{COUNT}(k?)\b",
        rf"max(?:imum)? (?:block )?range(?: is)?\D{{0,4}}{COUNT}(k?)\b",
        rf"range\D{{0,30}}maximum (?:allowed )?(?:is )?{COUNT}(k?)\b",
        rf"range is too \w+,? (?:the )?max(?:imum)?(?: is)? {COUNT}(k?)\b",
        rf"range too large \(\d+\), maximum allowed is {COUNT}(k?)\b",
        rf"blocks? range\D{{0,20}}the limit is {COUNT}(k?)\b",
        rf"maximum is set to {COUNT}(k?)\b",
        rf"at most {COUNT}(k?) blocks",
        rf"requested blocks is {COUNT}(k?)\b",
        rf"ranges? over {COUNT}(k?) block",
        rf"range allowed for your plan \(\d+ > {COUNT}(k?)\)",
        rf"blocks? distance: {COUNT}(k?)\b",
        rf"range greater than {COUNT}(k?) max",
        rf"range exceeds {COUNT}(k?)\b",
        rf"smaller than size {COUNT}(k?)\b",
    )
)
SUGGESTED_HEX = re.compile(r"\[(0x[0-9a-fA-F]{1,16}), ?(0x[0-9a-fA-F]{1,16})\]")
SUGGESTED = re.compile(r"with the range (\d{1,18})-(\d{1,18})")


def refusal(method: str, error: Any) -> NodeError:
    """The exception for a JSON-RPC error object; its message is the node's own words, cut and made printable."""
    code = error.get("code") if isinstance(error, dict) else None
    code = code if type(code) is int else None
    said = _text(error)
    shown = f"{method}: the node says {said!r}" + (f" (code {code})" if code is not None else "")
    wait_s = _wait_s(error)
    limited = "limit exceeded" in said.lower()  # of BSC's nodes: too many logs, or too many requests
    problem: NodeError
    if code == REVERT_CODE or said.startswith("execution reverted"):  # a contract may revert with any words
        problem = RevertedError(shown, code=code)
    elif code in RATE_CODES or (RATE.search(said) and _rule(said) is None):
        problem = UnavailableError(f"{shown}: its rate limit is reached", retry_after_s=wait_s)
    elif code == UNKNOWN_METHOD_CODE or UNKNOWN_METHOD.search(said):
        problem = UnknownMethodError(shown, code=code)
    elif code in SIZE_CODES or (method == LOGS_METHOD and (TOO_MUCH.search(said) or limited)):
        span, lasting = span_told(said)
        problem = TooMuchError(shown, code=code, span_blocks=span, lasting=lasting)
    elif TIMED_OUT.search(said):
        problem = UnavailableError(shown, timed_out=True, retry_after_s=wait_s)
    elif NO_STATE.search(said):
        problem = NoStateError(shown, code=code)
    elif method == "eth_call" and REVERTED.search(said):
        problem = RevertedError(shown, code=code)
    elif UNKNOWN_BLOCK.search(said):
        problem = UnknownBlockError(shown, retry_after_s=wait_s)
    elif limited or code == INTERNAL_CODE or BUSY.search(said):
        problem = UnavailableError(shown, retry_after_s=wait_s)
    else:
        problem = RefusedError(shown, code=code)
    return problem


def refuses_batches(error: Any) -> bool:
    """Whether an error object that answers a whole batch is about the batch rather than about its questions."""
    return bool(NO_BATCH.search(_text(error))) or (isinstance(error, dict) and error.get("code") in SIZE_CODES)


def span_told(said: str) -> tuple[int | None, bool]:
    """How many blocks the node says it takes at a time, and whether that is its rule for any range."""
    if (blocks := _rule(said)) is not None:
        return blocks, True
    for pattern, base in ((SUGGESTED_HEX, 16), (SUGGESTED, 10)):
        if found := pattern.search(said):
            span = int(found[2], base) - int(found[1], base) + 1
            return (span if span > 0 else None), False
    return None, False


def _rule(said: str) -> int | None:
    for rule in RULES:
        if found := rule.search(said):
            blocks = int(found[1].replace(",", "") or 0) * (1000 if found[2] else 1)
            return blocks or None
    return None


def _wait_s(error: Any) -> float | None:
    """Infura tells in the error's data how long to wait."""
    data = error.get("data") if isinstance(error, dict) else None
    rate = data.get("rate") if isinstance(data, dict) else None
    wait = rate.get("backoff_seconds") if isinstance(rate, dict) else None
    return min(float(wait), 300.0) if isinstance(wait, int | float) and wait >= 0 else None


def _text(error: Any) -> str:
    """The message, with the data where that is text too; printable, and cut."""
    if not isinstance(error, dict):
        parts = [error]
    else:
        data = error.get("data")
        parts = [error.get("message"), data.get("payload") if isinstance(data, dict) else data]
    said = "; ".join(part for part in parts if isinstance(part, str) and part)[: 4 * MAX_SHOWN_CHARS]
    return "".join(char if char.isprintable() else " " for char in said)
