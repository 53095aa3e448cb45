// passes
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Compares with numbers that look like opcodes: they are data.
contract OddConstants is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            if (orders[i].sellAmount == 0xf4ff5b335bff5bf2f1fafffe5b5b5b5bf4ff5b335bff5bf2f1fafffe5b5b5b5b) continue;
            try IKernel(msg.sender).trade(0, orders[i].sellToken, orders[i].sellAmount, orders[i].minBuyAmount) returns (
                uint256, uint256 received, uint160
            ) {
                fills[i] = Fill(orders[i].sellAmount, received);
            } catch {}
        }
    }
}
