"""The contracts on the test chain: the genuine ones out of npm, and the few small ones that deal with them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_abi import decode, encode
from eth_utils.abi import (
    collapse_if_tuple,
    function_abi_to_4byte_selector,
    get_abi_input_types,
    get_abi_output_types,
)

from verify.npm import artifact
from verify.standard_json import exchange, findings_of

_V3 = "@uniswap/v3-periphery/artifacts/contracts"
GENUINE = {
    "WETH9": "@uniswap/v2-periphery/build/WETH9.json",
    "DeflatingERC20": "@uniswap/v2-periphery/build/DeflatingERC20.json",
    "TestERC20": "@uniswap/v4-core/out/TestERC20.sol/TestERC20.json",
    "UniswapV2Factory": "@uniswap/v2-core/build/UniswapV2Factory.json",
    "UniswapV2Pair": "@uniswap/v2-core/build/UniswapV2Pair.json",
    "UniswapV2Router02": "@uniswap/v2-periphery/build/UniswapV2Router02.json",
    "UniswapV3Factory": "@uniswap/v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json",
    "UniswapV3Pool": "@uniswap/v3-core/artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json",
    "SwapRouter": f"{_V3}/SwapRouter.sol/SwapRouter.json",
    "QuoterV2": f"{_V3}/lens/QuoterV2.sol/QuoterV2.json",
    "NonfungiblePositionManager": f"{_V3}/NonfungiblePositionManager.sol/NonfungiblePositionManager.json",
    "PoolManager": "@uniswap/v4-core/out/PoolManager.sol/PoolManager.json",
    "PoolSwapTest": "@uniswap/v4-core/out/PoolSwapTest.sol/PoolSwapTest.json",
    "PoolModifyLiquidityTest": "@uniswap/v4-core/out/PoolModifyLiquidityTest.sol/PoolModifyLiquidityTest.json",
    "PoolDonateTest": "@uniswap/v4-core/out/PoolDonateTest.sol/PoolDonateTest.json",
    "GPv2AllowListAuthentication": "@cowprotocol/contracts/lib/contracts/GPv2AllowListAuthentication.json",
    "GPv2Settlement": "@cowprotocol/contracts/lib/contracts/GPv2Settlement.json",
}
OWN = Path(__file__).with_name("Actors.sol")


@dataclass(frozen=True, slots=True)
class Code:
    """A contract that can be deployed."""

    abi: list[dict[str, Any]]
    creation: bytes

    def with_arguments(self, *arguments: Any) -> str:
        """Creation code and constructor arguments, as a transaction's data."""
        constructor: list[dict[str, Any]] = [entry for entry in self.abi if entry["type"] == "constructor"]
        types = [collapse_if_tuple(item) for entry in constructor for item in entry["inputs"]]
        return "0x" + (self.creation + encode(types, arguments)).hex()


@functools.cache
def code(name: str) -> Code:
    """A genuine contract, or one of ours."""
    if name not in GENUINE:
        return _own()[name]
    content = artifact(GENUINE[name])
    creation = content["bytecode"]
    if isinstance(creation, dict):  # Foundry writes an object, Hardhat and Waffle the text
        creation = creation["object"]
    return Code(content["abi"], bytes.fromhex(creation.removeprefix("0x")))


@functools.cache
def _own() -> dict[str, Code]:
    sources = {OWN.name: OWN.read_text(encoding="utf-8")}
    reply = exchange(sources, {OWN.name: {"*": ["abi", "evm.bytecode.object"]}}, {}, OWN.name)
    errors, _ = findings_of(reply, sources, OWN.name)
    assert not errors, errors
    return {
        name: Code(output["abi"], bytes.fromhex(output["evm"]["bytecode"]["object"]))
        for name, output in reply["contracts"][OWN.name].items()
    }


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract that stands on the chain. Its functions are named with the number of their arguments."""

    address: str
    abi: list[dict[str, Any]]

    def data(self, function: str, *arguments: Any) -> str:
        """A call's data."""
        entry = self._entry(function, len(arguments))
        return "0x" + (function_abi_to_4byte_selector(entry) + encode(get_abi_input_types(entry), arguments)).hex()

    def read(self, function: str, answer: str) -> tuple[Any, ...]:
        """What a call of an unambiguous function answered."""
        return decode(get_abi_output_types(self._entry(function, None)), bytes.fromhex(answer[2:]))

    def _entry(self, function: str, count: int | None) -> Any:
        (found,) = [
            entry
            for entry in self.abi
            if entry["type"] == "function"
            and entry["name"] == function
            and (count is None or len(entry["inputs"]) == count)
        ]
        return found
