// passes
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Quotes each order and skips what the pool would not serve.
contract AsksBeforeItSells is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            try IKernel(msg.sender).quote(0, orders[i].sellToken, orders[i].sellAmount) returns (
                uint256 spent, uint256 received, uint160
            ) {
                if (spent < orders[i].sellAmount || received < orders[i].minBuyAmount || received == 0) continue;
                IKernel(msg.sender).trade(0, orders[i].sellToken, orders[i].sellAmount, received);
                fills[i] = Fill(orders[i].sellAmount, received);
            } catch {}
        }
    }
}
