// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Agreed, HOST, OPENS_AT, OUTSIDER, Pact, TOKEN} from "../script/Agreed.sol";
import {vm} from "../script/Vm.sol";
import {TestToken} from "./TestToken.sol";

/// @title An evening with the pact, in words
/// @notice The pact with what was agreed on, opened shortly before joining ends; everybody has two deposits to spend.
abstract contract PactTest {
    Pact internal pact;
    uint256 internal deposit;

    function setUp() external {
        vm.warp(OPENS_AT);
        deposit = Agreed.terms().deposit;
        if (TOKEN != address(0)) vm.etch(TOKEN, type(TestToken).runtimeCode);
        pact = new Pact(Agreed.terms(), Agreed.guests());
        address[] memory guests = Agreed.guests();
        for (uint256 i; i < guests.length; ++i) _fillPurse(guests[i]);
        if (_balance(HOST) == 0) _fillPurse(HOST);
        _fillPurse(OUTSIDER);
    }

    function _fillPurse(address who) private {
        vm.deal(who, 2 * deposit);
        if (TOKEN == address(0)) return;
        TestToken(TOKEN).mint(who, 2 * deposit);
        vm.prank(who);
        TestToken(TOKEN).approve(address(pact), type(uint256).max);
    }

    // ------------------------------------------------------------------ WHAT PEOPLE DO

    function at(uint256 timestamp) internal {
        vm.warp(timestamp);
    }

    function joins(address who) internal {
        joinsWith(who, TOKEN == address(0) ? deposit : 0);
    }

    /// @notice Joins and brings so many coins.
    function joinsWith(address who, uint256 coins) internal {
        vm.prank(who);
        pact.join{value: coins}();
    }

    function cancels(address who) internal {
        vm.prank(who);
        pact.cancel();
    }

    function attests(address who, address absent) internal {
        address[] memory list = new address[](1);
        list[0] = absent;
        vm.prank(who);
        pact.attest(list);
    }

    function contests(address who) internal {
        vm.prank(who);
        pact.contest();
    }

    function claims(address who) internal {
        vm.prank(who);
        pact.claim();
    }

    function claimsFor(address who, address recipient) internal {
        vm.prank(who);
        pact.claimFor(recipient);
    }

    // ------------------------------------------------------------------ WHAT MUST BE SO

    /// @notice The next step is turned down: with this error, or in any way where none is named.
    function refused(string memory error) internal {
        if (bytes(error).length == 0) vm.expectRevert();
        else vm.expectPartialRevert(bytes4(keccak256(bytes(error))));
    }

    /// @notice Claiming brings exactly so much; where it is nothing, the claim is turned down.
    function gets(address who, uint256 amount) internal {
        uint256 before = _balance(who);
        if (amount == 0) vm.expectRevert();
        claims(who);
        vm.assertEq(_balance(who) - before, amount, "what somebody gets");
    }

    /// @notice As `gets`, for what is paid to the charity or burnt.
    function isPaid(address recipient, uint256 amount) internal {
        uint256 before = _balance(recipient);
        if (amount == 0) vm.expectRevert();
        claimsFor(OUTSIDER, recipient);
        vm.assertEq(_balance(recipient) - before, amount, "what is paid to all or nobody");
    }

    /// @notice Exactly so much stays with the pact.
    function keeps(uint256 amount) internal view {
        vm.assertEq(_balance(address(pact)), amount, "what stays with the pact");
    }

    function _balance(address who) private view returns (uint256) {
        return TOKEN == address(0) ? who.balance : TestToken(TOKEN).balanceOf(who);
    }
}
