"""A digest of the code that every replay runs on, so that a stored result is only reused on the same code."""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING

from verify import kernel
from verify.npm import creation_code
from verify.venues import harness_contract

if TYPE_CHECKING:
    from ingest.records import VenueKind

_HARNESS = {
    "v2": ("Token", "DriverV2"),
    "v3": ("Token", "DriverV3", "PoolDeployer"),
    "v4": ("Token", "DriverV4", "Permit2"),
}
_UNISWAP = {
    "v2": ("@uniswap/v2-core/build/UniswapV2Factory.json", "@uniswap/v2-periphery/build/UniswapV2Router02.json"),
    "v3": (
        "@uniswap/v3-core/artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json",
        "@uniswap/v3-periphery/artifacts/contracts/SwapRouter.sol/SwapRouter.json",
    ),
    "v4": (
        "@uniswap/v4-core/out/PoolManager.sol/PoolManager.json",
        "@uniswap/universal-router/artifacts/contracts/UniversalRouter.sol/UniversalRouter.json",
    ),
}


@functools.cache
def machinery(kind: VenueKind) -> str:
    """SHA-256 (hex) over the creation code of kernel, harness and Uniswap contracts that replay such a pool."""
    codes = [kernel.contract().creation_code]
    codes += [harness_contract(name).creation_code for name in _HARNESS[kind]]
    codes += [creation_code(path) for path in _UNISWAP[kind]]
    return hashlib.sha256(b"".join(hashlib.sha256(code).digest() for code in codes)).hexdigest()
