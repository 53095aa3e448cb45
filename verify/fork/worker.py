"""Calls made in a process of their own, to learn what they touch.

The code that runs is whatever stands on the chain, and no signal ends a call: only killing the process does.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import resource
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from ingest.errors import PactsmithError
from verify.confine import Limits, allow_cpu
from verify.fork.desk import Desk
from verify.fork.machine import ForkedEvm, Outcome, require_runnable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from multiprocessing.connection import Connection

    from ingest.fork.records import ForkAccount, ForkBlock, ForkCall, Keys, Slot

LIMITS = Limits(wall_seconds=120.0, memory_bytes=4 << 30, cpu_seconds=120)
MAX_REPLY_BYTES = 256 << 20
_CONTEXT = multiprocessing.get_context("forkserver")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


@dataclass(frozen=True, slots=True)
class Changes:
    """What is otherwise than on the chain, for these calls alone: code by address, and values of slots."""

    codes: Mapping[str, bytes] = field(default_factory=dict)
    slots: Mapping[Slot, int] = field(default_factory=dict)


NO_CHANGES = Changes()


@dataclass(frozen=True, slots=True)
class Run:
    """What became of calls, one after the other, and the accounts and slots that they touched.

    ``block_hashes``: one of them asked for a block's hash, which is not answered as the chain would.
    """

    outcomes: tuple[Outcome, ...]
    touched: Keys
    block_hashes: bool


class RunError(PactsmithError):
    """Calls could not be made: they take too long, or the EVM came to a bad end with them."""


class Worker:
    """One process that makes calls, until it is closed or has to be killed. Use it with ``with``.

    Args:
        limits: For each run.
    """

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._desk = Desk()
        self._pipe, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_work, args=(theirs, self._desk.url, limits), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        self._desk.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()
        self._desk.__exit__()

    def run(
        self,
        block: ForkBlock,
        accounts: Mapping[str, ForkAccount],
        calls: Sequence[ForkCall],
        changes: Changes = NO_CHANGES,
        *,
        given: bool = False,
    ) -> Run:
        """Makes calls one after the other on a state, each on what the ones before it left.

        Args:
            block: The block after which the state stood.
            accounts: What is known of it; all else is zero.
            calls: In the order in which they run.
            changes: What is otherwise than on the chain.
            given: Whether the EVM starts with what is known, and asks for the rest alone: quicker, and then only what
                is not known is reported as touched.

        Raises:
            InputError: An account is of a kind that this EVM does not run.
            RunError: It takes longer than the limits allow, or the EVM fails; the worker is then of no more use.
        """
        for account in accounts.values():
            require_runnable(account)
        self._desk.begin(accounts)
        wall_seconds = self._limits.wall_seconds
        try:
            self._pipe.send((block, tuple(accounts.values()) if given else (), tuple(calls), changes))
            if not self._pipe.poll(wall_seconds):
                raise RunError(f"the calls took longer than {wall_seconds:g} s; take fewer of them")
            outcomes = pickle.loads(self._pipe.recv_bytes(MAX_REPLY_BYTES))  # noqa: S301 - our own process
        except (EOFError, OSError):
            raise RunError("the EVM came to a bad end with the calls: out of memory, or of processor time") from None
        return Run(outcomes, self._desk.asked, self._desk.blocks_asked)


def _work(pipe: Connection, desk_url: str, limits: Limits) -> None:
    """The process's life. It keeps the network, as it has to reach the desk; code in an EVM cannot use one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer: it kills us
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # where pyrevm panics when the desk is gone
    for name in _PROXIES:
        for variable in (name, name.upper()):
            os.environ.pop(variable, None)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    while True:
        try:
            block, accounts, calls, changes = pipe.recv()
        except EOFError:
            return
        allow_cpu(limits.cpu_seconds)
        pipe.send_bytes(pickle.dumps(_made(ForkedEvm(block, accounts, desk_url=desk_url), calls, changes)))


def _made(evm: ForkedEvm, calls: Sequence[ForkCall], changes: Changes) -> tuple[Outcome, ...]:
    for address, code in changes.codes.items():
        evm.set_code(address, code)
    evm.rebase(changes.slots)
    return tuple(evm.transact(call) for call in calls)
