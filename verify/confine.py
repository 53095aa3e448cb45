"""What a worker process gives up before it runs a candidate. The operating system holds it to it."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import functools
import math
import multiprocessing
import os
import resource
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000  # linux/sched.h
_MAX_FILE_BYTES = 16 * 1024 * 1024
_MAX_OPEN_FILES = 256
_PROBE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Limits:
    """What one item may use.

    ``wall_seconds`` and ``cpu_seconds`` are for each item. ``memory_bytes`` is the worker's whole address space, with
    Python and the modules that it loads (about 200 MB with pyrevm, 1 GB with numpy and pyarrow).
    """

    wall_seconds: float
    memory_bytes: int
    cpu_seconds: int


def confine(limits: Limits, lifeline: Connection) -> None:
    """Applies everything but the time of an item to this process, for good; it dies when the lifeline is cut."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer: it kills us
    _die_with(lifeline)
    isolate_from_network()
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, _MAX_FILE_BYTES)
    _lower(resource.RLIMIT_NOFILE, _MAX_OPEN_FILES)
    _lower(resource.RLIMIT_AS, limits.memory_bytes)


def allow_cpu(seconds: int) -> None:
    """Lets this process use so much more processor time from now; the kernel kills it with SIGXCPU after that.

    The limit counts from the process's start, so it is moved on for each item.
    """
    usage = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(usage.ru_utime + usage.ru_stime) + seconds
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def isolate_from_network() -> str:
    """Moves this process into an empty network of its own; the reason why it can't, or empty text."""
    if not sys.platform.startswith("linux"):
        return f"{sys.platform} has no network namespaces"
    flags = _CLONE_NEWNET | (0 if os.geteuid() == 0 else _CLONE_NEWUSER)
    if _libc().unshare(flags) == 0:
        return ""
    return f"the system refuses a network namespace: {os.strerror(ctypes.get_errno())}"


@functools.cache
def network_isolation() -> tuple[bool, str]:
    """Whether this machine takes the network away from workers, and if not, why."""
    context = multiprocessing.get_context("forkserver")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_probe, args=(sender,), daemon=True)
    process.start()
    sender.close()
    try:
        reason = receiver.recv() if receiver.poll(_PROBE_SECONDS) else "the probe gave no answer"
    except EOFError:
        reason = "the probe died"
    finally:
        process.kill()
        process.join()
        receiver.close()
    return not reason, str(reason)


def _probe(sender: Connection) -> None:
    sender.send(isolate_from_network())


def _die_with(lifeline: Connection) -> None:
    """Has the kernel end this process when the lifeline's other end closes, however that comes about.

    The parent that counts is not the one that forked us (that is the fork server, which our own life keeps alive), so
    the kernel's signal at a parent's death would not do.
    """
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    # From now on SIGIO comes at the other end's closing; on Linux it ends a process that does not handle it.
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    if lifeline.poll():  # it was closed before that
        os._exit(1)


def _lower(which: int, limit: int) -> None:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    with contextlib.suppress(ValueError, OSError):  # some systems know not every limit
        resource.setrlimit(which, (limit, limit))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
