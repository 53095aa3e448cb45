"""A node that is asked until it answers: retries, waits, batches, and the time that all of it may take."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from ingest.rpc import answers
from ingest.rpc.errors import (
    AnswerError,
    BudgetError,
    NodeError,
    NoStateError,
    RefusedError,
    RevertedError,
    TooMuchError,
    UnavailableError,
    UnknownBlockError,
)
from ingest.rpc.refusals import refusal, refuses_batches
from ingest.rpc.transport import MASK, TIMEOUT_STATUSES, Endpoint, Reply, by_id

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")

MAX_PAUSE_S = 20.0
NOT_ALLOWED_STATUSES = (401, 402, 403)
BUSY_STATUSES = (408, 425, 429)


@dataclass(frozen=True, slots=True)
class Ask(Generic[T]):
    """One question, and how its answer is read; reading raises ``AnswerError`` where it is not what it must be."""

    method: str
    params: list[Any]
    read: Callable[[Any], T]


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was sent and how it went."""

    requests: int = 0
    failures: int = 0
    waited_s: float = 0.0


@contextlib.contextmanager
def _needing_state() -> Iterator[None]:
    """What a node calls an unknown block is one whose state it does not keep: nobody asks for others."""
    try:
        yield
    except UnknownBlockError as error:
        raise NoStateError(str(error)) from None


