"""A real chain on loopback: anvil from npm, equal to the block hash in every run, mined only when told."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from verify.npm import node_modules

CHAIN_ID = 1
GENESIS_TS = 1_700_000_000
ACCOUNTS = 12

_START_SECONDS = 20.0
_CALL_SECONDS = 60.0
_BATCH = 500
"""Calls in one HTTP request; anvil refuses bodies above 2 MB."""

# The pipe to `cat` closes with the process that holds its other end, however that ends: then anvil is killed too, and
# its folder ($0) removed.
_KEEPER = '"$@" </dev/null & cat >/dev/null; kill -9 $!; wait $! 2>/dev/null; rm -rf "$0"'
_LISTENING = re.compile(r"Listening on 127\.0\.0\.1:(\d+)")


class RpcError(Exception):
    """The node answered with an error."""

    def __init__(self, error: dict[str, Any], method: str) -> None:
        self.code = error.get("code")
        super().__init__(f"{method}: {error.get('message')} ({self.code}, {error.get('data')})")


class Rpc:
    """JSON-RPC over one connection, whoever calls: what the tests know must not come through the code under test."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_CALL_SECONDS)
        self._lock = threading.Lock()

    def __call__(self, method: str, *params: Any) -> Any:
        return self.batch([(method, *params)])[0]

    def batch(self, calls: list[tuple[Any, ...]], *, keep_errors: bool = False) -> list[Any]:
        """The answers to (method, parameter, …) in order.

        With ``keep_errors`` a call that failed leaves its `RpcError` in its place, instead of raising it.
        """
        answers: list[Any] = []
        for start in range(0, len(calls), _BATCH):
            answers += self._exchange(calls[start : start + _BATCH])
        failed = next((answer for answer in answers if isinstance(answer, RpcError)), None)
        if failed is not None and not keep_errors:
            raise failed
        return answers

    def _exchange(self, calls: list[tuple[Any, ...]]) -> list[Any]:
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, *params) in enumerate(calls)
        ]
        with self._lock:
            self._connection.request("POST", "/", json.dumps(body), {"Content-Type": "application/json"})
            replies = json.loads(self._connection.getresponse().read())
        by_number = {reply["id"]: reply for reply in replies}
        return [
            RpcError(by_number[number]["error"], calls[number][0])
            if "error" in by_number[number]
            else by_number[number]["result"]
            for number in range(len(calls))
        ]

    def close(self) -> None:
        self._connection.close()


class Anvil:
    """One running node; use it with ``with``. Accounts, balances and times are the same in every run.

    Transactions wait until `mine` and then stand in the block in the order they came.
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="anvil-"))
        self._output = self._folder / "output"
        # Settled as in the EVM that replays history, so that gas used agrees too.
        options = {
            "--host": "127.0.0.1",
            "--port": 0,
            "--chain-id": CHAIN_ID,
            "--timestamp": GENESIS_TS,
            "--accounts": ACCOUNTS,
            "--balance": 10**9,
            "--order": "fifo",
            "--hardfork": "cancun",
            "--cache-path": self._folder,
        }
        command = [str(_binary()), "--no-mining", *(str(part) for pair in options.items() for part in pair)]
        with self._output.open("wb") as output:
            self._keeper = subprocess.Popen(
                ["sh", "-c", _KEEPER, str(self._folder), *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the tests; the pipe is for anvil
            )
        self.closed = False
        try:
            self.port = self._wait()
        except BaseException:
            self.close()
            raise
        self.url = f"http://127.0.0.1:{self.port}"
        self.rpc = Rpc(self.port)
        self.rpc("anvil_setLoggingEnabled", False)
        self.accounts: list[str] = self.rpc("eth_accounts")

    def _wait(self) -> int:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            found = _LISTENING.search(self._output.read_text(errors="replace"))
            if found:
                return int(found[1])
            time.sleep(0.01)
        raise RuntimeError(f"anvil did not start: {self._output.read_text(errors='replace')[-2000:]}")

    def __enter__(self) -> Anvil:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kills the node and waits until it is gone. Harmless when it is."""
        if self.closed:
            return
        self.closed = True
        if hasattr(self, "rpc"):
            self.rpc.close()
        self._keeper.stdin.close()
        self._keeper.wait()

    # ------------------------------------------------------------------ the chain

    @property
    def head(self) -> int:
        """The last block's number."""
        return int(self.rpc("eth_blockNumber"), 16)

    def mine(self, ts: int, base_fee_wei: int | None = None) -> None:
        """Makes the next block of everything that waits."""
        calls: list[tuple[Any, ...]] = [("evm_mine", hex(ts))]
        if base_fee_wei is not None:
            calls.insert(0, ("anvil_setNextBlockBaseFeePerGas", hex(base_fee_wei)))
        self.rpc.batch(calls)

    def rollback(self, blocks: int) -> None:
        """Drops the last blocks, and what waits, as if they had never been."""
        self.rpc.batch([("anvil_rollback", blocks), ("anvil_dropAllTransactions",)])


def _binary() -> Path:
    """The platform's own program: npm's wrapper is a node process that a kill would leave anvil behind of."""
    found = sorted((node_modules() / "@foundry-rs").glob("anvil-*/bin/anvil*"))
    if len(found) != 1:
        raise RuntimeError(f"npm has {len(found)} anvil programs for this platform, not one: run `make setup`")
    return found[0]
