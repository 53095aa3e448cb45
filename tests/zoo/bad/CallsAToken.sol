// turned down by: admission/low-level-call
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Calls the token itself.
contract CallsAToken is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        (bool ok,) = orders[0].sellToken.call("");
        if (ok) fills[0].sold = 1;
    }
}
