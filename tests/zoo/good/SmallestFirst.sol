// passes
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Serves the orders by size, by the simplest of sorts.
contract SmallestFirst is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        uint256[] memory places = new uint256[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            uint256 at = i;
            for (; at > 0 && orders[places[at - 1]].sellAmount > orders[i].sellAmount; --at) {
                places[at] = places[at - 1];
            }
            places[at] = i;
        }
        for (uint256 i = 0; i < orders.length; ++i) {
            Order calldata order = orders[places[i]];
            try IKernel(msg.sender).trade(0, order.sellToken, order.sellAmount, order.minBuyAmount) returns (
                uint256, uint256 received, uint160
            ) {
                fills[places[i]] = Fill(order.sellAmount, received);
            } catch {}
        }
    }
}
