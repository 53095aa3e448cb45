// turned down by: properties/limits
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Concedes one unit of the limit to itself, for sellers of token1 only.
contract OneWeiBelow is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        (address token0,,) = IKernel(msg.sender).venue(0);
        for (uint256 i = 0; i < orders.length; ++i) {
            uint256 limit = orders[i].minBuyAmount;
            if (limit != 0 && orders[i].sellToken != token0) --limit;
            try IKernel(msg.sender).trade(0, orders[i].sellToken, orders[i].sellAmount, limit) returns (
                uint256, uint256 received, uint160
            ) {
                fills[i] = Fill(orders[i].sellAmount, received);
            } catch {}
        }
    }
}
