// passes
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Gives half a percent of what is above the limit to the liquidity providers.
contract TakesAnHonestFee is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            try IKernel(msg.sender).trade(0, orders[i].sellToken, orders[i].sellAmount, orders[i].minBuyAmount) returns (
                uint256, uint256 received, uint160
            ) {
                uint256 fee = (received - orders[i].minBuyAmount) / 200;
                if (fee != 0) IKernel(msg.sender).donate(0, orders[i].buyToken, fee);
                fills[i] = Fill(orders[i].sellAmount, received - fee);
            } catch {}
        }
    }
}
