"""Findings: why a candidate was turned down, each with its place."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from ingest.errors import PactsmithError

Stage = Literal["admission", "compile", "bytecode", "deploy", "properties", "metamorphic", "run"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason, typed.

    ``code`` is a stable kebab-case name such as ``opcode-forbidden``; ``line`` and ``column`` are 1-based and, like
    ``file``, None where the reason has no place in the source.
    """

    stage: Stage
    code: str
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        return f"{place}: {self.message} [{self.code}]" if place else f"{self.message} [{self.code}]"

    def to_json(self) -> dict[str, Any]:
        """The finding as JSON values."""
        return asdict(self)


class CandidateRejectedError(PactsmithError):
    """The candidate is at fault; the same candidate will be rejected again."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        super().__init__("; ".join(str(finding) for finding in findings))
