"""The real commands against a test chain, and what they leave in a store."""

from __future__ import annotations

import io
import json
import multiprocessing
import subprocess
import sys
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
from rpc_world.deploy import V2_PAIRS, V3_POOLS, V4_POOLS

from app.cli import run
from ingest.store import Store

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess
    from pathlib import Path

    from rpc_world.world import Venue, World

    from ingest.records import History

NAME = "pool"
V2 = tuple(f"v2 {token}/WETH" for token in V2_PAIRS)
V3 = tuple(f"v3 {a}/{b} {fee}" for a, b, fee, _ in V3_POOLS)
V4 = tuple(f"v4 {a}/{b} {fee}" for a, b, fee, _ in V4_POOLS)
SECRETIVE = ("MUTE", "VOID", "ODD")
"""The tokens that do not tell their decimals."""
DATABASES = ("history.duckdb", "chain.duckdb")
PROGRAM = (sys.executable, "-c", "from app.cli import main; main()")
WORKERS = multiprocessing.get_context("forkserver")
WORKERS.set_forkserver_preload(["app.commands.ingest", "app.rpc"])  # each worker starts in milliseconds
LONGEST_S = 120.0


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """What went wrong, which must be of a kind that the program knows."""
        error = self.document["error"]
        assert error["kind"] != "unexpected", error
        assert error["exit_code"] == self.code
        return error

    def done(self) -> dict[str, Any]:
        """The document of a command that did what it was asked."""
        assert self.code == 0, (self.out, self.err)
        return self.document


def pactsmith(store: Path, *arguments: object) -> Ran:
    """Runs a command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run([*map(str, arguments), "--store", str(store), "--json"])
    return Ran(code, out.getvalue(), err.getvalue())


def started(store: Path, *arguments: object, **options: Any) -> subprocess.Popen[str]:
    """Starts the real program, as a user's shell does."""
    command = [*PROGRAM, *map(str, arguments), "--store", str(store), "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def forked(store: Path, *arguments: object) -> BaseProcess:
    """Starts the same in a process of its own that need not load the program first."""
    worker = WORKERS.Process(target=_exit_as_told, args=(store, arguments))
    worker.start()
    return worker


def _exit_as_told(store: Path, arguments: tuple[object, ...]) -> None:
    sys.exit(pactsmith(store, *arguments).code)


def ended(child: subprocess.Popen[str] | BaseProcess) -> int:
    """Waits for a child; its exit code, negative for the signal that ended it."""
    if isinstance(child, subprocess.Popen):
        child.communicate(timeout=LONGEST_S)
        return child.returncode
    child.join(LONGEST_S)
    assert child.exitcode is not None, "it takes too long"
    return child.exitcode


def rpc(world: World, *venues: Venue, url: str | None = None, name: str = NAME) -> list[str]:
    """The arguments of an ingest up to the head: everything that these pools' contracts do not tell.

    Without pools it goes on with the one stored under the name.
    """
    options = {
        "--rpc-url": url or world.chain.url,
        "--name": name,
        "--follow": "0",
        "--manager": world.contracts["v4 manager"].address,
    }
    pairs = [*options.items()]
    pairs += [("--pool", venue.pool_id or venue.address) for venue in venues]
    pairs += [("--decimals", f"{world.tokens[token]}=18") for token in SECRETIVE]
    return ["ingest", "rpc", *(part for pair in pairs for part in pair), *(routing(world) if venues else ())]


def routing(world: World) -> list[str]:
    """The arguments that tell which router calls tell what was wanted; the store remembers them."""
    contracts = world.contracts
    routers = [("--router", f"{family}={contracts[f'{family} router'].address}") for family in ("v2", "v3")]
    return ["--wrapped-native", contracts["WETH"].address, *(part for pair in routers for part in pair)]


def ingested(store: Path, world: World, venue: Venue, *more: object, url: str | None = None) -> dict[str, Any]:
    """Ingests one pool as ``pool``; what the command told of it."""
    (told,) = pactsmith(store, *rpc(world, venue, url=url), *more).done()["histories"]
    return told


def healed(store: Path, url: str, *more: object) -> dict[str, Any]:
    """Heals ``pool``; what the command told."""
    return pactsmith(store, "history", "heal", NAME, "--rpc-url", url, *more).done()


def history_in(store: Path, name: str = NAME) -> History:
    return Store(store).load_history(name)


def contents(store: Path, *, anchors: bool = True) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table in both databases, in a fixed order; histories by name, and not when they were made.

    Blocks without a log, of which there are as many as there were questions, are left out without ``anchors``.
    """
    found = {}
    for database in DATABASES:
        with closing(duckdb.connect(str(store / database), read_only=True)) as db:
            for table, columns in _tables(db).items():
                told = ["h.name" if column == "history_id" else f"t.{column}" for column in columns]
                query = f"SELECT {', '.join(told)} FROM {table} t"
                if "history_id" in columns:
                    query += " JOIN history h ON h.history_id = t.history_id"
                if table == "block" and not anchors:
                    query += " WHERE block_number IN (SELECT block_number FROM log)"
                found[table] = db.execute(f"{query} ORDER BY ALL").fetchall()
    return found


def _tables(db: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    query = "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND column_name != 'created_ts'"
    found: dict[str, list[str]] = {}
    for table, column in db.execute(f"{query} ORDER BY ALL").fetchall():
        found.setdefault(table, []).append(column)
    return found


def require_no_stale_block(store: Path, world: World) -> None:
    """Every stored block is the chain's own."""
    with closing(duckdb.connect(str(store / "chain.duckdb"), read_only=True)) as db:
        stored = db.execute("SELECT block_number, block_hash, parent_hash, block_ts FROM block").fetchall()
    assert stored
    for number, block_hash, parent_hash, ts in stored:
        true = world.truth.blocks[number]
        assert ("0x" + block_hash.hex(), "0x" + parent_hash.hex(), ts) == (true.hash, true.parent_hash, true.ts)