class Node:
    """A JSON-RPC endpoint, safe to use from several threads.

    Args:
        url: HTTP(S); a key in it is never shown.
        generator: Spreads the pauses between attempts.
        timeout_s: The longest that one answer may take.
        budget_s: The longest that everything asked of this object may take; None for no limit.
        attempts: How often one question is put before it is given up.
        backoff_s: The first pause; each further one is twice as long, up to 20 s.
        connections: How many questions are under way at once, at most.
        batch: How many questions are sent in one exchange; 1 for nodes that take no batches (found out by itself).

    Raises:
        InputError: The URL is none.
    """

    def __init__(
        self,
        url: str,
        *,
        generator: random.Random,
        timeout_s: float = 30.0,
        budget_s: float | None = None,
        attempts: int = 8,
        backoff_s: float = 0.25,
        connections: int = 4,
        batch: int = 50,
    ) -> None:
        self._endpoint = Endpoint(url, timeout_s=timeout_s, connections=connections)
        self.name = self._endpoint.name
        self.connections = connections
        self.timeout_s = timeout_s
        self._generator = generator
        self._attempts = attempts
        self._backoff_s = backoff_s
        self._batch = max(1, batch)
        self._budget_s = budget_s
        self._end = None if budget_s is None else time.monotonic() + budget_s
        self._places = threading.BoundedSemaphore(connections)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._quiet_until = 0.0  # the whole node is left in peace until then
        self._traffic = Traffic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Node({self.name!r})"

    @property
    def traffic(self) -> Traffic:
        """What was sent so far."""
        return self._traffic

    def close(self) -> None:
        """Ends every wait and closes the connections; questions under way fail."""
        self._closed.set()
        self._endpoint.close()

    def remaining_s(self) -> float | None:
        """What is left of the time budget, in seconds; None where there is none."""
        return None if self._end is None else self._end - time.monotonic()

    def ask(self, question: Ask[T], timed_out_attempts: int | None = None) -> T:
        """Asks one question; ``timed_out_attempts`` bounds how often it may time out.

        Raises:
            NodeError: Which one tells what helps; see ``ingest.rpc.errors``.
        """
        timed_out = 0
        for attempt in range(self._attempts):
            try:
                answer: T | NodeError = self._once([question])[0]
                if not isinstance(answer, NodeError):
                    return answer
                raise answer
            except (UnavailableError, AnswerError) as error:
                timed_out += isinstance(error, UnavailableError) and error.timed_out
                if attempt == self._attempts - 1 or timed_out == timed_out_attempts:
                    raise self._given_up(error, attempt + 1) from None
                self._rest(error, attempt)
        raise AssertionError("unreachable")

    def ask_all(self, questions: Sequence[Ask[T]], unfit_attempts: int | None = None) -> list[T]:
        """Asks many questions, in batches; the answers in the questions' order.

        ``unfit_attempts`` bounds how often the answer to one may be unfit (``AnswerError``), such as empty, or its
        block unknown.

        Raises:
            NodeError: One of them could not be answered.
        """
        found: list[T] = []
        while len(found) < len(questions):
            found += self._part(questions[len(found) : len(found) + self._batch], unfit_attempts)
        return found

    def _part(self, questions: Sequence[Ask[T]], unfit_attempts: int | None) -> list[T]:
        """The answers to one batch of questions; those that failed are asked again, the others are not."""
        found: dict[int, T] = {}
        places = list(range(len(questions)))
        for tried in range(1, self._attempts + 1):
            failed: dict[int, NodeError] = {}
            for place, answer in zip(places, self._together([questions[place] for place in places]), strict=True):
                if not isinstance(answer, NodeError):
                    found[place] = answer
                elif self._worth_another_try(answer, tried, unfit_attempts):
                    failed[place] = answer
                else:
                    raise self._given_up(answer, tried)
            if not failed:
                break
            places = list(failed)
            self._rest(failed[places[0]], tried - 1)
        return [found[place] for place in range(len(questions))]

    def pause(self, pause_s: float) -> None:
        """Waits, as long as the time budget allows.

        Raises:
            BudgetError: It does not.
        """
        self._wait(pause_s)

    def chain_id(self) -> int:
        """The chain that the node follows."""
        return self.ask(Ask("eth_chainId", [], answers.number))

    def head(self) -> int:
        """The number of the newest block that the node has."""
        return self.ask(Ask("eth_blockNumber", [], answers.number))

    def headers(self, numbers: Sequence[int]) -> list[answers.Header]:
        """The headers of blocks that the node must have."""
        return self.ask_all(
            [Ask("eth_getBlockByNumber", [hex(n), False], partial(answers.header, asked=n)) for n in numbers]
        )

    def call_contract(self, to: str, data: bytes, block: int | None = None) -> bytes | None:
        """What a call of a contract gives at a block (None: the newest); None where it reverts."""
        return self.call_contracts([(to, data)], block)[0]

    def call_contracts(self, calls: Sequence[tuple[str, bytes]], block: int | None = None) -> list[bytes | None]:
        """Many calls of contracts at one block; None for each that reverts."""
        at = "latest" if block is None else hex(block)
        questions = [Ask("eth_call", [{"to": to, "data": "0x" + data.hex()}, at], answers.data) for to, data in calls]
        with _needing_state():
            if self._batch > 1:
                with contextlib.suppress(RevertedError):  # rare; only then one by one
                    found: list[bytes | None] = [*self.ask_all(questions)]
                    return found
            return [self._call_or_none(question) for question in questions]

    def code(self, contract: str, block: int | None = None) -> bytes:
        """A contract's code at a block (None: the newest); empty where there is none."""
        with _needing_state():
            return self.ask(Ask("eth_getCode", [contract, "latest" if block is None else hex(block)], answers.data))

    def _call_or_none(self, question: Ask[bytes]) -> bytes | None:
        try:
            return self.ask(question)
        except RevertedError:
            return None

    def _together(self, questions: list[Ask[Any]]) -> list[Any]:
        """The answers, or exceptions in their places; in smaller exchanges where the node takes none so large."""
        if len(questions) > (most := self._batch):
            return self._together(questions[:most]) + self._together(questions[most:])
        try:
            found = self._once(questions)
        except TooMuchError as error:
            found = [error]
        except (UnavailableError, AnswerError) as error:
            if isinstance(error, UnavailableError) and error.timed_out:
                self._take_at_most(len(questions) // 2)
            return [error] * len(questions)
        if len(questions) > 1 and any(isinstance(one, TooMuchError) for one in found):
            self._take_at_most(len(questions) // 2)
            return self._together(questions)
        return found

    def _worth_another_try(self, problem: NodeError, tried: int, unfit_attempts: int | None) -> bool:
        if isinstance(problem, AnswerError | UnknownBlockError) and unfit_attempts is not None:
            return tried < min(unfit_attempts, self._attempts)
        return isinstance(problem, UnavailableError | AnswerError) and tried < self._attempts

    def _take_at_most(self, batch: int) -> None:
        with self._lock:
            self._batch = min(self._batch, max(1, batch))

    def _once(self, questions: Sequence[Ask[Any]]) -> list[Any]:
        """One exchange: the answers, with exceptions in the places of those that failed."""
        with self._places:
            self._wait(max(0.0, self._quiet_until - time.monotonic()))
            left = self.remaining_s()
            timeout_s = self.timeout_s if left is None else min(self.timeout_s, max(left, 0.001))
            try:
                reply, sent = self._endpoint.exchange([(one.method, one.params) for one in questions], timeout_s)
            finally:
                with self._lock:
                    self._traffic = replace(self._traffic, requests=self._traffic.requests + 1)
        replies = self._replies(reply, sent, questions[0].method)
        return [self._read(question, one) for question, one in zip(questions, replies, strict=True)]

    def _replies(self, reply: Reply, sent: list[dict[str, Any]], method: str) -> list[dict[str, Any]]:
        """The JSON-RPC answers in order.

        Raises:
            NodeError: The HTTP status, or an error object in the place of all answers, stands for all of them.
        """
        document = reply.document
        answered = document if isinstance(document, list) else [document]
        errors = [one for one in answered if isinstance(one, dict) and one.get("error") is not None]
        if errors and (len(sent) == 1 or len(answered) < len(sent)):
            if len(sent) == 1 and errors[0].get("id") is not None:
                self._by_id(document, sent)
            raise self._named(self._for_all(reply, method, errors[0]["error"], len(sent) > 1), reply.retry_after_s)
        if reply.status >= 400 and not errors:
            raise self._of_status(reply, len(sent) > 1)
        return self._by_id(document, sent)

    def _by_id(self, document: Any, sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
        try:
            return by_id(document, sent)
        except AnswerError as error:
            raise AnswerError(f"{self.name}: {error}") from None

    def _for_all(self, reply: Reply, method: str, error: Any, batched: bool) -> NodeError:
        problem = refusal(method, error)
        if batched and refuses_batches(error):
            return TooMuchError(str(problem))
        if type(problem) is RefusedError and (reply.status in BUSY_STATUSES or reply.status >= 500):
            return self._of_status(reply, batched)
        if batched and not isinstance(problem, UnavailableError):
            return TooMuchError(str(problem))
        return problem

    def _of_status(self, reply: Reply, batched: bool) -> NodeError:
        status = reply.status
        if status == 413:
            return TooMuchError(f"{self.name}: the question is too large (HTTP 413)")
        if status in NOT_ALLOWED_STATUSES:
            return RefusedError(f"{self.name}: refuses access (HTTP {status}); check the key in the address")
        if status in BUSY_STATUSES or status >= 500:
            what = "its rate limit is reached" if status == 429 else "it has trouble"
            timed_out = status in TIMEOUT_STATUSES
            return UnavailableError(
                f"{self.name}: {what} (HTTP {status})", timed_out=timed_out, retry_after_s=reply.retry_after_s
            )
        if batched:
            return TooMuchError(f"{self.name}: takes no batch (HTTP {status})")
        return RefusedError(f"{self.name}: is no JSON-RPC endpoint (HTTP {status}); check the address")

    def _read(self, question: Ask[Any], reply: dict[str, Any]) -> Any:
        if reply.get("error") is not None:
            return self._named(refusal(question.method, reply["error"]))
        if "result" not in reply:
            return AnswerError(f"{self.name}: {question.method} has neither a result nor an error")
        try:
            return question.read(reply["result"])
        except AnswerError as error:
            return AnswerError(f"{self.name}: {question.method}: {self._shown(error)}")

    def _named(self, problem: NodeError, retry_after_s: float | None = None) -> NodeError:
        """The same problem with the node's name before it, and nothing secret in it."""
        problem.args = (f"{self.name}: {self._shown(problem)}",)
        if isinstance(problem, UnavailableError) and retry_after_s is not None:
            problem.retry_after_s = retry_after_s
        return problem

    def _shown(self, problem: NodeError) -> str:
        return MASK.hide(str(problem))

    def _given_up(self, problem: NodeError, attempts: int) -> NodeError:
        if attempts > 1:
            problem.args = (f"{problem} (given up after {attempts} attempts)",)
        return problem

    def _rest(self, problem: NodeError, attempt: int) -> None:
        """The pause before the next attempt; one that the node asked for holds for all threads."""
        pause_s = min(MAX_PAUSE_S, self._backoff_s * 2**attempt)
        with self._lock:
            pause_s *= self._generator.uniform(0.5, 1.0)
        told_s = problem.retry_after_s if isinstance(problem, UnavailableError) else None
        pause_s = max(pause_s, told_s or 0.0)
        with self._lock:
            if told_s:
                self._quiet_until = max(self._quiet_until, time.monotonic() + told_s)
            counted = self._traffic
            self._traffic = replace(counted, failures=counted.failures + 1, waited_s=counted.waited_s + pause_s)
        self._wait(pause_s, problem)

    def _wait(self, pause_s: float, problem: NodeError | None = None) -> None:
        """Waits, unless the time budget does not suffice.

        Raises:
            BudgetError: It does not.
            UnavailableError: The node was closed.
        """
        left = self.remaining_s()
        if left is not None and left <= pause_s:
            why = f"; the last problem was: {problem}" if problem is not None else ""
            raise BudgetError(f"the time budget of {self._budget_s:.10g} s is used up{why}")
        if self._closed.wait(pause_s) if pause_s > 0 else self._closed.is_set():
            raise UnavailableError(f"{self.name}: the connection was closed")
