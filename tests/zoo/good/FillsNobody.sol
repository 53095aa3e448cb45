// passes
// promises: order_independent
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Fills nothing, which harms nobody.
contract FillsNobody is IClearingRule {
    function clear(Order[] calldata orders) external pure returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
    }
}
