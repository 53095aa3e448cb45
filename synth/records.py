"""What travels through a search: a proposal, and what became of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from verify.compile import candidate_id
from verify.run import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from verify.templates import Promises
    from verify.trials import Trial

Json = dict[str, Any]

BY_HAND = "by hand"
"""In place of a proposer: what people wrote."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A candidate: a rule's source with its constructor's arguments, to be settled over windows of a length.

    ``name`` is what people call the rule; ``parents`` are candidates' ids. ``note`` is the proposer's own word on it.
    ``promises`` are those of a template; a rule that a model wrote promises nothing.
    """

    name: str
    source: str
    parameters: Mapping[str, int]
    window_blocks: int
    parents: tuple[str, ...] = ()
    note: str = ""
    promises: Promises | None = None

    @property
    def candidate_id(self) -> str:
        """The identity of source and parameters."""
        return candidate_id(self.source, self.parameters)

    @property
    def source_id(self) -> str:
        """SHA-256 of the source."""
        return hashlib.sha256(self.source.encode()).hexdigest()

    @property
    def key(self) -> tuple[str, int]:
        """What is tried: the candidate, and the length of its windows."""
        return self.candidate_id, self.window_blocks

    def rule(self) -> Rule:
        """What `verify` takes."""
        return Rule(self.name, self.source, dict(self.parameters), f"{self.name}.sol", promises=self.promises)


@dataclass(frozen=True, slots=True)
class Tried:
    """A proposal with what became of it over the training blocks; ``number`` counts a run's candidates from 1."""

    number: int
    proposer: str
    proposal: Proposal
    trial: Trial

    @property
    def title(self) -> str:
        """What a report calls it."""
        name = self.proposal.name
        return name if self.proposer == BY_HAND else f"{name} ({self.proposer} {self.number})"

    def to_json(self) -> Json:
        """A line of the run's journal, which holds each source once, by its id."""
        proposal, trial = self.proposal, self.trial
        return {
            "number": self.number,
            "proposer": self.proposer,
            "name": proposal.name,
            "candidate_id": proposal.candidate_id,
            "source_id": proposal.source_id,
            "parameters": {name: str(value) for name, value in proposal.parameters.items()},
            "window_blocks": proposal.window_blocks,
            "parents": list(proposal.parents),
            "note": proposal.note,
            "code_id": trial.code_id,
            "status": trial.status,
            "reason": trial.reason,
            "score": None if trial.score is None else trial.score.to_json(),
            "lower": trial.lower,
        }


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search came to.

    ``tried`` is everything, in order; ``ended`` says of each proposer why it stopped; ``replies`` counts what came of
    each model's calls; ``spent`` is what all of it took, and ``last_block`` the last that was looked at.
    """

    tried: tuple[Tried, ...]
    ended: Mapping[str, str]
    replies: Mapping[str, Mapping[str, int]]
    spent: Json
    last_block: int

    def by(self, proposer: str) -> list[Tried]:
        """What one proposer had tried."""
        return [one for one in self.tried if one.proposer == proposer]

    def best(self, proposer: str, count: int) -> list[Tried]:
        """The best of one proposer's candidates: by what they surely gain, the earlier of equals."""
        scored = [one for one in self.by(proposer) if one.trial.lower is not None]
        return sorted(scored, key=lambda one: (-(one.trial.lower or 0.0), one.number))[:count]

    def by_hand(self) -> list[Tried]:
        """Each hand-written rule at the window where it surely gains most; at the first one where that is not known."""
        found: dict[str, Tried] = {}
        for one in (*self.best(BY_HAND, len(self.tried)), *self.by(BY_HAND)):
            found.setdefault(one.proposal.name, one)
        return list(found.values())
