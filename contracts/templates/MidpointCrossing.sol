// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";
import {Math} from "pactsmith/Math.sol";

/// @title MidpointCrossing: the sides cross near the pool's price, what is left goes through a pool in one trade
/// @notice Let P be venue 0's price before the batch, without fee. The lighter side, worth less at P, sells everything at
///         P less lightFeePips. The heavier side gets what the lighter side sold, and what a pool pays for the rest, in
///         proportion to what each sells. With lightFeePips 0 the lighter side has all of P, and the heavier side alone
///         bears the pool's fee and impact; at the pool's own fee the lighter side pays as if it traded alone on a pool
///         without impact, and the heavier side gets that fee.
///         Of what each order buys donationPips are kept, and each token's are donated to venue 0's liquidity providers.
///         With bestVenue 1 the rest goes through whichever venue of the pair quotes most, else through venue 0.
/// @dev Promises:
///      - order independence: every fill depends on the set of orders only, never on their order;
///      - one price for each side: on the lighter one floor(y * P), and of that the share (10**6 - lightFeePips), rounded
///        down; on the heavier one floor(x * paid / H). Each less its donation, rounded down once more;
///      - nobody below the limit, fees included. An order whose limit breaks is left out, all such orders of a pass at
///        once, and the sides are weighed anew among the others; an order once left out stays out;
///      - one trade at the most, and no quote where no limit is near and there is one venue.
///      A partially fillable order is taken as a whole or not at all.
contract MidpointCrossing is IClearingRule {
    uint256 private constant PIPS = 1e6;
    /// @dev The most that a v2 pair can hold; what an order sells above it no pool could take. It keeps products of
    ///      two sums of amounts within 256 bits for up to 2**14 orders.
    uint256 private constant MOST_SOLD = type(uint112).max;
    /// @dev No limit above this can be met; see MOST_SOLD.
    uint256 private constant MOST_WANTED = type(uint128).max;
    /// @dev What a batch may ask of the pools: the gas of a batch stays bounded, whatever order somebody puts in.
    uint256 private constant MOST_QUOTES = 16;

    /// @dev One pass: `light` sold by the lighter side buys `crossed` of the heavier token; `rest` is for a pool, which
    ///      must pay `leastOut` for nobody's limit on the heavier side to break.
    struct Pass {
        address heavyToken;
        address lightToken;
        uint256 heavy;
        uint256 light;
        uint256 crossed;
        uint256 rest;
        uint256 leastOut;
        uint256 received;
        bool ranOut; // the pool cannot take the rest, or the quotes did not suffice to find out
        uint256 quotesLeft;
    }

    /// @notice In 1e-6 of what the lighter side buys at P; in 1e-6 of what anybody buys; 0 or 1.
    uint256 private immutable LIGHT_KEPT_PIPS;
    uint256 private immutable KEPT_PIPS;
    bool private immutable BEST_VENUE;

    constructor(uint256 lightFeePips, uint256 donationPips, uint256 bestVenue) {
        LIGHT_KEPT_PIPS = PIPS - lightFeePips;
        KEPT_PIPS = PIPS - donationPips;
        BEST_VENUE = bestVenue != 0;
    }

    /// @inheritdoc IClearingRule
    /// @dev Relies on the kernel for orders of the venues' pair alone, with something to sell.
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        bool[] memory isIn = new bool[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            isIn[i] = orders[i].sellAmount <= MOST_SOLD && orders[i].minBuyAmount <= MOST_WANTED;
        }
        uint256 sqrtPrice = _hasBothSides(orders) ? IKernel(msg.sender).sqrtPriceX96(0) : 0;
        uint256 quotesLeft = MOST_QUOTES;
        // Each pass but the last leaves somebody out.
        for (uint256 pass = 0; pass <= orders.length; ++pass) {
            Pass memory p = _weigh(orders, isIn, sqrtPrice);
            if (p.heavy == 0) return fills;
            if (_leaveOutLight(orders, isIn, p, sqrtPrice)) continue;
            p.quotesLeft = quotesLeft;
            _boundOutput(orders, isIn, p);
            if (_sellRest(p)) {
                _pay(orders, isIn, p, sqrtPrice, fills);
                return fills;
            }
            if (p.ranOut) _leaveOutLargest(orders, isIn, p);
            else _leaveOutHeavy(orders, isIn, p);
            quotesLeft = p.quotesLeft;
        }
    }

    /// @dev Without, nothing crosses, and no price is needed.
    function _hasBothSides(Order[] calldata orders) private pure returns (bool) {
        for (uint256 i = 1; i < orders.length; ++i) {
            if (orders[i].sellToken != orders[0].sellToken) return true;
        }
        return false;
    }

    // ------------------------------------------------------------------ one pass

    /// @dev Finds the heavier side, and what crosses.
    function _weigh(Order[] calldata orders, bool[] memory isIn, uint256 sqrtPrice)
        private
        view
        returns (Pass memory p)
    {
        (address token0, address token1) = (orders[0].sellToken, orders[0].buyToken);
        if (token0 > token1) (token0, token1) = (token1, token0);
        uint256 total0;
        uint256 total1;
        for (uint256 i = 0; i < orders.length; ++i) {
            if (!isIn[i]) continue;
            if (orders[i].sellToken == token0) total0 += orders[i].sellAmount;
            else total1 += orders[i].sellAmount;
        }
        bool heavyIsToken0 = Math.mulPriceX96(total0, sqrtPrice, sqrtPrice) >= total1 && total0 != 0;
        (p.heavyToken, p.lightToken, p.heavy, p.light) =
            heavyIsToken0 ? (token0, token1, total0, total1) : (token1, token0, total1, total0);
        for (uint256 i = 0; i < orders.length; ++i) {
            if (isIn[i] && orders[i].sellToken == p.lightToken) p.crossed += _crossed(orders[i], p, sqrtPrice);
        }
        // Worth less at P, rounded down, the lighter side never buys more than the heavier one sells.
        p.rest = Math.saturatingSub(p.heavy, p.crossed);
    }

    /// @dev What an order of the lighter side buys before the donation.
    function _crossed(Order calldata order, Pass memory p, uint256 sqrtPrice) private view returns (uint256) {
        uint256 atPrice = p.heavyToken < p.lightToken
            ? Math.divPriceX96(order.sellAmount, sqrtPrice, sqrtPrice)
            : Math.mulPriceX96(order.sellAmount, sqrtPrice, sqrtPrice);
        return Math.mulDiv(atPrice, LIGHT_KEPT_PIPS, PIPS);
    }

    /// @dev What an order must buy before the donation to get its limit after it. Without a limit it still wants something.
    function _limit(Order calldata order) private view returns (uint256) {
        return (Math.max(order.minBuyAmount, 1) * PIPS + KEPT_PIPS - 1) / KEPT_PIPS;
    }

    /// @dev Leaves out everybody of the lighter side whose limit its price breaks; whether there was somebody.
    function _leaveOutLight(Order[] calldata orders, bool[] memory isIn, Pass memory p, uint256 sqrtPrice)
        private
        view
        returns (bool found)
    {
        for (uint256 i = 0; i < orders.length; ++i) {
            if (!isIn[i] || orders[i].sellToken != p.lightToken) continue;
            if (_crossed(orders[i], p, sqrtPrice) < _limit(orders[i])) (isIn[i], found) = (false, true);
        }
    }

    /// @dev floor(x * (Y + r) / H) >= m just where r >= ceil(m * H / x) - Y.
    function _boundOutput(Order[] calldata orders, bool[] memory isIn, Pass memory p) private view {
        uint256 least;
        for (uint256 i = 0; i < orders.length; ++i) {
            if (!isIn[i] || orders[i].sellToken != p.heavyToken) continue;
            uint256 sold = orders[i].sellAmount;
            least = Math.max(least, (_limit(orders[i]) * p.heavy + sold - 1) / sold);
        }
        p.leastOut = Math.saturatingSub(least, p.light);
    }

    // ------------------------------------------------------------------ the pool

    /// @dev Sells the rest if nobody's limit breaks at what the pool pays; else only finds out what that would be.
    function _sellRest(Pass memory p) private returns (bool) {
        if (p.rest == 0) return p.leastOut == 0;
        uint256 venues = BEST_VENUE ? IKernel(msg.sender).venueCount() : 1;
        uint256 best = venues == 1 ? 0 : _bestVenue(p, venues);
        if (p.ranOut) return false;
        try IKernel(msg.sender).trade(best, p.heavyToken, p.rest, p.leastOut) returns (
            uint256, uint256 received, uint160
        ) {
            p.received = received;
            return true;
        } catch {
            if (venues == 1) p.received = _quote(p, 0);
            return false;
        }
    }

    /// @dev The venue of the pair that quotes most for the rest, the first of equals; what it quotes is `received`.
    function _bestVenue(Pass memory p, uint256 venues) private returns (uint256 best) {
        bool found;
        for (uint256 i = 0; i < venues; ++i) {
            (address token0, address token1,) = IKernel(msg.sender).venue(i);
            if (Math.min(uint160(token0), uint160(token1)) != Math.min(uint160(p.heavyToken), uint160(p.lightToken))) {
                continue;
            }
            if (Math.max(uint160(token0), uint160(token1)) != Math.max(uint160(p.heavyToken), uint160(p.lightToken))) {
                continue;
            }
            uint256 received = _quote(p, i);
            if (!p.ranOut && (!found || received > p.received)) (best, p.received, found) = (i, received, true);
        }
        p.ranOut = !found;
    }

    /// @dev What a venue pays for all of the rest; where it cannot take it, or the quote is one too many, it has run out.
    function _quote(Pass memory p, uint256 venue) private returns (uint256) {
        p.ranOut = true;
        if (p.quotesLeft == 0) return 0;
        --p.quotesLeft;
        try IKernel(msg.sender).quote(venue, p.heavyToken, p.rest) returns (uint256 spent, uint256 received, uint160) {
            p.ranOut = spent < p.rest;
            return received;
        } catch {
            return 0;
        }
    }

    // ------------------------------------------------------------------ the fills

    function _pay(Order[] calldata orders, bool[] memory isIn, Pass memory p, uint256 sqrtPrice, Fill[] memory fills)
        private
    {
        uint256 paid = p.light + p.received;
        uint256 heavyFee;
        uint256 lightFee;
        for (uint256 i = 0; i < orders.length; ++i) {
            if (!isIn[i]) continue;
            bool isHeavy = orders[i].sellToken == p.heavyToken;
            uint256 gross = isHeavy
                ? Math.mulDiv(orders[i].sellAmount, paid, p.heavy)
                : _crossed(orders[i], p, sqrtPrice);
            uint256 net = gross * KEPT_PIPS / PIPS;
            fills[i] = Fill(orders[i].sellAmount, net);
            if (isHeavy) lightFee += gross - net;
            else heavyFee += gross - net;
        }
        _donate(p.heavyToken, heavyFee);
        _donate(p.lightToken, lightFee);
    }

    function _donate(address token, uint256 amount) private {
        if (amount == 0) return;
        try IKernel(msg.sender).donate(0, token, amount) {} catch {}
    }

    /// @dev Leaves out everybody of the heavier side whose limit breaks at what the pool would pay.
    function _leaveOutHeavy(Order[] calldata orders, bool[] memory isIn, Pass memory p) private view {
        uint256 paid = p.light + p.received;
        for (uint256 i = 0; i < orders.length; ++i) {
            if (!isIn[i] || orders[i].sellToken != p.heavyToken) continue;
            if (Math.mulDiv(orders[i].sellAmount, paid, p.heavy) < _limit(orders[i])) isIn[i] = false;
        }
    }

    /// @dev Leaves out the heavier side's largest orders, equal ones together.
    function _leaveOutLargest(Order[] calldata orders, bool[] memory isIn, Pass memory p) private pure {
        uint256 largest;
        for (uint256 i = 0; i < orders.length; ++i) {
            if (isIn[i] && orders[i].sellToken == p.heavyToken) largest = Math.max(largest, orders[i].sellAmount);
        }
        for (uint256 i = 0; i < orders.length; ++i) {
            if (isIn[i] && orders[i].sellToken == p.heavyToken && orders[i].sellAmount == largest) isIn[i] = false;
        }
    }
}
