// turned down by: admission/state-forbidden
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Has storage of its own, which no replay carries.
contract KeepsABook is IClearingRule {
    uint256 private served;

    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        served += orders.length;
    }
}
