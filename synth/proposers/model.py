"""`llm`: a language model that reads the brief and what became of what it proposed, and writes candidates."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from synth.llm import prompt
from synth.llm.replies import ReplyError, read_reply, schema

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from synth.llm.calls import Calls
    from synth.llm.replies import Kind
    from synth.records import Proposal, Tried
    from synth.space import Space

Json = dict[str, Any]

MOST_REPAIRS = 2
PARENTS = (2, 1, 0)
"""From how many of the best a candidate is to be made, call by call."""
SHOWN = {"source": 12, "template": 6}
"""So many of the best and latest candidates are told when a new one is asked for."""


class LanguageModel:
    """Asks for new candidates, for better ones made from the best, and for those that were turned down to be mended.

    Args:
        space: Templates and windows.
        kind: Whether it writes sources, or chooses templates and values.
        calls: Paid calls.
        brief: Makes the brief, given what people wrote and how it did.
        feedback: Whether it is told what became of its candidates; without, every call is the same: the best of N.
    """

    def __init__(
        self, space: Space, kind: Kind, calls: Calls, brief: Callable[[Sequence[Tried]], Json], *, feedback: bool = True
    ) -> None:
        self.name = "llm" if feedback else "llm-without-feedback"
        self.outcomes: Counter[str] = Counter()
        self._space, self._kind, self._calls, self._make_brief = space, kind, calls, brief
        self._feedback = feedback
        self._brief: Json = {}
        self._tried: list[Tried] = []
        self._asked = 0
        self._repairs: dict[str, int] = {}

    def learn(self, tried: Sequence[Tried]) -> None:
        """Writes the brief; for a model that chooses values, the short of it."""
        told = self._make_brief(tried)
        self._brief = prompt.digest(told) if self._kind == "template" else told

    def ask(self, count: int) -> Sequence[Proposal]:
        """Up to so many candidates, one call each; replies that are none are counted by what was wrong with them."""
        found = []
        for _ in range(count):
            self._asked += 1
            messages, parents = self._next()
            answer = self._calls.ask(messages, schema(self._kind, self._space))
            if answer.outcome != "answered":
                self.outcomes[answer.outcome] += 1
                continue
            try:
                found.append(read_reply(self._kind, answer.text, self._space, parents))
            except ReplyError:
                self.outcomes["no proposal"] += 1
            else:
                self.outcomes["answered"] += 1
        return found

    def tell(self, tried: Sequence[Tried]) -> None:
        """Remembers what became of them."""
        self._tried += [one for one in tried if one not in self._tried]

    def _next(self) -> tuple[prompt.Messages, tuple[str, ...]]:
        """What to ask for now, and the candidates that it is made from."""
        kind, space, brief = self._kind, self._space, self._brief
        if not self._feedback:
            return prompt.propose(kind, space, brief, []), ()
        if (broken := self._to_mend()) is not None:
            return prompt.repair(kind, space, broken), (broken.proposal.candidate_id,)
        best = self._best()
        parents = best[: PARENTS[self._asked % len(PARENTS)]]
        if parents:
            return prompt.edit(kind, space, brief, parents), tuple(one.proposal.candidate_id for one in parents)
        half = SHOWN[kind] // 2
        shown = {one.number: one for one in (*best[:half], *self._tried[-half:])}
        return prompt.propose(kind, space, brief, list(shown.values())), ()

    def _to_mend(self) -> Tried | None:
        """The latest that was turned down and may be mended; noted, so that it is asked for once."""
        for broken in reversed(self._tried):
            name, repairs = broken.proposal.candidate_id, self._repairs_of(broken)
            if broken.trial.status == "rejected" and repairs < MOST_REPAIRS and name not in self._repairs:
                self._repairs[name] = repairs + 1
                return broken
        return None

    def _repairs_of(self, one: Tried) -> int:
        """How many repairs led to a candidate."""
        return max((self._repairs.get(parent, 0) for parent in one.proposal.parents), default=0)

    def _best(self) -> list[Tried]:
        scored = [one for one in self._tried if one.trial.lower is not None]
        return sorted(scored, key=lambda one: (-(one.trial.lower or 0.0), one.number))
