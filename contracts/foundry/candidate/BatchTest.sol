// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill} from "pactsmith/IKernel.sol";
import {SignedSettlement} from "pactsmith/SignedSettlement.sol";

import {CHAIN_ID, DRIVER, KERNEL_ARGUMENTS, OPERATOR, RELAYER, Rule, RULE, RULE_ARGUMENTS} from "./Sample.sol";
import {vm} from "./Vm.sol";

interface IBalances {
    function balanceOf(address owner) external view returns (uint256);
}

/// @title A batch of history, settled again
/// @notice Pools, tokens and traders are put into the state as history had them; rule and kernel are compiled from this
///         project and put where the traders' signatures expect them.
abstract contract BatchTest {
    /// @dev `orders` are the traders', of whom each has one; an order that sold nothing was left unfilled.
    struct Expected {
        address[] traders;
        address[] sellTokens;
        address[] buyTokens;
        uint256[] sold;
        uint256[] bought;
    }

    /// @notice Settles a batch, and requires of every order the amounts that the store recorded.
    function repeats(string memory name) internal {
        string memory batch = vm.readFile(string.concat("test/batches/", name, ".json"));
        address kernel = vm.parseJsonAddress(batch, "$.kernel");
        _setScene(name, batch, kernel);
        Expected memory expected = _expected(batch);
        uint256[] memory sellBefore = _balances(expected.sellTokens, expected.traders);
        uint256[] memory buyBefore = _balances(expected.buyTokens, expected.traders);

        Fill[] memory fills = _settle(kernel, vm.parseJsonBytes(batch, "$.calldata"));

        uint256[] memory sellAfter = _balances(expected.sellTokens, expected.traders);
        uint256[] memory buyAfter = _balances(expected.buyTokens, expected.traders);
        vm.assertEq(fills.length, expected.sold.length, "orders");
        for (uint256 i; i < fills.length; ++i) {
            vm.assertEq(fills[i].sold, expected.sold[i], "what an order sold");
            vm.assertEq(fills[i].bought, expected.bought[i], "what an order bought");
            vm.assertEq(sellBefore[i] - sellAfter[i], expected.sold[i], "what a trader paid");
            vm.assertEq(buyAfter[i] - buyBefore[i], expected.bought[i], "what a trader got");
        }
        _fallBack(batch);
    }

    function _expected(string memory batch) private pure returns (Expected memory) {
        return Expected({
            traders: vm.parseJsonAddressArray(batch, "$.traders"),
            sellTokens: vm.parseJsonAddressArray(batch, "$.sellTokens"),
            buyTokens: vm.parseJsonAddressArray(batch, "$.buyTokens"),
            sold: vm.parseJsonUintArray(batch, "$.sold"),
            bought: vm.parseJsonUintArray(batch, "$.bought")
        });
    }

    function _setScene(string memory name, string memory batch, address kernel) private {
        vm.chainId(CHAIN_ID);
        vm.roll(vm.parseJsonUint(batch, "$.block"));
        vm.warp(vm.parseJsonUint(batch, "$.timestamp"));
        _load(name);
        _install(RULE, abi.encodePacked(type(Rule).creationCode, RULE_ARGUMENTS));
        _install(kernel, abi.encodePacked(type(SignedSettlement).creationCode, KERNEL_ARGUMENTS));
        _load(name); // the kernel has settled before: its storage is not a new one's
    }

    function _load(string memory name) private {
        vm.loadAllocs("test/state/world.json");
        vm.loadAllocs(string.concat("test/state/", name, ".json"));
    }

    /// @dev Runs creation code at the address itself, so that what the constructor reads of it is right.
    function _install(address where, bytes memory creationCode) private {
        vm.etch(where, creationCode);
        (bool ok, bytes memory runtimeCode) = where.call("");
        require(ok, "a constructor failed");
        vm.etch(where, runtimeCode);
    }

    function _settle(address kernel, bytes memory settlement) private returns (Fill[] memory) {
        vm.prank(RELAYER);
        (bool ok, bytes memory answer) = kernel.call(settlement);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
        return abi.decode(answer, (Fill[]));
    }

    /// @dev What was left unfilled is sold to the pool, one order after the other, as the replay does.
    function _fallBack(string memory batch) private {
        bytes[] memory calls = vm.parseJsonBytesArray(batch, "$.fallbackCalls");
        address[] memory tokens = vm.parseJsonAddressArray(batch, "$.fallbackTokens");
        uint256[] memory received = vm.parseJsonUintArray(batch, "$.fallbackReceived");
        for (uint256 i; i < calls.length; ++i) {
            uint256 before = IBalances(tokens[i]).balanceOf(DRIVER);
            vm.prank(OPERATOR);
            (bool ok,) = DRIVER.call(calls[i]);
            vm.assertEq(ok ? IBalances(tokens[i]).balanceOf(DRIVER) - before : 0, received[i], "what a fallback got");
        }
    }

    function _balances(address[] memory tokens, address[] memory owners) private view returns (uint256[] memory found) {
        found = new uint256[](owners.length);
        for (uint256 i; i < owners.length; ++i) found[i] = IBalances(tokens[i]).balanceOf(owners[i]);
    }
}
