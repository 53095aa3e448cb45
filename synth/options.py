"""What a run of `synth` searches and within what; with the history's content, this is the run's identity."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ingest.errors import InputError
from synth.budget import Limits
from synth.llm.endpoint import Endpoint
from verify.conventions import MOST_WINDOW_BLOCKS
from verify.run import Options

if TYPE_CHECKING:
    from synth.llm.replies import Kind

Json = dict[str, Any]

KEYLESS = ("parameters", "random")
MODELS = ("llm", "llm-without-feedback")
PROPOSERS = KEYLESS + MODELS
WINDOWS = (1, 2, 5, 10, 20)


@dataclass(frozen=True, slots=True)
class SynthOptions:
    """How to search.

    Args:
        proposers: Names out of `PROPOSERS`, each with the same budget.
        limits: That budget.
        windows: Window lengths in blocks that may be proposed.
        attack: Whether the finalists are attacked before one is put forward.
        evaluation: How candidates are tried and judged; its windows are not used.
        endpoint: Where the models of `MODELS` answer.
        writes: Whether a model writes sources, or chooses templates and values.
    """

    proposers: tuple[str, ...]
    limits: Limits
    windows: tuple[int, ...] = WINDOWS
    attack: bool = True
    evaluation: Options = field(default_factory=Options)
    endpoint: Endpoint | None = None
    writes: Kind = "source"

    def check(self) -> None:
        """Checks the options.

        Raises:
            InputError: One is wrong.
        """
        unknown = [name for name in self.proposers if name not in PROPOSERS]
        if unknown or not self.proposers:
            known = ", ".join(PROPOSERS)
            raise InputError(f"{', '.join(unknown) or 'nobody'} is no proposer; there are: {known}", field="proposer")
        if self.endpoint is None and set(self.proposers) & set(MODELS):
            raise InputError("a language model needs an endpoint", field="base-url")
        if self.limits.usd is not None and self.endpoint is not None and self.endpoint.is_unpriced:
            raise InputError("a budget in dollars needs the endpoint's prices", field="max-usd")
        if not self.windows or any(not 1 <= window <= MOST_WINDOW_BLOCKS for window in self.windows):
            raise InputError(f"a window is a number of blocks from 1 to {MOST_WINDOW_BLOCKS}", field="window")
        if self.limits.candidates < 1:
            raise InputError("at least one candidate must be allowed", field="max-candidates")

    def to_json(self) -> Json:
        """All that moves what is found, and so not the number of workers."""
        price = self.evaluation.native_price
        return {
            "proposers": list(self.proposers),
            "limits": self.limits.to_json(),
            "windows": list(self.windows),
            "attack": self.attack,
            "seed": self.evaluation.seed,
            "native_price": None if price is None else str(price),
            "elasticity": self.evaluation.elasticity,
            "endpoint": None if self.endpoint is None else self.endpoint.to_json(),
            "writes": self.writes,
        }

    @classmethod
    def of_json(cls, content: Json, workers: int) -> SynthOptions:
        """The options that `to_json` wrote, for so many workers."""
        limits, price = content["limits"], content["native_price"]
        return cls(
            proposers=tuple(content["proposers"]),
            limits=Limits(**limits | {"usd": None if limits["usd"] is None else Decimal(limits["usd"])}),
            windows=tuple(content["windows"]),
            attack=content["attack"],
            evaluation=Options(
                workers=workers,
                seed=content["seed"],
                native_price=None if price is None else Fraction(price),
                elasticity=content["elasticity"],
            ),
            endpoint=None if content["endpoint"] is None else Endpoint.of_json(content["endpoint"]),
            writes=content["writes"],
        )
