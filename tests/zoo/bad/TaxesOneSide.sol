// turned down by: properties/fair-value
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Takes a twentieth from sellers of token1.
contract TaxesOneSide is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            try IKernel(msg.sender).trade(0, orders[i].sellToken, orders[i].sellAmount, orders[i].minBuyAmount) returns (
                uint256, uint256 received, uint160
            ) {
                uint256 fee = orders[i].sellToken > orders[i].buyToken && orders[i].minBuyAmount == 0 ? received / 20 : 0;
                if (fee != 0) IKernel(msg.sender).donate(0, orders[i].buyToken, fee);
                fills[i] = Fill(orders[i].sellAmount, received - fee);
            } catch {}
        }
    }
}
