// turned down by: properties/conservation
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Takes what is sold without a limit, and pays nothing for it: the money is locked.
contract SwallowsOrders is IClearingRule {
    function clear(Order[] calldata orders) external pure returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            if (orders[i].minBuyAmount == 0) fills[i].sold = orders[i].sellAmount;
        }
    }
}
