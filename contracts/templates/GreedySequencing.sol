// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";
import {Math} from "pactsmith/Math.sol";

/// @title GreedySequencing: the greedy sequencing rule of Ferreira and Parkes (arXiv 2209.15569)
/// @notice Orders execute one after another on venue 0, exact input. While orders of both directions are left, the
///         next one is of the direction that the pool now serves at least as well as at the batch's start: above the
///         start price it is the next sale of token0, below it the next sale of token1, at it whichever was given
///         first. Once one direction is exhausted, the rest executes in the order given.
/// @dev Promise: an order that executes while the other direction still has orders left, starts at a marginal price
///      no worse for it than the batch's start price, and therefore gets (up to the pool's own rounding) at least
///      what it would have got alone. Only the tail, when a single direction is left, can get less than alone; those
///      orders pay for the price impact of their own direction, as in any sequence. So of two orders of one direction
///      and one of the other, the other comes second: who chooses the order given cannot put a victim between an
///      order of his own and the one that takes it back.
///      The result depends on the order given. An order whose limit the pool breaks (or that it cannot take in full)
///      when its turn comes is left unfilled and is not tried again. Partially fillable orders are taken as a whole.
contract GreedySequencing is IClearingRule {
    /// @inheritdoc IClearingRule
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        if (orders.length == 0) return fills;
        // "a" is the direction of the first order. next* is the first order of a direction that was not yet tried.
        address tokenA = orders[0].sellToken;
        uint256 nextA = 0;
        uint256 nextB = _next(orders, tokenA, false, 0);
        uint256 start = 0;
        uint256 price = 0;
        bool raises = false; // whether selling tokenA raises the price
        if (nextB < orders.length) {
            (address token0,,) = IKernel(msg.sender).venue(0);
            raises = tokenA != token0;
            start = IKernel(msg.sender).sqrtPriceX96(0);
            price = start;
        }
        while (nextA < orders.length || nextB < orders.length) {
            bool takeA;
            if (nextB == orders.length) takeA = true;
            else if (nextA == orders.length) takeA = false;
            else if (price == start) takeA = nextA < nextB;
            else takeA = (price < start) == raises;

            uint256 i = takeA ? nextA : nextB;
            uint256 priceAfter;
            (fills[i], priceAfter) = _execute(orders[i]);
            if (priceAfter != 0) price = priceAfter;

            if (takeA) nextA = _next(orders, tokenA, true, i + 1);
            else nextB = _next(orders, tokenA, false, i + 1);
        }
    }

    /// @dev An empty fill and 0 where the pool breaks the order's limit. Without one an order still wants something.
    function _execute(Order calldata order) private returns (Fill memory, uint256) {
        uint256 limit = Math.max(order.minBuyAmount, 1);
        try IKernel(msg.sender).trade(0, order.sellToken, order.sellAmount, limit) returns (
            uint256, uint256 received, uint160 priceAfter
        ) {
            return (Fill(order.sellAmount, received), priceAfter);
        } catch {
            return (Fill(0, 0), 0);
        }
    }

    /// @dev The first order at or after `from` that sells `token` (or, with `same` false, that does not); orders.length
    ///      where there is none.
    function _next(Order[] calldata orders, address token, bool same, uint256 from) private pure returns (uint256 i) {
        for (i = from; i < orders.length; ++i) {
            if ((orders[i].sellToken == token) == same) return i;
        }
    }
}
