"""Candidates run only here: in worker processes that the operating system confines and that are killed on time.

A call into the EVM holds the interpreter's lock and hears no signal; only SIGKILL ends it. Each worker has a pipe of
its own and one item at a time, so the death of one can neither block nor garble another, and no item runs twice.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import tempfile
import time
import traceback
from collections import deque
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from ingest.errors import PactsmithError
from verify.confine import Limits, allow_cpu, confine, network_isolation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.context import ForkServerProcess
    from types import TracebackType

    _Setup = tuple[Callable[..., None] | None, tuple[Any, ...]]  # the initializer and its arguments

__all__ = ["Done", "Failure", "Limits", "Pool", "WorkerStartError", "network_isolation"]

T = TypeVar("T")
R = TypeVar("R")
FailureKind = Literal["timeout", "memory", "crashed", "error"]

_START_SECONDS = 120.0
_EXIT_SECONDS = 1.0
_MAX_REPLY_BYTES = 512 * 1024 * 1024
_DETAIL_CHARACTERS = 2000
# How the runtimes in a worker say, on standard error and while dying, that an allocation failed.
_OUT_OF_MEMORY = ("memory allocation of", "MemoryError", "bad_alloc", "capacity overflow", "Cannot allocate memory")
_CONTEXT = multiprocessing.get_context("forkserver")


class WorkerStartError(PactsmithError):
    """A worker failed before its first item: the initializer is wrong, or the limits are too tight for it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an item has no value.

    ``timeout``: killed at the wall or processor limit. ``memory``: an allocation failed under the limit. ``crashed``:
    the process ended by itself or by a signal that we did not send. ``error``: the function raised.
    """

    kind: FailureKind
    detail: str


@dataclass(frozen=True, slots=True)
class Done(Generic[R]):
    """The end of item ``index``."""

    index: int
    result: R | Failure


class Pool:
    """Confined workers, started when they are needed and reused until one has to be killed.

    ``initializer`` runs once in every worker, replacements too, before its first item and under the memory limit.
    What workers write to standard error is kept for the ``detail`` of their end and not shown.
    Use it as a context manager, or call ``close``.
    """

    def __init__(
        self,
        workers: int,
        limits: Limits,
        initializer: Callable[..., None] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        if workers < 1:
            raise ValueError("a pool needs at least one worker")
        self._most = workers
        self._limits = limits
        self._setup = (initializer, initargs)
        self._workers: list[_Worker] = []
        self._folder = tempfile.TemporaryDirectory(prefix="pactsmith-workers-")
        self._started = 0

    def map(self, function: Callable[[T], R], items: Sequence[T]) -> Iterator[Done[R]]:
        """Runs the function on every item and yields each as it ends, in any order.

        Function, items and values are pickled. Closing the iterator early, or an exception such as Ctrl-C while it
        waits, kills the workers that are still busy.

        Raises:
            WorkerStartError: See there.
        """
        waiting = deque(enumerate(items))
        try:
            while waiting or any(worker.item is not None for worker in self._workers):
                self._assign(function, waiting)
                yield from self._collect()
        finally:
            for worker in [worker for worker in self._workers if worker.item is not None]:
                self._discard(worker)

    def close(self) -> None:
        """Kills all workers."""
        for worker in list(self._workers):
            self._discard(worker)
        self._folder.cleanup()

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _assign(self, function: Callable[[T], R], waiting: deque[tuple[int, T]]) -> None:
        """Gives every free worker an item, and starts workers while there are more items than workers."""
        for worker in list(self._workers):
            if waiting and worker.ready and worker.item is None:
                if not worker.process.is_alive():
                    self._discard(worker)
                    continue
                index, item = waiting.popleft()
                worker.give(index, function, item, self._limits.wall_seconds)
        spare = sum(worker.item is None for worker in self._workers)
        while len(self._workers) < self._most and spare < len(waiting):
            self._started += 1
            errors = Path(self._folder.name) / str(self._started)
            self._workers.append(_Worker(self._limits, self._setup, errors))
            spare += 1

    def _collect(self) -> Iterator[Done[Any]]:
        """Waits until something happens in some worker or a deadline passes, and yields the items that ended."""
        awaited = [worker for worker in self._workers if worker.item is not None or not worker.ready]
        left = min(worker.deadline for worker in awaited) - time.monotonic()
        spoke = set(wait([worker.pipe for worker in awaited], max(0.0, left)))
        for worker in awaited:
            if worker.pipe in spoke:
                yield from self._hear(worker)
            elif time.monotonic() >= worker.deadline:
                index = worker.item
                self._discard(worker)
                if index is None:
                    raise WorkerStartError(f"a worker did not start within {_START_SECONDS:g} s")
                yield Done(index, Failure("timeout", f"killed after {self._limits.wall_seconds:g} s"))

    def _hear(self, worker: _Worker) -> Iterator[Done[Any]]:
        index = worker.item
        try:
            kind, value, goes_on = pickle.loads(worker.pipe.recv_bytes(_MAX_REPLY_BYTES))  # noqa: S301  # our own worker
        except Exception as error:  # whatever it is, the worker's word ends here
            worker.process.join(_EXIT_SECONDS)  # it closed its end: it is on its way out, and its exit code tells why
            self._discard(worker)
            failure = worker.autopsy(error)
            if index is None:
                raise WorkerStartError(f"a worker died at its start: {failure.detail}") from error
            yield Done(index, failure)
            return
        worker.item = None
        if not goes_on:
            self._discard(worker)
        if index is None:
            if kind != "value":
                raise WorkerStartError(f"the workers' initializer failed: {value}")
            worker.ready = True
        else:
            yield Done(index, value if kind == "value" else Failure(kind, value))

    def _discard(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.end()


class _Worker:
    """The parent's side of one worker. ``item`` is the index of what it is busy with, if anything."""

    def __init__(self, limits: Limits, setup: tuple[Callable[..., None] | None, tuple[Any, ...]], errors: Path) -> None:
        self.pipe, theirs = _CONTEXT.Pipe()
        their_lifeline, self._lifeline = _CONTEXT.Pipe(duplex=False)  # never written to; held open while we live
        self.item: int | None = None
        self.ready = False
        self.deadline = time.monotonic() + _START_SECONDS
        self._errors = errors
        self.process: ForkServerProcess = _CONTEXT.Process(
            target=_work, args=(theirs, their_lifeline, limits, setup, str(errors)), daemon=True
        )
        self.process.start()
        theirs.close()
        their_lifeline.close()

    def give(self, index: int, function: Callable[[T], R], item: T, wall_seconds: float) -> None:
        """Has it work on the item."""
        parcel = ForkingPickler.dumps((function, item))
        self.item, self.deadline = index, time.monotonic() + wall_seconds
        with contextlib.suppress(BrokenPipeError):  # it just died: that is heard on reading
            self.pipe.send_bytes(parcel)

    def end(self) -> None:
        """Kills it if it lives, and leaves nothing of it behind but its exit code and its last words."""
        if self.process.is_alive():
            self.process.kill()
        self.process.join()
        self.pipe.close()
        self._lifeline.close()

    def autopsy(self, error: Exception) -> Failure:
        """Why it ended without a reply; after ``end``."""
        code = self.process.exitcode
        if code == -signal.SIGXCPU:
            return Failure("timeout", "killed at its limit of processor time")
        words = self._errors.read_text(errors="replace") if self._errors.exists() else ""
        for line in words.splitlines():
            if any(sign in line for sign in _OUT_OF_MEMORY):
                return Failure("memory", line[:_DETAIL_CHARACTERS])
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        last_words = " ".join(words[-_DETAIL_CHARACTERS:].split())
        return Failure("crashed", f"the worker ended with {how} ({type(error).__name__}) {last_words}".rstrip())


