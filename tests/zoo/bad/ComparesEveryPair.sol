// turned down by: properties/gas-growth
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Asks the pool once for every pair of orders.
contract ComparesEveryPair is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            for (uint256 j = 0; j < i; ++j) {
                IKernel(msg.sender).sqrtPriceX96(0);
                IKernel(msg.sender).sqrtPriceX96(0);
            }
        }
    }
}
