// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

interface IERC20 {
    function transfer(address to, uint256 value) external returns (bool);
}

interface IPool {
    function token0() external view returns (address);
    function token1() external view returns (address);
    function getReserves() external view returns (uint112, uint112, uint32);
    function mint(address to) external returns (uint256);
    function mint(address to, int24 lower, int24 upper, uint128 liquidity, bytes calldata data)
        external
        returns (uint256, uint256);
    function burn(int24 lower, int24 upper, uint128 liquidity) external returns (uint256, uint256);
    function swap(address to, bool zeroForOne, int256 amount, uint160 limit, bytes calldata data)
        external
        returns (int256, int256);
    function swap(uint256 out0, uint256 out1, address to, bytes calldata data) external;
}

/// @title Somebody else on the pools: provides liquidity, and trades behind the kernel's back for whoever asks
/// @notice Pays with its own tokens.
contract Outsider {
    function tradeV3(address pool, bool zeroForOne, uint256 amount) public {
        uint160 limit = zeroForOne ? 4295128740 : 1461446703485210103287273052203988822378723970341;
        IPool(pool).swap(address(this), zeroForOne, int256(amount), limit, "");
    }

    function addV3(address pool, int24 lower, int24 upper, uint128 liquidity) external {
        IPool(pool).mint(address(this), lower, upper, liquidity, "");
    }

    function removeV3(address pool, int24 lower, int24 upper, uint128 liquidity) external {
        IPool(pool).burn(lower, upper, liquidity);
    }

    function tradeV2(address pool, bool zeroForOne, uint256 amount) public {
        (uint256 r0, uint256 r1,) = IPool(pool).getReserves();
        (uint256 rIn, uint256 rOut) = zeroForOne ? (r0, r1) : (r1, r0);
        uint256 out = amount * 997 * rOut / (rIn * 1000 + amount * 997);
        give(zeroForOne ? IPool(pool).token0() : IPool(pool).token1(), pool, amount);
        IPool(pool).swap(zeroForOne ? 0 : out, zeroForOne ? out : 0, address(this), "");
    }

    function addV2(address pool, uint256 amount0, uint256 amount1) external {
        give(IPool(pool).token0(), pool, amount0);
        give(IPool(pool).token1(), pool, amount1);
        IPool(pool).mint(address(this));
    }

    function give(address token, address to, uint256 amount) public {
        (bool ok,) = token.call(abi.encodeCall(IERC20.transfer, (to, amount)));
        require(ok, "give");
    }

    function uniswapV3SwapCallback(int256 delta0, int256 delta1, bytes calldata) external {
        if (delta0 > 0) give(IPool(msg.sender).token0(), msg.sender, uint256(delta0));
        if (delta1 > 0) give(IPool(msg.sender).token1(), msg.sender, uint256(delta1));
    }

    function uniswapV3MintCallback(uint256 owed0, uint256 owed1, bytes calldata) external {
        if (owed0 > 0) give(IPool(msg.sender).token0(), msg.sender, owed0);
        if (owed1 > 0) give(IPool(msg.sender).token1(), msg.sender, owed1);
    }
}
