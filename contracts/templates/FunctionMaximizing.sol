// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";
import {Math} from "pactsmith/Math.sol";

/// @title FunctionMaximizing: everybody at the pool's marginal price after the net trade, the surplus to the pool
/// @notice Let H be what the heavier side sells, Y what the lighter side sells, and m(n) the price at which venue 0,
///         its fee included, would buy the next unit after n of the heavier token went through it. The rule looks for
///         the net amount n with (H - n) * m(n) = Y: at m(n) the lighter side takes H - n and the pool takes the rest.
///         Among integers it is the largest n with (H - n) * m(n) >= Y, up to a tolerance. Everybody trades at that
///         price, rounded down. The pool pays more than it for n, as its average price is better than its marginal
///         one; that surplus is donated to its liquidity providers.
///         Where p = Y / H already lies between the pool's bid and ask, nothing is sent through the pool.
/// @dev Promises:
///      - one price p = paid / H: an order that sells x of the heavier token gets floor(x * paid / H), one that sells
///        y of the lighter token floor(y * H / paid). With both sides paid = ceil(Y * H / (H - n)), which is the
///        marginal price up to what `_tolerance` is of H - n, or up to the next unit's; with one side it is
///        floor(H * m(H));
///      - what the pool paid beyond p, Y + r(n) - paid, is donated; should the pool not accept it, it is left over.
///        Beside that less than one unit a fill is left over;
///      - order independence: every fill depends on the set of orders only, never on their order;
///      - nobody below the limit. An order whose limit p breaks is left out, all such orders of a pass at once, and p
///        is found anew among the others; an order once left out stays out, so each pass has fewer orders.
///      A partially fillable order is taken as a whole or not at all.
contract FunctionMaximizing is IClearingRule {
    /// @dev The most that a v2 pair can hold; what an order sells above it no pool could take. It keeps products of
    ///      two sums of amounts within 256 bits for up to 2**14 orders.
    uint256 private constant MOST_SOLD = type(uint112).max;
    /// @dev No limit above this can be met; see MOST_SOLD.
    uint256 private constant MOST_WANTED = type(uint128).max;
    uint256 private constant PIPS = 1e6;
    uint256 private constant Q96 = 1 << 96;
    /// @dev What a batch may ask of the pool: the gas of a batch stays bounded, whatever order somebody puts in.
    uint256 private constant MOST_QUOTES = 16;

    /// @dev One pass. At a price `paid` / `heavy` with `paid` from `leastPaid` to `mostPaid` nobody's limit breaks.
    struct Pass {
        address heavyToken;
        uint256 heavy;
        uint256 light;
        uint256 bound; // n is at most this: the net amount if selling did not move the pool's price
        uint256 sqrtPrice;
        uint24 feePips;
        bool heavyIsToken0;
        uint256 leastPaid;
        uint256 mostPaid;
        uint256 quotesLeft;
        bool ranOut; // the pool cannot take enough, or the quotes did not suffice to find out
    }

    /// @dev What the pool would do for n: take it, pay `received`, and then buy at a price that makes `worth` of
    ///      `heavy`.
    struct Point {
        uint256 n;
        uint256 received;
        uint256 worth;
    }

    /// @inheritdoc IClearingRule
    /// @dev Relies on the kernel for orders of the venues' pair alone, with something to sell.
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        bool[] memory isIn = new bool[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            isIn[i] = orders[i].sellAmount <= MOST_SOLD && orders[i].minBuyAmount <= MOST_WANTED;
        }
        uint256 quotesLeft = MOST_QUOTES;
        for (uint256 pass = 0; pass < orders.length; ++pass) {
            Pass memory p = _weigh(orders, isIn);
            if (p.heavy == 0) return fills;
            p.quotesLeft = quotesLeft;
            _boundPaid(orders, isIn, p);
            Point memory at = _search(p);
            uint256 paid = _paid(p, at);
            if (p.ranOut) {
                _leaveOutLargest(orders, isIn, p, at);
            } else if (p.leastPaid <= paid && paid <= p.mostPaid) {
                if (_execute(p, at, paid)) _pay(orders, isIn, p, paid, fills);
                return fills;
            } else {
                _leaveOutBroken(orders, isIn, p, paid);
            }
            quotesLeft = p.quotesLeft;
        }
    }

    /// @dev An order without a limit still wants something.
    function _limit(Order calldata order) private pure returns (uint256) {
        return Math.max(order.minBuyAmount, 1);
    }

    // ------------------------------------------------------------------ one pass

    /// @dev Finds the heavier side, and how much of it could at most go through the pool.
    function _weigh(Order[] calldata orders, bool[] memory isIn) private view returns (Pass memory p) {
        (address token0, address token1) = (orders[0].sellToken, orders[0].buyToken);
        if (token0 > token1) (token0, token1) = (token1, token0);
        uint256 total0;
        uint256 total1;
        for (uint256 i = 0; i < orders.length; ++i) {
            if (!isIn[i]) continue;
            if (orders[i].sellToken == token0) total0 += orders[i].sellAmount;
            else total1 += orders[i].sellAmount;
        }
        (,, p.feePips) = IKernel(msg.sender).venue(0);
        p.heavyIsToken0 = total1 == 0;
        p.bound = total0 + total1; // of a single side everything goes through the pool
        if (total0 != 0 && total1 != 0) {
            p.sqrtPrice = IKernel(msg.sender).sqrtPriceX96(0);
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

    /// @dev floor(x * paid / H) >= m just where paid >= ceil(m * H / x), and floor(y * H / paid) >= m just where
    ///      paid <= floor(y * H / m).
    function _boundPaid(Order[] calldata orders, bool[] memory isIn, Pass memory p) private pure {
        p.mostPaid = type(uint256).max;
        for (uint256 i = 0; i < orders.length; ++i) {
            if (!isIn[i]) continue;
            uint256 sold = orders[i].sellAmount;
            if (orders[i].sellToken == p.heavyToken) {
                p.leastPaid = Math.max(p.leastPaid, (_limit(orders[i]) * p.heavy + sold - 1) / sold);
            } else {
                p.mostPaid = Math.min(p.mostPaid, sold * p.heavy / _limit(orders[i]));
            }
        }
    }

    // ------------------------------------------------------------------ the price

    /// @dev Finds the largest feasible n, up to the tolerance, by quotes: the first guess is exact within one
    ///      liquidity range, from there it is regula falsi (Illinois) on the excess, which falls in n.
    ///      Where that is too little (`ranOut`), the pool can take at least `at.n`.
    function _search(Pass memory p) private returns (Point memory at) {
        at.worth = p.light;
        if (p.bound == 0) return at;
        (Point memory high, uint256 sqrtPriceAfter) = _quote(p, p.bound);
        if (p.light == 0) {
            p.ranOut = high.n < p.heavy;
            return high;
        }
        if (p.ranOut) return at;
        if (high.n == p.bound) {
            if (_excess(p, high) >= 0) return high;
            return _narrow(p, high, _onOneCurve(p, sqrtPriceAfter));
        }
        // Past its last liquidity a pool's price falls to nothing: look at the price just before that.
        if (high.n != 0) {
            (high,) = _quote(p, high.n - 1);
            if (p.ranOut) return at;
        }
        p.ranOut = _excess(p, high) >= 0;
        return p.ranOut ? high : _narrow(p, high, high.n / 2);
    }

    function _narrow(Pass memory p, Point memory high, uint256 guess) private returns (Point memory at) {
        int256 excessLow = int256(p.bound);
        int256 excessHigh = _excess(p, high);
        int256 last;
        at.worth = p.light;
        while (high.n - at.n > 1) {
            // One unit of either token below the line, so that rounding does not make it infeasible.
            guess = Math.saturatingSub(guess, 2 + p.heavy / Math.max(high.worth, 1));
            guess = Math.min(Math.max(guess, at.n + 1), high.n - 1);
            (Point memory found,) = _quote(p, guess);
            if (p.ranOut) return at;
            int256 excess = _excess(p, found);
            if (excess < 0) {
                (high, excessHigh) = (found, excess);
                if (last < 0) excessLow /= 2;
                last = -1;
            } else {
                (at, excessLow) = (found, excess);
                if (uint256(excess) <= _tolerance(p, found)) break;
                if (last > 0) excessHigh /= 2;
                last = 1;
            }
            (uint256 above, uint256 below) = (uint256(excessLow), uint256(-excessHigh));
            guess = at.n + Math.mulDiv(high.n - at.n, above, Math.max(above + below, 1));
        }
    }

    /// @dev With e = sqrt(m(0) / m(bound)) - 1, one curve x * y = k has sqrt(m(0) / m(n)) = 1 + e * n / bound, and
    ///      (H - n) * m(n) = Y with Y / m(0) = H - bound =: K becomes bound - n = K * ((1 + e * n / bound)**2 - 1).
    function _onOneCurve(Pass memory p, uint256 sqrtPriceAfter) private pure returns (uint256) {
        uint256 e = p.heavyIsToken0
            ? Math.mulDiv(p.sqrtPrice - sqrtPriceAfter, Q96, sqrtPriceAfter)
            : Math.mulDiv(sqrtPriceAfter - p.sqrtPrice, Q96, p.sqrtPrice);
        if (e >= Q96) return p.bound / 2;
        uint256 taken = Math.mulDiv(p.heavy - p.bound, e, Q96);
        uint256 linear = p.bound + 2 * taken;
        uint256 root = Math.sqrt(linear * linear + 4 * p.bound * Math.mulDiv(taken, e, Q96));
        return Math.mulDiv(2 * p.bound, p.bound, linear + root);
    }

    /// @dev H - n - Y / m(n): what of the heavier token would stay unclaimed at m(n). Feasible is what is not negative
    ///      and, with its rounding, can be paid.
    function _excess(Pass memory p, Point memory at) private pure returns (int256) {
        if (at.worth == 0) return -int256(p.heavy);
        int256 excess = int256(p.heavy) - int256(at.n) - int256(Math.mulDivUp(p.light, p.heavy, at.worth));
        return excess >= 0 && _paid(p, at) > p.light + at.received ? -1 : excess;
    }

    /// @dev What the heavier side gets in all.
    function _paid(Pass memory p, Point memory at) private pure returns (uint256) {
        if (p.light != 0) return Math.mulDivUp(p.light, p.heavy, p.heavy - at.n);
        return Math.min(at.worth, at.received);
    }

    /// @dev Four units of the heavier token, four that a unit of the other token is worth, and 2**-24 of the side.
    function _tolerance(Pass memory p, Point memory at) private pure returns (uint256) {
        return 4 + 4 * (p.heavy / Math.max(at.worth, 1) + 1) + (p.heavy >> 24);
    }

    // ------------------------------------------------------------------ the pool

    /// @dev Where the quote fails, or is one too many, nothing is known of the pool: it has run out.
    function _quote(Pass memory p, uint256 amount) private returns (Point memory at, uint256 sqrtPriceAfter) {
        p.ranOut = p.quotesLeft == 0;
        if (p.ranOut) return (at, 0);
        --p.quotesLeft;
        try IKernel(msg.sender).quote(0, p.heavyToken, amount) returns (uint256 spent, uint256 received, uint160 after_) {
            (at.n, at.received, sqrtPriceAfter) = (spent, received, after_);
            at.worth = _worth(p, after_);
        } catch {
            p.ranOut = true;
        }
    }

    /// @dev What `heavy` is worth at the pool's marginal price, after fee, rounded down.
    function _worth(Pass memory p, uint256 sqrtPrice) private pure returns (uint256) {
        uint256 worth = p.heavyIsToken0
            ? Math.mulPriceX96(p.heavy, sqrtPrice, sqrtPrice)
            : Math.divPriceX96(p.heavy, sqrtPrice, sqrtPrice);
        return Math.mulDiv(worth, PIPS - p.feePips, PIPS);
    }

    /// @dev Sells n and donates the surplus; false, and nothing changed, where the pool does not do what it quoted.
    function _execute(Pass memory p, Point memory at, uint256 paid) private returns (bool) {
        if (at.n != 0) {
            try IKernel(msg.sender).trade(0, p.heavyToken, at.n, at.received) {}
            catch {
                return false;
            }
        }
        uint256 surplus = p.light + at.received - paid;
        if (surplus != 0) {
            (address token0, address token1,) = IKernel(msg.sender).venue(0);
            try IKernel(msg.sender).donate(0, p.heavyIsToken0 ? token1 : token0, surplus) {} catch {}
        }
        return true;
    }

    // ------------------------------------------------------------------ the fills

    function _pay(Order[] calldata orders, bool[] memory isIn, Pass memory p, uint256 paid, Fill[] memory fills)
        private
        pure
    {
        for (uint256 i = 0; i < orders.length; ++i) {
            if (isIn[i]) fills[i] = Fill(orders[i].sellAmount, _bought(orders[i], p, paid));
        }
    }

    function _bought(Order calldata order, Pass memory p, uint256 paid) private pure returns (uint256) {
        return order.sellToken == p.heavyToken
            ? Math.mulDiv(order.sellAmount, paid, p.heavy)
            : Math.mulDiv(order.sellAmount, p.heavy, paid);
    }

    /// @dev Leaves out everybody whose limit the price breaks.
    function _leaveOutBroken(Order[] calldata orders, bool[] memory isIn, Pass memory p, uint256 paid) private pure {
        for (uint256 i = 0; i < orders.length; ++i) {
            if (isIn[i] && (paid == 0 || _bought(orders[i], p, paid) < _limit(orders[i]))) isIn[i] = false;
        }
    }

    /// @dev Leaves out the heavier side's largest orders, equal ones together, until the pool can take the rest.
    function _leaveOutLargest(Order[] calldata orders, bool[] memory isIn, Pass memory p, Point memory at)
        private
        pure
    {
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
            tooMuch = heavy > at.n && (p.light == 0 || Math.mulDiv(heavy - at.n, at.worth, p.heavy) > p.light);
        }
    }
}
