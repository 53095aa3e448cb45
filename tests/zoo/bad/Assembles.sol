// turned down by: admission/assembly-forbidden
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Holds assembly.
contract Assembles is IClearingRule {
    function clear(Order[] calldata orders) external view returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        assembly {
            pop(gas())
        }
    }
}
