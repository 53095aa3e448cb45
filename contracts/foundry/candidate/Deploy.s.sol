// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IClearingRule} from "pactsmith/IKernel.sol";
import {SignedSettlement} from "pactsmith/SignedSettlement.sol";
import {Venue} from "pactsmith/VenueSet.sol";

import {CHAIN_ID, KERNEL_ARGUMENTS, Rule, RULE_ARGUMENTS} from "../test/Sample.sol";
import {vm} from "../test/Vm.sol";

/// @title Deploys the rule with its parameters, and a kernel that settles by it on the pools of the history
/// @notice Nobody has any right over either.
contract Deploy {
    error WrongChain(uint256 here, uint256 expected);
    error NoPool(address pool);
    error ConstructorFailed();

    function run() external returns (address rule, SignedSettlement kernel) {
        (, Venue[] memory venues) = abi.decode(KERNEL_ARGUMENTS, (address, Venue[]));
        if (block.chainid != CHAIN_ID) revert WrongChain(block.chainid, CHAIN_ID);
        for (uint256 i; i < venues.length; ++i) {
            if (venues[i].pool.code.length == 0) revert NoPool(venues[i].pool);
        }
        vm.startBroadcast();
        rule = _create(abi.encodePacked(type(Rule).creationCode, RULE_ARGUMENTS));
        kernel = new SignedSettlement(IClearingRule(rule), venues);
        vm.stopBroadcast();
    }

    function _create(bytes memory creationCode) private returns (address made) {
        assembly ("memory-safe") {
            made := create(0, add(creationCode, 32), mload(creationCode))
        }
        if (made == address(0)) revert ConstructorFailed();
    }
}
