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

interface IManager {
    struct PoolKey {
        address currency0;
        address currency1;
        uint24 fee;
        int24 tickSpacing;
        address hooks;
    }

    struct SwapParams {
        bool zeroForOne;
        int256 amountSpecified;
        uint160 sqrtPriceLimitX96;
    }

    struct ModifyLiquidityParams {
        int24 tickLower;
        int24 tickUpper;
        int256 liquidityDelta;
        bytes32 salt;
    }

    function unlock(bytes calldata data) external returns (bytes memory);
    function swap(PoolKey calldata key, SwapParams calldata params, bytes calldata hookData) external returns (int256);
    function modifyLiquidity(PoolKey calldata key, ModifyLiquidityParams calldata params, bytes calldata hookData)
        external
        returns (int256, int256);
    function donate(PoolKey calldata key, uint256 amount0, uint256 amount1, bytes calldata hookData)
        external
        returns (int256);
    function sync(address currency) external;
    function settle() external payable returns (uint256);
    function take(address currency, address to, uint256 amount) external;
}

/// @title Somebody else in a v4 manager, by its unlock or while somebody else has it unlocked
abstract contract OutsiderV4 {
    IManager.PoolKey[] private _keys;

    /// @notice Notes a pool; the calls below name it by its number here.
    function note(IManager.PoolKey calldata key) external returns (uint256) {
        _keys.push(key);
        return _keys.length - 1;
    }

    function tradeV4(address manager, uint256 pool, bool zeroForOne, uint256 amount) external {
        IManager(manager).unlock(abi.encodeCall(this.tradeUnlocked, (manager, pool, zeroForOne, amount)));
    }

    function addV4(address manager, uint256 pool, int24 lower, int24 upper, uint128 liquidity) external {
        IManager(manager).unlock(abi.encodeCall(this.addUnlocked, (manager, pool, lower, upper, liquidity)));
    }

    function donateV4(address manager, uint256 pool, uint256 amount0, uint256 amount1) external {
        IManager(manager).unlock(abi.encodeCall(this.donateUnlocked, (manager, pool, amount0, amount1)));
    }

    /// @notice Makes any call while it has the manager unlocked.
    function callUnlocked(address manager, address target, bytes calldata data) external {
        IManager(manager).unlock(abi.encodeCall(this.callOn, (target, data)));
    }

    function unlockCallback(bytes calldata data) external returns (bytes memory) {
        return callOn(address(this), data);
    }

    function callOn(address target, bytes memory data) public returns (bytes memory) {
        (bool ok, bytes memory back) = target.call(data);
        if (!ok) {
            assembly {
                revert(add(back, 32), mload(back))
            }
        }
        return "";
    }

    function tradeUnlocked(address manager, uint256 pool, bool zeroForOne, uint256 amount) external {
        uint160 limit = zeroForOne ? 4295128740 : 1461446703485210103287273052203988822378723970341;
        IManager.SwapParams memory params = IManager.SwapParams(zeroForOne, -int256(amount), limit);
        _balance(manager, pool, IManager(manager).swap(_keys[pool], params, ""));
    }

    function addUnlocked(address manager, uint256 pool, int24 lower, int24 upper, uint128 liquidity) external {
        IManager.ModifyLiquidityParams memory params =
            IManager.ModifyLiquidityParams(lower, upper, int256(uint256(liquidity)), 0);
        (int256 delta,) = IManager(manager).modifyLiquidity(_keys[pool], params, "");
        _balance(manager, pool, delta);
    }

    function donateUnlocked(address manager, uint256 pool, uint256 amount0, uint256 amount1) external {
        _balance(manager, pool, IManager(manager).donate(_keys[pool], amount0, amount1, ""));
    }

    function _balance(address manager, uint256 pool, int256 delta) private {
        _balanceOf(manager, _keys[pool].currency0, delta >> 128);
        _balanceOf(manager, _keys[pool].currency1, int128(delta));
    }

    function _balanceOf(address manager, address token, int256 delta) private {
        if (delta > 0) IManager(manager).take(token, address(this), uint256(delta));
        if (delta >= 0) return;
        IManager(manager).sync(token);
        give(token, manager, uint256(-delta));
        IManager(manager).settle();
    }

    function give(address token, address to, uint256 amount) public virtual;
}

/// @title Somebody else on the pools: provides liquidity, and trades behind the kernel's back for whoever asks
/// @notice Pays with its own tokens.
contract Outsider is OutsiderV4 {
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

    function give(address token, address to, uint256 amount) public override {
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
