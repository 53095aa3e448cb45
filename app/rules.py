"""Rules from files: Solidity with its parameters, as the command line is given them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.errors import InputError
from verify.findings import CandidateRejectedError
from verify.run import Rule
from verify.templates import load_template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from verify.templates import Template

OPTION = "--param"


@dataclass(frozen=True, slots=True)
class Assignment:
    """One ``--param``: a value for a parameter of one rule, or of every rule that has it."""

    rule: str | None
    name: str
    value: int


def read_rules(paths: Sequence[Path], assignments: Sequence[str]) -> list[Rule]:
    """Reads the rules that are to be scored.

    Args:
        paths: Their ``.sol`` files; each parameter's default is in the ``.toml`` beside it.
        assignments: ``NAME=VALUE`` or ``RULE.NAME=VALUE``.

    Raises:
        InputError: A file cannot be read or its description is wrong, an assignment is malformed or fits no rule, or
            a value is out of its range.
    """
    templates = [_load(path) for path in paths]
    given = [_assignment(text) for text in assignments]
    for assignment in given:
        if not any(_concerns(assignment, template) for template in templates):
            whose = f"the rule {assignment.rule!r}" if assignment.rule else "any of the rules"
            raise InputError(f"{assignment.name!r} is not a parameter of {whose}", field=OPTION)
    return [
        Rule(
            name=template.name,
            source=template.source,
            parameters=_parameters(template, {one.name: one.value for one in given if _concerns(one, template)}),
            file=template.file.name,
            promises=template.promises,
        )
        for template in templates
    ]


def _load(path: Path) -> Template:
    try:
        return load_template(path)
    except CandidateRejectedError as error:
        raise InputError(str(error.findings[0].message), file=path, line=error.findings[0].line) from error


def _assignment(text: str) -> Assignment:
    place, equals, written = text.partition("=")
    rule, _, name = place.rpartition(".")
    try:
        value = int(written, 0)
    except ValueError:
        value = -1
    if not equals or not name or value < 0:
        raise InputError(f"{text!r} is not NAME=VALUE or RULE.NAME=VALUE with a whole number from 0 on", field=OPTION)
    return Assignment(rule or None, name, value)


def _concerns(assignment: Assignment, template: Template) -> bool:
    if assignment.rule not in {None, template.name}:
        return False
    return template.promises is None or assignment.name in template.defaults()


def _parameters(template: Template, values: dict[str, int]) -> Mapping[str, int]:
    """Without a description there is nothing to check against here; the constructor's ABI is, later."""
    return values if template.promises is None else template.check(values)
