"""The Solidity compiler as a program: a native solc of the pinned version, else solc-js in a warm node process.

Either way it is given sources as text and can open no file for an import.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import re
import resource
import shutil
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from verify.npm import NpmPartMissingError, node_modules
from verify.solc_process import CompilerFailedError, CompilerUnavailableError, exchange, kill, start

VERSION = "0.8.30"
FULL_VERSION = f"{VERSION}+commit.73712a01"
SOLC_VARIABLE = "PACTSMITH_SOLC"
COMPILE_SECONDS = 30.0
MAX_REQUEST_BYTES = 8 * 1024 * 1024
MAX_REPLY_BYTES = 64 * 1024 * 1024
_START_SECONDS = 60.0
_NATIVE_MEMORY_BYTES = 4 * 1024**3
_NODE_HEAP_MIB = 1024
_SERVICE = Path(__file__).with_name("solc_service.cjs")


class Compiler(Protocol):
    """Something that answers standard JSON."""

    def standard_json(self, request: str, *, seconds: float) -> str:
        """The reply to one standard JSON request.

        Raises:
            CompilerFailedError: No reply within ``seconds``, a crash, or a reply above ``MAX_REPLY_BYTES``.
        """
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """The compiler in use, and why the ones before it in the order of preference are not."""

    kind: Literal["native", "solc-js"]
    path: str
    notes: tuple[str, ...]


def choose() -> Choice:
    """Finds the compiler: ``PACTSMITH_SOLC``, ``solc`` on the PATH, py-solc-x's own folder, then npm's ``solc``.

    Raises:
        CompilerUnavailableError: None of them is there in the pinned version.
    """
    notes: list[str] = []
    for origin, path in _native_candidates():
        version = _native_version(path)
        if version == FULL_VERSION:
            return Choice("native", path, tuple(notes))
        notes.append(
            f"{origin}: {path} is not used: it is {version or 'no working solc'}, and {FULL_VERSION} is needed"
        )
    node = shutil.which("node")
    if node is None:
        notes.append("solc-js is not used: there is no node on the PATH")
    else:
        try:
            found = json.loads((node_modules() / "solc" / "package.json").read_text(encoding="utf-8"))["version"]
        except (NpmPartMissingError, OSError, ValueError, KeyError) as error:
            notes.append(f"solc-js is not used: {error}")
        else:
            if found == VERSION:
                return Choice("solc-js", node, tuple(notes))
            notes.append(f"solc-js is not used: it is {found}, and {VERSION} is needed")
    raise CompilerUnavailableError(
        "; ".join([f"no Solidity compiler {VERSION}", *notes])
        + f". Run `make setup` (needs node), or set {SOLC_VARIABLE} to a native solc {VERSION}"
    )


def _native_candidates() -> list[tuple[str, str]]:
    """(where it was found, path), best first."""
    found = []
    named = os.environ.get(SOLC_VARIABLE)
    if named:
        found.append((SOLC_VARIABLE, named))
    on_path = shutil.which("solc")
    if on_path:
        found.append(("PATH", on_path))
    # py-solc-x makes its folder when it is only asked; so it is asked only where the folder is.
    if Path(os.environ.get("SOLCX_BINARY_PATH") or Path.home() / ".solcx").is_dir():
        import solcx  # noqa: PLC0415  # slow to import, and seldom needed
        from solcx.install import get_executable  # noqa: PLC0415

        if VERSION in map(str, solcx.get_installed_solc_versions()):
            found.append(("py-solc-x", str(get_executable(VERSION))))
    return found


def _native_version(path: str) -> str | None:
    """``0.8.30+commit.73712a01`` without the build's platform; None when it does not run."""
    try:
        ran = subprocess.run(  # noqa: S603  # the user's own compiler
            [path, "--version"], capture_output=True, stdin=subprocess.DEVNULL, timeout=30, check=True, text=True
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    match = re.search(r"^Version: (\d+\.\d+\.\d+\+commit\.[0-9a-f]{8})", ran.stdout, re.MULTILINE)
    return match[1] if match else None


def compiler() -> Compiler:
    """This process's compiler, found and started at its first use.

    Raises:
        CompilerUnavailableError: See ``choose``.
    """
    # By process: a forked child must not talk to its parent's service.
    return _compiler_of(os.getpid())


@functools.cache
def _compiler_of(_process_id: int) -> Compiler:
    chosen = choose()
    if chosen.kind == "native":
        return NativeCompiler(chosen.path)
    service = SolcJsService(chosen.path, node_modules() / "solc")
    atexit.register(service.close)
    return service


class NativeCompiler:
    """One process a request."""

    def __init__(self, path: str) -> None:
        self._path = path

    def standard_json(self, request: str, *, seconds: float) -> str:
        """See ``Compiler``."""
        with tempfile.TemporaryDirectory(prefix="pactsmith-solc-") as empty_folder:
            process = start([self._path, "--standard-json", "--no-import-callback"], empty_folder)
            try:
                if hasattr(resource, "prlimit"):  # Linux
                    resource.prlimit(process.pid, resource.RLIMIT_AS, (_NATIVE_MEMORY_BYTES, _NATIVE_MEMORY_BYTES))
                reply = exchange(process, request.encode(), seconds=seconds, max_bytes=MAX_REPLY_BYTES, to_end=True)
                if not reply:
                    raise CompilerFailedError("crashed", "it ended without an answer")
            finally:
                kill(process)
        return reply.decode()


class SolcJsService:
    """A node process that keeps solc-js warm and answers one request at a time.

    It is killed, and started anew at the next request, when it overruns its time, crashes or answers too much.
    """

    def __init__(self, node: str, package: Path) -> None:
        self._node = node
        self._package = package
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._requests = 0

    def standard_json(self, request: str, *, seconds: float) -> str:
        """See ``Compiler``."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._stop()
                self._launch()
            self._requests += 1
            line = json.dumps({"id": self._requests, "input": request}).encode() + b"\n"
            try:
                reply = self._ask(line, seconds)
                if reply.get("id") != self._requests or not isinstance(reply.get("output"), str):
                    raise CompilerFailedError("crashed", str(reply.get("crashed", "an answer out of turn")))
            except BaseException:  # also Ctrl-C: whatever happened, the next answer would be to another question
                self._stop()
                raise
            return str(reply["output"])

    def close(self) -> None:
        """Ends the process; a later request starts another."""
        if os.getpid() == self._owner:
            with self._lock:
                self._stop()

    def _launch(self) -> None:
        self._process = start(
            [
                self._node,
                f"--max-old-space-size={_NODE_HEAP_MIB}",
                str(_SERVICE),
                str(self._package),
                str(MAX_REQUEST_BYTES),
            ],
            str(_SERVICE.parent),
        )
        try:
            hello = self._ask(b"", _START_SECONDS)
        except CompilerFailedError as error:
            self._stop()
            raise CompilerUnavailableError(f"solc-js does not start: {error.detail}: run `make setup`") from error
        version = hello.get("ready")
        if not isinstance(version, str) or not version.startswith(FULL_VERSION):
            self._stop()
            reason = " ".join(str(hello.get("fatal", f"it is {version}, and {FULL_VERSION} is needed")).split())
            raise CompilerUnavailableError(f"solc-js does not start: {reason}: run `make setup`")

    def _ask(self, line: bytes, seconds: float) -> dict[str, object]:
        assert self._process is not None  # noqa: S101  # for the type checker
        answer = exchange(self._process, line, seconds=seconds, max_bytes=MAX_REPLY_BYTES, to_end=False)
        try:
            reply = json.loads(answer)
        except ValueError:
            reply = None
        if not isinstance(reply, dict):
            raise CompilerFailedError("crashed", f"an answer that is no JSON object: {answer[:80]!r}")
        return reply

    def _stop(self) -> None:
        if self._process is not None:
            kill(self._process)
            self._process = None
