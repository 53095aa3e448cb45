// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IToken, IPoolV3, IPairV2} from "harness/Pools.sol";

/// @title What acts on the pool for the harness
/// @notice Pays with its own tokens, and owns every liquidity position of the world. Only its operator may call it, so
///         that no candidate can reach the pool, or these tokens, through it.
abstract contract Driver {
    address internal immutable POOL;
    IToken internal immutable TOKEN0;
    IToken internal immutable TOKEN1;
    address private immutable OPERATOR;

    error OnlyOperator();
    error OnlyPool();

    constructor(address pool, address token0, address token1, address operator) {
        POOL = pool;
        TOKEN0 = IToken(token0);
        TOKEN1 = IToken(token1);
        OPERATOR = operator;
    }

    modifier onlyOperator() {
        if (msg.sender != OPERATOR) revert OnlyOperator();
        _;
    }

    function _pay(uint256 amount0, uint256 amount1) internal {
        if (amount0 > 0) TOKEN0.transfer(POOL, amount0);
        if (amount1 > 0) TOKEN1.transfer(POOL, amount1);
    }
}

/// @notice Acts on a Uniswap v3 pool.
contract DriverV3 is Driver {
    constructor(address pool, address token0, address token1, address operator)
        Driver(pool, token0, token1, operator)
    {}

    /// @param amount exact input where positive, exact output where negative.
    /// @return amount0 what the pool got of token0; negative is paid out.
    /// @return amount1 likewise for token1.
    function swap(bool zeroForOne, int256 amount, uint160 sqrtPriceLimitX96)
        external
        onlyOperator
        returns (int256 amount0, int256 amount1)
    {
        return IPoolV3(POOL).swap(address(this), zeroForOne, amount, sqrtPriceLimitX96, "");
    }

    function mint(int24 tickLower, int24 tickUpper, uint128 liquidity)
        external
        onlyOperator
        returns (uint256 amount0, uint256 amount1)
    {
        return IPoolV3(POOL).mint(address(this), tickLower, tickUpper, liquidity, "");
    }

    function burn(int24 tickLower, int24 tickUpper, uint128 liquidity)
        external
        onlyOperator
        returns (uint256 amount0, uint256 amount1)
    {
        return IPoolV3(POOL).burn(tickLower, tickUpper, liquidity);
    }

    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata) external {
        if (msg.sender != POOL) revert OnlyPool();
        _pay(amount0 > 0 ? uint256(amount0) : 0, amount1 > 0 ? uint256(amount1) : 0);
    }

    function uniswapV3MintCallback(uint256 amount0, uint256 amount1, bytes calldata) external {
        if (msg.sender != POOL) revert OnlyPool();
        _pay(amount0, amount1);
    }
}

/// @notice Acts on a Uniswap v2 pair.
contract DriverV2 is Driver {
    constructor(address pool, address token0, address token1, address operator)
        Driver(pool, token0, token1, operator)
    {}

    /// @notice Pays `in0` and `in1` and asks for `out0` and `out1`; the pair itself refuses what breaks x·y = k.
    function swap(uint256 in0, uint256 in1, uint256 out0, uint256 out1) external onlyOperator {
        _pay(in0, in1);
        IPairV2(POOL).swap(out0, out1, address(this), "");
    }

    function mint(uint256 amount0, uint256 amount1) external onlyOperator returns (uint256 liquidity) {
        _pay(amount0, amount1);
        return IPairV2(POOL).mint(address(this));
    }

    function burn(uint256 liquidity) external onlyOperator returns (uint256 amount0, uint256 amount1) {
        IPairV2(POOL).transfer(POOL, liquidity);
        return IPairV2(POOL).burn(address(this));
    }
}
