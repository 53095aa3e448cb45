// turned down by: properties/gas-growth
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Hashes every pair of orders.
contract HashesEveryPair is IClearingRule {
    function clear(Order[] calldata orders) external pure returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        bytes32 seed;
        for (uint256 i = 0; i < orders.length; ++i) {
            for (uint256 j = 0; j < orders.length; ++j) {
                for (uint256 k = 0; k < 10; ++k) {
                    seed = keccak256(abi.encode(seed, orders[i], orders[j]));
                }
            }
        }
        if (seed == 0) fills[0].sold = 1;
    }
}
