// turned down by: properties/conservation
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Gives a unit to a trader that it does not serve.
contract GivesAGift is IClearingRule {
    function clear(Order[] calldata orders) external pure returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        if (orders.length > 1) fills[0].bought = 1;
    }
}
