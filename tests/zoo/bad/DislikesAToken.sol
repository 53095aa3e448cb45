// turned down by: metamorphic/tokens
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Takes a hundredth of one named token.
contract DislikesAToken is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            try IKernel(msg.sender).trade(0, orders[i].sellToken, orders[i].sellAmount, orders[i].minBuyAmount) returns (
                uint256, uint256 received, uint160
            ) {
                uint256 fee = orders[i].buyToken == 0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48 && orders[i].minBuyAmount == 0 ? received / 100 : 0;
                if (fee != 0) IKernel(msg.sender).donate(0, orders[i].buyToken, fee);
                fills[i] = Fill(orders[i].sellAmount, received - fee);
            } catch {}
        }
    }
}
