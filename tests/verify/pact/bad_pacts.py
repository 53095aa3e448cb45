"""Bad pacts: the good one with a few edits each, in `zoo/`, and the properties that must turn them down."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from evenings import TOKEN, terms

from verify.pact.terms import NOBODY, Attestation, NoShow, PactTerms, meetup_pact

FOLDER = Path(__file__).parent / "zoo"


@dataclass(frozen=True)
class Animal:
    """A pact that must be turned down because these properties are broken; ``alone``: and no others.

    ``terms`` are some that show it.
    """

    name: str
    why: str
    broken: frozenset[str]
    alone: bool
    terms: PactTerms
    source: str


def animals():
    return [_read(path) for path in sorted(FOLDER.glob("*.toml"))]


def _read(path):
    content = tomllib.loads(path.read_text())
    source = meetup_pact().read_text()
    for edit in content["edit"]:
        assert source.count(edit["old"]) == 1, f"{path.name}: the good pact does not hold once: {edit['old']}"
        source = source.replace(edit["old"], edit["new"])
    shown_by = terms(
        token=TOKEN if content.get("token") else NOBODY,
        attestation=Attestation[content.get("attestation", "host").upper()],
        no_show=NoShow[content.get("no_show", "split").upper()],
    )
    return Animal(path.stem, content["why"], frozenset(content["broken"]), content["alone"], shown_by, source)
