// turned down by: properties/settles
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Divides by what the other side sells, which may be nothing.
contract NeedsBothSides is IClearingRule {
    function clear(Order[] calldata orders) external pure returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        uint256 total0;
        uint256 total1;
        for (uint256 i = 0; i < orders.length; ++i) {
            if (orders[i].sellToken < orders[i].buyToken) total0 += orders[i].sellAmount;
            else total1 += orders[i].sellAmount;
        }
        if (total0 / total1 > 1 << 200) fills[0].sold = 1;
    }
}
