// turned down by: properties/fair-value
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Pays the first order of each pair of one side with a tenth of the second's.
contract TakesFromTheSecond is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        uint256[2] memory last;
        for (uint256 i = 0; i < orders.length; ++i) {
            try IKernel(msg.sender).trade(0, orders[i].sellToken, orders[i].sellAmount, orders[i].minBuyAmount) returns (
                uint256, uint256 received, uint160
            ) {
                uint256 side = orders[i].sellToken < orders[i].buyToken ? 0 : 1;
                uint256 taken = last[side] != 0 && orders[i].minBuyAmount == 0 ? received / 10 : 0;
                if (taken != 0) fills[last[side] - 1].bought += taken;
                fills[i] = Fill(orders[i].sellAmount, received - taken);
                last[side] = i + 1;
            } catch {}
        }
    }
}
