"""How fast a pool's raw logs become a stored history on one core, beside web3.py decoding the same logs.

Random swaps of a v3 pool, each with numbers of its own, are written as raw logs: as cryo writes them (Parquet, binary)
and as CSV (hex text). Both are read, decoded, checked, put in order, hashed and stored by the product's own way in.
web3.py's event decoder then decodes a sample of them, and stores nothing. Rounds alternate; times are CPU seconds of
this one process. Memory is the peak of a process of its own that ingests a quarter of the events, then of one that
ingests all.

    python benchmarks/ingest.py [--events 1000000] [--rounds 3] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # else a benchmark hides the package of its name

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from web3 import Web3
from web3.datastructures import AttributeDict

from ingest.files import ingest_files
from ingest.pool_state import write_pool_state
from ingest.records import Pool, PoolState, Token
from ingest.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.sources.text import Bytes

POOL = "0x" + "88" * 20
SWAPS_A_BLOCK = 3
FIRST_BLOCK, FIRST_TS, BLOCK_SECONDS = 18_000_000, 1_700_000_000, 12
SAMPLE = 3_000
PIECE = 100_000
SWAP_ABI = {
    "type": "event",
    "name": "Swap",
    "anonymous": False,
    "inputs": [
        {"name": "sender", "type": "address", "indexed": True},
        {"name": "recipient", "type": "address", "indexed": True},
        {"name": "amount0", "type": "int256", "indexed": False},
        {"name": "amount1", "type": "int256", "indexed": False},
        {"name": "sqrtPriceX96", "type": "uint160", "indexed": False},
        {"name": "liquidity", "type": "uint128", "indexed": False},
        {"name": "tick", "type": "int24", "indexed": False},
    ],
}
SWAP_TOPIC = Web3.keccak(text="Swap(address,address,int256,int256,uint160,uint128,int24)")


@dataclass(frozen=True, slots=True)
class Figure:
    """Events a second over the rounds: median, lowest, highest."""

    median: float
    lowest: float
    highest: float


def words(numbers: list[int]) -> Bytes:
    """Integers as 32-byte words (rows, 32)."""
    return np.frombuffer(b"".join(n.to_bytes(32, "big", signed=n < 0) for n in numbers), np.uint8).reshape(-1, 32)


def swaps(first: int, rows: int, rng: np.random.Generator) -> pa.Table:
    """Raw logs of random swaps, numbered from ``first``, in the columns of cryo's ``logs`` with block times."""
    number = np.arange(first, first + rows)
    ticks = np.clip(200_000 + rng.normal(0, 300, rows).round(), -800_000, 800_000).astype(int)
    prices = [int(root * 2**96) for root in np.sqrt(1.0001 ** (ticks + 0.5)).tolist()]
    sold = np.exp(rng.normal(22, 2.5, rows))
    sells0 = rng.random(rows) < 0.5
    rates = 1.0001**ticks
    amounts0 = [int(x) if s else -int(x) for x, s in zip(sold.tolist(), sells0.tolist(), strict=True)]
    amounts1 = [-int(x * r) if s else int(x * r) for x, r, s in zip(sold, rates, sells0.tolist(), strict=True)]
    liquidity = [int(value) for value in np.exp(rng.normal(43, 0.5, rows)).tolist()]
    data = np.concatenate([words(column) for column in (amounts0, amounts1, prices, liquidity, ticks.tolist())], axis=1)

    def party() -> pa.Array:
        padded = np.zeros((rows, 32), np.uint8)
        padded[:, 12:] = rng.integers(0, 256, (rows, 20), np.uint8)
        return fixed(padded)

    blocks = FIRST_BLOCK + number // SWAPS_A_BLOCK
    return pa.table(
        {
            "block_number": pa.array(blocks, pa.uint32()),
            "block_timestamp": pa.array(FIRST_TS + BLOCK_SECONDS * (blocks - FIRST_BLOCK), pa.uint32()),
            "transaction_index": pa.array(number % SWAPS_A_BLOCK, pa.uint32()),
            "log_index": pa.array(number % SWAPS_A_BLOCK, pa.uint32()),
            "transaction_hash": fixed(rng.integers(0, 256, (rows, 32), np.uint8)),
            "address": fixed(np.frombuffer(bytes.fromhex(POOL[2:]) * rows, np.uint8).reshape(rows, 20)),
            "topic0": fixed(np.frombuffer(bytes(SWAP_TOPIC) * rows, np.uint8).reshape(rows, 32)),
            "topic1": party(),
            "topic2": party(),
            "topic3": pa.nulls(rows, pa.binary()),
            "data": fixed(data),
            "n_data_bytes": pa.array(np.full(rows, data.shape[1]), pa.uint32()),
            "chain_id": pa.array(np.ones(rows), pa.uint64()),
        }
    )


def fixed(values: Bytes) -> pa.Array:
    """Rows of bytes as a binary column."""
    ends = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
    return pa.Array.from_buffers(pa.binary(), len(values), [None, pa.py_buffer(ends), pa.py_buffer(values.tobytes())])


