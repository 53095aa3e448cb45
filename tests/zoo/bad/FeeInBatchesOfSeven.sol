// turned down by: metamorphic/batch-size
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Takes a hundredth from batches of exactly seven.
contract FeeInBatchesOfSeven is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            try IKernel(msg.sender).trade(0, orders[i].sellToken, orders[i].sellAmount, orders[i].minBuyAmount) returns (
                uint256, uint256 received, uint160
            ) {
                uint256 fee = orders.length == 7 && orders[i].minBuyAmount == 0 ? received / 100 : 0;
                if (fee != 0) IKernel(msg.sender).donate(0, orders[i].buyToken, fee);
                fills[i] = Fill(orders[i].sellAmount, received - fee);
            } catch {}
        }
    }
}
