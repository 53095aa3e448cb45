// turned down by: bytecode/opcode-forbidden
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Carries code in a constant: a jump target, then SELFDESTRUCT.
contract SmugglesOpcodes is IClearingRule {
    bytes private constant CARGO = hex"5b33ff5b5b33ff5b5b33ff5b5b33ff5b5b33ff5b5b33ff5b5b33ff5b5b33ff5b5b33ff5b";

    function clear(Order[] calldata orders) external pure returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        bytes memory cargo = CARGO;
        if (cargo[orders.length % cargo.length] == 0x00) fills[0].sold = 1;
    }
}
