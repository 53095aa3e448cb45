"""Solidity in, bytecode or typed findings out.

Two entries: candidates' rules, which may be anything, and the project's own contracts, which are trusted.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ingest.errors import InputError, PactsmithError
from verify.contracts import contracts_dir
from verify.findings import CandidateRejectedError, Finding
from verify.solc import FULL_VERSION
from verify.standard_json import RULE_UNIT, SETTINGS, exchange, findings_of, line_and_column, offset_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

INTERFACE_SOURCE = "pactsmith/IKernel.sol"
MATH_SOURCE = "pactsmith/Math.sol"
RULE_SOURCES = (INTERFACE_SOURCE, MATH_SOURCE)
_CODE_OUTPUTS = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]


class TrustedCompileError(PactsmithError):
    """One of the project's own contracts does not compile."""


@dataclass(frozen=True, slots=True)
class Contract:
    """A trusted contract. ``creation_code`` still lacks the constructor's arguments."""

    name: str
    abi: list[dict[str, Any]]
    creation_code: bytes
    runtime_code: bytes


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled rule.

    ``artifact_id`` is of the source with no parameters set; with parameters it is
    ``artifact_id(candidate_id(source, parameters))``. ``creation_code`` lacks the constructor's arguments and
    ``runtime_code`` has zeros for immutables. ``ast`` is the rule's source unit as the compiler gives it.
    """

    artifact_id: str
    name: str
    abi: list[dict[str, Any]]
    creation_code: bytes
    runtime_code: bytes
    ast: dict[str, Any]
    compiler: str
    warnings: tuple[Finding, ...]


def candidate_id(source: str, parameters: Mapping[str, int]) -> str:
    """SHA-256 (hex) over the canonical JSON of the source and its parameters by name, as decimal text."""
    return _sha256_of({"source": source, "parameters": {name: str(value) for name, value in parameters.items()}})


def artifact_id(candidate: str, compiler_version: str = FULL_VERSION, settings: Mapping[str, Any] = SETTINGS) -> str:
    """SHA-256 (hex) over the canonical JSON of a candidate's id, the compiler's version and its settings."""
    return _sha256_of({"candidate_id": candidate, "compiler": compiler_version, "settings": settings})


def _sha256_of(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def compile_rule(source: str, *, file: str = "Rule.sol") -> Artifact:
    """Compiles a candidate's one source file, with the kernel's interface and mathematics to import.

    Args:
        source: The Solidity text.
        file: How findings name it; it has no influence on the code.

    Raises:
        CandidateRejectedError: With every finding of stage ``compile``.
        CompilerUnavailableError: The machine has no compiler.
    """
    return compile_unit(source, file=file)[0]


def compile_unit(source: str, *, file: str) -> tuple[Artifact, dict[str, dict[str, Any]]]:
    """``compile_rule``, and the syntax trees of what was imported, by their virtual paths.

    Raises:
        CandidateRejectedError: See ``compile_rule``.
    """
    sources = {RULE_UNIT: source} | {name: _own_source(name) for name in RULE_SOURCES}
    reply = exchange(sources, {RULE_UNIT: {"*": [*_CODE_OUTPUTS], "": ["ast"]}, "*": {"": ["ast"]}}, {}, file)
    errors, warnings = findings_of(reply, sources, file)
    if errors:
        raise CandidateRejectedError(errors)
    trees = {name: unit["ast"] for name, unit in reply["sources"].items()}
    ast = trees.pop(RULE_UNIT)
    name = _rule_name(ast, trees.get(INTERFACE_SOURCE), source, file)
    output = reply["contracts"][RULE_UNIT][name]
    artifact = Artifact(
        artifact_id=artifact_id(candidate_id(source, {})),
        name=name,
        abi=output["abi"],
        creation_code=_code(output["evm"]["bytecode"]["object"], name, file),
        runtime_code=_code(output["evm"]["deployedBytecode"]["object"], name, file),
        ast=ast,
        compiler=FULL_VERSION,
        warnings=warnings,
    )
    return artifact, trees


def compile_trusted(paths: Sequence[str]) -> dict[str, Contract]:
    """Compiles contracts of our own.

    Args:
        paths: Relative to ``contracts/``, for example ``kernel/SignedSettlement.sol``. Their imports are relative to
            themselves, or ``pactsmith/…`` for ``contracts/kernel/…``.

    Returns:
        By name, every deployable contract that these files themselves define.

    Raises:
        TrustedCompileError: An error of the compiler, a missing import, or two contracts of one name.
    """
    sources = closure(paths)
    selection = {path: {"*": _CODE_OUTPUTS} for path in paths}
    try:
        reply = exchange(sources, selection, {"remappings": ["pactsmith/=kernel/"]}, "contracts")
    except CandidateRejectedError as error:
        raise TrustedCompileError(str(error)) from error
    errors, _ = findings_of(reply, sources, None)
    if errors:
        raise TrustedCompileError("; ".join(map(str, errors)))
    contracts: dict[str, Contract] = {}
    for path in paths:
        for name, output in reply["contracts"].get(path, {}).items():
            if not output["evm"]["bytecode"]["object"]:
                continue  # an interface or an abstract contract
            if name in contracts:
                raise TrustedCompileError(f"{path}: another of these files defines a contract {name} too")
            creation, runtime = (output["evm"][part]["object"] for part in ("bytecode", "deployedBytecode"))
            contracts[name] = Contract(name, output["abi"], bytes.fromhex(creation), bytes.fromhex(runtime))
    return contracts


def constructor_parameters(abi: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """(name, type) of the constructor's parameters in order; empty when there is no constructor."""
    for entry in abi:
        if entry["type"] == "constructor":
            return tuple((parameter["name"], parameter["type"]) for parameter in entry["inputs"])
    return ()


