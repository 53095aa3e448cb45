// turned down by: properties/settles
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Lets one order that the pool cannot take fail the batch of all.
contract FailsForOne is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            (, uint256 received,) =
                IKernel(msg.sender).trade(0, orders[i].sellToken, orders[i].sellAmount, orders[i].minBuyAmount);
            fills[i] = Fill(orders[i].sellAmount, received);
        }
    }
}
