"""Builders of small histories and files, with an encoder (eth-abi) that shares nothing with the reader under test."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from eth_abi import encode
from eth_hash.auto import keccak

from ingest.content import content_id
from ingest.records import History, LiquidityEvent, Pool, PoolState, Swap, Token

if TYPE_CHECKING:
    from pathlib import Path

TOKEN0 = "0x" + "a0" * 20
TOKEN1 = "0x" + "c0" * 20
POOL = "0x" + "77" * 20
START_TS = 1_700_000_000
ONE_X96 = 1 << 96


def address(number: int) -> str:
    return f"0x{number:040x}"


def tx_hash(number: int) -> str:
    return f"0x{number:064x}"


def make_pool(kind: str = "v3", decimals: tuple[int, int] = (18, 18)) -> Pool:
    tokens = (Token(TOKEN0, "AAA", decimals[0]), Token(TOKEN1, "BBB", decimals[1]))
    return Pool(kind, 1, POOL, *tokens, fee_pips=3000, tick_spacing=60 if kind == "v3" else 0)


def make_state(kind: str = "v3", **changes) -> PoolState:
    values = {"reserve0": 0, "reserve1": 0} if kind == "v2" else {"sqrt_price_x96": ONE_X96, "tick": 0}
    return PoolState(**({"pool": make_pool(kind), "after": None} | values | changes))


def make_swap(seq: int, block: int = 100, **changes) -> Swap:
    values = {
        "seq": seq,
        "block_number": block,
        "block_ts": START_TS + 12 * block,
        "tx_hash": tx_hash(1000 + seq),
        "tx_index": seq,
        "log_index": seq,
        "amount0": 1000,
        "amount1": -990,
        "fee_pips": 3000,
        "sender": address(1),
        "recipient": address(2),
        "sqrt_price_x96": ONE_X96,
        "liquidity": 10**18,
        "tick": 0,
    }
    return Swap(**(values | changes))


def make_history(events=(), name: str = "test", **changes) -> History:
    values = {"name": name, "content_id": "", "source": "file", "initial_state": make_state(), "events": tuple(events)}
    history = History(**(values | changes))
    return History(
        **({slot: getattr(history, slot) for slot in history.__slots__} | {"content_id": content_id(history)})
    )


INDEXED = {
    "v3": {
        "Swap": (("address", "address"), ("int256", "int256", "uint160", "uint128", "int24"), "ii01234"),
        "Mint": (("address", "int24", "int24"), ("address", "uint128", "uint256", "uint256"), "0iii123"),
        "Burn": (("address", "int24", "int24"), ("uint128", "uint256", "uint256"), "iii012"),
        "Collect": (("address", "int24", "int24"), ("address", "uint128", "uint128"), "i0ii12"),
        "Flash": (("address", "address"), ("uint256", "uint256", "uint256", "uint256"), "ii0123"),
        "Initialize": ((), ("uint160", "int24"), "01"),
        "SetFeeProtocol": ((), ("uint8", "uint8", "uint8", "uint8"), "0123"),
    },
    "v2": {
        "Swap": (("address", "address"), ("uint256", "uint256", "uint256", "uint256"), "i0123i"),
        "Sync": ((), ("uint112", "uint112"), "01"),
        "Mint": (("address",), ("uint256", "uint256"), "i01"),
        "Burn": (("address", "address"), ("uint256", "uint256"), "i01i"),
        "Transfer": (("address", "address"), ("uint256",), "ii0"),
    },
}


def signature(venue: str, event: str) -> str:
    indexed, data, order = INDEXED[venue][event]
    topics = iter(indexed)
    types = [next(topics) if place == "i" else data[int(place)] for place in order]
    return f"{event}({','.join(types)})"


@dataclass
class LogFile:
    """Builds a raw-log CSV, a log at a time."""

    venue: str = "v3"
    rows: list[dict] = field(default_factory=list)

    def add(self, event: str, indexed=(), data=(), *, block: int = 100, tx: int = 0, log: int | None = None, **extra):
        topic_types, data_types, _ = INDEXED[self.venue][event]
        topics = [keccak(signature(self.venue, event).encode())]
        topics += [encode([kind], [value]) for kind, value in zip(topic_types, indexed, strict=True)]
        log = len(self.rows) if log is None else log
        self.rows.append(
            {
                "block_number": block,
                "block_timestamp": datetime.fromtimestamp(START_TS + 12 * block, UTC).strftime("%Y-%m-%d %H:%M:%S"),
                "transaction_hash": tx_hash((block << 32) + tx),
                "transaction_index": tx,
                "log_index": log,
                "topics": str(["0x" + topic.hex() for topic in topics]),
                "data": "0x" + encode(list(data_types), list(data)).hex(),
            }
            | extra
        )
        return self

    def swap(self, amount0: int = 1000, amount1: int = -990, **where):
        sender, recipient = where.pop("sender", address(1)), where.pop("recipient", address(2))
        return self.add("Swap", (sender, recipient), (amount0, amount1, ONE_X96, 10**18, 0), **where)

    def text(self) -> str:
        header = list(self.rows[0])
        lines = [",".join(header)]
        for row in self.rows:
            cells = (f'"{row[name]}"' if name == "topics" else str(row[name]) for name in header)
            lines += [",".join(cells)]
        return "\n".join(lines) + "\n"

    def write(self, path: Path) -> Path:
        path.write_text(self.text())
        return path


@pytest.fixture(scope="session")
def build():
    """The builders of this file, as one object."""

    class Build:
        pass

    for made in (address, tx_hash, make_pool, make_state, make_swap, make_history, LogFile):
        setattr(Build, made.__name__, staticmethod(made))
    Build.LiquidityEvent = LiquidityEvent
    Build.START_TS = START_TS
    Build.ONE_X96 = ONE_X96
    return Build


@pytest.fixture(scope="session")
def mainnet_day(shared_data) -> Path:
    return shared_data / "v3_usdc_weth_mainnet_20240105"


@pytest.fixture(scope="session")
def day_paths(mainnet_day) -> tuple[Path, Path]:
    """The raw logs and the pool state of the 0.05 % pool's day."""
    return mainnet_day / "pool_88e6_fee500_raw_logs.csv.gz", mainnet_day / "pool_88e6_fee500_initial_state.json"


@pytest.fixture(scope="session")
def day(day_paths) -> History:
    from ingest.files import read_history

    return read_history(day_paths[0], initial_state=day_paths[1], name="usdc-weth-day")


@pytest.fixture(scope="session")
def velodrome_paths(shared_data) -> tuple[Path, Path]:
    folder = shared_data / "v3_velodrome_weth_op_optimism"
    return folder / "events_from_creation.csv.gz", folder / "initial_state.json"


@pytest.fixture(scope="session")
def velodrome(velodrome_paths) -> History:
    from ingest.files import read_history

    return read_history(velodrome_paths[0], initial_state=velodrome_paths[1], name="weth-op")


@pytest.fixture
def state_file(tmp_path):
    """Writes a pool state document and returns its path."""

    def write(document: dict) -> Path:
        path = tmp_path / "state.json"
        path.write_text(json.dumps(document))
        return path

    return write


@pytest.fixture(scope="session")
def traffic():
    """A real chain with some thousand swaps and liquidity changes; who changes it puts it back."""
    from rpc_world.anvil import Anvil
    from rpc_world.traffic import played

    with Anvil() as chain:
        yield played(chain, blocks=600)


@pytest.fixture(scope="session")
def world(traffic):
    return traffic.world
