// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Driver} from "harness/Driver.sol";
import {IPoolManager} from "harness/Pools.sol";

/// @notice Acts on one pool, without hooks, of a Uniswap v4 PoolManager; as `DriverV3` is told and answers.
/// @dev `POOL` is the manager.
contract DriverV4 is Driver {
    uint160 internal constant LOWEST = 4295128739 + 1; // TickMath.MIN_SQRT_PRICE + 1
    uint160 internal constant HIGHEST = 1461446703485210103287273052203988822378723970342 - 1; // MAX_SQRT_PRICE - 1

    uint24 private immutable FEE_PIPS;
    int24 private immutable TICK_SPACING;

    constructor(address manager, address token0, address token1, address operator, uint24 feePips, int24 tickSpacing)
        Driver(manager, token0, token1, operator)
    {
        (FEE_PIPS, TICK_SPACING) = (feePips, tickSpacing);
    }

    function initialize(uint160 sqrtPriceX96) external onlyOperator {
        IPoolManager(POOL).initialize(_key(), sqrtPriceX96);
    }

    /// @param amount exact input where positive, exact output where negative.
    /// @return amount0 what the pool got of token0; negative is paid out.
    /// @return amount1 likewise for token1.
    function swap(bool zeroForOne, int256 amount, uint160 sqrtPriceLimitX96)
        external
        onlyOperator
        returns (int256 amount0, int256 amount1)
    {
        return _act(
            abi.encodeCall(
                IPoolManager.swap, (_key(), IPoolManager.SwapParams(zeroForOne, -amount, sqrtPriceLimitX96), "")
            )
        );
    }

    /// @notice A swap without a price limit.
    /// @param packed one byte: bit 0 sells token0, bit 1 takes the amount for an exact output; then the amount, 16
    ///        bytes.
    /// @return both amounts, as `swap` returns them.
    fallback(bytes calldata packed) external onlyOperator returns (bytes memory) {
        bool zeroForOne = uint8(packed[0]) & 1 != 0;
        int256 amount = int256(uint256(uint128(bytes16(packed[1:17]))));
        if (uint8(packed[0]) & 2 == 0) amount = -amount;
        (int256 amount0, int256 amount1) = _act(
            abi.encodeCall(
                IPoolManager.swap,
                (_key(), IPoolManager.SwapParams(zeroForOne, amount, zeroForOne ? LOWEST : HIGHEST), "")
            )
        );
        return abi.encode(amount0, amount1);
    }

    /// @return amounts that the pool got, of which the fees that the position had earned are already taken off.
    function mint(int24 tickLower, int24 tickUpper, uint128 liquidity) external onlyOperator returns (int256, int256) {
        return _modify(tickLower, tickUpper, int256(uint256(liquidity)));
    }

    function burn(int24 tickLower, int24 tickUpper, uint128 liquidity) external onlyOperator returns (int256, int256) {
        return _modify(tickLower, tickUpper, -int256(uint256(liquidity)));
    }

    function unlockCallback(bytes calldata call_) external returns (bytes memory result) {
        if (msg.sender != POOL) revert OnlyPool();
        bool ok;
        (ok, result) = POOL.call(call_);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(result, 32), mload(result))
            }
        }
        (int256 delta0, int256 delta1) = _deltas(result);
        _balance(address(TOKEN0), delta0);
        _balance(address(TOKEN1), delta1);
    }

    function _key() private view returns (IPoolManager.PoolKey memory) {
        return IPoolManager.PoolKey(address(TOKEN0), address(TOKEN1), FEE_PIPS, TICK_SPACING, address(0));
    }

    function _modify(int24 tickLower, int24 tickUpper, int256 change) private returns (int256, int256) {
        return _act(
            abi.encodeCall(
                IPoolManager.modifyLiquidity,
                (_key(), IPoolManager.ModifyLiquidityParams(tickLower, tickUpper, change, 0), "")
            )
        );
    }

    /// @dev Makes one call of the manager while it is unlocked; returns its deltas from the pool's side.
    function _act(bytes memory call_) private returns (int256, int256) {
        (int256 delta0, int256 delta1) = _deltas(IPoolManager(POOL).unlock(call_));
        return (-delta0, -delta1);
    }

    /// @dev The first word of what the manager returned: two signed 128-bit amounts, negative where they are owed.
    function _deltas(bytes memory result) private pure returns (int256, int256) {
        int256 delta;
        assembly ("memory-safe") {
            delta := mload(add(result, 32))
        }
        return (delta >> 128, int128(delta));
    }

    function _balance(address token, int256 delta) private {
        if (delta > 0) IPoolManager(POOL).take(token, address(this), uint256(delta));
        if (delta >= 0) return;
        IPoolManager(POOL).sync(token);
        token == address(TOKEN0) ? _pay(uint256(-delta), 0) : _pay(0, uint256(-delta));
        IPoolManager(POOL).settle();
    }
}
