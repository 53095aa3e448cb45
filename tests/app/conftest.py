"""A short simulated market in a store, and one run over it, made once by the real commands."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from app.settings import embedded_market
from ingest.files import ingest_files
from ingest.store import Store
from verify.market import load_config, simulate
from verify.templates import templates

if TYPE_CHECKING:
    from pathlib import Path

BLOCKS = 240
HOSTILE_NAME = "<img src=x onerror=alert(1)>"
HOSTILE_SYMBOL = '<b onclick="alert(2)">\'&'
HOSTILE_RULE = "<script>alert(3)<"
REJECTED = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;
import {IClearingRule, Order, Fill} from "pactsmith/IKernel.sol";
// <script>alert(4)</script>
contract Rejected is IClearingRule {
    function clear(Order[] calldata) external view returns (Fill[] memory) {
        require(tx.origin != address(0), "<script>alert(5)</script>");
        revert();
    }
}
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def document(self):
        return json.loads(self.out)


def pactsmith(*arguments: object, store: Path, timeout: float = 240) -> Ran:
    """Runs the real program, as a user's shell does."""
    command = [sys.executable, "-c", "from app.cli import main; main()", *map(str, arguments), "--store", str(store)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    return Ran(done.returncode, done.stdout, done.stderr)


def write_market(store: Path, folder: Path, name: str, symbol: str) -> None:
    """Stores a short simulated market."""
    config = load_config(embedded_market())["demo-v3"]
    config = replace(config, blocks=BLOCKS, base=replace(config.base, symbol=symbol))
    files = simulate(config, folder)
    ingested = ingest_files(
        files.events,
        initial_state=files.initial_state,
        name=name,
        labels=files.labels,
        prices=files.prices,
        source="simulated",
    )
    Store(store).write_history(ingested.history)


@pytest.fixture(scope="session")
def market_store(tmp_path_factory) -> Path:
    """A store that holds the history ``short``."""
    root = tmp_path_factory.mktemp("market-store")
    write_market(root, tmp_path_factory.mktemp("market"), "short", "WETH")
    return root


@pytest.fixture(scope="session")
def rule_files(tmp_path_factory) -> list[Path]:
    """A reference rule, and one that admission turns down."""
    folder = tmp_path_factory.mktemp("rules")
    (folder / "Rejected.sol").write_text(REJECTED)
    return [next(path for path in templates() if path.stem == "Sequential"), folder / "Rejected.sol"]


@pytest.fixture(scope="session")
def run(market_store, rule_files) -> Ran:
    """``verify --json`` of both rules, from scratch."""
    return pactsmith("verify", *rule_files, "--history", "short", "--workers", 2, "--json", store=market_store)


@pytest.fixture(scope="session")
def hostile_run(tmp_path_factory) -> Ran:
    """``verify --json`` where the history, its token and the rules are named to break a page or a terminal."""
    root, folder = tmp_path_factory.mktemp("hostile-store"), tmp_path_factory.mktemp("hostile")
    write_market(root, folder, HOSTILE_NAME, HOSTILE_SYMBOL)
    sequential = next(path for path in templates() if path.stem == "Sequential")
    (folder / f"{HOSTILE_RULE}.sol").write_text(sequential.read_text())
    (folder / "Rejected.sol").write_text(REJECTED)
    rules = folder / f"{HOSTILE_RULE}.sol", folder / "Rejected.sol"
    return pactsmith("verify", *rules, "--history", HOSTILE_NAME, "--workers", 2, "--json", store=root)
