// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Math} from "./Math.sol";

/// @notice The arithmetic of a constant-product pair with a fee of 0.3 %. Reserves and amounts are below 2**112.
library PriceV2 {
    /// @notice The most that the pair's invariant lets out for `amountIn`, rounded down.
    function amountOut(uint256 amountIn, uint256 reserveIn, uint256 reserveOut) internal pure returns (uint256) {
        uint256 counted = amountIn * 997; // of 1000: what is left after the fee
        return counted * reserveOut / (reserveIn * 1000 + counted);
    }

    /// @notice sqrt(reserve1 / reserve0) * 2**96, rounded down; the last 32 bits are 0 where the ratio is 2**64 or more.
    /// @dev `reserve0` must not be 0.
    function sqrtPriceX96(uint256 reserve0, uint256 reserve1) internal pure returns (uint160) {
        if (reserve1 / reserve0 >> 64 != 0) return uint160(Math.sqrt((reserve1 << 128) / reserve0) << 32);
        return uint160(Math.sqrt(Math.mulDiv(reserve1, 1 << 192, reserve0)));
    }
}
