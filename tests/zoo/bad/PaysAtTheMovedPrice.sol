// turned down by: properties/conservation
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";
import {Math} from "pactsmith/Math.sol";

/// Pays at the price that its own trade has left, which is worse than what the pool paid.
contract PaysAtTheMovedPrice is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            try IKernel(msg.sender).trade(0, orders[i].sellToken, orders[i].sellAmount, orders[i].minBuyAmount) returns (
                uint256, uint256 received, uint160
            ) {
                (address token0,,) = IKernel(msg.sender).venue(0);
                uint256 price = IKernel(msg.sender).sqrtPriceX96(0);
                uint256 worth = orders[i].sellToken == token0
                    ? Math.mulPriceX96(orders[i].sellAmount, price, price)
                    : Math.divPriceX96(orders[i].sellAmount, price, price);
                fills[i] = Fill(orders[i].sellAmount, Math.min(received, worth * 9 / 10));
            } catch {}
        }
    }
}