def constructor_data(artifact: Artifact, parameters: Mapping[str, int]) -> bytes:
    """Creation code followed by the ABI-encoded arguments, ready to be deployed.

    Raises:
        InputError: A parameter is missing, unknown, not a uint256, or out of its range.
    """
    expected = constructor_parameters(artifact.abi)
    for name in parameters:
        if name not in dict(expected):
            known = ", ".join(known for known, _ in expected) or "none"
            raise InputError(f"{artifact.name} has no such constructor parameter; it has: {known}", field=name)
    encoded = b""
    for name, type_name in expected:
        if type_name != "uint256":
            raise InputError(f"a rule's constructor parameters are uint256; this one is {type_name}", field=name)
        if name not in parameters:
            raise InputError(f"{artifact.name} needs a value for this constructor parameter", field=name)
        if not 0 <= parameters[name] < 1 << 256:
            raise InputError(f"{parameters[name]} does not fit a uint256", field=name)
        encoded += parameters[name].to_bytes(32, "big")
    return artifact.creation_code + encoded


def _rule_name(ast: Mapping[str, Any], interface: Mapping[str, Any] | None, source: str, file: str) -> str:
    """The one deployable contract in the rule's file that implements ``IClearingRule``."""
    rule_ids = {
        node["id"]
        for node in (interface or {"nodes": []})["nodes"]
        if node["nodeType"] == "ContractDefinition" and node["name"] == "IClearingRule"
    }
    found = [
        node
        for node in ast["nodes"]
        if node["nodeType"] == "ContractDefinition"
        and node["contractKind"] == "contract"
        and not node["abstract"]
        and rule_ids.intersection(node["linearizedBaseContracts"])
    ]
    if not found:
        message = f"no contract in this file implements IClearingRule of {INTERFACE_SOURCE}"
        raise CandidateRejectedError((Finding("compile", "rule-missing", message, file),))
    if len(found) > 1:
        message = f"{len(found)} contracts implement IClearingRule; there must be one in a file"
        raise CandidateRejectedError(
            tuple(
                Finding("compile", "rule-ambiguous", message, file, *line_and_column(source, offset_of(node)))
                for node in found
            )
        )
    return str(found[0]["name"])


def _code(text: str, name: str, file: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        message = f"{name} must be linked with a library; rules may only use internal functions"
        raise CandidateRejectedError((Finding("compile", "library-forbidden", message, file),)) from None


def _own_source(virtual_path: str) -> str:
    """The text behind ``pactsmith/…``."""
    return (contracts_dir() / "kernel" / PurePosixPath(virtual_path).name).read_text(encoding="utf-8")


_IMPORT = re.compile(r"""^\s*import\b[^;"']*["']([^"']+)["']""", re.MULTILINE)


def closure(paths: Sequence[str]) -> dict[str, str]:
    """Our own files and all that they import, by path relative to ``contracts/``.

    Raises:
        TrustedCompileError: One of them is missing, or is no part of ``contracts/``.
    """
    sources: dict[str, str] = {}
    waiting = list(paths)
    while waiting:
        path = waiting.pop()
        if path in sources:
            continue
        try:
            sources[path] = (contracts_dir() / path).read_text(encoding="utf-8")
        except OSError as error:
            raise TrustedCompileError(f"contracts/{path}: {error.strerror}") from error
        waiting.extend(_imports(path, sources[path]))
    return sources


def _imports(path: str, source: str) -> Iterator[str]:
    for name in _IMPORT.findall(source):
        if name.startswith("."):
            parts: list[str] = []
            for part in (*PurePosixPath(path).parent.parts, *PurePosixPath(name).parts):
                if part == ".." and not parts:
                    raise TrustedCompileError(f"contracts/{path}: import {name} leads out of contracts/")
                if part == "..":
                    parts.pop()
                elif part != ".":
                    parts.append(part)
            yield "/".join(parts)
        else:
            yield re.sub(r"^pactsmith/", "kernel/", name)
