// turned down by: properties/second-batch
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";
import {Math} from "pactsmith/Math.sol";

/// Refuses to settle once the price has moved by more than a hundredth.
contract LocksAfterALargeMove is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        uint256 last = IKernel(msg.sender).load(0);
        uint256 price = IKernel(msg.sender).sqrtPriceX96(0);
        if (last == 0) IKernel(msg.sender).store(0, price);
        else require(Math.absDiff(last, price) < last / 100, "moved");
        for (uint256 i = 0; i < orders.length; ++i) {
            try IKernel(msg.sender).trade(0, orders[i].sellToken, orders[i].sellAmount, orders[i].minBuyAmount) returns (
                uint256, uint256 received, uint160
            ) {
                fills[i] = Fill(orders[i].sellAmount, received);
            } catch {}
        }
    }
}
