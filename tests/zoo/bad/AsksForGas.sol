// turned down by: admission/builtin-forbidden
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Looks how much gas is left, which tells a replay from a chain.
contract AsksForGas is IClearingRule {
    function clear(Order[] calldata orders) external view returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        if (gasleft() < 10_000_000) fills[0].sold = 1;
    }
}
