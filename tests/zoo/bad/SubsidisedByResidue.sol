// turned down by: properties/conservation
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// Pays one unit more than the pool did, out of what earlier batches left.
contract SubsidisedByResidue is IClearingRule {
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            try IKernel(msg.sender).trade(0, orders[i].sellToken, orders[i].sellAmount, orders[i].minBuyAmount) returns (
                uint256, uint256 received, uint160
            ) {
                fills[i] = Fill(orders[i].sellAmount, received + 1);
            } catch {}
        }
    }
}
