"""Paid calls: written down before they are sent, never bought twice, never beyond the budget.

Calls are numbered in the order in which a run makes them; a run that goes on makes the same ones, and is answered from
its journal. A call that was sent and has no answer there counts at the most that it can cost, and is sent once more.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ingest.errors import InputError
from synth.llm.endpoint import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from decimal import Decimal

    from synth.budget import Meter
    from synth.journal import Journal
    from synth.llm.endpoint import Endpoint

Json = dict[str, Any]

MOST_SENDS = 2
"""A call without an answer is sent once more."""
MOST_TURNED_AWAY = 4
"""A call that the server turns away, unpaid, is sent so often in all."""
PAUSES_S = (1.0, 4.0, 15.0)
AGAIN_LATER = frozenset({"HTTP 408", "HTTP 409", "HTTP 429", "HTTP 500", "HTTP 502", "HTTP 503", "HTTP 504"})


class Calls:
    """Makes a run's calls; ``pause`` waits so many seconds between sends."""

    def __init__(
        self,
        endpoint: Endpoint,
        send: Callable[[Sequence[Mapping[str, str]], Json, int], Answer],
        journal: Journal,
        meter: Meter,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._endpoint, self._send, self._journal, self._meter, self._pause = endpoint, send, journal, meter, pause
        self._made = 0

    def ask(self, messages: Sequence[Mapping[str, str]], schema: Json) -> Answer:
        """The answer to the next call.

        Raises:
            BudgetSpentError: The call might cost more than is left; it was not sent.
            InputError: The journal tells of another call at this place.
        """
        self._made += 1
        request = {"call": self._made, "messages": list(messages), "schema": schema}
        outcomes: Counter[str] = Counter()
        for found in self._told(request):
            if self._ends(found, messages, outcomes):
                return found
        while True:
            self._meter.reserve(*self._most(messages))
            self._journal.append("request", **request, send=outcomes.total())
            found = self._send(messages, schema, self._made)
            spent = {"seconds": self._meter.seconds}
            self._journal.append("answer", call=self._made, send=outcomes.total(), answer=asdict(found), **spent)
            if self._ends(found, messages, outcomes):
                return found
            self._pause(PAUSES_S[min(outcomes.total(), len(PAUSES_S)) - 1])

    def _told(self, request: Json) -> Iterator[Answer]:
        """What the journal tells of this call, send by send."""
        call = request["call"]
        answers = {line["send"]: line["answer"] for line in self._journal.lines("answer") if line["call"] == call}
        for line in self._journal.lines("request"):
            if line["call"] != call:
                continue
            if any(line[name] != request[name] for name in request):
                said = f"call {call} asks for something else now: Pactsmith has changed since, so start a new run"
                raise InputError(said, file=self._journal.file)
            answer = answers.get(line["send"])
            yield Answer("unanswered", detail="the program ended first") if answer is None else Answer(**answer)

    def _ends(self, found: Answer, messages: Sequence[Mapping[str, str]], outcomes: Counter[str]) -> bool:
        """Charges a send; whether the call is not sent again."""
        outcomes[found.outcome] += 1
        if found.outcome == "http error":  # nothing was generated, and nothing is charged
            return found.detail not in AGAIN_LATER or outcomes["http error"] >= MOST_TURNED_AWAY
        if found.tokens_in or found.tokens_out:
            used = found.tokens_in, found.tokens_out
            self._meter.charge(self._endpoint.usd(*used), sum(used))
        else:  # what it took is not known
            self._meter.charge(*self._most(messages))
        return found.outcome != "unanswered" or outcomes["unanswered"] >= MOST_SENDS

    def _most(self, messages: Sequence[Mapping[str, str]]) -> tuple[Decimal, int]:
        most = self._endpoint.most(messages)
        return self._endpoint.usd(*most), sum(most)
