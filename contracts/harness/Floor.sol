// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {DriverV2, DriverV3} from "harness/Driver.sol";
import {IPairV2, IPoolV3} from "harness/Pools.sol";

/// @notice Many v3 swaps in one EVM call: the floor that the benchmark holds a replay against.
contract FloorV3 is DriverV3 {
    uint160 private constant LOWEST = 4295128740; // TickMath.MIN_SQRT_RATIO + 1
    uint160 private constant HIGHEST = 1461446703485210103287273052203988822378723970341; // MAX_SQRT_RATIO - 1

    constructor(address pool, address token0, address token1, address operator)
        DriverV3(pool, token0, token1, operator)
    {}

    /// @param amounts exact inputs, of token0 where positive, of token1 where negative.
    function run(int256[] calldata amounts) external onlyOperator {
        for (uint256 i = 0; i < amounts.length; ++i) {
            bool zeroForOne = amounts[i] > 0;
            IPoolV3(POOL).swap(
                address(this), zeroForOne, zeroForOne ? amounts[i] : -amounts[i], zeroForOne ? LOWEST : HIGHEST, ""
            );
        }
    }
}

/// @notice Many v2 swaps in one EVM call.
contract FloorV2 is DriverV2 {
    constructor(address pool, address token0, address token1, address operator)
        DriverV2(pool, token0, token1, operator)
    {}

    /// @param swaps what `DriverV2.swap` takes, one after another.
    function run(uint256[4][] calldata swaps) external onlyOperator {
        for (uint256 i = 0; i < swaps.length; ++i) {
            _pay(swaps[i][0], swaps[i][1]);
            IPairV2(POOL).swap(swaps[i][2], swaps[i][3], address(this), "");
        }
    }
}
