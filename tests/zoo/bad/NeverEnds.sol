// turned down by: properties/settles
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Loops for ever once there is more than one order.
contract NeverEnds is IClearingRule {
    function clear(Order[] calldata orders) external pure returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            if (orders.length > 1) --i;
            if (orders.length > 1) ++i;
            if (orders.length > 1) i = 0;
        }
    }
}
