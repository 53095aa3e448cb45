"""One exchange with the compiler: sources in, its reply or typed findings out, with the cache in between."""

from __future__ import annotations

import bisect
import functools
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from verify.cache import Cache
from verify.findings import CandidateRejectedError, Finding
from verify.solc import COMPILE_SECONDS, FULL_VERSION, MAX_REPLY_BYTES, MAX_REQUEST_BYTES, compiler
from verify.solc_process import CompilerFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTINGS: dict[str, Any] = {
    "evmVersion": "cancun",
    "optimizer": {"enabled": True, "runs": 200},
    "viaIR": False,
    # Nothing but code in the bytecode: what is left can be walked opcode by opcode.
    "metadata": {"bytecodeHash": "none", "appendCBOR": False},
}
# The file's name can move the compiler's numbering, and with it the code. So every rule is compiled under this name.
RULE_UNIT = "Rule.sol"
_NOT_GIVEN = "6275"  # ParserError: a source that is not among those given, that is, an import of what may not be
_REPLIES = Cache("compiler", MAX_REPLY_BYTES)
_UNSETTLED_ERRORS = {"InternalCompilerError", "Exception", "UnimplementedFeatureError", "FatalError"}


def exchange(
    sources: Mapping[str, str], selection: Mapping[str, Any], more_settings: Mapping[str, Any], file: str
) -> dict[str, Any]:
    """The compiler's reply, from the cache where it was asked before.

    Raises:
        CandidateRejectedError: The sources are too large, or the compiler gave no answer.
    """
    request = json.dumps(
        {
            "language": "Solidity",
            "sources": {name: {"content": text} for name, text in sources.items()},
            "settings": {**SETTINGS, **more_settings, "outputSelection": selection},
        },
        sort_keys=True,
    )
    if 2 * len(request) > MAX_REQUEST_BYTES:  # twice: it is wrapped in JSON once more
        raise CandidateRejectedError((Finding("compile", "source-too-large", "the source is too large", file),))
    name = hashlib.sha256(f"{FULL_VERSION}\n{request}".encode()).hexdigest()
    stored = _REPLIES.load(name)
    if stored is not None:
        return stored
    try:
        reply = json.loads(compiler().standard_json(request, seconds=COMPILE_SECONDS))
    except CompilerFailedError as error:
        code = "compiler-timeout" if error.kind == "timeout" else "compiler-crashed"
        raise CandidateRejectedError((Finding("compile", code, str(error), file),)) from error
    except (ValueError, RecursionError) as error:  # no JSON; or a syntax tree deeper than Python's stack
        message = f"the compiler's reply cannot be read: {error}"
        raise CandidateRejectedError((Finding("compile", "compiler-crashed", message, file),)) from error
    if not isinstance(reply, dict):
        raise CandidateRejectedError((Finding("compile", "compiler-crashed", "the reply is no JSON object", file),))
    if not any(error["type"] in _UNSETTLED_ERRORS for error in reply.get("errors", [])):
        _REPLIES.save(name, reply)
    return reply


def findings_of(
    reply: Mapping[str, Any], sources: Mapping[str, str], rule_file: str | None
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """(errors, warnings) of a reply; ``rule_file`` is how the rule's own file is named."""
    errors: list[Finding] = []
    warnings: list[Finding] = []
    for entry in reply.get("errors", []):
        place = entry.get("sourceLocation") or {}
        unit, start = place.get("file"), place.get("start", -1)
        text = sources.get(unit) if unit is not None and start >= 0 else None
        line, column = (None, None) if text is None else line_and_column(text, start)
        shown = rule_file if rule_file is not None and unit in (RULE_UNIT, None) else unit
        code = "import-forbidden" if entry.get("errorCode") == _NOT_GIVEN else _kebab(entry["type"])
        message = " ".join(entry["message"].split())
        finding = Finding("compile", code, message, shown, line, column)
        (errors if entry["severity"] == "error" else warnings).append(finding)
    return tuple(errors), tuple(warnings)


def line_and_column(source: str, offset: int) -> tuple[int, int]:
    """1-based line and column (in characters) of a byte offset into the UTF-8 source, as the compiler gives it."""
    starts = _line_starts(source)
    line = bisect.bisect_right(starts, offset)
    before = source.encode("utf-8", "surrogatepass")[starts[line - 1] : offset].decode(errors="replace")
    return line, len(before) + 1


@functools.lru_cache(maxsize=8)
def _line_starts(source: str) -> list[int]:
    return [0, *(match.end() for match in re.finditer(rb"\r\n|\r|\n", source.encode("utf-8", "surrogatepass")))]


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


def offset_of(node: Mapping[str, Any]) -> int:
    """Byte offset of a syntax tree node in its file."""
    return int(node["src"].split(":")[0])
