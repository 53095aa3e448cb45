"""What a search may spend: hard, and counted over all sessions of a run."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from ingest.errors import PactsmithError

Json = dict[str, Any]


class BudgetSpentError(PactsmithError):
    """The search has spent what it may; nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a run may spend; None: no limit.

    ``candidates`` is what each proposer may try, ``seconds`` the time of the search (the judging of its champions on
    held-out blocks comes after), ``usd`` and ``tokens`` what models may take.
    """

    candidates: int
    seconds: float | None = None
    usd: Decimal | None = None
    tokens: int | None = None

    def to_json(self) -> Json:
        """The limits as JSON values."""
        return asdict(self) | {"usd": None if self.usd is None else str(self.usd)}


@dataclass(slots=True)
class Meter:
    """What a run has spent, earlier sessions included (``earlier_seconds``)."""

    limits: Limits
    earlier_seconds: float = 0.0
    usd: Decimal = Decimal(0)
    tokens: int = 0
    _started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Of the search."""
        return self.earlier_seconds + time.monotonic() - self._started

    def spent(self) -> Json:
        """What was spent, as JSON values; dollars as exact decimal text."""
        return {"usd": f"{self.usd:f}", "tokens": self.tokens, "seconds": round(self.seconds, 3)}

    def charge(self, usd: Decimal, tokens: int) -> None:
        """Counts what a call took."""
        self.usd += usd
        self.tokens += tokens

    def reserve(self, usd: Decimal, tokens: int) -> None:
        """Raises where a call that takes so much at the most might exceed the limits.

        Raises:
            BudgetSpentError: It might.
        """
        self.check()
        limits = self.limits
        if limits.usd is not None and self.usd + usd > limits.usd:
            raise BudgetSpentError(f"one more call might take more than the {limits.usd} USD that may be spent")
        if limits.tokens is not None and self.tokens + tokens > limits.tokens:
            raise BudgetSpentError(f"one more call might take more than the {limits.tokens:,} tokens that may be spent")

    def check(self) -> None:
        """Raises where the time is over.

        Raises:
            BudgetSpentError: It is.
        """
        if self.limits.seconds is not None and self.seconds >= self.limits.seconds:
            raise BudgetSpentError(f"the search has taken its {self.limits.seconds:g} s")
