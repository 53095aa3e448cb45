"""The gate before anything of a candidate runs: its text, the compiler's verdict, its syntax tree, its bytecode."""

from __future__ import annotations

from verify.ast_rules import check_tree
from verify.bytecode import check_creation, check_runtime
from verify.compile import Artifact, compile_unit
from verify.findings import CandidateRejectedError, Finding
from verify.source_rules import check_source


def admit(source: str, *, file: str) -> Artifact:
    """Compiles a rule that may be run.

    Args:
        source: The candidate's Solidity.
        file: How findings name it.

    Raises:
        CandidateRejectedError: With all findings of the first stage that it fails: text, compiler, syntax tree,
            bytecode.
        CompilerUnavailableError: The machine has no compiler.
    """
    _turn_down(check_source(source, file))
    artifact, imported = compile_unit(source, file=file)
    _turn_down(check_tree(artifact.ast, imported, source, file))
    _turn_down((*check_runtime(artifact.runtime_code), *check_creation(artifact.creation_code, artifact.runtime_code)))
    return artifact


def decode_source(content: bytes, *, file: str) -> str:
    """The text of a candidate's file.

    Raises:
        CandidateRejectedError: It is not UTF-8.
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        finding = Finding("admission", "encoding", f"byte {error.start} is not UTF-8: {error.reason}", file, line)
        raise CandidateRejectedError((finding,)) from None


def _turn_down(findings: tuple[Finding, ...]) -> None:
    if findings:
        raise CandidateRejectedError(findings)
