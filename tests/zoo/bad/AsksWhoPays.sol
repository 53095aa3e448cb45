// turned down by: admission/environment-forbidden
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Looks who sent the transaction.
contract AsksWhoPays is IClearingRule {
    function clear(Order[] calldata orders) external view returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        if (tx.origin == orders[0].trader) fills[0].sold = 1;
    }
}
