"""What this machine has of what Pactsmith needs; each check tries the thing itself, not a version file about it."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.errors import PactsmithError
from ingest.records import Pool, PoolState, Token

if TYPE_CHECKING:
    from collections.abc import Callable

OLDEST_PYTHON = (3, 11)
NEEDED_MEMORY_GIB = 2.0
NEEDED_DISK_GIB = 1.0
GIB = 1024**3
SETUP = "run `make setup` in the checkout"
ARTIFACTS = (
    "@uniswap/v2-core/build/UniswapV2Pair.json",
    "@uniswap/v3-core/artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json",
    "@uniswap/v4-core/out/PoolManager.sol/PoolManager.json",
    "@uniswap/universal-router/artifacts/contracts/UniversalRouter.sol/UniversalRouter.json",
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried. Without an ``essential`` one nothing works; ``remedy`` says how to get it."""

    name: str
    passed: bool
    essential: bool
    detail: str
    remedy: str = ""

    def to_json(self) -> dict[str, Any]:
        """The check as JSON values; what passed needs no remedy."""
        return asdict(self) | ({"remedy": ""} if self.passed else {})


def checks(store_root: Path) -> list[Check]:
    """Runs every check."""
    return [
        _python(),
        _packages(),
        _node(),
        _solc(),
        _uniswap(),
        _evm(),
        _store(store_root),
        _network_isolation(),
        _memory(),
        _disk(store_root),
    ]


def _tried(name: str, attempt: Callable[[], str], remedy: str, *, essential: bool = True) -> Check:
    """A check that passes when the attempt returns what it found, and fails with the error that it meets."""
    try:
        return Check(name, True, essential, attempt())
    except (PactsmithError, OSError, RuntimeError, ValueError, ImportError) as error:
        return Check(name, False, essential, str(error) or type(error).__name__, remedy)


def _python() -> Check:
    found = f"{platform.python_implementation()} {platform.python_version()} at {sys.executable}"
    return Check(
        "python",
        sys.version_info >= OLDEST_PYTHON,
        True,
        found,
        "install Python 3.11 or 3.12, then `PYTHON=/path/to/python3.12 make setup`",
    )


def _packages() -> Check:
    missing, found = [], 0
    for requirement in importlib.metadata.requires("pactsmith") or []:
        if "extra ==" in requirement:
            continue
        name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
        try:
            importlib.metadata.version(name)
            found += 1
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    detail = f"missing: {', '.join(missing)}" if missing else f"all {found} that Pactsmith asks for"
    return Check("python packages", not missing, True, detail, SETUP)


def _node() -> Check:
    def version() -> str:
        path = shutil.which("node")
        if path is None:
            raise FileNotFoundError("there is no node on the PATH")
        ran = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=True)  # noqa: S603  found on the user's own PATH
        return f"{ran.stdout.strip()} at {path}"

    remedy = "install Node.js with npm, for example from your distribution; a native solc 0.8.30 does as well"
    return _tried("node", version, remedy, essential=False)


def _solc() -> Check:
    """Finds the compiler and has it compile something that no cache can know."""

    def compile_something() -> str:
        from verify import solc  # noqa: PLC0415  what is tried here may not be installed

        chosen = solc.choose()
        sources = {"a.sol": {"content": "// SPDX-License-Identifier: MIT\npragma solidity 0.8.30; contract A {}"}}
        request = {"language": "Solidity", "sources": sources, "settings": {"outputSelection": {"*": {"*": ["abi"]}}}}
        reply = json.loads(solc.compiler().standard_json(json.dumps(request), seconds=solc.COMPILE_SECONDS))
        if "A" not in reply.get("contracts", {}).get("a.sol", {}):
            raise RuntimeError(f"it does not compile an empty contract: {json.dumps(reply)[:200]}")
        notes = "".join(f"; {note}" for note in chosen.notes)
        return f"{chosen.kind} {solc.FULL_VERSION} at {chosen.path}{notes}"

    return _tried("solidity compiler", compile_something, f"{SETUP}, or name a native solc 0.8.30 in PACTSMITH_SOLC")


def _uniswap() -> Check:
    def find() -> str:
        from verify import npm  # noqa: PLC0415  what is tried here may not be installed

        for path in ARTIFACTS:
            npm.artifact(path)
        return f"v2 and v3 bytecode in {npm.node_modules()}"

    return _tried("uniswap bytecode", find, f"{SETUP} (needs npm), or set PACTSMITH_NODE_MODULES")


def _evm() -> Check:
    """A swap on a genuine v2 pair in the EVM must give what the constant product formula says."""

    def swap() -> str:
        from verify.world import World  # noqa: PLC0415  what is tried here may not be installed

        reserve, amount = 10**24, 10**18
        tokens = [Token(f"0x{byte * 20}", name, 18) for byte, name in (("11", "A"), ("22", "B"))]
        pool = Pool("v2", 1, f"0x{'33' * 20}", tokens[0], tokens[1], 3000)
        world = World.build(PoolState(pool, None, reserve0=reserve, reserve1=reserve))
        received = world.swap(True, amount).received
        expected = amount * 997 * reserve // (reserve * 1000 + amount * 997)
        if received != expected:
            raise RuntimeError(f"a swap gave {received}, and must give {expected}")
        return f"pyrevm {importlib.metadata.version('pyrevm')} ran a swap on a Uniswap v2 pair, exact to the wei"

    return _tried("evm", swap, SETUP)


def _store(root: Path) -> Check:
    """Whether the store can be written, and by which schema it was written."""

    def write() -> str:
        from ingest.database import reading  # noqa: PLC0415  what is tried here may not be installed
        from ingest.migrations import MIGRATIONS  # noqa: PLC0415  what is tried here may not be installed

        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root):
            pass
        database = root / "history.duckdb"
        if not database.exists():
            return f"{root} can be written; it is empty"
        with reading(database) as connection:
            rows = connection.execute("SELECT count(*) FROM history").fetchall()
        return f"{root} can be written; schema {len(MIGRATIONS)}, {rows[0][0]} histories"

    return _tried("store", write, "choose another folder with --store or PACTSMITH_STORE")


def _network_isolation() -> Check:
    def isolate() -> str:
        from verify.isolate import network_isolation  # noqa: PLC0415  what is tried here may not be installed

        possible, reason = network_isolation()
        if not possible:
            raise RuntimeError(f"workers cannot be cut off from the network: {reason}")
        return "workers run candidates without any network"

    remedy = "allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1), or run in a container"
    return _tried("network isolation", isolate, remedy, essential=False)


def _memory() -> Check:
    """The machine's memory, and the limits of this process that its workers inherit."""
    free = _available_memory_gib()
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    limited = "no limit" if limit == resource.RLIM_INFINITY else f"a limit of {limit / GIB:.1f} GiB"
    enough = (free is None or free >= NEEDED_MEMORY_GIB) and (
        limit == resource.RLIM_INFINITY or limit >= NEEDED_MEMORY_GIB * GIB
    )
    detail = f"{'unknown' if free is None else f'{free:.1f} GiB'} available, {limited} on this process's address space"
    return Check("memory", enough, False, detail, "run with fewer --workers, or free some memory")


def _available_memory_gib() -> float | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kilobytes = next((int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)
    return None if kilobytes is None else kilobytes * 1024 / GIB


def _disk(root: Path) -> Check:
    existing = next(folder for folder in (root, *root.absolute().parents) if folder.exists())
    free = shutil.disk_usage(existing).free / GIB
    return Check("disk", free >= NEEDED_DISK_GIB, False, f"{free:.1f} GiB free at {existing}", "free some space")
