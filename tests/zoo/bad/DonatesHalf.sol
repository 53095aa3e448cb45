// turned down by: properties/fair-value
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";
import {Math} from "pactsmith/Math.sol";

/// Gives half of what orders bought to the liquidity providers: it may be one of them.
contract DonatesHalf is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            try IKernel(msg.sender).trade(0, orders[i].sellToken, orders[i].sellAmount, orders[i].minBuyAmount) returns (
                uint256, uint256 received, uint160
            ) {
                uint256 gift = Math.min(received / 2, received - orders[i].minBuyAmount);
                if (gift != 0) IKernel(msg.sender).donate(0, orders[i].buyToken, gift);
                fills[i] = Fill(orders[i].sellAmount, received - gift);
            } catch {}
        }
    }
}
