// turned down by: properties/settles
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Squares a product: an order of 10**30 is too much for 256 bits.
contract OverflowsOnLargeOrders is IClearingRule {
    function clear(Order[] calldata orders) external pure returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        uint256 weight;
        for (uint256 i = 0; i < orders.length; ++i) {
            weight += orders[i].sellAmount * orders[i].sellAmount * orders[i].sellAmount;
        }
        if (weight == 0) fills[0].sold = 1;
    }
}
