"""How well labels fit a ground truth: who was taken for whom."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from ingest.records import FLOW_CLASSES, FlowClass

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from ingest.records import Label

Key = TypeVar("Key", bound="Hashable")


@dataclass(frozen=True, slots=True)
class ClassFit:
    """Of one class: its swaps by the truth, those found to be of it, and those of which both say so."""

    true: int
    found: int
    both: int

    @property
    def precision(self) -> float | None:
        """The share of what was found that is true; None where nothing was found."""
        return self.both / self.found if self.found else None

    @property
    def recall(self) -> float | None:
        """The share of what is true that was found; None where there is nothing to find."""
        return self.both / self.true if self.true else None


def confusion(truth: Mapping[Key, Label], found: Mapping[Key, Label]) -> dict[FlowClass, dict[FlowClass, int]]:
    """Counts by true class, then by the class found, over what both have a label for.

    Rows and columns are the classes that occur, in the order of ``FLOW_CLASSES``; a row has every column.
    """
    pairs = Counter((label.flow_class, found[key].flow_class) for key, label in truth.items() if key in found)
    columns = [name for name in FLOW_CLASSES if any(name in pair for pair in pairs)]
    rows = [name for name in columns if any(true == name for true, _ in pairs)]
    return {row: {column: pairs[row, column] for column in columns} for row in rows}


def fits(matrix: Mapping[FlowClass, Mapping[FlowClass, int]]) -> dict[FlowClass, ClassFit]:
    """Precision and recall of every class in a confusion matrix, its rows and its columns."""
    names = [name for name in FLOW_CLASSES if name in matrix or any(name in row for row in matrix.values())]
    return {
        name: ClassFit(
            true=sum(matrix.get(name, {}).values()),
            found=sum(row.get(name, 0) for row in matrix.values()),
            both=matrix.get(name, {}).get(name, 0),
        )
        for name in names
    }
