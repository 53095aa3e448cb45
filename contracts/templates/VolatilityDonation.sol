// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";
import {Math} from "pactsmith/Math.sol";

/// @title VolatilityDonation: a call auction that pays the liquidity providers for volatility
/// @notice The batch is cleared as CallAuction clears it: everybody at one price p, the net amount through venue 0 at
///         its average price. Of what each order buys at p a fee is kept, and each token's fees are donated to the
///         pool's liquidity providers. The fee is baseFeePips plus gainPercent of the volatility, at most 1 %.
///         Volatility is the square root of an exponentially weighted average of the squared relative price moves
///         between batches: from the pool's price at the end of one batch to its price at the start of the next. So
///         nobody pays for his own batch's move, and the pool's losses to arbitrage, which grow with these moves,
///         are shared by those who trade.
/// @dev Promises:
///      - one price: with p and the slack as in CallAuction (docs/design/reference-rules.md), an order that sells x of
///        the heavier token buys gross = floor(x * p), one that sells y of the lighter token floor(y / p), and each
///        gets floor(gross * (10**6 - fee) / 10**6), with the same p and the same fee for all;
///      - nobody below the limit, fee included. An order whose limit breaks is left out, all such orders of a pass at
///        once, and p is found anew among the others; an order once left out stays out;
///      - order independence: every fill depends on the set of orders and on the state, never on their order.
///        A partially fillable order is taken as a whole or not at all;
///      - all that it keeps is one word: key 0 of the kernel's state. Empty, it means no volatility yet. Anybody who
///        moves the price between batches can raise the fee, and loses the pool's own fee on that;
///      - a donation that the pool does not accept is left over.
contract VolatilityDonation is IClearingRule {
    uint256 private constant MOST_FEE_PIPS = 10_000;
    /// @dev Key 0: the average squared move, in 1e-18, above 160 bits of the root price after the last batch.
    uint256 private constant STATE = 0;
    uint256 private constant PRICE_BITS = 160;
    uint256 private constant ONE = 1e18;
    /// @dev 1e-6 in units of 1e-18.
    uint256 private constant PIP = 1e12;
    uint256 private constant DECAY_ONE = 1 << 64;
    /// @dev The most that a v2 pair can hold; what an order sells above it no pool could take. It keeps products of
    ///      two sums of amounts within 256 bits for up to 2**14 orders.
    uint256 private constant MOST_SOLD = type(uint112).max;
    /// @dev No limit above this can be met; see MOST_SOLD.
    uint256 private constant MOST_WANTED = type(uint128).max;
    uint256 private constant PIPS = 1e6;
    /// @dev What a batch may ask of the pool: the gas of a batch stays bounded, whatever order somebody puts in.
    uint256 private constant MOST_QUOTES = 16;
    uint256 private constant MOST_STEPS = 8;

    /// @dev One pass. The pool may pay from `leastOut` to `mostOut` without breaking anybody's limit.
    struct Pass {
        address heavyToken;
        uint256 heavy;
        uint256 light;
        uint256 bound; // n is at most this: the net amount if selling did not move the pool's price
        uint256 sqrtPrice;
        uint24 feePips;
        bool heavyIsToken0;
        uint256 leastOut;
        uint256 mostOut;
        uint256 net; // n, and r(n): what was sold, or where the price was found
        uint256 received;
        bool ranOut; // the pool cannot take enough, or the quotes did not suffice to find out
        uint256 quotesLeft;
        uint256 keptPips; // what the fee leaves, in 1e-6
    }

    /// @notice In 1e-6 of what is bought; in percent; in batches.
    uint256 private immutable BASE_FEE_PIPS;
    uint256 private immutable GAIN_PERCENT;
    /// @dev What remains of an old move's weight after one batch: 2**(-1 / halfLifeBatches), in 2**-64.
    uint256 private immutable DECAY;

    constructor(uint256 baseFeePips, uint256 gainPercent, uint256 halfLifeBatches) {
        BASE_FEE_PIPS = baseFeePips;
        GAIN_PERCENT = gainPercent;
        DECAY = _decay(halfLifeBatches);
    }

    /// @inheritdoc IClearingRule
    /// @dev Relies on the kernel for orders of the venues' pair alone, with something to sell.
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        uint256 price = IKernel(msg.sender).sqrtPriceX96(0);
        uint256 variance = _variance(IKernel(msg.sender).load(STATE), price);
        _clear(orders, fills, price, PIPS - _feePips(variance));
        price = IKernel(msg.sender).sqrtPriceX96(0);
        IKernel(msg.sender).store(STATE, variance << PRICE_BITS | price);
    }

    function _clear(Order[] calldata orders, Fill[] memory fills, uint256 sqrtPrice, uint256 keptPips) private {
        bool[] memory isIn = new bool[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            isIn[i] = orders[i].sellAmount <= MOST_SOLD && orders[i].minBuyAmount <= MOST_WANTED;
        }
        uint256 quotesLeft = MOST_QUOTES;
        for (uint256 pass = 0; pass < orders.length; ++pass) {
            Pass memory p = _weigh(orders, isIn, sqrtPrice, keptPips);
            if (p.heavy == 0) return;
            p.quotesLeft = quotesLeft;
            _boundOutput(orders, isIn, p);
            if (_settle(p)) {
                _pay(orders, isIn, p, fills);
                return;
            }
            if (p.ranOut) _leaveOutLargest(orders, isIn, p);
            else _leaveOutBroken(orders, isIn, p);
            quotesLeft = p.quotesLeft;
        }
    }

    // ------------------------------------------------------------------ the fee

    /// @dev The average with the move since the last batch in it. A move counts as at most 100 %.
    function _variance(uint256 state, uint256 price) private view returns (uint256) {
        uint256 last = state & ((1 << PRICE_BITS) - 1);
        if (last == 0) return 0; // the first batch has no move
        // The price moves by twice what its root moves, to first order.
        uint256 move = Math.min(Math.mulDiv(2 * Math.absDiff(price, last), ONE, last), ONE);
        return ((state >> PRICE_BITS) * DECAY + move * move / ONE * (DECAY_ONE - DECAY)) / DECAY_ONE;
    }

    function _feePips(uint256 variance) private view returns (uint256) {
        uint256 volatility = Math.sqrt(variance * ONE);
        return Math.min(BASE_FEE_PIPS + volatility * GAIN_PERCENT / 100 / PIP, MOST_FEE_PIPS);
    }

    /// @dev The largest d with d**halfLife <= 1/2, in 2**-64 and with powers rounded down.
    function _decay(uint256 halfLife) private pure returns (uint256 decay) {
        for (uint256 bit = DECAY_ONE >> 1; bit != 0; bit >>= 1) {
            if (_power(decay | bit, halfLife) <= DECAY_ONE >> 1) decay |= bit;
        }
    }

    function _power(uint256 base, uint256 exponent) private pure returns (uint256 power) {
        power = DECAY_ONE;
        for (; exponent != 0; exponent >>= 1) {
            if (exponent & 1 != 0) power = power * base / DECAY_ONE;
            base = base * base / DECAY_ONE;
        }
    }

    /// @dev What an order must buy before the fee to get its limit after it. Without a limit it still wants something.
    function _limit(Order calldata order, Pass memory p) private pure returns (uint256) {
        return (Math.max(order.minBuyAmount, 1) * PIPS + p.keptPips - 1) / p.keptPips;
    }

    // ------------------------------------------------------------------ one pass

    /// @dev Finds the heavier side, and how much of it could at most go through the pool.
    function _weigh(Order[] calldata orders, bool[] memory isIn, uint256 sqrtPrice, uint256 keptPips)
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
        p.sqrtPrice = sqrtPrice;
        p.keptPips = keptPips;
        p.heavyIsToken0 = total1 == 0;
        p.bound = total0 + total1; // of a single side everything goes through the pool
        if (total0 != 0 && total1 != 0) {
            (,, p.feePips) = IKernel(msg.sender).venue(0);
            // What the other side would take at the pool's bid (or ask), before the price moves.
            uint256 taken0 = _beforeFee(Math.divPriceX96(total1, p.sqrtPrice, p.sqrtPrice), p.feePips);
            uint256 taken1 = _beforeFee(Math.mulPriceX96(total0, p.sqrtPrice, p.sqrtPrice), p.feePips);
            p.heavyIsToken0 = total0 > taken0;
            p.bound = p.heavyIsToken0 ? total0 - taken0 : Math.saturatingSub(total1, taken1);
        }
        (p.heavyToken, p.heavy, p.light) = p.heavyIsToken0 ? (token0, total0, total1) : (token1, total1, total0);
    }

    function _beforeFee(uint256 amount, uint256 feePips) private pure returns (uint256) {
        return Math.mulDiv(amount, PIPS, PIPS - feePips) + 1;
    }

    /// @dev floor(x * (Y + r) / H) >= m just where r >= ceil(m * H / x) - Y, and floor(y * H / (Y + r)) >= m just
    ///      where r <= floor(y * H / m) - Y.
    function _boundOutput(Order[] calldata orders, bool[] memory isIn, Pass memory p) private pure {
        uint256 least;
        uint256 most = type(uint256).max;
        for (uint256 i = 0; i < orders.length; ++i) {
            if (!isIn[i]) continue;
            uint256 sold = orders[i].sellAmount;
            if (orders[i].sellToken == p.heavyToken) {
                least = Math.max(least, (_limit(orders[i], p) * p.heavy + sold - 1) / sold);
            } else {
                most = Math.min(most, sold * p.heavy / _limit(orders[i], p));
            }
        }
        p.leastOut = Math.saturatingSub(least, p.light);
        // Where even r = 0 is too much for somebody, no output is right for all.
        if (most < p.light) p.leastOut = type(uint256).max;
        else p.mostOut = most - p.light;
    }

    // ------------------------------------------------------------------ the price

    /// @dev Sells the net amount if nobody's limit breaks at its price; else only finds that price. Returns whether it
    ///      sold, and so whether everybody of this pass can be paid.
    function _settle(Pass memory p) private returns (bool) {
        if (p.bound == 0) return p.leastOut == 0;
        if (p.light == 0) {
            if (_trade(p, p.heavy, p.leastOut)) return true;
            (p.net, p.received) = _quote(p, p.heavy);
            p.ranOut = p.ranOut || p.net < p.heavy;
            return false;
        }
        if (_sellMost(p)) {
            _sellRest(p);
            return true;
        }
        (uint256 net, uint256 received) = _search(p);
        if (!p.ranOut && p.leastOut <= received && received <= p.mostOut) {
            return net == 0 || _trade(p, net, received);
        }
        (p.net, p.received) = (net, received);
        return false;
    }

    /// @dev A quote costs about as much as a trade, and two trades less than a quote and a trade. So where the limits
    ///      leave room, nearly all of `bound` is sold at once, on two conditions that make every end safe: it leaves
    ///      the lighter side enough, and nobody's limit breaks at the price there nor at the pool's price now.
    function _sellMost(Pass memory p) private returns (bool) {
        uint256 most = p.bound - p.bound / 512 - 1;
        uint256 worth = _worth(p, p.bound + 1);
        // (A price far from 1 has few digits: 40 bits at the least.)
        if (most == 0 || worth + (worth >> 32) > p.mostOut) return false;
        return _trade(p, most, Math.max(_leastFor(p, most), p.leastOut));
    }

    /// @dev Sells the rest from below, where every step is feasible. Within one liquidity range the excess is a straight
    ///      line in n, from `bound` at 0 through the point that the first trade found, and the next step is the last.
    ///      Where a range ended, that step may be a trace too far and is refused; a little less of it is not, and shows
    ///      the new line.
    function _sellRest(Pass memory p) private {
        (uint256 before, uint256 excessBefore) = (0, p.bound);
        uint256 refusals = 0;
        for (uint256 i = 0; i < MOST_STEPS; ++i) {
            uint256 excess = uint256(_excess(p, p.net, p.received));
            if (_slack(p, excess, p.received) <= _tolerance(p, p.net, p.received) || excessBefore <= excess) return;
            uint256 more = Math.mulDiv(p.net - before, excess, excessBefore - excess);
            more = Math.saturatingSub(more, _margin(p, p.net, p.received));
            more = refusals == 1 ? more - (more >> 8) : more >> refusals;
            if (more == 0) return;
            uint256 net = p.net;
            if (_trade(p, more, Math.saturatingSub(_leastFor(p, net + more), p.received))) {
                (before, excessBefore, refusals) = (net, excess, 0);
            } else {
                ++refusals;
            }
        }
    }

    /// @dev Brackets the largest feasible n by quotes: regula falsi (Illinois) on the excess, which falls in n and has
    ///      its one root between 0 and `bound`.
    function _search(Pass memory p) private returns (uint256 net, uint256 received) {
        (uint256 high, uint256 paid) = _quote(p, p.bound);
        if (p.ranOut) return (0, 0);
        int256 excessLow = int256(p.bound);
        int256 excessHigh = _excess(p, high, paid);
        if (excessHigh >= 0) {
            p.ranOut = high < p.bound && _slack(p, uint256(excessHigh), paid) > _tolerance(p, high, paid);
            return (high, paid);
        }
        int256 last;
        while (high - net > 1) {
            uint256 guess = _between(p, net, high, uint256(excessLow), uint256(-excessHigh));
            (, paid) = _quote(p, guess);
            if (p.ranOut) break;
            int256 excess = _excess(p, guess, paid);
            if (excess < 0) {
                (high, excessHigh) = (guess, excess);
                if (last < 0) excessLow /= 2;
                last = -1;
                continue;
            }
            (net, received, excessLow) = (guess, paid, excess);
            if (_slack(p, uint256(excess), paid) <= _tolerance(p, guess, paid)) break;
            if (last > 0) excessHigh /= 2;
            last = 1;
        }
    }

    /// @dev Where the line through both ends crosses zero, less the margin, and strictly between them.
    function _between(Pass memory p, uint256 low, uint256 high, uint256 above, uint256 below)
        private
        pure
        returns (uint256)
    {
        uint256 step = Math.mulDiv(high - low, above, Math.max(above + below, 1));
        uint256 margin = _margin(p, low + step, _worth(p, low + step));
        return Math.min(low + Math.max(Math.saturatingSub(step, margin), 1), high - 1);
    }

    // ------------------------------------------------------------------ amounts at n and r

    /// @dev What the pool would pay for `amount` if that did not move its price, rounded up.
    function _worth(Pass memory p, uint256 amount) private pure returns (uint256) {
        uint256 kept = Math.mulDivUp(amount, PIPS - p.feePips, PIPS);
        return 1
            + (
                p.heavyIsToken0
                    ? Math.mulPriceX96(kept, p.sqrtPrice, p.sqrtPrice)
                    : Math.divPriceX96(kept, p.sqrtPrice, p.sqrtPrice)
            );
    }

    /// @dev The least r that makes n feasible.
    function _leastFor(Pass memory p, uint256 n) private pure returns (uint256) {
        return Math.mulDivUp(p.light, n, p.heavy - n);
    }

    /// @dev H - n - Y * n / r: what of the heavier token stays unclaimed if everybody trades at r / n. Feasible is
    ///      what is not negative.
    function _excess(Pass memory p, uint256 n, uint256 r) private pure returns (int256) {
        if (r == 0) return n == 0 ? int256(0) : -int256(p.heavy);
        return int256(p.heavy) - int256(n) - int256(Math.mulDivUp(p.light, n, r));
    }

    /// @dev H - n - Y * H / (Y + r): what stays unclaimed at (Y + r) / H, which gives the heavier side all of r.
    function _slack(Pass memory p, uint256 excess, uint256 r) private pure returns (uint256) {
        return r == 0 ? 0 : Math.mulDiv(excess, r, p.light + r);
    }

    /// @dev Two units of the heavier token, two that a unit of the other token is worth, and 2**-24 of the side.
    function _tolerance(Pass memory p, uint256 n, uint256 r) private pure returns (uint256) {
        return 2 + 2 * (n / Math.max(r, 1) + 1) + (p.heavy >> 24);
    }

    /// @dev How far below the root n must stay for the pool's rounding not to make it infeasible: a slack of one unit
    ///      of either token.
    function _margin(Pass memory p, uint256 n, uint256 r) private pure returns (uint256) {
        return Math.mulDivUp(n / r + 1, p.light + r, r);
    }

    // ------------------------------------------------------------------ the pool

    /// @dev Where the quote fails, or is one too many, nothing is known of the pool: it has run out.
    function _quote(Pass memory p, uint256 amount) private returns (uint256 spent, uint256 received) {
        p.ranOut = p.quotesLeft == 0;
        if (p.ranOut) return (0, 0);
        --p.quotesLeft;
        try IKernel(msg.sender).quote(0, p.heavyToken, amount) returns (uint256 s, uint256 r, uint160) {
            (spent, received) = (s, r);
        } catch {
            p.ranOut = true;
        }
    }

    /// @dev Sells `amount` more; false, and nothing changed, where the pool would pay less than `leastOut`.
    function _trade(Pass memory p, uint256 amount, uint256 leastOut) private returns (bool) {
        try IKernel(msg.sender).trade(0, p.heavyToken, amount, leastOut) returns (uint256, uint256 received, uint160) {
            p.net += amount;
            p.received += received;
            return true;
        } catch {
            return false;
        }
    }

    // ------------------------------------------------------------------ the fills

    function _pay(Order[] calldata orders, bool[] memory isIn, Pass memory p, Fill[] memory fills) private {
        uint256 paid = p.light + p.received;
        uint256 heavyFee;
        uint256 lightFee;
        for (uint256 i = 0; i < orders.length; ++i) {
            if (!isIn[i]) continue;
            uint256 gross = _bought(orders[i], p, paid);
            uint256 net = gross * p.keptPips / PIPS;
            fills[i] = Fill(orders[i].sellAmount, net);
            if (orders[i].sellToken == p.heavyToken) lightFee += gross - net;
            else heavyFee += gross - net;
        }
        address lightToken = orders[0].sellToken == p.heavyToken ? orders[0].buyToken : orders[0].sellToken;
        _donate(p.heavyToken, heavyFee);
        _donate(lightToken, lightFee);
    }

    function _donate(address token, uint256 amount) private {
        if (amount == 0) return;
        try IKernel(msg.sender).donate(0, token, amount) {} catch {}
    }

    function _bought(Order calldata order, Pass memory p, uint256 paid) private pure returns (uint256) {
        return order.sellToken == p.heavyToken
            ? Math.mulDiv(order.sellAmount, paid, p.heavy)
            : Math.mulDiv(order.sellAmount, p.heavy, paid);
    }

    /// @dev Leaves out everybody whose limit the price breaks.
    function _leaveOutBroken(Order[] calldata orders, bool[] memory isIn, Pass memory p) private pure {
        uint256 paid = p.light + p.received;
        for (uint256 i = 0; i < orders.length; ++i) {
            // Nothing paid is only possible with nobody on the lighter side.
            if (isIn[i] && (paid == 0 || _bought(orders[i], p, paid) < _limit(orders[i], p))) isIn[i] = false;
        }
    }

    /// @dev Leaves out the heavier side's largest orders, equal ones together, until the pool can take the rest.
    function _leaveOutLargest(Order[] calldata orders, bool[] memory isIn, Pass memory p) private pure {
        uint256 heavy = p.heavy;
        bool tooMuch = true;
        while (tooMuch) {
            uint256 largest;
            for (uint256 i = 0; i < orders.length; ++i) {
                if (isIn[i] && orders[i].sellToken == p.heavyToken) largest = Math.max(largest, orders[i].sellAmount);
            }
            for (uint256 i = 0; i < orders.length; ++i) {
                if (isIn[i] && orders[i].sellToken == p.heavyToken && orders[i].sellAmount == largest) {
                    isIn[i] = false;
                    heavy -= largest;
                }
            }
            tooMuch = heavy > p.net
                && (p.light == 0 || Math.mulDiv(heavy - p.net, p.received, p.light) > p.net);
        }
    }
}
