// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Terms} from "pactsmith/IPact.sol";

import {Agreed, DECIMALS, OPENS_AT, Pact, TOKEN} from "../script/Agreed.sol";
import {Deploy} from "../script/Deploy.s.sol";
import {vm} from "../script/Vm.sol";
import {TestToken} from "./TestToken.sol";

/// @title What the deployment script refuses
contract DeployTest {
    Deploy private script;
    Terms private terms;
    address[] private guests;

    function setUp() external {
        vm.warp(OPENS_AT);
        script = new Deploy();
        address[] memory people = new address[](Agreed.standIns().length);
        for (uint256 i; i < people.length; ++i) people[i] = address(uint160(0xabcdef00 + i));
        (Terms memory terms_, address[] memory guests_) = script.filledIn(people);
        (terms, guests) = (terms_, guests_);
        if (TOKEN == address(0)) return;
        vm.etch(terms.token, type(TestToken).runtimeCode);
        TestToken(terms.token).setDecimals(uint8(DECIMALS));
    }

    function test_WhatIsFilledInCanBeDeployed() external {
        script.check(terms, guests, block.chainid);
        vm.assertEq(new Pact(terms, guests).terms().deposit, Agreed.terms().deposit, "the deposit");
    }

    function test_AStandInIsRefused() external {
        for (uint256 i; i < Agreed.standIns().length; ++i) {
            address[] memory one = new address[](1);
            one[0] = Agreed.standIns()[i];
            vm.expectPartialRevert(Deploy.StandIn.selector);
            script.check(terms, one, block.chainid);
        }
    }

    function test_WhatIsNotFilledInIsRefused() external {
        if (Agreed.standIns().length == 0) return;
        vm.expectPartialRevert(Deploy.FillIn.selector);
        script.filledIn(new address[](Agreed.standIns().length));
    }

    function test_NoChainIsRefused() external {
        vm.expectPartialRevert(Deploy.FillIn.selector);
        script.check(terms, guests, 0);
    }

    function test_AnotherChainIsRefused() external {
        vm.expectPartialRevert(Deploy.WrongChain.selector);
        script.check(terms, guests, block.chainid + 1);
    }

    function test_TimesInThePastAreRefused() external {
        vm.warp(terms.joinUntil);
        vm.expectPartialRevert(Deploy.JoiningIsOver.selector);
        script.check(terms, guests, block.chainid);
    }

    function test_ATokenWithoutCodeIsRefused() external {
        if (TOKEN == address(0)) return;
        vm.etch(terms.token, "");
        vm.expectPartialRevert(Deploy.NoToken.selector);
        script.check(terms, guests, block.chainid);
    }

    function test_ATokenOfOtherDecimalsIsRefused() external {
        if (TOKEN == address(0)) return;
        TestToken(terms.token).setDecimals(uint8(DECIMALS) + 1);
        vm.expectPartialRevert(Deploy.OtherDecimals.selector);
        script.check(terms, guests, block.chainid);
    }
}
