// turned down by: properties/limits
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Sells half of every order, also where the trader wants all or nothing.
contract FillsHalf is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            try IKernel(msg.sender).trade(0, orders[i].sellToken, orders[i].sellAmount / 2, orders[i].minBuyAmount / 2 + 1) returns (
                uint256, uint256 received, uint160
            ) {
                fills[i] = Fill(orders[i].sellAmount / 2, received);
            } catch {}
        }
    }
}
