"""The report: one HTML file that needs nothing else, no script and no network, and the document beside it as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from app.report.candidate import candidate_section
from app.report.document import document as whole_page
from app.report.html import join
from app.report.overview import audit_section, glossary, leaderboard, opening, setting_section
from app.report.parts import section
from app.summary import ranked
from ingest.errors import StoreError

Json = dict[str, Any]

VOLATILE = frozenset({"seconds", "from_store"})
"""Keys of a document that tell about the run and not about its result; a report has none of them."""


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """Where a report was written."""

    html: Path
    json: Path

    def to_json(self) -> dict[str, str]:
        """The paths as JSON values."""
        return {"html": str(self.html), "json": str(self.json)}


def write_report(document: Json, folder: Path) -> ReportFiles:
    """Writes ``report.html`` and ``report.json``; the same document gives the same bytes.

    Raises:
        StoreError: The folder cannot be written.
    """
    files = ReportFiles(folder / "report.html", folder / "report.json")
    lasting = {key: value for key, value in document.items() if key not in VOLATILE}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files.html.write_text(render(lasting), encoding="utf-8")
        files.json.write_text(json.dumps(lasting, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{folder}: the report cannot be written: {error.strerror}; see --report-dir") from error
    return files


def render(document: Json) -> str:
    """The whole page. Everything in the document is untrusted and becomes text."""
    candidates = [candidate_section(card, opened=place == 0) for place, card in enumerate(ranked(document))]
    return whole_page(
        f"Pactsmith: {document['history']}",
        _style(),
        opening(document),
        leaderboard(document),
        section("Candidates", join(candidates), anchor="candidates"),
        audit_section(document),
        setting_section(document),
        glossary(),
    )


@cache
def _style() -> str:
    return Path(__file__).with_name("style.css").read_text(encoding="utf-8")
