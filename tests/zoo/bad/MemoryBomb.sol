// turned down by: properties/settles
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Asks for more memory than any batch can pay.
contract MemoryBomb is IClearingRule {
    function clear(Order[] calldata orders) external pure returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        uint256[] memory bomb = new uint256[](1 << 22);
        bomb[bomb.length - 1] = 1;
    }
}
