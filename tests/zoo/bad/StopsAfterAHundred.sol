// turned down by: properties/goes-on
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Serves a hundred batches, then nobody.
contract StopsAfterAHundred is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        uint256 served = IKernel(msg.sender).load(0);
        IKernel(msg.sender).store(0, served + 1);
        if (served > 100) return fills;
        for (uint256 i = 0; i < orders.length; ++i) {
            try IKernel(msg.sender).trade(0, orders[i].sellToken, orders[i].sellAmount, orders[i].minBuyAmount) returns (
                uint256, uint256 received, uint160
            ) {
                fills[i] = Fill(orders[i].sellAmount, received);
            } catch {}
        }
    }
}