def _work(
    pipe: Connection,
    lifeline: Connection,
    limits: Limits,
    setup: _Setup,
    errors: str,
) -> None:
    """A worker's life: confine itself, set up, then one item after the other until the parent is gone."""
    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 2)
    confine(limits, lifeline)
    initializer, initargs = setup
    goes_on = _reply(pipe, lambda _: None if initializer is None else initializer(*initargs), None)
    while goes_on:
        try:
            parcel = pipe.recv_bytes()
        except EOFError:
            return
        allow_cpu(limits.cpu_seconds)
        goes_on = _reply(pipe, _unpack_and_run, parcel)


def _unpack_and_run(parcel: bytes) -> object:
    function, item = pickle.loads(parcel)  # noqa: S301  # from our parent
    return function(item)


def _reply(pipe: Connection, function: Callable[[Any], Any], item: object) -> bool:
    """Runs, and sends (kind, value or detail, goes on); whether this worker is still fit to go on."""
    goes_on = True
    try:
        reply = ForkingPickler.dumps(("value", function(item), True))
    except MemoryError:
        goes_on = False
        reply = ForkingPickler.dumps(("memory", "an allocation failed under the memory limit", False))
    except BaseException as error:  # noqa: BLE001  # also the EVM's panics, which are no Exceptions
        goes_on = isinstance(error, Exception)
        detail = "".join(traceback.format_exception(error))[-_DETAIL_CHARACTERS:]
        kind = "memory" if any(sign in str(error) for sign in _OUT_OF_MEMORY) else "error"
        reply = ForkingPickler.dumps((kind, detail, goes_on))
    pipe.send_bytes(reply)
    return goes_on
