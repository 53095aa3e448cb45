// turned down by: properties/order-independence
// promises: order_independent
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Fills one order of equals, the first.
contract TipsTheFirst is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        if (orders.length == 0) return fills;
        try IKernel(msg.sender).trade(0, orders[0].sellToken, orders[0].sellAmount, orders[0].minBuyAmount) returns (
            uint256, uint256 received, uint160
        ) {
            fills[0] = Fill(orders[0].sellAmount, received);
        } catch {}
    }
}
