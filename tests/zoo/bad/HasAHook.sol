// turned down by: admission/external-function-forbidden
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Offers a function that a token can call in the middle of a transfer.
contract HasAHook is IClearingRule {
    function clear(Order[] calldata orders) external pure returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
    }

    function tokensReceived(address, uint256) external {}
}
