// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, Order} from "./IKernel.sol";
import {Settlement} from "./Settlement.sol";
import {Venue} from "./VenueSet.sol";

/// @title The settlement kernel for replays: the driver vouches for the orders
/// @dev Never exported and never deployed where there is money: the driver can sell for whoever approved this contract.
contract HarnessSettlement is Settlement {
    error NotTheDriver();

    address public immutable driver;

    constructor(IClearingRule rule_, Venue[] memory venues, address driver_) Settlement(rule_, venues) {
        driver = driver_;
    }

    /// @notice Settles one batch.
    /// @return fills one for each order; (0, 0) where it was dropped or left unfilled.
    function settle(Order[] calldata orders) external returns (Fill[] memory fills) {
        if (msg.sender != driver) revert NotTheDriver();
        bool[] memory authentic = new bool[](orders.length);
        for (uint256 i; i < orders.length; ++i) {
            authentic[i] = true;
        }
        return _settle(orders, authentic);
    }
}
