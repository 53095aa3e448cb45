// turned down by: admission/environment-forbidden
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Looks at the base fee, which a replay does not have.
contract AsksForTheBaseFee is IClearingRule {
    function clear(Order[] calldata orders) external view returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        if (block.basefee > 0) fills[0].sold = 1;
    }
}
