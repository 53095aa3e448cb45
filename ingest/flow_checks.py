"""What a check of an order flow says."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_CASES = 20


@dataclass(frozen=True, slots=True)
class Check:
    """One check: how many rows it looked at, how many failed it, and of how many the source does not tell enough.

    Where being otherwise is no failure, ``found`` counts those that are as it says. ``figures`` are what it measured;
    ``cases`` are some of those that failed, in words.
    """

    name: str
    says: str
    checked: int
    failed: int
    untold: int = 0
    found: int | None = None
    figures: dict[str, float] = field(default_factory=dict)
    cases: tuple[str, ...] = ()
