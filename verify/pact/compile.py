"""A pact's source to its code, or to the reasons why it is not even run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eth_abi.abi import encode

from verify.bytecode import reachable
from verify.contracts import contracts_dir
from verify.findings import CandidateRejectedError, Finding
from verify.pact.terms import TERMS_TYPE
from verify.source_rules import check_source
from verify.standard_json import RULE_UNIT, exchange, findings_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from verify.pact.terms import PactTerms

PACT_SOURCES = ("pactsmith/IPact.sol", "pactsmith/Calls.sol")
"""What a pact may import."""

_INTERFACE = PACT_SOURCES[0]
_FORBIDDEN = {
    *("DELEGATECALL", "CALLCODE", "SELFDESTRUCT", "CREATE", "CREATE2"),  # code that was not checked
    *("ORIGIN", "COINBASE", "GASPRICE", "BLOCKHASH", "PREVRANDAO", "GASLIMIT", "BASEFEE", "NUMBER"),  # where it runs
    *("EXTCODECOPY", "EXTCODEHASH", "BLOBHASH", "BLOBBASEFEE"),
}


@dataclass(frozen=True, slots=True)
class PactCode:
    """A compiled pact; ``creation_code`` lacks the constructor's arguments, ``runtime_code`` is what is deployed."""

    name: str
    abi: list[dict[str, Any]]
    creation_code: bytes
    runtime_code: bytes

    def creation(self, terms: PactTerms) -> bytes:
        """The code that deploys the pact with these terms."""
        return self.creation_code + encode([TERMS_TYPE, "address[]"], terms.constructor())


def admit_pact(source: str, *, file: str) -> PactCode:
    """Compiles a pact that may be run.

    Args:
        source: One file's Solidity, with `PACT_SOURCES` to import and one deployable contract that is an `IPact`.
        file: How findings name it.

    Raises:
        CandidateRejectedError: The text, the compiler, the interface or an opcode speaks against it.
        CompilerUnavailableError: The machine has no compiler.
    """
    _turn_down(check_source(source, file, imports=PACT_SOURCES))
    sources = {RULE_UNIT: source} | {name: _own_source(name) for name in PACT_SOURCES}
    outputs = {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"], "": ["ast"]}
    reply = exchange(sources, {RULE_UNIT: outputs, _INTERFACE: {"*": ["abi"], "": ["ast"]}}, {}, file)
    _turn_down(findings_of(reply, sources, file)[0])
    name = _pact_name(reply, file)
    output = reply["contracts"][RULE_UNIT][name]
    runtime = bytes.fromhex(output["evm"]["deployedBytecode"]["object"])
    interface = reply["contracts"][_INTERFACE]["IPact"]["abi"]
    _turn_down((*_beyond_the_interface(output["abi"], interface, file), *_forbidden_opcodes(runtime, file)))
    return PactCode(name, output["abi"], bytes.fromhex(output["evm"]["bytecode"]["object"]), runtime)


def _pact_name(reply: Mapping[str, Any], file: str) -> str:
    """The one deployable contract of the file that is an `IPact`."""
    interface = next(node["id"] for node in reply["sources"][_INTERFACE]["ast"]["nodes"] if node.get("name") == "IPact")
    names = [
        node["name"]
        for node in reply["sources"][RULE_UNIT]["ast"]["nodes"]
        if node["nodeType"] == "ContractDefinition"
        and node["contractKind"] == "contract"
        and not node["abstract"]
        and interface in node["linearizedBaseContracts"]
    ]
    if len(names) != 1:
        message = f"{len(names)} deployable contracts in this file implement IPact of {_INTERFACE}; there must be one"
        raise CandidateRejectedError((Finding("compile", "pact-missing", message, file),))
    return str(names[0])


def _beyond_the_interface(abi: list[dict[str, Any]], interface: list[dict[str, Any]], file: str) -> Iterator[Finding]:
    """Ways to change state that `IPact` does not have, and a constructor that takes something else."""
    known = {_key(entry) for entry in interface}
    for entry in abi:
        if entry["type"] == "function" and _key(entry) in known:
            continue
        if entry["type"] in ("receive", "fallback") or entry.get("stateMutability") in ("nonpayable", "payable"):
            if entry["type"] == "constructor":
                continue
            what = entry.get("name", entry["type"])
            message = f"{what} changes state, and is no part of IPact: a pact has no other way in"
            yield Finding("admission", "beyond-the-interface", message, file)
    constructor: list[dict[str, Any]] = next((entry["inputs"] for entry in abi if entry["type"] == "constructor"), [])
    if [_type(each) for each in constructor] != [TERMS_TYPE, "address[]"]:
        yield Finding("admission", "constructor", "the constructor must take (Terms, address[] invited)", file)


def signature_of(entry: Mapping[str, Any]) -> str:
    """An ABI entry's canonical signature, such as ``claimTo(address)``."""
    return f"{entry['name']}({','.join(_type(each) for each in entry['inputs'])})"


def error_signatures(code: PactCode) -> dict[str, str]:
    """The pact's own errors: their signatures by name."""
    return {entry["name"]: signature_of(entry) for entry in code.abi if entry["type"] == "error"}


def _key(entry: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    return entry.get("name", ""), tuple(_type(each) for each in entry.get("inputs", []))


def _type(parameter: Mapping[str, Any]) -> str:
    if parameter["type"].startswith("tuple"):
        inner = ",".join(_type(each) for each in parameter["components"])
        return f"({inner}){parameter['type'].removeprefix('tuple')}"
    return str(parameter["type"])


def _forbidden_opcodes(runtime: bytes, file: str) -> Iterator[Finding]:
    found = {instruction.name for instruction in reachable(runtime) if instruction.name in _FORBIDDEN}
    for name in sorted(map(str, found)):
        yield Finding("bytecode", "opcode-forbidden", f"{name} is not allowed in a pact", file)


def _own_source(virtual_path: str) -> str:
    return (contracts_dir() / "kernel" / virtual_path.removeprefix("pactsmith/")).read_text(encoding="utf-8")


def _turn_down(findings: Iterator[Finding] | tuple[Finding, ...]) -> None:
    found = tuple(findings)
    if found:
        raise CandidateRejectedError(found)