def as_csv(table: pa.Table) -> pa.Table:
    """The same logs in the columns of a raw-log CSV."""

    def text(name: str) -> pa.Array:
        return pa.array(["0x" + value.hex() for value in table[name].to_pylist()])

    topics = [text(f"topic{place}").to_pylist() for place in range(3)]
    times = pc.strftime(table["block_timestamp"].cast(pa.int64()).cast(pa.timestamp("s")), "%Y-%m-%d %H:%M:%S")
    return pa.table(
        {
            "block_number": table["block_number"],
            "block_timestamp": times,
            "transaction_hash": text("transaction_hash"),
            "transaction_index": table["transaction_index"],
            "log_index": table["log_index"],
            "topics": pa.array([json.dumps(list(each)).replace('"', "'") for each in zip(*topics, strict=True)]),
            "data": text("data"),
        }
    )


def write_files(folder: Path, events: int) -> tuple[Path, Path, Path]:
    """A pool state, the logs as Parquet, and as CSV."""
    tokens = Token("0x" + "a0" * 20, "USD", 6), Token("0x" + "c0" * 20, "ETH", 18)
    state = folder / "state.json"
    write_pool_state(PoolState(Pool("v3", 1, POOL, *tokens, 500, 10), None, 1 << 96), state)
    parquet, csv = folder / "logs.parquet", folder / "logs.csv"
    rng = np.random.default_rng(1)
    first = swaps(0, 1, rng)
    with pq.ParquetWriter(parquet, first.schema) as out, pa_csv.CSVWriter(csv, as_csv(first).schema) as text:
        for start in range(0, events, PIECE):
            table = swaps(start, min(PIECE, events - start), rng)
            out.write_table(table)
            text.write_table(as_csv(table))
    return state, parquet, csv


def stored(path: Path, state: Path, folder: Path) -> int:
    """Ingests a file into a new store; returns how many events it held."""
    with tempfile.TemporaryDirectory(dir=folder) as root:
        ingested = ingest_files(path, initial_state=state, name="benchmark")
        Store(Path(root)).write_ingested(ingested)
        return sum(ingested.counts.events.values())


def web3_decodes(parquet: Path) -> int:
    """Decodes a sample of the logs with web3.py."""
    event = Web3().eth.contract(abi=[SWAP_ABI]).events.Swap()
    logs = web3_logs(parquet)
    for log in logs:
        event.process_log(log)
    return len(logs)


def web3_logs(parquet: Path) -> list[AttributeDict[str, Any]]:
    """The sample as a node's answer looks after web3.py's formatters."""
    rows = next(pq.ParquetFile(parquet).iter_batches(SAMPLE)).to_pylist()
    return [
        AttributeDict(
            {
                "address": Web3.to_checksum_address(row["address"]),
                "topics": [row["topic0"], row["topic1"], row["topic2"]],
                "data": row["data"],
                "blockNumber": row["block_number"],
                "transactionHash": row["transaction_hash"],
                "transactionIndex": row["transaction_index"],
                "logIndex": row["log_index"],
                "blockHash": bytes(32),
            }
        )
        for row in rows
    ]


def speeds(works: dict[str, Callable[[], int]], rounds: int) -> dict[str, Figure]:
    """Events a CPU second of each piece of work, in rounds that alternate."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            start = time.process_time()
            done = work()
            found[name].append(done / (time.process_time() - start))
    return {name: Figure(statistics.median(each), min(each), max(each)) for name, each in found.items()}


def peak_mb(path: Path, state: Path) -> float:
    """The peak memory of a process that ingests a file, in MB."""
    command = [sys.executable, __file__, "--peak", str(path), str(state)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": "."})
    return float(done.stdout)


def show(figures: dict[str, Figure], peaks: dict[str, float]) -> None:
    """Prints the figures, each beside web3.py's."""
    peer = figures["web3.py, decoded only"].median
    for name, one in figures.items():
        spread = f"({one.lowest:,.0f} to {one.highest:,.0f})"
        print(f"{name:<26} {one.median:>9,.0f} events/s {spread:<24} {one.median / peer:>6.1f} x web3.py")
    for name, peak in peaks.items():
        print(f"{name:<26} {peak:>9,.0f} MB at its peak")


def main() -> None:
    """Runs the benchmark, or (for itself) one ingest whose peak memory it prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pactsmith-benchmark-") as name:
        folder = Path(name)
        if options.peak:
            stored(Path(options.peak[0]), Path(options.peak[1]), folder)
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
            return
        peaks = {}
        for events in (options.events // 4, options.events):
            state, parquet, csv = write_files(folder, events)
            peaks |= {f"{path.suffix[1:]}, {events:,} events": peak_mb(path, state) for path in (parquet, csv)}
        works = {
            "Parquet, into the store": lambda: stored(parquet, state, folder),
            "CSV, into the store": lambda: stored(csv, state, folder),
            "web3.py, decoded only": lambda: web3_decodes(parquet),
        }
        figures = speeds(works, options.rounds)
    if options.json:
        print(json.dumps({"speeds": {name: asdict(one) for name, one in figures.items()}, "peaks_mb": peaks}))
    else:
        show(figures, peaks)


if __name__ == "__main__":
    main()
