"""The loop: proposers ask for trials of their candidates and learn from what became of them, within a budget."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ingest.errors import InputError
from synth.budget import BudgetSpentError
from synth.records import BY_HAND, Tried
from verify.run import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from synth.budget import Meter
    from synth.journal import Journal
    from synth.proposers import Proposer
    from synth.records import Proposal
    from verify.trials import Trial, Trials

Json = dict[str, Any]

GENERATION = 5
"""Candidates that are asked for at a time, whatever the number of workers: so that a seed repeats."""
MOST_STALE = 8
"""A proposer that brings nothing new in so many generations has nothing new."""


@dataclass(slots=True)
class Search:
    """One run's search: tries candidates, counts what that takes, and writes every one down.

    ``progress`` is told how many of a proposer's candidates were tried; ``tried`` is all of them so far.
    """

    trials: Trials
    meter: Meter
    journal: Journal
    progress: Callable[[Step], None]
    tried: list[Tried] = field(default_factory=list)

    def by_hand(self, proposals: Sequence[Proposal]) -> None:
        """Tries what people wrote; this is no search and takes nothing of a budget but time."""
        self._try(BY_HAND, proposals)

    def run(self, proposer: Proposer) -> str:
        """Lets a proposer try its number of candidates, none that people wrote among them; why it ended.

        Raises:
            InputError: The journal tells of other candidates.
        """
        most = self.meter.limits.candidates
        stage = f"search: {proposer.name}"
        by_hand = [one for one in self.tried if one.proposer == BY_HAND]
        known = {one.proposal.key: one for one in by_hand}
        count = stale = 0
        self.progress(Step(stage, 0, most))
        proposer.learn(by_hand)
        try:
            while count < most and stale < MOST_STALE:
                asked = proposer.ask(min(GENERATION, most - count))
                new = list({one.key: one for one in asked if one.key not in known}.values())
                known |= {one.proposal.key: one for one in self._try(proposer.name, new)}
                proposer.tell([known[one.key] for one in asked])
                count += len(new)
                stale = 0 if new else stale + 1
                self.progress(Step(stage, count, most))
        except BudgetSpentError as spent:
            return str(spent)
        return "it had nothing new to propose" if stale == MOST_STALE else f"{most} candidates were tried"

    def _try(self, proposer: str, proposals: Sequence[Proposal]) -> list[Tried]:
        self.meter.check()
        trials = self.trials.run([(one.rule(), one.window_blocks) for one in proposals])
        return [self._note(proposer, one, trial) for one, trial in zip(proposals, trials, strict=True)]

    def _note(self, proposer: str, proposal: Proposal, trial: Trial) -> Tried:
        tried = Tried(len(self.tried) + 1, proposer, proposal, trial)
        self.tried.append(tried)
        line = tried.to_json()
        written = next((one for one in self.journal.lines("candidate") if one["number"] == tried.number), None)
        if written is None:
            if all(one["source_id"] != proposal.source_id for one in self.journal.lines("source")):
                self.journal.append("source", source_id=proposal.source_id, source=proposal.source)
            self.journal.append("candidate", **line, seconds=self.meter.seconds)
        elif any(written[name] != line[name] for name in ("proposer", "candidate_id", "window_blocks", "status")):
            was = f"candidate {tried.number} was {written['name']} and is {line['name']} now"
            raise InputError(f"{was}: Pactsmith has changed since, so start a new run", file=self.journal.file)
        return tried
