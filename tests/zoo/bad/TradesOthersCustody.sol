// turned down by: properties/conservation
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Sells one unit more than the order brought.
contract TradesOthersCustody is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            (, uint256 received,) =
                IKernel(msg.sender).trade(0, orders[i].sellToken, orders[i].sellAmount + 1, orders[i].minBuyAmount);
            fills[i] = Fill(orders[i].sellAmount, received);
        }
    }
}
