"""A compiler's process: started without settings from outside, asked under limits of time and size, and killed."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from typing import IO, Literal

from ingest.errors import PactsmithError


class CompilerUnavailableError(PactsmithError):
    """No compiler of the pinned version can be started on this machine."""


class CompilerFailedError(PactsmithError):
    """The compiler gave no answer to these sources; ``kind`` says how. The next request gets a new process."""

    def __init__(self, kind: Literal["timeout", "crashed"], detail: str) -> None:
        self.kind = kind
        self.detail = detail
        super().__init__(f"the Solidity compiler {'ran out of time' if kind == 'timeout' else 'crashed'}: {detail}")


def start(command: list[str], folder: str) -> subprocess.Popen[bytes]:
    """Starts a compiler with pipes, no settings from the environment, and out of reach of the terminal's Ctrl-C."""
    try:
        return subprocess.Popen(  # noqa: S603  # the compiler that choose() found
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd=folder,
            env={"PATH": os.environ.get("PATH", os.defpath)},
            start_new_session=True,
        )
    except OSError as error:
        raise CompilerUnavailableError(f"cannot start {command[0]}: {error}") from error


def kill(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and closes its pipes."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def exchange(
    process: subprocess.Popen[bytes], request: bytes, *, seconds: float, max_bytes: int, to_end: bool
) -> bytes:
    """Writes the request and reads one line, or with ``to_end`` all that comes, while watching time and size.

    Raises:
        CompilerFailedError: Late, too long, or the process ended before a full answer.
    """
    deadline = time.monotonic() + seconds
    stdin, stdout = _pipe(process.stdin), _pipe(process.stdout)
    os.set_blocking(stdin.fileno(), False)
    unsent, received = memoryview(request), bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        selector.register(stdin, selectors.EVENT_WRITE)
        while True:
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if time.monotonic() >= deadline:
                raise CompilerFailedError("timeout", "no answer within the limit")
            for key, _ in ready:
                if key.fileobj is stdin:
                    unsent = unsent[_write(stdin, unsent) :]
                    if not unsent:
                        selector.unregister(stdin)
                        if to_end:
                            stdin.close()
                    continue
                piece = os.read(stdout.fileno(), 1 << 20)
                received += piece
                if len(received) > max_bytes:
                    raise CompilerFailedError("crashed", "an answer above the size limit")
                if to_end and not piece:
                    return bytes(received)
                if not to_end and received.endswith(b"\n"):
                    return bytes(received)
                if not piece:
                    raise CompilerFailedError("crashed", "it ended without an answer")


def _write(stdin: IO[bytes], unsent: memoryview) -> int:
    """How many bytes the process took; all of them when it no longer listens (its end is then seen on reading)."""
    try:
        return os.write(stdin.fileno(), unsent)
    except BrokenPipeError:
        return len(unsent)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101  # for the type checker: start opens both
    return pipe
