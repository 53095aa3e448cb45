// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {DriverV2, DriverV3} from "harness/Driver.sol";
import {IPairV2, IPoolV3} from "harness/Pools.sol";

/// @notice Many v3 swaps in one EVM call: the floor that the benchmark holds a replay against.
contract FloorV3 is DriverV3 {
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

    /// @param amounts exact inputs, of token0 where positive, of token1 where negative; the most is taken out for them.
    function run(int256[] calldata amounts) external onlyOperator {
        for (uint256 i = 0; i < amounts.length; ++i) {
            (uint112 reserve0, uint112 reserve1,) = IPairV2(POOL).getReserves();
            if (amounts[i] > 0) {
                uint256 amountIn = uint256(amounts[i]);
                TOKEN0.transfer(POOL, amountIn);
                IPairV2(POOL).swap(0, _most(amountIn, reserve0, reserve1), address(this), "");
            } else {
                uint256 amountIn = uint256(-amounts[i]);
                TOKEN1.transfer(POOL, amountIn);
                IPairV2(POOL).swap(_most(amountIn, reserve1, reserve0), 0, address(this), "");
            }
        }
    }

    /// @dev x·y = k after the fee of 0.3 %, rounded down.
    function _most(uint256 amountIn, uint256 reserveIn, uint256 reserveOut) private pure returns (uint256) {
        uint256 paid = amountIn * 997;
        return paid * reserveOut / (reserveIn * 1000 + paid);
    }
}
