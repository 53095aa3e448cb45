// turned down by: properties/goes-on
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";
import {Math} from "pactsmith/Math.sol";

/// Takes a little more from every batch.
contract GrowsDearer is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        uint256 served = IKernel(msg.sender).load(0);
        IKernel(msg.sender).store(0, served + 1);
        for (uint256 i = 0; i < orders.length; ++i) {
            try IKernel(msg.sender).trade(0, orders[i].sellToken, orders[i].sellAmount, orders[i].minBuyAmount) returns (
                uint256, uint256 received, uint160
            ) {
                uint256 fee = Math.min(received * served / 1_000, received / 2);
                if (orders[i].minBuyAmount != 0) fee = 0;
                if (fee != 0) IKernel(msg.sender).donate(0, orders[i].buyToken, fee);
                fills[i] = Fill(orders[i].sellAmount, received - fee);
            } catch {}
        }
    }
}
