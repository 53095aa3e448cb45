// passes
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Serves all sellers of token0, then all sellers of token1.
contract OneSideThenTheOther is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        for (uint256 turn = 0; turn < 2; ++turn) {
            for (uint256 i = 0; i < orders.length; ++i) {
                if ((orders[i].sellToken < orders[i].buyToken) != (turn == 0)) continue;
                try IKernel(msg.sender).trade(0, orders[i].sellToken, orders[i].sellAmount, orders[i].minBuyAmount) returns (
                    uint256, uint256 received, uint160
                ) {
                    fills[i] = Fill(orders[i].sellAmount, received);
                } catch {}
            }
        }
    }
}
