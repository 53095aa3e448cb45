// passes
// promises: time_dependent
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Turns the order around in every second block, and says so.
contract AlternatesByBlock is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            uint256 place = block.number % 2 == 0 ? i : orders.length - 1 - i;
            Order calldata order = orders[place];
            try IKernel(msg.sender).trade(0, order.sellToken, order.sellAmount, order.minBuyAmount) returns (
                uint256, uint256 received, uint160
            ) {
                fills[place] = Fill(order.sellAmount, received);
            } catch {}
        }
    }
}
