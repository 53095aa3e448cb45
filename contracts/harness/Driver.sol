// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IToken, IPoolV3, IPairV2} from "harness/Pools.sol";

/// @title What acts on the pool for the harness
/// @notice Pays with its own tokens, and owns every liquidity position of the world. Only its operator may call it, so
///         that no candidate can reach the pool, or these tokens, through it.
/// @dev The fallback is a swap with packed arguments: the EVM's Python binding takes 20 ns for every byte of calldata,
///      which is a tenth of a swap for ABI words.
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
    uint160 internal constant LOWEST = 4295128739 + 1; // TickMath.MIN_SQRT_RATIO + 1
    uint160 internal constant HIGHEST = 1461446703485210103287273052203988822378723970342 - 1; // MAX_SQRT_RATIO - 1

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

    /// @notice A swap without a price limit.
    /// @param packed one byte: bit 0 sells token0, bit 1 takes the amount for an exact output; then the amount, 16 bytes.
    /// @return both amounts, as `swap` returns them.
    fallback(bytes calldata packed) external onlyOperator returns (bytes memory) {
        bool zeroForOne = uint8(packed[0]) & 1 != 0;
        int256 amount = int256(uint256(uint128(bytes16(packed[1:17]))));
        if (uint8(packed[0]) & 2 != 0) amount = -amount;
        (int256 amount0, int256 amount1) =
            IPoolV3(POOL).swap(address(this), zeroForOne, amount, zeroForOne ? LOWEST : HIGHEST, "");
        return abi.encode(amount0, amount1);
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

    /// @notice A swap of one token for the other; the pair itself refuses what breaks x·y = k.
    /// @param packed one byte: bit 0 sells token0; then the amounts in and out, 14 bytes each.
    fallback(bytes calldata packed) external onlyOperator returns (bytes memory) {
        uint256 amountIn = uint112(bytes14(packed[1:15]));
        uint256 amountOut = uint112(bytes14(packed[15:29]));
        if (uint8(packed[0]) & 1 != 0) {
            TOKEN0.transfer(POOL, amountIn);
            IPairV2(POOL).swap(0, amountOut, address(this), "");
        } else {
            TOKEN1.transfer(POOL, amountIn);
            IPairV2(POOL).swap(amountOut, 0, address(this), "");
        }
        return "";
    }

    function mint(uint256 amount0, uint256 amount1) external onlyOperator returns (uint256 liquidity) {
        _pay(amount0, amount1);
        return IPairV2(POOL).mint(address(this));
    }

    /// @notice Gives the pair tokens that it takes for its reserves at once.
    function sync(uint256 amount0, uint256 amount1) external onlyOperator {
        _pay(amount0, amount1);
        IPairV2(POOL).sync();
    }

    function burn(uint256 liquidity) external onlyOperator returns (uint256 amount0, uint256 amount1) {
        IPairV2(POOL).transfer(POOL, liquidity);
        return IPairV2(POOL).burn(address(this));
    }
}
