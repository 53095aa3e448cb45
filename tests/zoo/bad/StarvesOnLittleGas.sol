// turned down by: metamorphic/gas
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Burns gas before it trades, so that whoever settles with less of it decides who is filled.
contract StarvesOnLittleGas is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        if (orders.length == 1 && orders[0].minBuyAmount == 0 && !orders[0].partiallyFillable) {
            uint256 waste = 1;
            for (uint256 i = 0; i < 320_000; ++i) {
                waste = mulmod(waste, waste, 997);
            }
            if (waste == 3) return fills;
        }
        for (uint256 i = 0; i < orders.length; ++i) {
            try IKernel(msg.sender).trade(0, orders[i].sellToken, orders[i].sellAmount, orders[i].minBuyAmount) returns (
                uint256, uint256 received, uint160
            ) {
                fills[i] = Fill(orders[i].sellAmount, received);
            } catch {}
        }
    }
}
