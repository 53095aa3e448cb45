"""The zoo: rules that must be turned down, each for its stated reason, and odd ones that must pass.

A ``.sol`` file is a whole rule. An ``.edit`` file changes a bundled one: lines after ``-`` stand in it exactly once,
those after ``+`` take their place. Comment lines at the top say why it is turned down and what it promises.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path

from verify.admission import admit
from verify.compile import constructor_data
from verify.contracts import contracts_dir
from verify.findings import CandidateRejectedError
from verify.properties.check import check, findings
from verify.templates import Promises, load_template

HERE = Path(__file__).parent
BAD = sorted((HERE / "bad").glob("*.*"))
GOOD = sorted((HERE / "good").glob("*.sol"))


@dataclass(frozen=True)
class Animal:
    """A rule of the zoo; ``reason`` is ``stage/code``, empty for a good one."""

    name: str
    reason: str
    source: str
    promises: Promises
    parameters: dict[str, int]


def read(path: Path) -> Animal:
    text = path.read_text()
    head = dict(re.findall(r"^// (turned down by|promises|edit of): (.+)$", text, re.MULTILINE))
    promised = {name.strip() for name in head.get("promises", "").split(",") if name.strip()}
    parameters: dict[str, int] = {}
    if path.suffix == ".edit":
        template = load_template(contracts_dir() / "templates" / f"{head['edit of']}.sol")
        promised |= {field.name for field in fields(Promises) if getattr(template.promises, field.name)}
        parameters = template.defaults()
        text = edited(template.source, text)
    promises = Promises(**{field.name: field.name in promised for field in fields(Promises)})
    return Animal(path.stem, head.get("turned down by", ""), text, promises, parameters)


def edited(source: str, edit: str) -> str:
    hunks = re.findall(r"((?:^-.*\n)+)((?:^\+.*\n?)+)", edit, re.MULTILINE)
    assert hunks, "an edit without a hunk"
    for old, new in hunks:
        before, after = (re.sub(r"^[-+]", "", part, flags=re.MULTILINE) for part in (old, new))
        assert source.count(before) == 1, before
        source = source.replace(before, after)
    return source


def why_turned_down(animal: Animal) -> tuple[str, ...]:
    """Every reason, as ``stage/code``; none where the rule passes."""
    try:
        artifact = admit(animal.source, file=f"{animal.name}.sol")
    except CandidateRejectedError as error:
        found = error.findings
    else:
        code = constructor_data(artifact, animal.parameters)
        found = findings(check(code, animal.promises, seed=1))
    return tuple(dict.fromkeys(f"{finding.stage}/{finding.code}" for finding in found))
