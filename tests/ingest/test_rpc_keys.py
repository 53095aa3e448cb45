"""The key in a node's URL is shown and kept nowhere by the real program, however it ends."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from faulty_proxy import FaultyProxy
from rpc_commands import LONGEST_S, NAME, rpc, started
from rpc_faults import Faults, error_reply
from rpc_provider import Provider

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from rpc_faults import Calls
    from rpc_world.world import World

KEYS = ("k3yInThePath0123456789", "k3y+in/the query=", "k3y:of@the user")
FOR_EVER = {"most": 10**9, "most_per_request": 10**9}


def with_keys(url: str) -> str:
    """The URL with a key in its path, in its query and for its user, as they must be written there."""
    path, query, user = (quote(key, safe="") for key in KEYS)
    return url.replace("http://", f"http://{user}:{user}@") + f"/v3/{path}?apikey={query}&x=1"


@dataclass(frozen=True, slots=True)
class Ended:
    """How the program ended, and everything that it wrote anywhere."""

    code: int
    out: str
    err: str
    files: bytes

    def require_no_key(self) -> None:
        written = self.out.encode() + self.err.encode() + self.files
        for key in KEYS:
            for form in (key, quote(key, safe=""), quote(key)):
                assert form.encode() not in written, form


class Telling(FaultyProxy):
    """A provider that quotes the URL it was asked under, as some do with the project's id."""

    def _ask(self, calls: Calls) -> tuple[int, Calls]:
        message = f"invalid project: {with_keys(self.url)} has no access to {KEYS[0]}"
        return 403, [error_reply(call, {"code": -32003, "message": message}) for call in calls]


@contextmanager
def closed_port() -> Iterator[str]:
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def start(home: Path, world: World, url: str, *more: object) -> subprocess.Popen[str]:
    """Starts an ingest whose store, logs and tracebacks all go below a folder."""
    folders = {
        name: str(home / name) for name in ("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "TMPDIR")
    }
    for folder in folders.values():
        os.makedirs(folder)
    arguments = rpc(world, world.venues["v2 MKR/WETH"], url=with_keys(url))
    return started(home / "store", *arguments, *more, env=os.environ | folders)


def end(child: subprocess.Popen[str], home: Path) -> Ended:
    out, err = child.communicate(timeout=LONGEST_S)
    files = b"".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())
    return Ended(child.returncode, out, err, files)


FAILURES = {"busy": "http_429", "down": "http_503", "gone": "close", "no JSON": "truncated_json", "slow": "stall"}
NO_ADDRESSES = ("ftp://{}", "http://[{}", "{}", "http://node.invalid:{}/", "http:///{}")


def test_the_key_is_nowhere_after_an_ingest_and_a_heal(world, tmp_path):
    with FaultyProxy(world.chain.url) as proxy:
        ended = end(start(tmp_path, world, proxy.url, "--debug"), tmp_path)
        assert ended.code == 0, ended.err
        assert len(ended.files) > 100_000
        ended.require_no_key()
        heal = started(tmp_path / "store", "history", "heal", NAME, "--rpc-url", with_keys(proxy.url))
        ended = end(heal, tmp_path)
        assert ended.code == 0, ended.err
        ended.require_no_key()


def test_the_key_is_nowhere_when_the_node_fails(world, tmp_path):
    """All at once, since most of it is waiting."""
    homes = {name: tmp_path / name for name in (*FAILURES, "unreachable", "telling", "interrupted")}
    proxies, children = [], {}
    with closed_port() as nobody:
        for name, kind in FAILURES.items():
            proxies.append(FaultyProxy(world.chain.url, Faults(rates={kind: 1}, stall_s=30, **FOR_EVER)))
            children[name] = start(homes[name], world, proxies[-1].url, "--budget", 2, "--timeout", 1, "--debug")
        children["unreachable"] = start(homes["unreachable"], world, nobody, "--budget", 2, "--debug")
        proxies.append(Telling(world.chain.url))
        children["telling"] = start(homes["telling"], world, proxies[-1].url, "--debug")
        interrupt = {"interrupt": lambda: children["interrupted"].send_signal(signal.SIGINT)}
        proxies.append(
            FaultyProxy(world.chain.url, Faults(once_at={40: "interrupt"}), Provider(max_blocks=20), interrupt)
        )
        children["interrupted"] = start(homes["interrupted"], world, proxies[-1].url, "--debug")
        ended = {name: end(child, homes[name]) for name, child in children.items()}
    for proxy in proxies:
        proxy.close()
    for name, one in ended.items():
        one.require_no_key()
        assert '"error"' in one.out, (name, one.out, one.err)
        assert "unexpected" not in one.out, (name, one.out)
    assert {name: one.code for name, one in ended.items()} == dict.fromkeys(homes, 1) | {"interrupted": 130}


def test_the_key_is_not_quoted_from_an_address_that_is_none(tmp_path):
    options = ("--name", NAME, "--pool", "0x" + "1" * 40)
    addresses = [address.format(KEYS[0]) for address in NO_ADDRESSES]
    children = [started(tmp_path, "ingest", "rpc", "--rpc-url", address, *options) for address in addresses]
    for child in children:
        ended = end(child, tmp_path)
        assert ended.code in (1, 2)
        assert '"error"' in ended.out
        ended.require_no_key()
