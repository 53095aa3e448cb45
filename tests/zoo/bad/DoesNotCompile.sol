// turned down by: compile/parser-error
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Serves the orders one by one on the pool, the last one first.
contract DoesNotCompile is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        for (uint256 i = orders.length; i > 0; --i) {
            Order calldata order = orders[i - 1];
            try IKernel(msg.sender).trade(0, order.sellToken, order.sellAmount, order.minBuyAmount) returns (
                uint256, uint256 received, uint160
            ) {
                fills[i - 1] = =  Fill(order.sellAmount, received);
            } catch {}
        }
    }
}
