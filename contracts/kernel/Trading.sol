// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Calls} from "./Calls.sol";
import {IClearingRule, IKernel} from "./IKernel.sol";
import {IPairV2, IPoolV3} from "./IPools.sol";
import {PriceV2} from "./PriceV2.sol";
import {TradingV4} from "./TradingV4.sol";
import {Venue} from "./VenueSet.sol";

/// @notice The rule's way to the venues: prices, quotes, trades and donations, with the batch's own custody only.
abstract contract Trading is TradingV4 {
    using Calls for address;

    // ------------------------------------------------------------------ ERRORS

    error VenueMismatch(uint256 i);
    error NoLiquidity(uint256 i);
    error MinOut(uint256 received, uint256 minOut);
    error NotExactInput(uint256 spent, uint256 amountIn);

    // ------------------------------------------------------------------ EVENTS

    event Donated(uint256 venue, address token, uint256 amount);

    // ------------------------------------------------------------------ STORAGE

    /// @dev A pair keeps its reserves in 112 bits.
    uint256 private constant MOST_V2 = type(uint112).max;

    // ------------------------------------------------------------------ LOGIC: what the rule may ask

    constructor(IClearingRule rule_, Venue[] memory venues) TradingV4(rule_, venues) {}

    /// @inheritdoc IKernel
    function venueCount() external view override fromRule returns (uint256) {
        return _venueCount;
    }

    /// @inheritdoc IKernel
    function venue(uint256 i) external view override fromRule returns (address, address, uint24) {
        (address first, address second) = _pair(_packedVenue(i));
        return (first, second, _feePips(i));
    }

    /// @inheritdoc IKernel
    function sqrtPriceX96(uint256 i) external view override fromRule returns (uint160) {
        return _sqrtPrice(i, _untouched(i));
    }

    /// @inheritdoc IKernel
    /// @dev `amountIn` may be more than the batch has. `spent` is less than `amountIn` where the liquidity ends, and 0
    ///      where the venue would give nothing at all.
    function quote(uint256 i, address tokenIn, uint256 amountIn)
        external
        override
        fromRule
        returns (uint256 spent, uint256 received, uint160 sqrtPriceAfterX96)
    {
        Look memory look = _untouched(i);
        bool zeroForOne = _isToken0(look, tokenIn);
        if (look.kind == 2) return _quoteV2(i, look, zeroForOne, amountIn);
        if (amountIn == 0 || _atBound(look, zeroForOne)) return (0, 0, uint160(look.x)); // the pool would revert
        _phase = Phase.Quoting;
        (spent, received, sqrtPriceAfterX96) = look.kind == 3
            ? _quoteV3(i, look.pool, zeroForOne, amountIn)
            : _quoteV4(i, look.pool, zeroForOne, amountIn);
        _phase = Phase.Clearing;
    }

    /// @inheritdoc IKernel
    /// @dev As `quote`, but exact: reverts where the batch does not have `amountIn`, and where the venue does not take
    ///      all of it. A rule that does not look at `spent` can so not leave an order's money behind.
    function trade(uint256 i, address tokenIn, uint256 amountIn, uint256 minOut)
        external
        override
        fromRule
        returns (uint256 spent, uint256 received, uint160 sqrtPriceAfterX96)
    {
        Look memory look = _untouched(i);
        bool zeroForOne = _isToken0(look, tokenIn);
        _requireCustody(tokenIn, amountIn);
        _phase = Phase.Trading;
        if (look.kind == 2) _swapV2(i, look, zeroForOne, amountIn);
        else if (amountIn != 0 && !_atBound(look, zeroForOne)) { // the pool would revert
            if (look.kind == 3) _swapV3(i, look.pool, zeroForOne, amountIn);
            else _actV4(i, look.pool, zeroForOne, amountIn);
        }
        _phase = Phase.Clearing;
        (spent, received) = _measureTrade(i, look, zeroForOne);
        if (spent != amountIn) revert NotExactInput(spent, amountIn);
        if (received < minOut) revert MinOut(received, minOut);
        sqrtPriceAfterX96 = _sqrtPrice(i, _changed(i, look.kind));
    }

    /// @inheritdoc IKernel
    /// @dev A v3 pool whose protocol fee is on keeps that share of a donation, as it does of any fee.
    function donate(uint256 i, address token_, uint256 amount) external override fromRule returns (uint256 donated) {
        Look memory look = _untouched(i);
        bool isToken0 = _isToken0(look, token_);
        _requireCustody(token_, amount);
        if (look.y == 0 || (look.kind == 2 && look.x == 0)) revert NoLiquidity(i); // nobody to give to
        if (amount == 0) return 0;
        _phase = Phase.Donating;
        if (look.kind == 2) {
            _send(token_, look.pool, amount);
            IPairV2(look.pool).sync();
        } else if (look.kind == 3) {
            _callbackFrom = _packedVenue(i);
            IPoolV3(look.pool).flash(address(this), 0, 0, abi.encode(token_, amount));
            _callbackFrom = 0;
        } else {
            _actV4(i, look.pool, isToken0, amount);
        }
        _phase = Phase.Clearing;
        (donated,) = _measureTrade(i, look, isToken0);
        if (donated != amount) revert NotExactInput(donated, amount);
        _changed(i, look.kind);
        emit Donated(i, token_, amount);
    }

    // ------------------------------------------------------------------ LOGIC: what a v3 pool may ask

    /// @notice Pays for a swap that the kernel itself began, or throws it away with what it would have been.
    /// @dev The input is the positive side. Both are zero where a pool without liquidity only moves its price.
    function uniswapV3SwapCallback(int256 amount0Delta, int256 amount1Delta, bytes calldata) external {
        (address sold, address bought) = _takeCallback();
        bool zeroForOne = amount0Delta > 0;
        if (!zeroForOne) (sold, bought) = (bought, sold);
        int256 delta = zeroForOne ? amount0Delta : amount1Delta;
        uint256 owed = delta > 0 ? uint256(delta) : 0;
        if (_phase == Phase.Quoting) {
            (uint160 price,) = IPoolV3(msg.sender).slot0();
            revert Quoted(owed, _gained(bought), price);
        }
        if (owed != 0) _send(sold, msg.sender, owed);
    }

    /// @notice Pays a donation that the kernel itself began.
    function uniswapV3FlashCallback(uint256, uint256, bytes calldata data) external {
        _takeCallback();
        (address given, uint256 amount) = abi.decode(data, (address, uint256));
        _send(given, msg.sender, amount);
    }

    // ------------------------------------------------------------------ LOGIC: v3

    function _swapV3(uint256 i, address pool, bool zeroForOne, uint256 amountIn) private {
        _callbackFrom = _packedVenue(i);
        IPoolV3(pool).swap(address(this), zeroForOne, _signed(amountIn), _bound(zeroForOne), "");
        _callbackFrom = 0;
    }

    /// @dev The pool's whole call is undone by the callback's revert, which carries the answer.
    function _quoteV3(uint256 i, address pool, bool zeroForOne, uint256 amountIn)
        private
        returns (uint256, uint256, uint160)
    {
        bytes memory data =
            abi.encodeCall(IPoolV3.swap, (address(this), zeroForOne, _signed(amountIn), _bound(zeroForOne), ""));
        _callbackFrom = _packedVenue(i);
        (bool ok, uint256 size, bytes memory answer) = pool.bounded(gasleft(), data, REASON_BYTES);
        _callbackFrom = 0;
        return _quoted(i, ok, size, answer);
    }

    function _signed(uint256 amount) private pure returns (int256) {
        if (amount > uint256(type(int256).max)) revert AmountTooLarge(amount);
        return int256(amount);
    }

    // ------------------------------------------------------------------ LOGIC: v2

    function _swapV2(uint256 i, Look memory look, bool zeroForOne, uint256 amountIn) private {
        uint256 out = _outV2(i, look, zeroForOne, amountIn);
        if (out == 0) return; // the pair would revert
        _send(zeroForOne ? look.token0 : look.token1, look.pool, amountIn);
        IPairV2(look.pool).swap(zeroForOne ? 0 : out, zeroForOne ? out : 0, address(this), "");
    }

    /// @dev The pair will take its whole balances for its reserves, so the price after starts from the balances.
    function _quoteV2(uint256 i, Look memory look, bool zeroForOne, uint256 amountIn)
        private
        pure
        returns (uint256, uint256, uint160)
    {
        uint256 out = _outV2(i, look, zeroForOne, amountIn);
        if (out == 0) return (0, 0, _sqrtPrice(i, look));
        (uint256 after0, uint256 after1) = zeroForOne
            ? (look.mark0 + amountIn, look.mark1 - out)
            : (look.mark0 - out, look.mark1 + amountIn);
        return (amountIn, out, PriceV2.sqrtPriceX96(after0, after1));
    }

    function _outV2(uint256 i, Look memory look, bool zeroForOne, uint256 amountIn) private pure returns (uint256) {
        if (look.x == 0 || look.y == 0) revert NoLiquidity(i);
        (uint256 reserveIn, uint256 reserveOut) = zeroForOne ? (look.x, look.y) : (look.y, look.x);
        (uint256 balanceIn, uint256 balanceOut) =
            zeroForOne ? (look.mark0, look.mark1) : (look.mark1, look.mark0);
        bool fits = amountIn <= MOST_V2 && balanceIn <= MOST_V2 - amountIn && balanceOut <= MOST_V2;
        if (!fits) revert AmountTooLarge(amountIn); // the pair would revert
        return PriceV2.amountOut(amountIn, reserveIn, reserveOut);
    }

    // ------------------------------------------------------------------ LOGIC: shared

    /// @dev The venue after the kernel's own trade or donation. How a v4 pool stands was remembered in the callback,
    ///      before its tokens were called, and nobody may have changed it since.
    function _changed(uint256 i, uint256 kind) private returns (Look memory look) {
        if (kind == 4) return _untouched(i);
        look = _look(i);
        _remember(i, look);
    }

    function _sqrtPrice(uint256 i, Look memory look) private pure returns (uint160) {
        if (look.kind != 2) return uint160(look.x);
        if (look.x == 0 || look.y == 0) revert NoLiquidity(i);
        return PriceV2.sqrtPriceX96(look.x, look.y);
    }

    /// @dev What a venue took of one token and gave of the other; anything else is a mismatch.
    function _measureTrade(uint256 i, Look memory look, bool zeroForOne)
        private
        returns (uint256 spent, uint256 received)
    {
        (address sold, address bought) = zeroForOne ? (look.token0, look.token1) : (look.token1, look.token0);
        uint256 more;
        uint256 less;
        (spent, more) = _measure(sold);
        (less, received) = _measure(bought);
        if (more != 0 || less != 0) revert VenueMismatch(i);
    }
}
