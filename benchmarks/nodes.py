"""How fast history is checked swap by swap, beside the way a script would do it: web3.py and a local anvil.

Both go through the same swaps of the genuine v2 pair and v3 pool, from the same state. The audit calls the pool in
process, compares every number and keeps every slot that changed. The script sends each swap as a transaction of an
unlocked account, which anvil mines at once, takes its receipt, decodes the pool's log with web3.py's contract and
compares the amounts. Rounds alternate; as anvil is another process, both are timed by the clock.

    python benchmarks/nodes.py [--events 400] [--rounds 5] [--json]
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # else a benchmark hides the package of its name
sys.path.insert(0, str(Path(__file__).resolve().parent))

from eth_utils.abi import event_abi_to_log_topic
from hexbytes import HexBytes
from replay import Workload, make_workload
from web3 import HTTPProvider, Web3
from web3.types import RPCEndpoint

from verify.audit import replay
from verify.npm import artifact, node_modules
from verify.venues import OPERATOR
from verify.venues.v2 import driver_swap
from verify.venues.v3 import exact_input
from verify.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

ABIS = {
    "v2": "@uniswap/v2-core/build/UniswapV2Pair.json",
    "v3": "@uniswap/v3-core/artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json",
}
LISTENING = re.compile(r"Listening on 127\.0\.0\.1:(\d+)")
START_SECONDS = 20.0
PLENTY_WEI = 10**27


@contextmanager
def anvil() -> Iterator[Web3]:
    """A node of its own, which mines each transaction at once."""
    (binary,) = (node_modules() / "@foundry-rs").glob("anvil-*/bin/anvil*")
    with tempfile.NamedTemporaryFile("w+") as output:
        command = [str(binary), "--host", "127.0.0.1", "--port", "0", "--hardfork", "cancun", "--order", "fifo"]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield Web3(HTTPProvider(f"http://127.0.0.1:{_port(Path(output.name))}"))
        finally:
            process.kill()
            process.wait()


def _port(output: Path) -> int:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if found := LISTENING.search(output.read_text(errors="replace")):
            return int(found[1])
        time.sleep(0.02)
    raise RuntimeError(f"anvil did not start: {output.read_text(errors='replace')[-2000:]}")


def audit_seconds(load: Workload) -> float:
    """The audit, by the clock."""
    world = World.build(load.state)
    started = time.perf_counter()
    results, _ = replay(world, load.events)
    seconds = time.perf_counter() - started
    assert all(exact for exact, _, _ in results), "the audit found a difference"
    return seconds


def node_seconds(load: Workload, web3: Web3) -> float:
    """The same swaps as transactions, one after the other, each checked by its log."""
    world = World.build(load.state)
    kept = _ask(web3, "evm_snapshot")
    _put(world, web3)
    pool = web3.eth.contract(address=Web3.to_checksum_address(world.pool), abi=artifact(ABIS[load.kind])["abi"])
    swap = pool.events.Swap()
    topic = HexBytes(event_abi_to_log_topic(swap.abi))
    sender, driver = Web3.to_checksum_address(OPERATOR), Web3.to_checksum_address(world.driver)
    started = time.perf_counter()
    for event in load.events:
        amount_in, amount_out = event.amount_in, event.amount_out
        data = (
            driver_swap(event.zero_for_one, amount_in, amount_out)
            if load.kind == "v2"
            else exact_input(event.zero_for_one, amount_in)
        )
        sent = web3.eth.send_transaction({"from": sender, "to": driver, "data": data, "gas": 1_000_000})
        receipt = web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.001)
        log = next(log for log in receipt["logs"] if log["topics"][0] == topic)
        assert _amounts(swap.process_log(log)["args"]) == (event.amount0, event.amount1), (
            "the node did not make the history's swap"
        )
    seconds = time.perf_counter() - started
    _ask(web3, "evm_revert", kept)
    return seconds


def _amounts(arguments: Any) -> tuple[int, int]:
    if "amount0" in arguments:
        return arguments["amount0"], arguments["amount1"]
    return (
        arguments["amount0In"] - arguments["amount0Out"],
        arguments["amount1In"] - arguments["amount1Out"],
    )


def _ask(web3: Web3, method: str, *parameters: Any) -> Any:
    """What only a test node does."""
    return web3.provider.make_request(RPCEndpoint(method), parameters)["result"]


def _put(world: World, web3: Web3) -> None:
    """Gives a node what the world's EVM holds: code, storage, and an unlocked operator."""
    held = world.evm._database
    for address in {address for address, _ in held} | {world.driver, world.pool}:
        _ask(web3, "anvil_setCode", address, "0x" + world.evm.code(address).hex())
    for (address, slot), value in held.items():
        _ask(web3, "anvil_setStorageAt", address, f"0x{slot:064x}", f"0x{value:064x}")
    _ask(web3, "anvil_impersonateAccount", OPERATOR)
    _ask(web3, "anvil_setBalance", OPERATOR, hex(PLENTY_WEI))


def measure(kind: Any, count: int, rounds: int) -> dict[str, Any]:
    """Swaps a second both ways, and how many times as fast the audit is in the same round."""
    load = make_workload(kind, count, random.Random(20240105))  # noqa: S311 - seeded, for repeatable data
    audits, nodes = [], []
    with anvil() as web3:
        audit_seconds(load)  # fills caches
        for _ in range(rounds):
            audits.append(audit_seconds(load))
            nodes.append(node_seconds(load, web3))
    ratios = [node / audit for audit, node in zip(audits, nodes, strict=True)]
    return {
        "kind": kind,
        "events": count,
        "rounds": rounds,
        "audit_per_second": round(count / statistics.median(audits)),
        "web3_and_anvil_per_second": round(count / statistics.median(nodes)),
        "times_as_fast": {
            "median": round(statistics.median(ratios), 1),
            "low": round(min(ratios), 1),
            "high": round(max(ratios), 1),
        },
    }


def main() -> None:
    """Prints a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = [measure(kind, options.events, options.rounds) for kind in ("v2", "v3")]
    if options.json:
        print(json.dumps(results, indent=1))
        return
    for result in results:
        ratio = result["times_as_fast"]
        print(
            f"{result['kind']}: audit {result['audit_per_second']:,} swaps/s, web3.py and anvil "
            f"{result['web3_and_anvil_per_second']:,}: {ratio['median']} x ({ratio['low']} to {ratio['high']})"
        )


if __name__ == "__main__":
    main()
