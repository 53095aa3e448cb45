// turned down by: properties/fair-value
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Trades what was bought there and back on the pool, for the fees.
contract WashTrades is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            try IKernel(msg.sender).trade(0, orders[i].sellToken, orders[i].sellAmount, orders[i].minBuyAmount) returns (
                uint256, uint256 received, uint160
            ) {
                if (orders[i].minBuyAmount != 0) {
                    fills[i] = Fill(orders[i].sellAmount, received);
                    continue;
                }
                uint256 left = received;
                for (uint256 turn = 0; turn < 6 && left > 1_000; ++turn) {
                    (, uint256 back,) = IKernel(msg.sender).trade(0, orders[i].buyToken, left, 0);
                    (, left,) = IKernel(msg.sender).trade(0, orders[i].sellToken, back, 0);
                }
                fills[i] = Fill(orders[i].sellAmount, left);
            } catch {}
        }
    }
}
