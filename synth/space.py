"""The space of keyless search: the templates, the values that their parameters may take, and the window lengths."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from synth.records import Proposal
from verify.templates import load_template, templates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from verify.templates import Parameter, Template


WIDE = 100


def value_at(parameter: Parameter, place: float) -> int:
    """The value at a place from 0 to 1 of a parameter's range.

    A range of more than `WIDE` values is walked in equal ratios above its minimum: its small values differ as much from
    one another as its large ones.
    """
    span = parameter.maximum - parameter.minimum
    steps = (span + 1) ** place - 1 if span > WIDE else place * span
    return parameter.minimum + min(round(steps), span)


def place_of(parameter: Parameter, value: int) -> float:
    """A place where `value_at` gives the value."""
    span = parameter.maximum - parameter.minimum
    steps = value - parameter.minimum
    if span > WIDE:
        return min(math.log1p(steps) / math.log1p(span), 1.0)
    return steps / span if span else 0.0


@dataclass(frozen=True, slots=True)
class Space:
    """Templates by name, and window lengths in blocks, the shortest first."""

    templates: Mapping[str, Template]
    windows: tuple[int, ...]

    @classmethod
    def of(cls, windows: Sequence[int], files: Sequence[Path] = ()) -> Space:
        """The space over the given templates, or over those that come with Pactsmith.

        Raises:
            InputError: A template's description is wrong.
        """
        loaded = [load_template(path) for path in files or templates()]
        return cls({template.name: template for template in loaded}, tuple(sorted(set(windows))))

    def proposal(self, template: str, parameters: Mapping[str, int], window_blocks: int, note: str = "") -> Proposal:
        """A template with these values.

        Raises:
            InputError: A value is for no parameter, or outside of its range.
        """
        chosen = self.templates[template]
        values = chosen.check(dict(parameters))
        return Proposal(chosen.name, chosen.source, values, window_blocks, note=note, promises=chosen.promises)

    def tunable(self) -> Space:
        """The templates that have parameters: of the others nothing is left to be chosen but the window."""
        return replace(self, templates={name: one for name, one in self.templates.items() if one.parameters})

    def digest(self) -> str:
        """SHA-256 over the templates with their parameters' ranges: another space is another search."""
        told = [[one.name, one.source, [asdict(each) for each in one.parameters]] for one in self.templates.values()]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def defaults(self) -> list[Proposal]:
        """Every template as it was written by hand, at every window length."""
        return [self.proposal(name, {}, window) for name in self.templates for window in self.windows]
