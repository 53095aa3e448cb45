// passes
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";
import {Math} from "pactsmith/Math.sol";

/// Fills half of what may be filled in part, all of the rest.
contract HalvesWhatMayBeHalved is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            bool half = orders[i].partiallyFillable && orders[i].sellAmount > 1;
            uint256 amount = half ? orders[i].sellAmount / 2 : orders[i].sellAmount;
            uint256 limit = Math.mulDivUp(orders[i].minBuyAmount, amount, orders[i].sellAmount);
            try IKernel(msg.sender).trade(0, orders[i].sellToken, amount, limit) returns (
                uint256, uint256 received, uint160
            ) {
                fills[i] = Fill(amount, received);
            } catch {}
        }
    }
}
