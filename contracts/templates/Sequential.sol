// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";
import {Math} from "pactsmith/Math.sol";

/// @title Sequential: the control
/// @notice Executes the orders one by one on venue 0, in the order given, exact input. Each fill is to the wei what a
///         swap of that order sent to the pool at that moment returns. An order that the pool cannot serve within its
///         limit (or in full, or at all) is left unfilled and the next one runs on the unchanged pool.
/// @dev Promises nothing beyond the limit: the result depends on the order given, and two traders with the same
///      order get different prices. A partially fillable order is taken as a whole or not at all.
contract Sequential is IClearingRule {
    /// @inheritdoc IClearingRule
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            // Without a limit an order still wants something: a trade that returns nothing is refused.
            uint256 limit = Math.max(orders[i].minBuyAmount, 1);
            try IKernel(msg.sender).trade(0, orders[i].sellToken, orders[i].sellAmount, limit) returns (
                uint256, uint256 received, uint160
            ) {
                fills[i] = Fill(orders[i].sellAmount, received);
            } catch {}
        }
    }
}
